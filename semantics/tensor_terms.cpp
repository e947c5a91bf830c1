#include "semantics/tensor_terms.h"

#include "semantics/window.h"

#include <algorithm>
#include <cassert>

namespace isamorph::semantics {
namespace {

std::size_t hash(OpCode op, std::span<const NodeId> operands, const Attributes &attributes,
                 const Shape &shape) {
  std::size_t h = attributes.hash() * 31 + static_cast<std::size_t>(op);
  for (NodeId operand : operands)
    h = h * 1000003 + operand.v;
  h = h * 31 + static_cast<std::size_t>(shape.type);
  for (std::int64_t d : shape.dims)
    h = h * 31 + static_cast<std::size_t>(d);
  return h;
}

} // namespace

Attributes canonical_attributes(OpCode op, Attributes attributes, std::size_t rank) {
  if (op == OpCode::Slice && attributes.get(AttributeKey::SliceStrides).empty())
    attributes.set(AttributeKey::SliceStrides, std::vector<std::int64_t>(rank, 1));
  if (op == OpCode::Pad && attributes.get(AttributeKey::PaddingInterior).empty())
    attributes.set(AttributeKey::PaddingInterior, std::vector<std::int64_t>(rank, 0));
  return canonical_window(op, std::move(attributes));
}

Attributes slice_attributes(std::span<const std::int64_t> starts,
                            std::span<const std::int64_t> sizes) {
  std::vector<std::int64_t> from(starts.begin(), starts.end()), to = from;
  for (std::size_t d = 0; d < to.size(); ++d)
    to[d] += sizes[d];
  Attributes out;
  out.set(AttributeKey::SliceStrides, std::vector<std::int64_t>(from.size(), 1));
  out.set(AttributeKey::SliceStarts, std::move(from));
  out.set(AttributeKey::SliceLimits, std::move(to));
  return out;
}

NodeId TensorTerms::add(OpCode op, std::vector<NodeId> operands, const Attributes &attributes,
                        const Shape &shape) {
  Attributes canonical = canonical_attributes(op, attributes, shape.rank());
  std::vector<NodeId> &bucket = by_hash_[hash(op, operands, canonical, shape)];
  for (NodeId id : bucket) {
    const Node &known = graph_[id];
    if (known.op == op && known.operands == operands && known.shape == shape &&
        known.attributes == canonical)
      return id;
  }
  std::string name = "t" + std::to_string(graph_.nodes.size());
  NodeId id = graph_.add(op, std::move(operands), std::move(canonical), shape, std::move(name));
  if (graph_[id].shape != shape)
    fail({}, "the operands of " + std::string(info(op).name) + " do not fit " + shape.to_string());
  bucket.push_back(id);
  return id;
}

std::vector<NodeId> TensorTerms::add(const TensorGraph &graph, std::span<const NodeId> parameters) {
  assert(parameters.size() == graph.parameters.size());
  std::vector<NodeId> out(graph.nodes.size());
  for (std::size_t p = 0; p < parameters.size(); ++p) {
    assert(graph_[parameters[p]].shape == graph[graph.parameters[p]].shape);
    out[graph.parameters[p].v] = parameters[p];
  }
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node &node = graph.nodes[i];
    if (node.op == OpCode::Parameter)
      continue;
    std::vector<NodeId> operands;
    for (NodeId operand : node.operands)
      operands.push_back(out[operand.v]);
    out[i] = add(node.op, std::move(operands), node.attributes, node.shape);
  }
  return out;
}

std::vector<NodeId> TensorTerms::add(const TensorGraph &graph) {
  std::vector<NodeId> parameters;
  for (NodeId p : graph.parameters)
    parameters.push_back(add(OpCode::Parameter, {}, graph[p].attributes, graph[p].shape));
  return add(graph, parameters);
}

NodeId TensorTerms::constant(const TensorRef &value) {
  Attributes attributes;
  attributes.literal = value;
  return add(OpCode::Constant, {}, attributes, value->shape());
}

NodeId TensorTerms::image(NodeId value) {
  Shape from = graph_[value].shape, split{ElementType::U8, from.dims};
  NodeId bytes = value;
  if (from.type != ElementType::U8) {
    if (byte_size(from.type) > 1)
      split.dims.push_back(byte_size(from.type));
    bytes = add(OpCode::BitcastConvert, {value}, {}, split);
  }
  Shape flat{ElementType::U8, {from.bytes()}};
  return split == flat ? bytes : add(OpCode::Reshape, {bytes}, {}, flat);
}

std::optional<NodeId> TensorTerms::at(NodeId root, std::span<const std::uint32_t> path) const {
  for (std::uint32_t operand : path) {
    const std::vector<NodeId> &operands = graph_[root].operands;
    if (operand >= operands.size())
      return std::nullopt;
    root = operands[operand];
  }
  return root;
}

NodeId TensorTerms::replaced(NodeId root, std::span<const std::uint32_t> path, NodeId by) {
  std::vector<NodeId> spine = {root};
  for (std::uint32_t operand : path)
    spine.push_back(graph_[spine.back()].operands[operand]);
  assert(graph_[spine.back()].shape == graph_[by].shape);
  for (std::size_t i = path.size(); i-- > 0;) {
    const Node node = graph_[spine[i]];
    std::vector<NodeId> operands = node.operands;
    operands[path[i]] = by;
    by = add(node.op, std::move(operands), node.attributes, node.shape);
  }
  return by;
}

} // namespace isamorph::semantics
