// Tilings of products whose contraction is cut: C[i,j] = the sum over k of A[i,k] B[k,j], tile by
// tile in an accumulator on chip.
#include "search/tiling_context.h"
#include "search/tiling_scheme.h"

#include "spec/unroll.h"

#include <fmt/format.h>

#include <array>
#include <numeric>

namespace isamorph::search {

using semantics::AttributeKey;
using semantics::Attributes;
using semantics::Node;
using semantics::NodeId;
using semantics::TensorGraph;

namespace {

constexpr std::size_t kMaxAssembled = 64; ///< loop orders that are planned in full

/// A product, what follows it, and their tiles.
struct Product {
  std::vector<TileAxis> axes; ///< by Axis
  TileResult result;
  TileGraph summand;          ///< one tile's product for one tile of the contraction
  TileGraph rest;             ///< from a whole tile of the dot to the result
  std::size_t sum_input = 0;  ///< which input of `rest` that is
  std::array<Axis, 2> free{}; ///< of operand 0 and 1
};

class ProductTiling {
public:
  ProductTiling(TilingContext &context, const Product &product)
      : context_(context), isa_(context.isa()), product_(product),
        values_(context.saturated(accumulation())), planner_(context.planner(values_)) {}

  /// Whether some kernel of this form was found.
  bool run() {
    bool found = false;
    for (std::uint32_t a : context_.buffers_for(shape(values_.input(0))))
      for (std::uint32_t b : context_.buffers_for(shape(values_.input(1))))
        for (std::uint32_t c : context_.buffers_for(shape(values_.input(2)))) {
          vertices_ = {Vertex{values_.input(0), a}, Vertex{values_.input(1), b},
                       Vertex{values_.input(2), c}};
          found |= prepare() && search();
        }
    context_.count(planner_);
    return found;
  }

private:
  enum Result : std::size_t { kSummand, kSummed, kZero };

  /// Parameters: the two operands' tiles and the sum so far. Results: the summand, the sum, zero.
  TensorGraph accumulation() const {
    TensorGraph graph = product_.summand.graph;
    NodeId summand = graph.results[0];
    const Shape sum = graph[summand].shape;
    Attributes number, zero;
    number.set(AttributeKey::ParameterNumber, {2});
    NodeId before = graph.add(OpCode::Parameter, {}, number, sum, "sum_before");
    NodeId after = graph.add(OpCode::Add, {before, summand}, {}, sum, "sum_after");
    zero.literal = std::make_shared<semantics::Tensor>(Shape{sum.type, {}});
    NodeId scalar = graph.add(OpCode::Constant, {}, zero, {sum.type, {}}, "zero");
    graph.results.push_back(after);
    graph.results.push_back(graph.add(OpCode::Broadcast, {scalar}, {}, sum, "sum_zero"));
    return graph;
  }

  const Shape &shape(ClassId c) const { return values_.egraph.shape(c); }
  /// Places along the first addressed dimension that a tile takes.
  std::int64_t height(std::size_t x) const {
    return isa_.buffer(vertices_[x].buffer).addressed.empty() ? 1
                                                              : shape(vertices_[x].value).dims[0];
  }
  Vertex sum_vertex(Result result) const { return {values_.result(result), vertices_[2].buffer}; }
  std::array<Axis, 2> axes_of(std::size_t x) const {
    if (x == 2)
      return {product_.free[0], product_.free[1]};
    return {product_.free[x], kDepth};
  }

  /// Where things lie in a scheme.
  struct Layout {
    std::array<Affine, 3> starts; ///< of the tiles of the operands and the sum
    std::vector<std::int64_t> reserved;
  };

  std::optional<Layout> layout(const Scheme &scheme) const {
    Layout out{{}, std::vector<std::int64_t>(isa_.buffers.size(), 0)};
    for (std::size_t x = 0; x < 3; ++x) {
      std::size_t depth = x == 2 ? scheme.position(kSum) : scheme.depth_of[x];
      auto [first, second] = axes_of(x);
      std::int64_t &used = out.reserved[vertices_[x].buffer];
      std::int64_t inner = scheme.extent(second, depth);
      out.starts[x].base = used;
      scheme.add_index(out.starts[x], first, depth, height(x) * inner);
      scheme.add_index(out.starts[x], second, depth, height(x));
      used += height(x) * inner * scheme.extent(first, depth);
      const auto &addressed = isa_.buffer(vertices_[x].buffer).addressed;
      if (used > (addressed.empty() ? 1 : addressed[0]))
        return std::nullopt;
    }
    return out;
  }

  /// The address of a box of a tensor in memory.
  Affine address(std::int64_t base, const Shape &whole_shape, const Box &box,
                 const Scheme &scheme) const {
    Affine out{base, {}};
    std::vector<std::int64_t> distances = slice_distances(whole_shape, box, kAxes);
    for (std::uint32_t axis = 0; axis < kAxes; ++axis)
      scheme.add_index(out, static_cast<Axis>(axis), 0, distances[axis]);
    return out;
  }

  /// One line of a tile.
  static Box line(Box box) {
    box[0].size = 1;
    return box;
  }
  static std::int64_t line_distance(const Shape &whole_shape) {
    return semantics::row_major_strides(whole_shape.dims)[0] *
           semantics::byte_size(whole_shape.type);
  }

  /// Loads a tile of an operand to its place.
  std::optional<LoopNest> load(std::size_t x, const Scheme &scheme, const Layout &places,
                               OffChipPool &pool) {
    const TileInput &input = product_.summand.inputs[x];
    const Shape &whole_shape = context_.graph()[input.source].shape;
    Affine from = address(context_.parameter_address(input.source), whole_shape, input.box, scheme),
           to = places.starts[x];
    if (contiguous(whole_shape, input.box)) {
      auto step = planner_.plan({{{{values_.input_images[x], isa_.off_chip}, from}},
                                 {{vertices_[x], to}},
                                 places.reserved},
                                pool);
      return step ? std::optional(LoopNest{std::move(step->calls), 0, {}, 0, 1, 1, {}})
                  : std::nullopt;
    }
    const TileValues &lines = line_of(x);
    from.add(kLines, line_distance(whole_shape));
    to.add(kLines, 1);
    StepPlanner planner = context_.planner(lines);
    auto step = planner.plan({{{{lines.input_images[0], isa_.off_chip}, from}},
                              {{{lines.input(0), vertices_[x].buffer}, to}},
                              places.reserved},
                             pool);
    context_.count(planner);
    return step ? std::optional(over_lines(std::move(*step), input.box[0].size)) : std::nullopt;
  }

  static LoopNest over_lines(Step step, std::int64_t lines) {
    return loop(kLines, 0, lines, {LoopNest{std::move(step.calls), 0, {}, 0, 1, 1, {}}});
  }

  /// The values of one line of an operand's tile.
  const TileValues &line_of(std::size_t x) {
    if (lines_[x])
      return *lines_[x];
    const TileInput &input = product_.summand.inputs[x];
    TileResult wanted{input.source, line(input.box)};
    auto made = cut(context_.graph(), product_.axes, std::span(&wanted, 1));
    lines_[x].emplace(context_.saturated(std::get<TileGraph>(made).graph));
    return *lines_[x];
  }

  /// From a whole sum to the result in memory.
  std::optional<LoopNest> finish(const Scheme &scheme, const Layout &places, OffChipPool &pool) {
    const Shape &whole_shape = context_.graph()[product_.result.node].shape;
    bool lines = !contiguous(whole_shape, product_.result.box);
    if (!rest_ && !prepare_rest(lines))
      return std::nullopt;
    Affine from = places.starts[2], to = address(context_.frame().outputs[0].address, whole_shape,
                                                 product_.result.box, scheme);
    if (lines) {
      from.add(kLines, 1);
      to.add(kLines, line_distance(whole_shape));
    }
    StepProblem problem{{}, {{{rest_->result_images[0], isa_.off_chip}, to}}, places.reserved};
    for (std::size_t i = 0; i < rest_inputs_.size(); ++i) {
      const TileInput &input = rest_inputs_[i];
      if (i == product_.sum_input) {
        problem.inputs.push_back({{rest_->input(i), vertices_[2].buffer}, from});
        continue;
      }
      const Shape &other = context_.graph()[input.source].shape;
      if (!contiguous(other, input.box))
        return std::nullopt;
      Affine at = address(context_.parameter_address(input.source), other, input.box, scheme);
      if (lines && !input.box.empty() && input.box[0].axis == kRows)
        return std::nullopt; // a line of it would be another box
      problem.inputs.push_back({{rest_->input_images[i], isa_.off_chip}, at});
    }
    StepPlanner planner = context_.planner(*rest_);
    auto step = planner.plan(problem, pool);
    context_.count(planner);
    if (!step)
      return std::nullopt;
    if (lines)
      return over_lines(std::move(*step), product_.result.box[0].size);
    return LoopNest{std::move(step->calls), 0, {}, 0, 1, 1, {}};
  }

  /// The values of what follows the sum, for a tile or one line of it.
  bool prepare_rest(bool lines) {
    TileGraph rest = product_.rest;
    if (lines) {
      TileResult wanted{product_.result.node, line(product_.result.box)};
      CutOptions options;
      options.stop = product_.rest.inputs[product_.sum_input].source;
      auto made = cut(context_.graph(), product_.axes, std::span(&wanted, 1), options);
      if (!std::holds_alternative<TileGraph>(made))
        return false;
      rest = std::get<TileGraph>(std::move(made));
      // A line of the result is to be the same line of the sum.
      if (rest.inputs.size() != product_.rest.inputs.size() ||
          rest.inputs[product_.sum_input].box != line(product_.rest.inputs[product_.sum_input].box))
        return false;
    }
    rest_inputs_ = rest.inputs;
    rest_.emplace(context_.saturated(rest.graph));
    return true;
  }

  std::optional<LoopNest> compute(Result result, const Layout &places, OffChipPool &pool) {
    StepProblem problem{{}, {{sum_vertex(result), places.starts[2]}}, places.reserved};
    if (result != kZero)
      for (std::size_t x = 0; x < 2; ++x)
        problem.inputs.push_back({vertices_[x], places.starts[x]});
    if (result == kSummed)
      problem.inputs.push_back({vertices_[2], places.starts[2]});
    auto step = planner_.plan(problem, pool);
    return step ? std::optional(LoopNest{std::move(step->calls), 0, {}, 0, 1, 1, {}})
                : std::nullopt;
  }

  /// The pieces of a kernel for one scheme.
  struct Pieces {
    std::array<std::optional<LoopNest>, 2> loads;
    std::optional<LoopNest> accumulate, first, zero, store; ///< `first` or `zero` begins a sum
    bool complete() const { return loads[0] && loads[1] && accumulate && store && (first || zero); }
  };

  Pieces pieces(const Scheme &scheme, const Layout &places, OffChipPool &pool) {
    Pieces out;
    out.accumulate = compute(kSummed, places, pool);
    if (!out.accumulate)
      return out;
    out.first = compute(kSummand, places, pool);
    if (!out.first)
      out.zero = compute(kZero, places, pool);
    for (std::size_t x = 0; x < 2; ++x)
      out.loads[x] = load(x, scheme, places, pool);
    out.store = finish(scheme, places, pool);
    return out;
  }

  /// Plans all pieces for the smallest tiles in place, to know their weights; false if one has no
  /// plan.
  bool prepare() {
    Scheme scheme;
    scheme.order = {kRowsOut, kColumnsOut, kSum, kRowsIn, kColumnsIn};
    scheme.trips = {product_.axes[kRows].count, 1, product_.axes[kColumns].count, 1,
                    product_.axes[kDepth].count};
    scheme.depth_of = {kLoops, kLoops};
    auto places = layout(scheme);
    if (!places)
      return false;
    OffChipPool pool(context_.frame().off_chip_bytes);
    Pieces found = pieces(scheme, *places, pool);
    if (!found.complete())
      return false;
    auto weight = [&](const LoopNest &nest) { return weigh(nest, isa_, context_.options().cost); };
    weights_ = {weight(*found.loads[0]),
                weight(*found.loads[1]),
                weight(*found.accumulate),
                weight(found.first ? *found.first : *found.accumulate),
                found.zero ? weight(*found.zero) : Weight{},
                weight(*found.store)};
    return true;
  }

  /// What a scheme costs, were its steps planned as the smallest ones were.
  Weight estimate(const Scheme &scheme) const {
    const auto &axes = product_.axes;
    std::int64_t tiles = axes[kRows].count * axes[kColumns].count;
    Weight out;
    for (std::size_t x = 0; x < 2; ++x) {
      std::size_t depth = scheme.depth_of[x];
      auto [first, second] = axes_of(x);
      out.add(weights_[x], scheme.trips_around(depth) * scheme.extent(first, depth) *
                               scheme.extent(second, depth));
    }
    out.add(weights_[2], tiles * (axes[kDepth].count - 1));
    for (std::size_t w = 3; w < 6; ++w)
      out.add(weights_[w], tiles);
    return out;
  }

  std::vector<Scheme> schemes() const {
    std::vector<Scheme> out;
    auto cuts = [](std::int64_t count) {
      std::vector<std::int64_t> inner;
      for (std::int64_t n = 1; n <= count; ++n)
        if (count % n == 0)
          inner.push_back(n);
      return inner;
    };
    const auto &axes = product_.axes;
    for (std::int64_t rows : cuts(axes[kRows].count))
      for (std::int64_t columns : cuts(axes[kColumns].count)) {
        Scheme scheme;
        scheme.trips = {axes[kRows].count / rows, rows, axes[kColumns].count / columns, columns,
                        axes[kDepth].count};
        add_orders(scheme, out);
      }
    // The later the sum, the fewer sums are open at a time.
    std::stable_sort(out.begin(), out.end(), [](const Scheme &a, const Scheme &b) {
      return std::tuple(a.cost, a.bytes, kLoops - a.position(kSum)) <
             std::tuple(b.cost, b.bytes, kLoops - b.position(kSum));
    });
    return out;
  }

  void add_orders(Scheme scheme, std::vector<Scheme> &out) const {
    std::array<LoopId, 3> inner = {kRowsIn, kColumnsIn, kSum};
    for (bool swapped : {false, true}) {
      std::sort(inner.begin(), inner.end());
      do {
        scheme.order = {swapped ? kColumnsOut : kRowsOut, swapped ? kRowsOut : kColumnsOut,
                        inner[0], inner[1], inner[2]};
        for (std::size_t a : depths(scheme, 0))
          for (std::size_t b : depths(scheme, 1)) {
            scheme.depth_of = {a, b};
            if (!layout(scheme))
              continue;
            Weight weight = estimate(scheme);
            if (weight.calls > spec::kMaxInstances)
              continue;
            scheme.cost = weight.cost(context_.options().cost);
            scheme.bytes = weight.bytes;
            out.push_back(scheme);
          }
      } while (std::next_permutation(inner.begin(), inner.end()));
    }
  }

  /// Around how many loops an operand may be loaded: innermost, or just outside of a loop that it
  /// does not depend on.
  std::vector<std::size_t> depths(const Scheme &scheme, std::size_t x) const {
    std::vector<std::size_t> out = {kLoops};
    for (LoopId id : Scheme::loops_of(product_.free[1 - x]))
      if (scheme.trips[id] > 1)
        out.push_back(scheme.position(id));
    return out;
  }

  /// Plans and offers the best schemes until one holds.
  bool search() {
    std::vector<Scheme> all = schemes();
    for (std::size_t s = 0; s < all.size() && s < kMaxAssembled && !context_.stopped(); ++s) {
      if (context_.best() && all[s].cost >= *context_.best() &&
          context_.options().cost != costmodel::CostModel::Overlap)
        return true;
      if (assemble(all[s]))
        return true;
    }
    return false;
  }

  bool assemble(const Scheme &scheme) {
    auto places = layout(scheme);
    OffChipPool pool(context_.frame().off_chip_bytes);
    Pieces found = pieces(scheme, *places, pool);
    if (!found.complete())
      return false;
    std::vector<LoopNest> nest = build(scheme, found, 0, false);
    context_.offer(nest, pool);
    return true;
  }

  /// A nest in the loops of an axis that are inside `depth`.
  static LoopNest over_axis(const Scheme &scheme, Axis axis, std::size_t depth, LoopNest nest) {
    std::vector<LoopId> loops = Scheme::loops_of(axis);
    for (std::size_t l = loops.size(); l-- > 0;)
      if (scheme.position(loops[l]) >= depth)
        nest = loop(loops[l], 0, scheme.trips[loops[l]], {std::move(nest)});
    return nest;
  }

  LoopNest over_tiles(const Scheme &scheme, std::size_t x, std::size_t depth, LoopNest nest) const {
    auto [first, second] = axes_of(x);
    return over_axis(scheme, first, depth, over_axis(scheme, second, depth, std::move(nest)));
  }

  /// What happens inside of the first `depth` loops.
  std::vector<LoopNest> build(const Scheme &scheme, const Pieces &pieces, std::size_t depth,
                              bool first) const {
    std::vector<LoopNest> out;
    for (std::size_t x = 0; x < 2; ++x)
      if (scheme.depth_of[x] == depth)
        out.push_back(over_tiles(scheme, x, depth, *pieces.loads[x]));
    if (depth == kLoops) {
      out.push_back(first ? *pieces.first : *pieces.accumulate);
      return out;
    }
    LoopId id = scheme.order[depth];
    std::int64_t trips = scheme.trips[id];
    if (id != kSum) {
      out.push_back(loop(id, 0, trips, build(scheme, pieces, depth + 1, first)));
      return out;
    }
    if (pieces.first)
      out.push_back(loop(id, 0, 1, build(scheme, pieces, depth + 1, true)));
    else
      out.push_back(over_tiles(scheme, 2, depth, *pieces.zero));
    out.push_back(loop(id, pieces.first ? 1 : 0, trips, build(scheme, pieces, depth + 1, false)));
    out.push_back(over_tiles(scheme, 2, depth, *pieces.store));
    return out;
  }

  TilingContext &context_;
  const spec::Isa &isa_;
  const Product &product_;
  TileValues values_;
  StepPlanner planner_;
  std::array<Vertex, 3> vertices_; ///< of the operands' tiles and the sum so far
  std::array<std::optional<TileValues>, 2> lines_;
  std::optional<TileValues> rest_;
  std::vector<TileInput> rest_inputs_;
  /// Of a tile: loads, accumulation, first summand, zero, store.
  std::array<Weight, 6> weights_;
};

/// The one dot whose contraction may be cut, or why there is none.
std::variant<NodeId, std::string> find_dot(const TensorGraph &graph) {
  std::optional<NodeId> dot;
  for (std::uint32_t n = 0; n < graph.nodes.size(); ++n) {
    const Node &node = graph.nodes[n];
    if (node.op != OpCode::Dot)
      continue;
    if (dot)
      return "it has several dots, of which none is cut along its contraction";
    if (node.shape.rank() != 2 || !node.attributes.get(AttributeKey::LhsBatch).empty() ||
        node.attributes.get(AttributeKey::LhsContracting).size() != 1)
      return fmt::format("'{}' is no product of two matrices", node.name);
    dot = NodeId{n};
  }
  if (!dot)
    return "it has no dot whose contraction could be cut";
  return *dot;
}

std::variant<Product, std::string> make_product(const TensorGraph &graph, NodeId dot,
                                                const std::array<std::int64_t, kAxes> &tile) {
  Product out;
  const Node &node = graph[dot];
  const Shape &shape = graph[graph.results[0]].shape;
  auto contracting = static_cast<std::size_t>(node.attributes.get(AttributeKey::LhsContracting)[0]);
  std::int64_t depth = graph[node.operands[0]].shape.dims[contracting];
  out.axes = {{"i", tile[kRows], shape.dims[0] / tile[kRows]},
              {"j", tile[kColumns], shape.dims[1] / tile[kColumns]},
              {"k", tile[kDepth], depth / tile[kDepth]}};
  out.result = {graph.results[0], {{tile[kRows], kRows}, {tile[kColumns], kColumns}}};
  CutOptions rest;
  rest.stop = dot;
  auto after = cut(graph, out.axes, std::span(&out.result, 1), rest);
  if (const auto *why = std::get_if<std::string>(&after))
    return *why;
  out.rest = std::get<TileGraph>(std::move(after));
  std::size_t sums = 0;
  for (std::size_t i = 0; i < out.rest.inputs.size(); ++i)
    if (out.rest.inputs[i].source == dot) {
      out.sum_input = i;
      ++sums;
    }
  const Box *box = sums == 1 ? &out.rest.inputs[out.sum_input].box : nullptr;
  if (!box || !(*box)[0].axis || !(*box)[1].axis)
    return fmt::format("a tile of the result needs more than a tile of '{}'", node.name);
  out.free = {static_cast<Axis>(*(*box)[0].axis), static_cast<Axis>(*(*box)[1].axis)};
  TileResult sum{dot, *box};
  CutOptions cut_sum;
  cut_sum.contraction = CutContraction{dot, kDepth};
  auto summand = cut(graph, out.axes, std::span(&sum, 1), cut_sum);
  if (const auto *why = std::get_if<std::string>(&summand))
    return *why;
  out.summand = std::get<TileGraph>(std::move(summand));
  if (out.summand.inputs.size() != 2)
    return fmt::format("'{}' is no product of two parameters", node.name);
  return out;
}

/// Floats may only be summed in another order at `real`.
bool may_cut(const TensorGraph &graph, NodeId dot, semantics::Level level) {
  return level == semantics::Level::Real || semantics::is_integer(graph[dot].shape.type);
}

std::vector<std::array<std::int64_t, kAxes>>
tile_shapes(const TilingContext &context, const std::array<std::int64_t, kAxes> &whole_shape,
            bool favourite) {
  std::vector<std::array<std::int64_t, kAxes>> out;
  std::array<std::vector<std::int64_t>, kAxes> sizes;
  for (std::size_t d = 0; d < kAxes; ++d) {
    sizes[d] = context.tile_sizes(whole_shape[d], true);
    if (!favourite)
      for (std::int64_t other : context.tile_sizes(whole_shape[d], false))
        sizes[d].push_back(other);
  }
  for (std::int64_t rows : sizes[kRows])
    for (std::int64_t columns : sizes[kColumns])
      for (std::int64_t depth : sizes[kDepth])
        out.push_back({rows, columns, depth});
  auto volume = [](const auto &t) {
    return static_cast<double>(t[0]) * static_cast<double>(t[1]) * static_cast<double>(t[2]);
  };
  std::stable_sort(out.begin(), out.end(),
                   [&](const auto &a, const auto &b) { return volume(a) > volume(b); });
  return out;
}

} // namespace

void tile_products(TilingContext &context) {
  const TensorGraph &graph = context.graph();
  auto dot = find_dot(graph);
  if (const auto *why = std::get_if<std::string>(&dot))
    return context.note(*why);
  NodeId id = std::get<NodeId>(dot);
  if (graph.results.size() != 1 || graph[graph.results[0]].shape.rank() != 2)
    return context.note("its result is no matrix");
  if (!may_cut(graph, id, context.options().level))
    return context.note(
        fmt::format("the contraction of '{}' is not cut at {}: its sums are rounded",
                    graph[id].name, semantics::name(context.options().level)));
  const Node &node = graph[id];
  auto contracting = static_cast<std::size_t>(node.attributes.get(AttributeKey::LhsContracting)[0]);
  const Shape &result = graph[graph.results[0]].shape;
  std::array<std::int64_t, kAxes> sizes = {result.dims[0], result.dims[1],
                                           graph[node.operands[0]].shape.dims[contracting]};
  for (bool favourite : {true, false})
    for (const auto &tile : tile_shapes(context, sizes, favourite)) {
      if (context.stopped() || context.best())
        return;
      auto product = make_product(graph, id, tile);
      if (const auto *why = std::get_if<std::string>(&product)) {
        context.note(*why);
        continue;
      }
      if (auto why = context.too_large(std::get<Product>(product).summand.graph))
        context.note(*why);
      else
        ProductTiling(context, std::get<Product>(product)).run();
    }
}

} // namespace isamorph::search
