#include "search/summands.h"

#include <algorithm>
#include <limits>
#include <optional>

namespace isamorph::search {

using semantics::AttributeKey;
using semantics::Node;
using semantics::NodeId;
using semantics::OpCode;
using semantics::Shape;
using semantics::TensorGraph;

namespace {

/// Every element of the operand is an element of the result.
bool keeps_all_elements(const Node &node, const Shape &operand) {
  switch (node.op) {
  case OpCode::Copy:
  case OpCode::Reshape:
  case OpCode::Transpose:
  case OpCode::Reverse:
    return true;
  case OpCode::Convert: // to a type that tells all values of the old one apart
    return semantics::is_integer(operand.type) && semantics::is_integer(node.shape.type) &&
           semantics::byte_size(node.shape.type) > semantics::byte_size(operand.type);
  default:
    return false;
  }
}

/// The low bits of an integer.
bool narrows(const Node &node, const Shape &operand) {
  return node.op == OpCode::Convert && semantics::is_integer(operand.type) &&
         semantics::is_integer(node.shape.type) &&
         semantics::byte_size(node.shape.type) <= semantics::byte_size(operand.type);
}

/// The parameter whose elements all are elements of a node.
std::optional<NodeId> parameter_of(const TensorGraph &graph, NodeId id) {
  while (graph[id].op != OpCode::Parameter) {
    const Node &node = graph[id];
    if (node.operands.size() != 1 || !keeps_all_elements(node, graph[node.operands[0]].shape))
      return std::nullopt;
    id = node.operands[0];
  }
  return id;
}

/// Whether a value is a constant all of whose elements are within the limits.
bool is_constant_within(const TensorGraph &graph, NodeId id, double low, double high) {
  while (graph[id].op == OpCode::Broadcast)
    id = graph[id].operands[0];
  const auto &literal = graph[id].attributes.literal;
  if (graph[id].op != OpCode::Constant || !literal)
    return false;
  for (std::int64_t e = 0; e < literal->elements(); ++e)
    if (double value = semantics::decode(literal->shape().type, literal->bits(e));
        !(low <= value && value <= high))
      return false;
  return true;
}

/// The operand of a maximum or clamp that is the result where it is 0 or 1, and of a maximum where
/// it is positive.
std::optional<NodeId> limited_operand(const TensorGraph &graph, const Node &node) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (node.op == OpCode::Maximum)
    for (std::size_t x = 0; x < 2; ++x)
      if (is_constant_within(graph, node.operands[1 - x], -kInfinity, 0))
        return node.operands[x];
  if (node.op == OpCode::Clamp && is_constant_within(graph, node.operands[0], -kInfinity, 0) &&
      is_constant_within(graph, node.operands[2], 1, kInfinity))
    return node.operands[1];
  return std::nullopt;
}

class Sum {
public:
  explicit Sum(const TensorGraph &graph) : graph_(graph) {
    known_ = graph.results.size() == 1 && graph[graph.results[0]].shape.elements() > 0 &&
             add(graph.results[0], std::numeric_limits<int>::max(), false);
  }

  std::vector<ProgramSummand> take() {
    return known_ ? std::move(summands_) : std::vector<ProgramSummand>();
  }

private:
  /// `narrowest`: bytes of an element between the node and the result. `positive`: on the way, only
  /// positive numbers are known to get through.
  bool add(NodeId id, int narrowest, bool positive) {
    const Node &node = graph_[id];
    narrowest = std::min(narrowest, semantics::byte_size(node.shape.type));
    if (node.op == OpCode::Parameter)
      return add({id, id, 0}, narrowest);
    if (node.op == OpCode::Dot)
      return add_product(node, narrowest);
    if (node.op == OpCode::Add || (node.op == OpCode::Subtract && !positive))
      return add(node.operands[0], narrowest, positive) &&
             add(node.operands[1], narrowest, positive);
    if (auto operand = limited_operand(graph_, node)) // of a clamp, one byte
      return add(*operand, node.op == OpCode::Clamp ? 1 : narrowest, true);
    if (node.operands.size() != 1)
      return false;
    const Shape &operand = graph_[node.operands[0]].shape;
    return (node.op == OpCode::Broadcast || keeps_all_elements(node, operand) ||
            narrows(node, operand)) &&
           add(node.operands[0], narrowest, positive);
  }

  bool add_product(const Node &dot, int narrowest) {
    auto lhs = parameter_of(graph_, dot.operands[0]), rhs = parameter_of(graph_, dot.operands[1]);
    if (!lhs || !rhs)
      return false;
    std::int64_t summed = 1;
    for (std::int64_t d : dot.attributes.get(AttributeKey::LhsContracting))
      summed *= graph_[dot.operands[0]].shape.dims[static_cast<std::size_t>(d)];
    return add({*lhs, *rhs, *lhs == *rhs ? 0 : dot.shape.elements() * summed}, narrowest);
  }

  bool add(const ProgramSummand &summand, int narrowest) {
    for (NodeId side : {summand.lhs, summand.rhs}) // an element times one must get through
      if (semantics::byte_size(graph_[side].shape.type) > narrowest)
        return false;
    for (const ProgramSummand &other : summands_)
      for (NodeId side : {summand.lhs, summand.rhs})
        if (side == other.lhs || side == other.rhs)
          return false;
    summands_.push_back(summand);
    return true;
  }

  const TensorGraph &graph_;
  std::vector<ProgramSummand> summands_;
  bool known_ = false;
};

} // namespace

std::vector<ProgramSummand> summands(const TensorGraph &graph) { return Sum(graph).take(); }

} // namespace isamorph::search
