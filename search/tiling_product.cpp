// Tilings of products whose contraction is cut: C[i,j] = the sum over k of A[i,k] B[k,j], tile by
// tile in an accumulator on chip.
#include "search/product_steps.h"

#include <fmt/format.h>

#include <array>

namespace isamorph::search {

using semantics::NodeId;
using semantics::TensorGraph;

namespace {

constexpr std::size_t kMaxAssembled = 64; ///< schemes that are planned in full
/// Where units overlap, kernels are simulated: so many with double buffering and so many without.
constexpr std::array<int, 2> kMaxSimulated = {3, 5};

class ProductTiling {
public:
  /// `pool`: what other parts of the kernel need off chip.
  ProductTiling(TilingContext &context, const Product &product, OffChipPool pool, TakeNest take)
      : context_(context), isa_(context.isa()), product_(product), pool_(std::move(pool)),
        take_(std::move(take)), summand_(context, product.summand), finish_(context, product) {
    if (product.tail)
      tail_.emplace(context, *product.tail);
    for (std::size_t a = 0; a < kAxes; ++a)
      tiles_.counts[a] = product.summand.axes[a].count;
    for (const TileAxis &axis : batch_axes())
      tiles_.batches *= axis.count;
    tiles_.free = product.free;
  }

  void run() {
    for (std::uint32_t a : context_.buffers_for(summand_.shape(0)))
      for (std::uint32_t b : context_.buffers_for(summand_.shape(1)))
        for (std::uint32_t c : context_.buffers_for(summand_.shape(2)))
          if (prepare({a, b, c}))
            search();
  }

private:
  /// The pieces of a kernel for one scheme.
  struct Pieces {
    std::array<std::optional<LoopNest>, 2> loads, tail_loads;
    std::optional<LoopNest> accumulate, first, zero, store; ///< `first` or `zero` begins a sum
    std::optional<LoopNest> tail;
    bool complete(bool tails) const {
      return loads[0] && loads[1] && accumulate && store && (first || zero) &&
             (!tails || (tail_loads[0] && tail_loads[1] && tail));
    }
  };

  Pieces pieces(const Scheme &scheme, const TileLayout &places, OffChipPool &pool) {
    Pieces out;
    std::array<Affine, 3> starts = {places.starts[0], places.starts[1], places.starts[2]};
    out.accumulate = summand_.compute(SummandSteps::kSummed, starts, places.reserved, pool);
    if (!out.accumulate)
      return out;
    out.first = summand_.compute(SummandSteps::kSummand, starts, places.reserved, pool);
    if (!out.first)
      out.zero = summand_.compute(SummandSteps::kZero, starts, places.reserved, pool);
    for (std::size_t x = 0; x < 2; ++x)
      out.loads[x] = summand_.load(x, scheme, starts[x], places.reserved, pool);
    out.store = finish_.store(scheme, starts[2], tiles_.buffers[2], places.reserved, pool);
    if (tail_) {
      starts = {places.starts[3], places.starts[4], places.starts[2]};
      out.tail = tail_->compute(SummandSteps::kSummed, starts, places.reserved, pool);
      for (std::size_t x = 0; x < 2; ++x)
        out.tail_loads[x] = tail_->load(x, scheme, starts[x], places.reserved, pool);
    }
    return out;
  }

  /// Plans all pieces for the smallest tiles in these buffers, to know their weights; false if one
  /// has no plan.
  bool prepare(const std::array<std::uint32_t, 3> &buffers) {
    if (!summand_.hold_in(buffers) || (tail_ && !tail_->hold_in(buffers)))
      return false;
    tiles_.buffers = {buffers[0], buffers[1], buffers[2], buffers[0], buffers[1]};
    for (std::size_t x = 0; x < kHeld; ++x)
      tiles_.heights[x] = x < 3 ? summand_.height(x) : tail_ ? tail_->height(x - 3) : 0;
    Scheme scheme;
    scheme.order = {kRowsOut, kColumnsOut, kSum, kRowsIn, kColumnsIn};
    scheme.trips = {tiles_.counts[kRows], 1, tiles_.counts[kColumns], 1, tiles_.counts[kDepth]};
    scheme.depth_of = {kLoops, kLoops};
    auto places = layout(scheme, tiles_, isa_);
    if (!places)
      return false;
    OffChipPool pool = pool_;
    Pieces found = pieces(scheme, *places, pool);
    if (!found.complete(tail_.has_value()))
      return false;
    auto weight = [&](const std::optional<LoopNest> &nest) {
      return nest ? weigh(*nest, isa_, context_.options().cost) : Weight{};
    };
    tiles_.weights = {
        weight(found.loads[0]),      weight(found.loads[1]),
        weight(found.accumulate),    weight(found.first ? found.first : found.accumulate),
        weight(found.zero),          weight(found.store),
        weight(found.tail_loads[0]), weight(found.tail_loads[1]),
        weight(found.tail)};
    return true;
  }

  /// Plans and offers the best schemes: until one holds, where costs are sums and known before;
  /// otherwise several, whose kernels are simulated.
  void search() {
    bool overlap = context_.options().cost == costmodel::CostModel::Overlap, found = false;
    std::array<int, 2> left = kMaxSimulated;
    std::size_t assembled = 0;
    std::vector<Scheme> all = schemes(tiles_, isa_, context_.options().cost);
    if (all.empty())
      context_.note(fmt::format("no loops over its tiles fit the buffers and run at most {} "
                                "instructions",
                                spec::kMaxInstances));
    for (const Scheme &scheme : all) {
      int &others = left[scheme.doubled < kLoops ? 1 : 0];
      if (context_.stopped() || assembled == kMaxAssembled || (found && !overlap))
        break;
      if (others == 0 || (context_.best() && scheme.cost * tiles_.batches >= *context_.best()))
        continue;
      ++assembled;
      if (assemble(scheme)) {
        found = true;
        --others;
      }
    }
  }

  bool assemble(const Scheme &scheme) {
    auto places = layout(scheme, tiles_, isa_);
    OffChipPool pool = pool_;
    std::vector<Pieces> found; // by parity
    for (std::int64_t parity = 0; parity < (scheme.doubled < kLoops ? 2 : 1); ++parity) {
      found.push_back(pieces(scheme, places->of(parity), pool));
      if (!found.back().complete(tail_.has_value()))
        return false;
    }
    take_(in_batches(build(scheme, found, {})), pool);
    return true;
  }

  std::span<const TileAxis> batch_axes() const {
    return std::span(product_.summand.axes).subspan(kAxes);
  }

  std::vector<LoopNest> in_batches(std::vector<LoopNest> nest) const {
    std::span<const TileAxis> axes = batch_axes();
    for (std::uint32_t b = static_cast<std::uint32_t>(axes.size()); b-- > 0;)
      nest = {{{}, kBatches + b, axes[b].name, 0, axes[b].count, 1, std::move(nest)}};
    return nest;
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
    auto [first, second] = tiles_.axes_of(x);
    return over_axis(scheme, first, depth, over_axis(scheme, second, depth, std::move(nest)));
  }

  /// Where in the loops a nest is built.
  enum class Part : std::uint8_t { First, Middle, Tail }; ///< of the sum
  struct Spot {
    std::size_t depth = 0;  ///< loops around
    std::size_t parity = 0; ///< of the doubled loop's iteration
    Part part = Part::Middle;
  };

  /// What happens inside of the first `spot.depth` loops.
  std::vector<LoopNest> build(const Scheme &scheme, std::span<const Pieces> by_parity,
                              Spot spot) const {
    const Pieces &pieces = by_parity[spot.parity];
    std::vector<LoopNest> out;
    for (std::size_t x = 0; x < 2; ++x)
      if (scheme.depth_of[x] == spot.depth)
        add_loads(scheme, pieces, x, spot, out);
    if (spot.depth == kLoops) {
      out.push_back(spot.part == Part::First  ? *pieces.first
                    : spot.part == Part::Tail ? *pieces.tail
                                              : *pieces.accumulate);
      return out;
    }
    LoopId id = scheme.order[spot.depth];
    std::int64_t trips = scheme.trips[id];
    if (id != kSum) {
      iterate(scheme, by_parity, spot, 0, trips, out);
      return out;
    }
    if (pieces.first)
      iterate(scheme, by_parity, {spot.depth, spot.parity, Part::First}, 0, 1, out);
    else
      out.push_back(over_tiles(scheme, 2, spot.depth, *pieces.zero));
    iterate(scheme, by_parity, spot, pieces.first ? 1 : 0, trips, out);
    if (tail_)
      for (LoopNest &nest : build(scheme, by_parity, {spot.depth + 1, spot.parity, Part::Tail}))
        out.push_back(std::move(nest));
    out.push_back(over_tiles(scheme, 2, spot.depth, *pieces.store));
    return out;
  }

  /// The loads of an operand inside `spot.depth` loops: of one tile of the contraction, or of all.
  void add_loads(const Scheme &scheme, const Pieces &pieces, std::size_t x, Spot spot,
                 std::vector<LoopNest> &out) const {
    bool all = scheme.position(kSum) >= spot.depth;
    if (all || spot.part != Part::Tail)
      out.push_back(over_tiles(scheme, x, spot.depth, *pieces.loads[x]));
    if (tail_ && (all || spot.part == Part::Tail))
      out.push_back(over_axis(scheme, tiles_.free[x], spot.depth, *pieces.tail_loads[x]));
  }

  /// Iterations `start` to `end` of the loop at a spot: two at a time where it is doubled.
  void iterate(const Scheme &scheme, std::span<const Pieces> by_parity, Spot spot,
               std::int64_t start, std::int64_t end, std::vector<LoopNest> &out) const {
    LoopId id = scheme.order[spot.depth];
    auto body = [&](std::int64_t iteration) {
      std::size_t parity =
          scheme.doubled == spot.depth ? static_cast<std::size_t>(iteration % 2) : spot.parity;
      return build(scheme, by_parity, {spot.depth + 1, parity, spot.part});
    };
    if (scheme.doubled == spot.depth && end - start > 1) {
      std::vector<LoopNest> pair = body(start);
      for (LoopNest &part : body(start + 1))
        pair.push_back(shifted(std::move(part), id, 1));
      std::int64_t whole = start + (end - start) / 2 * 2;
      out.push_back(loop(id, start, whole, std::move(pair), 2));
      start = whole;
    }
    if (start < end)
      out.push_back(loop(id, start, end, body(start)));
  }

  TilingContext &context_;
  const spec::Isa &isa_;
  const Product &product_;
  OffChipPool pool_;
  TakeNest take_;
  SummandSteps summand_;
  std::optional<SummandSteps> tail_;
  FinishingSteps finish_;
  ProductTiles tiles_;
};

/// Floats may only be summed in another order at `real`.
bool may_cut(const TensorGraph &graph, NodeId dot, semantics::Level level) {
  return level == semantics::Level::Real || semantics::is_integer(graph[dot].shape.type);
}

/// Sizes of tiles along the axes, of those classes, the largest tiles first.
std::vector<std::array<std::int64_t, kAxes>>
tile_shapes(const TilingContext &context, const std::array<std::int64_t, kAxes> &whole_shape,
            std::span<const TileSizes> classes) {
  std::vector<std::array<std::int64_t, kAxes>> out;
  std::array<std::vector<std::int64_t>, kAxes> sizes;
  for (std::size_t d = 0; d < kAxes; ++d)
    for (TileSizes which : classes)
      for (std::int64_t size : context.tile_sizes(whole_shape[d], which))
        sizes[d].push_back(size);
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

/// Tries tiles of a size: one part of the result after the other, where the tiles at the ends of
/// rows and columns are shorter.
void attempt(TilingContext &context, NodeId dot, const std::array<std::int64_t, kAxes> &tile) {
  const TensorGraph &graph = context.graph();
  const std::vector<std::int64_t> &dims = graph[graph.results[0]].shape.dims;
  std::int64_t height = dims[dims.size() - 2], width = dims.back();
  if (auto most = context.most_products(); most && tile[0] * tile[1] > *most / tile[2])
    return context.note(fmt::format("no instruction multiplies as much as tiles of {} x {} x {}",
                                    tile[0], tile[1], tile[2]));
  auto count = [](std::int64_t size, std::int64_t of) { return (size + of - 1) / of; };
  if (count(height, tile[kRows]) * count(width, tile[kColumns]) >
      spec::kMaxInstances / count(contraction(graph, dot), tile[kDepth]))
    return context.note(fmt::format("tiles of {} x {} x {} are more than {}", tile[0], tile[1],
                                    tile[2], spec::kMaxInstances));
  std::vector<Product> parts;
  for (const TileAxis &rows : slices("i", height, tile[kRows]))
    for (const TileAxis &columns : slices("j", width, tile[kColumns])) {
      auto product = make_product(graph, dot, rows, columns, tile[kDepth]);
      if (const auto *why = std::get_if<std::string>(&product))
        return context.note(*why);
      parts.push_back(std::get<Product>(std::move(product)));
      if (auto why = context.too_large(parts.back().summand.tile.graph))
        return context.note(*why);
    }
  OffChipPool pool(context.frame().off_chip_bytes);
  if (parts.size() == 1) {
    auto offer = [&](const auto &nest, const OffChipPool &used) { context.offer(nest, used); };
    return ProductTiling(context, parts[0], pool, offer).run();
  }
  std::vector<LoopNest> all;
  for (const Product &part : parts) {
    Cheapest cheapest(context);
    ProductTiling(context, part, pool, cheapest.taker()).run();
    if (!cheapest.move_to(all, pool))
      return;
  }
  context.offer(all, pool);
}

} // namespace

void tile_products(TilingContext &context, TileSizes last) {
  context.new_form();
  const TensorGraph &graph = context.graph();
  auto found = find_dot(graph);
  if (const auto *why = std::get_if<std::string>(&found))
    return context.note(*why);
  NodeId dot = std::get<NodeId>(found);
  if (graph.results.size() != 1 || graph[graph.results[0]].shape.rank() != 2 + batches(graph, dot))
    return context.note("its result is no matrix");
  if (!may_cut(graph, dot, context.options().level))
    return context.note(
        fmt::format("the contraction of '{}' is not cut at {}: its sums are rounded",
                    graph[dot].name, semantics::name(context.options().level)));
  const std::vector<std::int64_t> &dims = graph[graph.results[0]].shape.dims;
  std::array<std::int64_t, kAxes> sizes = {dims[dims.size() - 2], dims.back(),
                                           contraction(graph, dot)};
  constexpr std::array classes = {TileSizes::Favourite, TileSizes::Uneven, TileSizes::Other};
  std::size_t known = static_cast<std::size_t>(last) + 1;
  for (const auto &tile : tile_shapes(context, sizes, std::span(classes).first(known)))
    if (!context.stopped() && !context.best())
      attempt(context, dot, tile);
}

} // namespace isamorph::search
