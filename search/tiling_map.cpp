// Tilings in which every tile is computed alone.
#include "search/pipelining.h"
#include "search/tiling_context.h"

#include <fmt/format.h>

#include <numeric>
#include <set>

namespace isamorph::search {

using semantics::NodeId;

namespace {

constexpr std::size_t kMaxAxes = 3, kMaxResidents = 3, kMaxCandidates = 8;

/// One way to cut the results.
struct Grid {
  std::vector<TileAxis> axes;
  std::vector<TileResult> results;
};

/// A value that stays on chip while the loops inside `level` run.
struct Resident {
  Vertex vertex;
  std::size_t level = 0; ///< how many loops are around where it is made
  std::int64_t start = 0;
};

class MapTiling {
public:
  /// `pool`: what other parts of the kernel need off chip.
  MapTiling(TilingContext &context, const Grid &grid, const TileGraph &tile, OffChipPool pool,
            TakeNest take)
      : context_(context), grid_(grid), tile_(tile), pool_(std::move(pool)), take_(std::move(take)),
        values_(context.saturated(tile.graph)), planner_(context.planner(values_)) {}

  void run() {
    std::vector<std::uint32_t> order(grid_.axes.size());
    std::iota(order.begin(), order.end(), 0u);
    do {
      run(order);
    } while (std::next_permutation(order.begin(), order.end()) && !context_.stopped());
    context_.count(planner_);
  }

private:
  void run(const std::vector<std::uint32_t> &order) {
    std::vector<Resident> candidates = find_residents(order);
    candidates.resize(std::min(candidates.size(), kMaxCandidates));
    for (std::uint32_t set = 0; set < 1u << candidates.size() && !context_.stopped(); ++set) {
      std::vector<Resident> residents;
      for (std::size_t c = 0; c < candidates.size(); ++c)
        if (set >> c & 1)
          residents.push_back(candidates[c]);
      if (residents.size() <= kMaxResidents)
        attempt(order, residents);
    }
  }

  StepPlace input_place(std::size_t i) const {
    const TileInput &input = tile_.inputs[i];
    StepPlace place{{values_.input_images[i], context_.isa().off_chip},
                    {context_.parameter_address(input.source), {}}};
    add_axes(place.start, context_.graph()[input.source].shape, input.box);
    return place;
  }

  StepPlace output_place(std::size_t j) const {
    const TileResult &result = grid_.results[j];
    StepPlace place{{values_.result_images[j], context_.isa().off_chip},
                    {context_.frame().outputs[j].address, {}}};
    add_axes(place.start, context_.graph()[result.node].shape, result.box);
    return place;
  }

  void add_axes(Affine &start, const Shape &shape, const Box &box) const {
    start.base += first_slice(shape, box, grid_.axes);
    std::vector<std::int64_t> distances = slice_distances(shape, box, grid_.axes.size());
    for (std::uint32_t a = 0; a < distances.size(); ++a)
      start.add(a, distances[a]);
  }

  /// The loop around which an input is first known, as the number of loops around.
  std::size_t level_of_input(std::size_t i, const std::vector<std::uint32_t> &order) const {
    std::size_t level = 0;
    for (const BoxDimension &d : tile_.inputs[i].box)
      if (d.axis)
        level =
            std::max(level, static_cast<std::size_t>(
                                std::find(order.begin(), order.end(), *d.axis) - order.begin()) +
                                1);
    return level;
  }

  /// Placements that do not depend on all loops, and that an instruction reads which does.
  std::vector<Resident> find_residents(const std::vector<std::uint32_t> &order) const {
    std::vector<Vertex> inputs, outputs;
    for (ClassId image : values_.input_images)
      inputs.push_back({image, context_.isa().off_chip});
    for (ClassId image : values_.result_images)
      outputs.push_back({image, context_.isa().off_chip});
    PlacementGraph graph = build_placement_graph(values_.egraph, context_.isa(),
                                                 costmodel::CostModel::Count, inputs, outputs);
    std::vector<std::size_t> levels = vertex_levels(graph, order);
    std::vector<Resident> out;
    for (std::uint32_t v = 0; v < graph.vertices.size(); ++v)
      if (graph.vertices[v].buffer != context_.isa().off_chip && levels[v] < order.size() &&
          is_read_later(graph, levels, v) &&
          context_.fits(values_.egraph.shape(graph.vertices[v].value), graph.vertices[v].buffer))
        out.push_back({graph.vertices[v], levels[v], 0});
    return out;
  }

  /// By vertex: how many of the loops must be around an instruction that makes it.
  std::vector<std::size_t> vertex_levels(const PlacementGraph &graph,
                                         const std::vector<std::uint32_t> &order) const {
    std::vector<std::size_t> levels(graph.vertices.size(), order.size() + 1);
    for (std::size_t i = 0; i < graph.inputs.size(); ++i)
      levels[graph.inputs[i].v] = level_of_input(i, order);
    for (VertexId v : graph.constants)
      levels[v.v] = 0;
    for (bool changed = true; changed;) {
      changed = false;
      for (const Instance &instance : graph.instances) {
        std::size_t level = read_level(instance, levels);
        for (VertexId w : instance.writes)
          if (level < levels[w.v]) {
            levels[w.v] = level;
            changed = true;
          }
      }
    }
    return levels;
  }

  static std::size_t read_level(const Instance &instance, const std::vector<std::size_t> &levels) {
    std::size_t level = 0;
    for (VertexId r : instance.reads)
      level = std::max(level, levels[r.v]);
    return level;
  }

  static bool is_read_later(const PlacementGraph &graph, const std::vector<std::size_t> &levels,
                            std::uint32_t v) {
    return std::any_of(graph.instances.begin(), graph.instances.end(), [&](const Instance &i) {
      return read_level(i, levels) > levels[v] &&
             std::find(i.reads.begin(), i.reads.end(), VertexId{v}) != i.reads.end();
    });
  }

  /// Gives the residents their places; false when they leave no room.
  bool place(std::vector<Resident> &residents, std::vector<std::int64_t> &reserved) const {
    reserved.assign(context_.isa().buffers.size(), 0);
    for (Resident &resident : residents) {
      const spec::Buffer &buffer = context_.isa().buffer(resident.vertex.buffer);
      std::int64_t &used = reserved[resident.vertex.buffer];
      resident.start = used;
      used += buffer.addressed.empty() ? 1 : values_.egraph.shape(resident.vertex.value).dims[0];
      if (used > (buffer.addressed.empty() ? 1 : buffer.addressed[0]))
        return false;
    }
    return true;
  }

  /// What is there before the innermost loop's body, or the step at a depth, and what is wanted.
  StepProblem problem_at(std::size_t depth, const std::vector<std::uint32_t> &order,
                         const std::vector<Resident> &residents,
                         const std::vector<std::int64_t> &reserved) const {
    StepProblem problem{{}, {}, reserved};
    for (std::size_t i = 0; i < tile_.inputs.size(); ++i)
      if (level_of_input(i, order) <= depth)
        problem.inputs.push_back(input_place(i));
    for (const Resident &resident : residents)
      if (resident.level <= depth)
        (resident.level < depth ? problem.inputs : problem.outputs)
            .push_back({resident.vertex, {resident.start, {}}});
    if (depth == order.size())
      for (std::size_t j = 0; j < grid_.results.size(); ++j)
        problem.outputs.push_back(output_place(j));
    return problem;
  }

  /// Plans the steps around and in the loops, and offers the kernel.
  void attempt(const std::vector<std::uint32_t> &order, std::vector<Resident> residents) {
    std::vector<std::int64_t> reserved;
    if (!place(residents, reserved))
      return;
    OffChipPool pool = pool_;
    std::vector<Step> around;
    for (std::size_t depth = 0; depth < order.size(); ++depth) {
      auto step = planner_.plan(problem_at(depth, order, residents, reserved), pool);
      if (!step)
        return;
      around.push_back(std::move(*step));
    }
    StepProblem problem = problem_at(order.size(), order, residents, reserved);
    auto body = planner_.plan(problem, pool);
    if (!body)
      return;
    const TileAxis &inner = grid_.axes[order.back()];
    offer(order, around, {loop(order.back(), {{body->calls, 0, {}, 0, 1, 1, {}}})}, pool);
    if (context_.options().cost == costmodel::CostModel::Overlap && inner.count > 1)
      attempt_pipelined(order, around, problem, pool);
  }

  /// Bodies that use half of some buffers, in turns.
  void attempt_pipelined(const std::vector<std::uint32_t> &order, const std::vector<Step> &around,
                         const StepProblem &whole, const OffChipPool &pool) {
    const spec::Isa &isa = context_.isa();
    for (std::uint32_t set = 1; set < 1u << isa.buffers.size() && !context_.stopped(); ++set) {
      StepProblem problem = whole;
      PipelinedBody body{{},
                         order.back(),
                         grid_.axes[order.back()].count,
                         std::vector<std::int64_t>(isa.buffers.size(), 0),
                         std::vector<std::int64_t>(isa.buffers.size(), 0)};
      bool fits = true;
      for (std::uint32_t b = 0; b < isa.buffers.size() && fits; ++b) {
        if ((set >> b & 1) == 0)
          continue;
        const std::vector<std::int64_t> &sizes = isa.buffer(b).addressed;
        std::int64_t half =
            sizes.empty() || b == isa.off_chip ? 0 : (sizes[0] - whole.reserved[b]) / 2;
        fits = half > 0;
        problem.reserved[b] = body.from[b] = fits ? sizes[0] - half : 0;
        body.move[b] = -half;
      }
      OffChipPool places = pool;
      auto step = fits ? planner_.plan(problem, places) : std::nullopt;
      if (!step)
        continue;
      body.calls = std::move(step->calls);
      auto nest = pipelined(body, isa, static_cast<std::uint32_t>(grid_.axes.size()), "p");
      if (nest)
        offer(order, around, std::move(*nest), places);
    }
  }

  LoopNest loop(std::uint32_t axis, std::vector<LoopNest> parts) const {
    return {{}, axis, grid_.axes[axis].name, 0, grid_.axes[axis].count, 1, std::move(parts)};
  }

  /// Offers the kernel of the steps around the loops and of what stands for the innermost loop.
  void offer(const std::vector<std::uint32_t> &order, const std::vector<Step> &around,
             std::vector<LoopNest> parts, const OffChipPool &pool) {
    for (std::size_t depth = order.size(); depth-- > 0;) {
      parts.insert(parts.begin(), LoopNest{around[depth].calls, 0, {}, 0, 1, 1, {}});
      if (depth > 0)
        parts = {loop(order[depth - 1], std::move(parts))};
    }
    take_(std::move(parts), pool);
  }

  TilingContext &context_;
  const Grid &grid_;
  const TileGraph &tile_;
  OffChipPool pool_;
  TakeNest take_;
  TileValues values_;
  StepPlanner planner_;
};

/// Dimensions before the last two are run through one by one, and tiles are matrices.
bool is_batch(std::size_t dimension, const Shape &shape) { return dimension + 2 < shape.rank(); }

/// The grids of tiles of these sizes: one, or one for each choice of full tiles and the rest along
/// each dimension. All results have the same dimensions.
std::vector<Grid> make_grids(const semantics::TensorGraph &graph,
                             const std::vector<std::int64_t> &tile, bool shifted) {
  std::vector<Grid> grids = {{{}, {}}};
  std::vector<Box> boxes = {{}};
  const Shape &shape = graph[graph.results[0]].shape;
  for (std::size_t d = 0; d < tile.size(); ++d) {
    std::vector<Grid> more_grids;
    std::vector<Box> more_boxes;
    for (std::size_t g = 0; g < grids.size(); ++g)
      for (const TileAxis &axis :
           slices(fmt::format("t{}", grids[g].axes.size()), shape.dims[d], tile[d], shifted)) {
        more_grids.push_back(grids[g]);
        more_boxes.push_back(boxes[g]);
        more_boxes.back().push_back({axis.size, std::nullopt});
        if (axis.size == shape.dims[d])
          continue;
        more_boxes.back().back().axis = static_cast<std::uint32_t>(grids[g].axes.size());
        more_grids.back().axes.push_back(axis);
        more_grids.back().axes.back().dropped = axis.size == 1 && is_batch(d, shape);
      }
    grids = std::move(more_grids);
    boxes = std::move(more_boxes);
  }
  for (std::size_t g = 0; g < grids.size(); ++g)
    for (NodeId result : graph.results)
      grids[g].results.push_back({result, boxes[g]});
  return grids;
}

/// One tile of a grid; nullopt, with a note, when there is none.
std::optional<TileGraph> tile_of(TilingContext &context, const Grid &grid) {
  if (grid.axes.empty() || grid.axes.size() > kMaxAxes)
    return std::nullopt;
  auto made = cut(context.graph(), grid.axes, grid.results);
  if (const auto *why = std::get_if<std::string>(&made)) {
    context.note(*why);
    return std::nullopt;
  }
  TileGraph &tile = std::get<TileGraph>(made);
  if (auto why = context.too_large(tile.graph)) {
    context.note(*why);
    return std::nullopt;
  }
  for (const TileInput &input : tile.inputs)
    if (!contiguous(context.graph()[input.source].shape, input.box))
      return std::nullopt;
  for (const TileResult &result : grid.results)
    if (!contiguous(context.graph()[result.node].shape, result.box))
      return std::nullopt;
  return std::move(tile);
}

/// `shifted`: tiles at the ends are whole and compute some elements again.
void attempt(TilingContext &context, const std::vector<std::int64_t> &sizes, bool shifted) {
  const std::vector<std::int64_t> &dims = context.graph()[context.graph().results[0]].shape.dims;
  bool even = std::equal(dims.begin(), dims.end(), sizes.begin(),
                         [](std::int64_t whole, std::int64_t size) { return whole % size == 0; });
  if (even && shifted)
    return;
  std::vector<Grid> grids = make_grids(context.graph(), sizes, shifted);
  std::vector<TileGraph> tiles;
  for (const Grid &grid : grids) {
    auto tile = tile_of(context, grid);
    if (!tile)
      return;
    tiles.push_back(std::move(*tile));
  }
  OffChipPool pool(context.frame().off_chip_bytes);
  if (grids.size() == 1) {
    auto offer = [&](const auto &nest, const OffChipPool &used) { context.offer(nest, used); };
    return MapTiling(context, grids[0], tiles[0], pool, offer).run();
  }
  std::vector<LoopNest> all;
  for (std::size_t g = 0; g < grids.size(); ++g) {
    Cheapest cheapest(context);
    MapTiling(context, grids[g], tiles[g], pool, cheapest.taker()).run();
    if (!cheapest.move_to(all, pool))
      return;
  }
  context.offer(all, pool);
}

/// All combinations of one size a dimension, larger tiles first.
std::vector<std::vector<std::int64_t>>
combinations(const std::vector<std::vector<std::int64_t>> &sizes) {
  std::vector<std::vector<std::int64_t>> out = {{}};
  for (const auto &choices : sizes) {
    std::vector<std::vector<std::int64_t>> longer;
    for (const auto &prefix : out)
      for (std::int64_t choice : choices) {
        longer.push_back(prefix);
        longer.back().push_back(choice);
      }
    out = std::move(longer);
  }
  auto volume = [](const std::vector<std::int64_t> &tile) {
    return std::accumulate(tile.begin(), tile.end(), 1.0, std::multiplies<>());
  };
  std::stable_sort(out.begin(), out.end(),
                   [&](const auto &a, const auto &b) { return volume(a) > volume(b); });
  return out;
}

} // namespace

void tile_maps(TilingContext &context, TileSizes last) {
  context.new_form();
  const semantics::TensorGraph &graph = context.graph();
  const std::vector<std::int64_t> &dims = graph[graph.results[0]].shape.dims;
  for (NodeId result : graph.results)
    if (graph[result].shape.dims != dims)
      return context.note("its results differ in shape");
  constexpr std::array classes = {TileSizes::Favourite, TileSizes::Uneven, TileSizes::Other};
  bool all = last == TileSizes::Favourite;
  std::size_t before = context.offered(), end = static_cast<std::size_t>(last) + 1;
  for (std::size_t known = all ? 1 : 2; known <= end; ++known) {
    std::vector<std::vector<std::int64_t>> sizes;
    for (std::int64_t size : dims) {
      sizes.emplace_back();
      if (is_batch(sizes.size() - 1, graph[graph.results[0]].shape) && size > 1)
        sizes.back().push_back(1);
      for (TileSizes which : std::span(classes).first(known))
        for (std::int64_t one : context.tile_sizes(size, which))
          sizes.back().push_back(one);
    }
    for (const auto &tile : combinations(sizes))
      for (bool shifted : {false, true})
        if (!context.stopped() && (all ? !shifted : context.offered() == before))
          attempt(context, tile, shifted);
  }
}

} // namespace isamorph::search
