#include "search/product_steps.h"

namespace isamorph::search {

using semantics::AttributeKey;
using semantics::Attributes;
using semantics::NodeId;
using semantics::OpCode;
using semantics::TensorGraph;

namespace {

/// Parameters: the two operands' tiles and the sum so far. Results: the summand, the sum, zero.
TensorGraph accumulation(TensorGraph graph) {
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

LoopNest nest_of(Step step) { return {std::move(step.calls), 0, {}, 0, 1, 1, {}}; }

std::optional<LoopNest> nest_of(std::optional<Step> step) {
  return step ? std::optional(nest_of(std::move(*step))) : std::nullopt;
}

/// The lines of a box: of its first dimension that a tile has.
struct Lines {
  Lines(const Shape &whole, const Box &box, std::span<const TileAxis> axes) : one(box) {
    dimension = kept_dimensions(box, axes)[0];
    one[dimension].size = 1;
    count = box[dimension].size;
    distance =
        semantics::row_major_strides(whole.dims)[dimension] * semantics::byte_size(whole.type);
  }
  std::size_t dimension;
  Box one;                      ///< line
  std::int64_t count, distance; ///< in bytes
};

LoopNest over_lines(Step step, std::int64_t lines) {
  return loop(kLines, 0, lines, {nest_of(std::move(step))});
}

/// The address of a box of a tensor in memory.
Affine address(std::int64_t base, const Shape &whole, const Box &box,
               std::span<const TileAxis> axes, const Scheme &scheme) {
  Affine out{base + first_slice(whole, box, axes), {}};
  std::vector<std::int64_t> distances = slice_distances(whole, box, axes.size());
  for (std::uint32_t axis = 0; axis < axes.size(); ++axis)
    if (axis >= kAxes)
      out.add(kBatches + axis - kAxes, distances[axis]);
    else if (axes[axis].count > 1)
      scheme.add_index(out, static_cast<Axis>(axis), 0, distances[axis]);
  return out;
}

} // namespace

SummandSteps::SummandSteps(TilingContext &context, const Summand &summand)
    : context_(context), summand_(summand), tile_(context, accumulation(summand.tile.graph)) {}

bool SummandSteps::hold_in(const std::array<std::uint32_t, 3> &buffers) {
  for (std::size_t x = 0; x < 3; ++x) {
    vertices_[x] = {tile_.values.input(x), buffers[x]};
    if (!context_.fits(shape(x), buffers[x]))
      return false;
  }
  return true;
}

std::int64_t SummandSteps::height(std::size_t x) const {
  return context_.isa().buffer(vertices_[x].buffer).addressed.empty() ? 1 : shape(x).dims[0];
}

std::optional<LoopNest> SummandSteps::load(std::size_t x, const Scheme &scheme, Affine to,
                                           const std::vector<std::int64_t> &reserved,
                                           OffChipPool &pool) {
  const TileInput &input = summand_.tile.inputs[x];
  const Shape &whole = context_.graph()[input.source].shape;
  std::uint32_t off_chip = context_.isa().off_chip;
  Affine from =
      address(context_.parameter_address(input.source), whole, input.box, summand_.axes, scheme);
  if (contiguous(whole, input.box))
    return nest_of(tile_.planner.plan(
        {{{{tile_.values.input_images[x], off_chip}, from}}, {{vertices_[x], to}}, reserved},
        pool));
  PlannedTile &line = line_of(x);
  Lines lines(whole, input.box, summand_.axes);
  from.add(kLines, lines.distance);
  to.add(kLines, 1);
  auto step = line.planner.plan({{{{line.values.input_images[0], off_chip}, from}},
                                 {{{line.values.input(0), vertices_[x].buffer}, to}},
                                 reserved},
                                pool);
  return step ? std::optional(over_lines(std::move(*step), lines.count)) : std::nullopt;
}

/// The values of one line of an operand's tile.
PlannedTile &SummandSteps::line_of(std::size_t x) {
  if (lines_[x])
    return *lines_[x];
  const TileInput &input = summand_.tile.inputs[x];
  const Shape &whole = context_.graph()[input.source].shape;
  TileResult wanted{input.source, Lines(whole, input.box, summand_.axes).one};
  auto made = cut(context_.graph(), summand_.axes, std::span(&wanted, 1));
  lines_[x] = std::make_unique<PlannedTile>(context_, std::get<TileGraph>(made).graph);
  return *lines_[x];
}

std::optional<LoopNest> SummandSteps::compute(Result result, const std::array<Affine, 3> &starts,
                                              const std::vector<std::int64_t> &reserved,
                                              OffChipPool &pool) {
  Vertex sum{tile_.values.result(result), vertices_[2].buffer};
  StepProblem problem{{}, {{sum, starts[2]}}, reserved};
  for (std::size_t x = 0; x < 3; ++x)
    if (result == kSummed || (result == kSummand && x < 2))
      problem.inputs.push_back({vertices_[x], starts[x]});
  return nest_of(tile_.planner.plan(problem, pool));
}

std::optional<LoopNest> FinishingSteps::store(const Scheme &scheme, Affine from,
                                              std::uint32_t buffer,
                                              const std::vector<std::int64_t> &reserved,
                                              OffChipPool &pool) {
  const TensorGraph &graph = context_.graph();
  std::span<const TileAxis> axes = product_.summand.axes;
  const Shape &whole = graph[product_.result.node].shape;
  bool by_lines = !contiguous(whole, product_.result.box);
  if (!tile_ && !prepare(by_lines))
    return std::nullopt;
  Lines lines(whole, product_.result.box, axes);
  Affine to =
      address(context_.frame().outputs[0].address, whole, product_.result.box, axes, scheme);
  if (by_lines) {
    from.add(kLines, 1);
    to.add(kLines, lines.distance);
  }
  StepProblem problem{
      {}, {{{tile_->values.result_images[0], context_.isa().off_chip}, to}}, reserved};
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    const TileInput &input = inputs_[i];
    if (i == product_.sum_input) {
      problem.inputs.push_back({{tile_->values.input(i), buffer}, from});
      continue;
    }
    const Shape &other = graph[input.source].shape;
    if (!contiguous(other, input.box))
      return std::nullopt;
    Affine at = address(context_.parameter_address(input.source), other, input.box, axes, scheme);
    if (by_lines && std::any_of(input.box.begin(), input.box.end(),
                                [](const BoxDimension &d) { return d.axis == kRows; }))
      return std::nullopt; // a line of it would be another box
    problem.inputs.push_back({{tile_->values.input_images[i], context_.isa().off_chip}, at});
  }
  auto step = tile_->planner.plan(problem, pool);
  if (step && by_lines)
    return over_lines(std::move(*step), lines.count);
  return nest_of(std::move(step));
}

/// The values of what follows the sum, for a tile or one line of it.
bool FinishingSteps::prepare(bool by_lines) {
  TileGraph rest = product_.rest;
  if (by_lines) {
    const TensorGraph &graph = context_.graph();
    std::span<const TileAxis> axes = product_.summand.axes;
    auto line = [&](NodeId node, const Box &box) {
      return Lines(graph[node].shape, box, axes).one;
    };
    const TileInput &sum = product_.rest.inputs[product_.sum_input];
    TileResult wanted{product_.result.node, line(product_.result.node, product_.result.box)};
    CutOptions options;
    options.stop = sum.source;
    auto made = cut(graph, axes, std::span(&wanted, 1), options);
    if (!std::holds_alternative<TileGraph>(made))
      return false;
    rest = std::get<TileGraph>(std::move(made));
    // A line of the result is to be the same line of the sum.
    if (rest.inputs.size() != product_.rest.inputs.size() ||
        rest.inputs[product_.sum_input].box != line(sum.source, sum.box))
      return false;
  }
  inputs_ = rest.inputs;
  tile_.emplace(context_, rest.graph);
  return true;
}

} // namespace isamorph::search
