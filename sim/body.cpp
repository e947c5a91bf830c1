#include "sim/body.h"

#include "semantics/evaluator_kernels.h"
#include "sim/denormals.h"
#include "sim/fused_products.h"

#include <algorithm>
#include <cassert>
#include <tbb/blocked_range.h>
#include <tbb/parallel_for.h>

namespace isamorph::sim {

using semantics::Node;
using semantics::NodeId;
using semantics::OpClass;
using semantics::OpCode;
using semantics::Shape;
using semantics::Tensor;
using semantics::TensorGraph;
using semantics::TensorRef;

namespace {

constexpr std::size_t kEvaluationsBeforeTable = 1 << 16;
/// Products of a unit that one task forms, at least.
constexpr std::size_t kUnitProducts = 1 << 14;

bool has_table(const Node &node, const Node &operand) {
  return node.operands.size() == 1 && node.op != OpCode::Convert &&
         node.shape.type == operand.shape.type &&
         (node.shape.type == semantics::ElementType::F16 ||
          node.shape.type == semantics::ElementType::BF16);
}

bool is_movement(OpCode op) {
  return op == OpCode::Transpose || op == OpCode::Broadcast || op == OpCode::Slice ||
         op == OpCode::Concatenate || op == OpCode::Reverse || op == OpCode::Pad;
}

std::size_t element_count(const Shape &shape) { return static_cast<std::size_t>(shape.elements()); }
std::size_t byte_count(const Shape &shape) { return static_cast<std::size_t>(shape.bytes()); }

/// The node alone, its operands as parameters.
TensorGraph single_operation(const TensorGraph &graph, const Node &node) {
  TensorGraph out;
  std::vector<NodeId> operands;
  for (NodeId operand : node.operands) {
    semantics::Attributes number;
    number.set(semantics::AttributeKey::ParameterNumber,
               {static_cast<std::int64_t>(operands.size())});
    operands.push_back(
        out.add(OpCode::Parameter, {}, number, graph[operand].shape, {}, graph[operand].location));
  }
  out.parameters = operands;
  out.results = {out.add(node.op, operands, node.attributes, node.shape, {}, node.location)};
  return out;
}

} // namespace

class Body::Compiler {
public:
  Compiler(const TensorGraph &graph, Body &body)
      : graph_(graph), body_(body), products_(fused_products(graph)), places_(graph.nodes.size()),
        literals_(graph.nodes.size()) {}

  void compile() {
    find_storage();
    for (std::uint32_t i = 0; i < graph_.nodes.size(); ++i)
      if (live_[i])
        compile(i);
    for (std::size_t r = 0; r < graph_.results.size(); ++r) {
      std::uint32_t from = storage_[graph_.results[r].v];
      Place to{Place::Kind::Write, r};
      if (places_[from].kind != Place::Kind::Write || places_[from].index != r)
        add(CopyBytes{places_[from], to, byte_count(graph_[graph_.results[r]].shape)});
    }
    body_.scratch_bytes_ = scratch_ + action_scratch_;
    for (Action &action : body_.actions_) // after all values
      if (auto *dot = std::get_if<RunDot>(&action))
        dot->scratch = scratch_;
      else if (auto *narrow_dot = std::get_if<RunNarrowDot>(&action))
        narrow_dot->scratch = scratch_;
      else if (auto *reduce = std::get_if<RunReduce>(&action))
        reduce->scratch = scratch_;
  }

private:
  /// Which nodes are needed, the node whose storage each shares, and the result it is made in.
  void find_storage() {
    live_.assign(graph_.nodes.size(), 0);
    for (NodeId result : graph_.results)
      live_[result.v] = 1;
    for (std::size_t i = graph_.nodes.size(); i-- > 0;)
      if (live_[i])
        for (NodeId input : products_[i] ? products_[i]->inputs() : graph_.nodes[i].operands)
          live_[input.v] = 1;
    for (std::uint32_t i = 0; i < graph_.nodes.size(); ++i) {
      const Node &node = graph_.nodes[i];
      storage_.push_back(semantics::keeps_bytes(node.op) ? storage_[node.operands[0].v] : i);
    }
    made_in_.assign(graph_.nodes.size(), std::nullopt);
    for (std::size_t r = 0; r < graph_.results.size(); ++r) {
      auto &made_in = made_in_[storage_[graph_.results[r].v]];
      if (!made_in)
        made_in = r;
    }
  }

  void compile(std::uint32_t i) {
    const Node &node = graph_.nodes[i];
    if (node.op == OpCode::Parameter)
      places_[i] = {Place::Kind::Read, parameter_number(i)};
    else if (semantics::keeps_bytes(node.op))
      places_[i] = places_[storage_[i]];
    else if (all_literal(node))
      make_literal(i);
    else
      compute(i);
    if (semantics::keeps_bytes(node.op) && literals_[node.operands[0].v])
      literals_[i] = folded(node);
  }

  std::size_t parameter_number(std::uint32_t i) const {
    auto found = std::find(graph_.parameters.begin(), graph_.parameters.end(), NodeId{i});
    assert(found != graph_.parameters.end());
    return static_cast<std::size_t>(found - graph_.parameters.begin());
  }

  bool all_literal(const Node &node) const {
    return std::all_of(node.operands.begin(), node.operands.end(),
                       [&](NodeId operand) { return literals_[operand.v] != nullptr; });
  }
  TensorRef folded(const Node &node) const {
    if (node.op == OpCode::Constant)
      return node.attributes.literal;
    std::vector<const Tensor *> operands;
    for (NodeId operand : node.operands)
      operands.push_back(literals_[operand.v].get());
    return std::make_shared<const Tensor>(std::move(
        semantics::evaluate_borrowed(single_operation(graph_, node), operands, body_.profile_)[0]));
  }
  void make_literal(std::uint32_t i) {
    literals_[i] = folded(graph_.nodes[i]);
    places_[i] = {Place::Kind::Literal, body_.literals_.size()};
    body_.literals_.push_back(literals_[i]);
  }

  Place destination(std::uint32_t i) {
    if (made_in_[i])
      return {Place::Kind::Write, *made_in_[i]};
    Place place{Place::Kind::Scratch, scratch_};
    scratch_ += aligned_bytes(byte_count(graph_.nodes[i].shape));
    return place;
  }

  void compute(std::uint32_t i) {
    const Node &node = graph_.nodes[i];
    places_[i] = destination(i);
    body_.work_ += element_count(node.shape);
    if (products_[i])
      product(*products_[i], node, places_[i]);
    else if (is_movement(node.op))
      move(node, places_[i]);
    else if (node.op == OpCode::Dot)
      dot(node, places_[i]);
    else if (node.op == OpCode::Reduce)
      reduce(node, places_[i]);
    else if (semantics::info(node.op).cls == OpClass::Elementwise)
      elementwise(node, places_[i]);
    else
      evaluate(node, places_[i]);
  }

  void move(const Node &node, Place to) {
    std::vector<const Shape *> shapes;
    for (NodeId operand : node.operands)
      shapes.push_back(&graph_[operand].shape);
    for (auto &[operand, copy] :
         semantics::movement_copies(node.op, node.attributes, shapes, node.shape))
      add(Move{place(node, operand), to, copy.simplified()});
  }

  void product(const FusedProduct &product, const Node &node, Place to) {
    const Node &dot = graph_[product.dot];
    const auto &[lhs, rhs] = product.shapes;
    note_products(dot);
    NarrowDot kernel(dot.attributes, lhs, rhs, node.shape.type, body_.target_);
    action_scratch_ = std::max(action_scratch_, kernel.scratch_bytes());
    RunNarrowDot action{places_[product.operands[0].v],
                        places_[product.operands[1].v],
                        {},
                        to,
                        std::move(kernel),
                        0};
    if (product.addend)
      action.addend = places_[product.addend->v];
    add(std::move(action));
  }

  void dot(const Node &node, Place to) {
    const Shape &lhs = operand(node, 0).shape, &rhs = operand(node, 1).shape;
    note_products(node);
    auto kernel =
        Dot::compile(node.attributes, lhs, rhs, node.shape, body_.profile_, body_.target_);
    if (!kernel && semantics::unit_for(body_.profile_.dot, node.shape.type))
      return add(RunUnit{place(node, 0), place(node, 1), to,
                         semantics::dot_layout(node.attributes, lhs, rhs), node.shape.type});
    if (!kernel)
      return evaluate(node, to);
    action_scratch_ = std::max(action_scratch_, kernel->scratch_bytes());
    add(RunDot{place(node, 0), place(node, 1), to, std::move(*kernel), 0});
  }
  void note_products(const Node &dot) {
    std::size_t products = element_count(dot.shape);
    for (std::int64_t d : dot.attributes.get(semantics::AttributeKey::LhsContracting))
      products *= static_cast<std::size_t>(operand(dot, 0).shape.dims[static_cast<std::size_t>(d)]);
    body_.work_ += products / kLanes;
  }

  void reduce(const Node &node, Place to) {
    const Shape &input = operand(node, 0).shape;
    body_.work_ += element_count(input);
    auto kernel = ReduceAdd::compile(node.attributes, input, body_.profile_, body_.target_);
    if (!kernel)
      return evaluate(node, to);
    action_scratch_ = std::max(action_scratch_, kernel->scratch_bytes());
    add(RunReduce{place(node, 0), place(node, 1), to, std::move(*kernel), 0});
  }

  void elementwise(const Node &node, Place to) {
    std::size_t count = element_count(node.shape);
    semantics::ElementType type = node.shape.type;
    if (Arithmetic function = node.operands.size() == 2 && node.op != OpCode::Compare
                                  ? arithmetic(node.op, type, body_.profile_)
                                  : nullptr)
      return add(RunArithmetic{place(node, 0), place(node, 1), to, count, function,
                               semantics::is_float(type) &&
                                   *machine_flushes(body_.profile_, node.op, type)});
    if (Widening function =
            node.op == OpCode::Convert ? widening(operand(node, 0).shape.type, type) : nullptr)
      return add(Widen{place(node, 0), to, count, function});
    Elementwise action{node.op, node.attributes, {}, {}, {}, type, to, count, nullptr};
    for (std::size_t i = 0; i < node.operands.size(); ++i) {
      action.operands.push_back(place(node, i));
      action.types.push_back(operand(node, i).shape.type);
      action.repeated[i] = operand(node, i).shape.elements() == 1;
    }
    if (has_table(node, operand(node, 0)))
      action.evaluated = std::make_unique<std::atomic<std::size_t>>(0);
    add(std::move(action));
  }

  void evaluate(const Node &node, Place to) {
    Evaluate action{single_operation(graph_, node), {}, to};
    for (std::size_t i = 0; i < node.operands.size(); ++i)
      action.operands.push_back(place(node, i));
    add(std::move(action));
  }

  const Node &operand(const Node &node, std::size_t i) const { return graph_[node.operands[i]]; }
  Place place(const Node &node, std::size_t i) const { return places_[node.operands[i].v]; }
  void add(Action action) { body_.actions_.push_back(std::move(action)); }

  const TensorGraph &graph_;
  Body &body_;
  std::vector<std::optional<FusedProduct>> products_;
  std::vector<char> live_;
  std::vector<std::uint32_t> storage_;
  std::vector<std::optional<std::size_t>> made_in_; ///< by storage node
  std::vector<Place> places_;
  std::vector<TensorRef> literals_; ///< null: depends on a parameter
  std::size_t scratch_ = 0, action_scratch_ = 0;
};

Body::Body(const TensorGraph &graph, const semantics::NumericsProfile &profile, VectorTarget target)
    : profile_(profile), target_(target) {
  Compiler(graph, *this).compile();
}

class Body::Runner {
public:
  Runner(const Body &body, std::span<const std::byte *const> reads,
         std::span<std::byte *const> writes, std::byte *scratch)
      : body_(body), reads_(reads), writes_(writes), scratch_(scratch) {}

  void operator()(const CopyBytes &action) const {
    std::copy_n(from(action.from), action.bytes, to(action.to));
  }
  void operator()(const Move &action) const { action.copy.run(from(action.from), to(action.to)); }
  void operator()(const RunDot &action) const {
    action.dot.run(from(action.lhs), from(action.rhs), to(action.to), scratch_ + action.scratch);
  }
  void operator()(const RunNarrowDot &action) const {
    action.dot.run(from(action.lhs), from(action.rhs),
                   action.addend ? from(*action.addend) : nullptr, to(action.to),
                   scratch_ + action.scratch);
  }
  void operator()(const RunUnit &action) const {
    const semantics::DotLayout &layout = action.layout;
    std::size_t rows = layout.left_rows.size(),
                line = std::max<std::size_t>(1, layout.right_columns.size() *
                                                    layout.left_terms.size());
    auto run = [&](std::size_t begin, std::size_t end) {
      semantics::dot_by_unit(layout, body_.profile_, action.type, from(action.lhs),
                             from(action.rhs), to(action.to), begin, end);
    };
    std::size_t grain = kUnitProducts / line + 1;
    if (rows <= grain)
      return run(0, rows);
    tbb::parallel_for(tbb::blocked_range<std::size_t>(0, rows, grain),
                      [&](const auto &range) { run(range.begin(), range.end()); });
  }
  void operator()(const RunReduce &action) const {
    action.reduce.run(from(action.input), from(action.init), to(action.to),
                      scratch_ + action.scratch);
  }
  void operator()(const RunArithmetic &action) const {
    FlushScope scope(action.flushes);
    action.function(body_.target_, from(action.a), from(action.b), to(action.to), action.count);
  }
  void operator()(const Widen &action) const {
    action.function(body_.target_, from(action.from), to(action.to), action.count);
  }

  void operator()(const Elementwise &action) const {
    if (action.evaluated && action.evaluated->fetch_add(action.count, std::memory_order_relaxed) >=
                                kEvaluationsBeforeTable)
      return look_up(semantics::unary_table(action.op, action.result, body_.profile_),
                     from(action.operands[0]), to(action.to), action.count);
    std::array<const std::byte *, 3> inputs{};
    for (std::size_t i = 0; i < action.operands.size(); ++i)
      inputs[i] = from(action.operands[i]);
    semantics::run_elementwise({action.op,
                                action.attributes,
                                action.types,
                                {inputs.data(), action.operands.size()},
                                action.repeated,
                                action.result,
                                to(action.to),
                                action.count,
                                body_.profile_});
  }

  void operator()(const Evaluate &action) const {
    std::vector<Tensor> operands;
    for (std::size_t i = 0; i < action.operands.size(); ++i) {
      const Shape &shape = action.graph[action.graph.parameters[i]].shape;
      const std::byte *bytes = from(action.operands[i]);
      operands.emplace_back(shape, std::vector<std::byte>(bytes, bytes + byte_count(shape)));
    }
    Tensor result = std::move(semantics::evaluate(action.graph, operands, body_.profile_)[0]);
    std::copy(result.bytes().begin(), result.bytes().end(), to(action.to));
  }

private:
  const std::byte *from(Place place) const {
    if (place.kind == Place::Kind::Read)
      return reads_[place.index];
    if (place.kind == Place::Kind::Literal)
      return body_.literals_[place.index]->bytes().data();
    return to(place);
  }
  std::byte *to(Place place) const {
    return place.kind == Place::Kind::Write ? writes_[place.index] : scratch_ + place.index;
  }

  const Body &body_;
  std::span<const std::byte *const> reads_;
  std::span<std::byte *const> writes_;
  std::byte *scratch_;
};

void Body::run(std::span<const std::byte *const> reads, std::span<std::byte *const> writes,
               std::byte *scratch) const {
  Runner runner(*this, reads, writes, scratch);
  for (const Action &action : actions_)
    std::visit(runner, action);
}

} // namespace isamorph::sim
