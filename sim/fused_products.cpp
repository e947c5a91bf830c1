#include "sim/fused_products.h"

#include "semantics/strided_copy.h"
#include "sim/narrow_dot.h"

namespace isamorph::sim {

using semantics::ElementType;
using semantics::Node;
using semantics::NodeId;
using semantics::OpCode;
using semantics::Shape;
using semantics::TensorGraph;

namespace {

/// Elements keep their places and, as integers modulo 2^bits, their values.
bool keeps_integers(const TensorGraph &graph, const Node &node) {
  if (!semantics::keeps_bytes(node.op) || !semantics::is_integer(node.shape.type))
    return false;
  ElementType from = graph[node.operands[0]].shape.type;
  return semantics::is_integer(from) &&
         semantics::byte_size(from) == semantics::byte_size(node.shape.type);
}

/// Whether each element as one of `to` is congruent to itself as one of `from`.
bool widens(ElementType from, ElementType to) {
  return semantics::is_integer(from) && semantics::is_integer(to) &&
         semantics::byte_size(from) < semantics::byte_size(to);
}

class Finder {
public:
  explicit Finder(const TensorGraph &graph) : graph_(graph), uses_(graph.nodes.size(), 0) {
    for (const Node &node : graph.nodes)
      for (NodeId operand : node.operands)
        ++uses_[operand.v];
    for (NodeId result : graph.results)
      ++uses_[result.v];
  }

  std::vector<std::optional<FusedProduct>> find() {
    for (std::uint32_t i = 0; i < graph_.nodes.size(); ++i)
      if (graph_.nodes[i].op == OpCode::Dot)
        found_.push_back(product(NodeId{i}));
      else
        found_.push_back(addition(graph_.nodes[i]));
    return std::move(found_);
  }

private:
  /// The node whose elements these are, before they were widened.
  std::pair<NodeId, ElementType> narrow(NodeId id) const {
    for (NodeId from = id;; from = graph_[from].operands[0]) {
      const Node &node = graph_[from];
      if (node.op == OpCode::Convert &&
          widens(graph_[node.operands[0]].shape.type, node.shape.type))
        return {node.operands[0], graph_[node.operands[0]].shape.type};
      if (!keeps_integers(graph_, node))
        return {id, graph_[id].shape.type};
    }
  }

  std::optional<FusedProduct> product(NodeId dot) const {
    FusedProduct out{dot, {}, {}, std::nullopt};
    for (std::size_t i = 0; i < 2; ++i) {
      NodeId operand = graph_[dot].operands[i];
      auto [from, type] = narrow(operand);
      out.operands[i] = from;
      out.shapes[i] = {type, graph_[operand].shape.dims};
    }
    bool taken = NarrowDot::takes(out.shapes[0].type, out.shapes[1].type, graph_[dot].shape.type);
    return taken ? std::optional(out) : std::nullopt;
  }

  /// The dot that is used here and nowhere else, through other names of its elements perhaps.
  std::optional<FusedProduct> only_used_here(NodeId id) const {
    for (; uses_[id.v] == 1; id = graph_[id].operands[0])
      if (found_[id.v])
        return graph_[id].op == OpCode::Dot ? found_[id.v] : std::nullopt;
      else if (!keeps_integers(graph_, graph_[id]))
        break;
    return std::nullopt;
  }

  std::optional<FusedProduct> addition(const Node &node) const {
    if (node.op != OpCode::Add || !semantics::is_integer(node.shape.type))
      return std::nullopt;
    for (std::size_t i = 0; i < 2; ++i)
      if (auto product = only_used_here(node.operands[i])) {
        product->addend = node.operands[1 - i];
        return product;
      }
    return std::nullopt;
  }

  const TensorGraph &graph_;
  std::vector<std::uint32_t> uses_;
  std::vector<std::optional<FusedProduct>> found_;
};

} // namespace

std::vector<NodeId> FusedProduct::inputs() const {
  std::vector<NodeId> out(operands.begin(), operands.end());
  if (addend)
    out.push_back(*addend);
  return out;
}

std::vector<std::optional<FusedProduct>> fused_products(const TensorGraph &graph) {
  return Finder(graph).find();
}

} // namespace isamorph::sim
