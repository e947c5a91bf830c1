#include "verify/checker/addends.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

namespace isamorph::verify {

using semantics::AttributeKey;
using semantics::Node;
using semantics::NodeId;
using semantics::OpCode;
using semantics::Shape;

namespace {

int bytes_of(const Shape &shape) { return semantics::byte_size(shape.type); }

/// What is known of a value of the program, found from the parameters to the results.
struct Content {
  std::optional<NodeId> parameter; ///< all its elements are among the value's
  std::vector<Addend>
      addends; ///< the value is their sum, all elements of it; no factor twice; or none
};

Content content_of_dot(const semantics::TensorGraph &graph, const Node &node,
                       const std::vector<Content> &known) {
  auto left = known[node.operands[0].v].parameter, right = known[node.operands[1].v].parameter;
  if (!left || !right)
    return {};
  Addend addend{{*left, *right}, 0, bytes_of(node.shape)};
  if (*left != *right) {
    addend.products = node.shape.elements();
    for (std::int64_t d : node.attributes.get(AttributeKey::LhsContracting))
      addend.products *= graph[node.operands[0]].shape.dims[static_cast<std::size_t>(d)];
  }
  return {std::nullopt, {addend}};
}

/// Of a sum or a difference.
Content content_of_sum(const Content &one, const Content &two, int width, bool difference) {
  Content out;
  std::set<NodeId> seen;
  for (const Content *side : {&one, &two}) {
    if (side->addends.empty())
      return {};
    for (Addend addend : side->addends) {
      for (NodeId factor : addend.factors)
        if (!seen.insert(factor).second)
          return {};
      addend.width = std::min(addend.width, width);
      addend.signs |= difference;
      out.addends.push_back(std::move(addend));
    }
  }
  return out;
}

/// The least and the greatest element of a constant; none of other values.
std::optional<std::pair<double, double>> extremes(const semantics::TensorGraph &graph, NodeId id) {
  while (graph[id].op == OpCode::Broadcast)
    id = graph[id].operands[0];
  const Node &node = graph[id];
  if (node.op != OpCode::Constant || !node.attributes.literal)
    return std::nullopt;
  const semantics::Tensor &tensor = *node.attributes.literal;
  std::pair<double, double> out = {std::numeric_limits<double>::infinity(),
                                   -std::numeric_limits<double>::infinity()};
  for (std::int64_t e = 0; e < tensor.elements(); ++e) {
    double value = semantics::decode(tensor.shape().type, tensor.bits(e));
    if (std::isnan(value))
      return std::nullopt;
    out = {std::min(out.first, value), std::max(out.second, value)};
  }
  return out;
}

/// Of the greater of a value and a constant that is not positive, or a value between constants of
/// which the lower is not positive and the upper is 1 or more: zero and one pass, or all that is
/// positive; differences may be negative.
Content content_of_limited(const semantics::TensorGraph &graph, const Node &node,
                           const std::vector<Content> &known) {
  auto not_positive = [&](NodeId id) {
    auto range = extremes(graph, id);
    return range && range->second <= 0;
  };
  NodeId first = node.operands[0], second = node.operands[1];
  Content out;
  if (node.op == OpCode::Maximum) {
    if (not_positive(second))
      out.addends = known[first.v].addends;
    else if (not_positive(first))
      out.addends = known[second.v].addends;
  } else if (auto upper = extremes(graph, node.operands[2]);
             upper && upper->first >= 1 && not_positive(first)) {
    out.addends = known[second.v].addends;
  }
  for (Addend &addend : out.addends) {
    if (addend.signs)
      return {};
    addend.width = std::min(addend.width, node.op == OpCode::Clamp ? 1 : bytes_of(node.shape));
  }
  return out;
}

Content content_of(const semantics::TensorGraph &graph, const Node &node,
                   const std::vector<Content> &known) {
  if (node.op == OpCode::Dot)
    return content_of_dot(graph, node, known);
  if (node.op == OpCode::Add || node.op == OpCode::Subtract)
    return content_of_sum(known[node.operands[0].v], known[node.operands[1].v],
                          bytes_of(node.shape), node.op == OpCode::Subtract);
  if (node.op == OpCode::Maximum || node.op == OpCode::Clamp)
    return content_of_limited(graph, node, known);
  if (node.operands.size() != 1)
    return {};
  const Shape &from = graph[node.operands[0]].shape;
  bool moved = node.op == OpCode::Copy || node.op == OpCode::Reshape ||
               node.op == OpCode::Transpose || node.op == OpCode::Reverse;
  bool integers = node.op == OpCode::Convert && semantics::is_integer(from.type) &&
                  semantics::is_integer(node.shape.type);
  bool repeated = node.op == OpCode::Broadcast;
  if (!moved && !integers && !repeated)
    return {};
  Content out = known[node.operands[0].v];
  if (repeated || (integers && bytes_of(node.shape) <= bytes_of(from)))
    out.parameter.reset();
  for (Addend &addend : out.addends)
    addend.width = std::min(addend.width, bytes_of(node.shape));
  return out;
}

} // namespace

std::vector<Addend> addends_of(const semantics::TensorGraph &graph) {
  std::vector<Content> known;
  for (std::uint32_t n = 0; n < graph.nodes.size(); ++n) {
    const Node &node = graph.nodes[n];
    if (node.op == OpCode::Parameter)
      known.push_back({NodeId{n}, {{{NodeId{n}}, 0, bytes_of(node.shape)}}});
    else
      known.push_back(content_of(graph, node, known));
  }
  if (graph.results.size() != 1 || graph[graph.results[0]].shape.elements() == 0)
    return {};
  std::vector<Addend> out = known[graph.results[0].v].addends;
  for (const Addend &addend : out)
    for (NodeId factor : addend.factors)
      if (bytes_of(graph[factor].shape) > addend.width)
        return {};
  return out;
}

} // namespace isamorph::verify
