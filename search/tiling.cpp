#include "search/tiling.h"

#include "search/lower_bound.h"
#include "search/planned_arms.h"
#include "search/tiling_context.h"

#include <fmt/format.h>

#include <set>

namespace isamorph::search {

using semantics::TensorGraph;

namespace {

spec::Kernel make_frame(const TensorGraph &graph) {
  std::vector<spec::TensorDeclaration> inputs, outputs;
  KernelTensors tensors = kernel_tensors(graph);
  for (const auto &[name, shape] : tensors.inputs)
    inputs.push_back({name, shape, nullptr});
  for (const auto &[name, shape] : tensors.outputs)
    outputs.push_back({name, shape, nullptr});
  return spec::layout_off_chip(kernel_name(graph), inputs, {}, outputs);
}

/// Numbers above 1 that are sizes in the instruction set: of buffers, regions and values.
std::vector<std::int64_t> sizes_of(const spec::Isa &isa) {
  std::set<std::int64_t> out;
  auto add = [&](const semantics::IntExpr &size) {
    if (size.is_constant() && size.value() > 1)
      out.insert(size.value());
  };
  for (const spec::Buffer &buffer : isa.buffers)
    for (const auto *sizes : {&buffer.addressed, &buffer.unit})
      out.insert(sizes->begin(), sizes->end());
  for (const spec::Instruction &instruction : isa.instructions)
    for (const semantics::TemplateNode &node : instruction.body.nodes)
      std::for_each(node.shape.dims.begin(), node.shape.dims.end(), add);
  out.erase(out.begin(), out.upper_bound(1));
  return {out.begin(), out.end()};
}

/// Whether some buffer on chip is at least as large in every dimension, in either order of two.
bool may_be_held(const spec::Isa &isa, std::vector<std::int64_t> dims) {
  auto holds = [&](const spec::Buffer &buffer) {
    std::vector<std::int64_t> sizes = buffer.addressed;
    sizes.insert(sizes.end(), buffer.unit.begin(), buffer.unit.end());
    return !buffer.off_chip && sizes.size() >= dims.size() &&
           std::equal(dims.rbegin(), dims.rend(), sizes.rbegin(), std::less_equal<>());
  };
  bool held = std::any_of(isa.buffers.begin(), isa.buffers.end(), holds);
  std::reverse(dims.begin(), dims.end());
  return held || std::any_of(isa.buffers.begin(), isa.buffers.end(), holds);
}

} // namespace

TilingContext::TilingContext(const TensorGraph &graph, const spec::Isa &isa,
                             std::span<const semantics::RewriteRule> rules,
                             const SearchOptions &options)
    : graph_(graph), isa_(isa), rules_(rules), options_(options), frame_(make_frame(graph)),
      favourites_(sizes_of(isa)), most_products_(search::most_products(isa)) {
  result_.bound = cost_bound(traffic_bound(graph_, isa_), isa_, options_.cost);
}

std::int64_t TilingContext::parameter_address(semantics::NodeId parameter) const {
  auto at = std::find(graph_.parameters.begin(), graph_.parameters.end(), parameter);
  assert(at != graph_.parameters.end());
  return frame_.inputs[static_cast<std::size_t>(at - graph_.parameters.begin())].address;
}

/// Of a form: there may be thousands of sizes of tiles, each with its own reason.
constexpr std::size_t kMostNotes = 4;

/// Tiles are small programs, of which many are saturated.
constexpr std::size_t kTileNodes = 2000;

TileValues TilingContext::saturated(const TensorGraph &tile) {
  TileValues values{tile, TensorEGraph(isa_.numerics), {}, {}, {}};
  values.classes = values.egraph.add_graph(tile);
  for (semantics::NodeId id : tile.parameters)
    values.input_images.push_back(values.egraph.add_bytes(values.classes[id.v]));
  for (semantics::NodeId id : tile.results)
    values.result_images.push_back(values.egraph.add_bytes(values.classes[id.v]));
  auto begin = std::chrono::steady_clock::now();
  SaturationLimits limits{std::min(options_.max_enodes, kTileNodes), options_.max_iterations,
                          std::min(seconds_left(), options_.time_limit_seconds / 4),
                          options_.interrupt};
  if (options_.progress)
    limits.progress = [this](std::size_t iterations, IterationCounts now) {
      options_.progress({result_.states_expanded, best(), result_.bound, now.nodes, iterations});
    };
  saturate(values.egraph, isa_, rules_, options_.level, limits);
  result_.seconds.saturate +=
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  result_.enodes += values.egraph.graph().node_count();
  result_.eclasses += values.egraph.graph().class_count();
  return values;
}

StepPlanner TilingContext::planner(const TileValues &values) {
  PlannerOptions how;
  how.seconds = seconds_left();
  how.interrupt = options_.interrupt;
  how.max_states = options_.max_states;
  how.jobs = options_.jobs;
  return {values.egraph, isa_, options_.cost, how};
}

void TilingContext::count(const StepPlanner &planner) {
  result_.states_expanded += planner.states_expanded();
}

std::vector<std::int64_t> TilingContext::tile_sizes(std::int64_t size, TileSizes which) const {
  std::vector<std::int64_t> out;
  for (std::int64_t tile = size; tile >= 1; --tile) {
    bool divides = size % tile == 0,
         known = tile == size || std::binary_search(favourites_.begin(), favourites_.end(), tile);
    if (divides == (which != TileSizes::Uneven) && known == (which != TileSizes::Other))
      out.push_back(tile);
  }
  return out;
}

bool TilingContext::fits(const Shape &shape, std::uint32_t index) const {
  const spec::Buffer &buffer = isa_.buffer(index);
  std::size_t rank = buffer.addressed.size();
  if (buffer.off_chip || buffer.type != shape.type || shape.rank() != rank + buffer.unit.size())
    return false;
  for (std::size_t d = 0; d < shape.rank(); ++d)
    if (d < rank ? shape.dims[d] > buffer.addressed[d] : shape.dims[d] != buffer.unit[d - rank])
      return false;
  return true;
}

std::vector<std::uint32_t> TilingContext::buffers_for(const Shape &shape) const {
  std::vector<std::uint32_t> out;
  for (std::uint32_t b = 0; b < isa_.buffers.size(); ++b)
    if (fits(shape, b))
      out.push_back(b);
  return out;
}

std::optional<std::string> TilingContext::too_large(const TensorGraph &tile) const {
  for (const semantics::Node &node : tile.nodes)
    if (node.op == OpCode::Dot)
      for (semantics::NodeId operand : node.operands)
        if (const Shape &shape = tile[operand].shape; !may_be_held(isa_, shape.dims))
          return fmt::format("no buffer on chip holds {} at once, which '{}' needs",
                             shape.to_string(), node.name);
  return std::nullopt;
}

std::optional<std::int64_t> TilingContext::cost(std::span<const LoopNest> nest,
                                                std::optional<std::int64_t> limit) {
  spec::Kernel kernel = frame_;
  append(kernel, nest);
  return cost(kernel, limit);
}

std::optional<std::int64_t> TilingContext::cost(const spec::Kernel &kernel,
                                                std::optional<std::int64_t> limit) {
  if (options_.cost == costmodel::CostModel::Overlap)
    return costmodel::makespan(isa_, kernel, [&](std::int64_t so_far) {
      return (limit && so_far >= *limit) || stopped();
    });
  return costmodel::cost(isa_, kernel, options_.cost);
}

TakeNest Cheapest::taker() {
  return [this](std::vector<LoopNest> nest, const OffChipPool &pool) {
    auto cost = context_.cost(nest, pool_ ? std::optional(cost_) : std::nullopt);
    if (!cost || (pool_ && cost_ <= *cost))
      return;
    nest_ = std::move(nest);
    pool_ = pool;
    cost_ = *cost;
  };
}

bool Cheapest::move_to(std::vector<LoopNest> &parts, OffChipPool &pool) {
  if (!pool_)
    return false;
  parts.insert(parts.end(), nest_.begin(), nest_.end());
  pool = *pool_;
  return true;
}

void TilingContext::offer(std::span<const LoopNest> nest, const OffChipPool &pool) {
  spec::Kernel kernel = frame_;
  kernel.constants = pool.constants();
  kernel.off_chip_bytes = pool.end();
  append(kernel, nest);
  spec::validate(kernel, isa_);
  ++offered_;
  auto cost = this->cost(kernel, best());
  if (!cost || (result_.kernel && result_.cost <= *cost))
    return;
  result_.kernel = std::move(kernel);
  result_.cost = *cost;
  report();
}

void TilingContext::report() {
  if (options_.progress)
    options_.progress({result_.states_expanded, best(), result_.bound});
}

double TilingContext::seconds_left() const {
  std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start_;
  return std::max(0.0, options_.time_limit_seconds - spent.count());
}

std::optional<std::int64_t> TilingContext::best() const {
  return result_.kernel ? std::optional(result_.cost) : std::nullopt;
}

bool TilingContext::stopped() {
  if (options_.interrupt && options_.interrupt->load(std::memory_order_relaxed))
    stopped_by_ = "interrupted";
  else if (seconds_left() <= 0)
    stopped_by_ = "stopped by the time limit";
  return !stopped_by_.empty();
}

void TilingContext::note(const std::string &why) {
  std::string text = notes_.size() < first_note_ + kMostNotes ? why : "and so on";
  if (std::find(notes_.begin(), notes_.end(), text) == notes_.end())
    notes_.push_back(text);
}

SearchResult TilingContext::take() {
  bool stopped = result_.cut_short = !stopped_by_.empty();
  if (result_.kernel) {
    result_.status = SearchResult::Status::Feasible;
    result_.reason = stopped ? stopped_by_ + ": a cheaper tiling may exist"
                             : "the cheapest of the regular tilings; irregular ones, whose tiles "
                               "differ, were not searched";
  } else if (stopped) {
    result_.status = SearchResult::Status::OutOfTime;
    result_.reason = stopped_by_ + " before a tiling was found";
  } else {
    result_.status = SearchResult::Status::Infeasible;
    result_.reason = fmt::format("nor is there a kernel of tiles{}{}", notes_.empty() ? "" : ": ",
                                 fmt::join(notes_.begin(), notes_.end(), "; "));
  }
  std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start_;
  result_.seconds.plan = spent.count() - result_.seconds.saturate;
  return std::move(result_);
}

SearchResult find_tiled_kernel(const TensorGraph &program, const spec::Isa &isa,
                               std::span<const semantics::RewriteRule> rules,
                               const SearchOptions &options) {
  TensorGraph graph = program.without_dead_nodes();
  PlannedArms arms(isa);
  TilingContext context(graph, arms.isa(), rules, options);
  tile_maps(context, TileSizes::Favourite);
  if (!context.best()) { // products before odd maps, which are many: there is some kernel early
    tile_products(context, TileSizes::Uneven);
    tile_maps(context, TileSizes::Other);
  }
  if (!context.best())
    tile_products(context, TileSizes::Other);
  SearchResult result = context.take();
  if (result.kernel)
    arms.to_instructions(*result.kernel);
  return result;
}

} // namespace isamorph::search
