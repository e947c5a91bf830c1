#pragma once
// The tensor graph: a DAG of operations in topological order, with shapes. What HLO text means
// after calls and fusions are inlined, tuples at the root are split, and ENTRY layouts have become
// reshapes and transposes, so that every boundary tensor lies dense and row-major in memory.

#include "semantics/op.h"
#include "semantics/source.h"

namespace isamorph::semantics {

struct NodeId {
  std::uint32_t v = 0;
  auto operator<=>(const NodeId &) const = default;
};

struct Node {
  OpCode op = OpCode::Parameter;
  Attributes attributes;
  std::vector<NodeId> operands; ///< all smaller than the node's own id
  Shape shape;
  std::string name; ///< as written, without '%'; unique within the graph
  Location location;
};

/// Invariants: operands precede users; `parameters[i]` is the Parameter node of number i; every
/// shape is what infer_shape gives.
class TensorGraph {
public:
  std::string name = "main";
  std::vector<Node> nodes;
  std::vector<NodeId> parameters;
  std::vector<NodeId> results; ///< one, or the elements of the root tuple

  const Node &operator[](NodeId id) const { return nodes[id.v]; }
  /// Appends a node after checking it; throws InputError at `location` (or std::invalid_argument's
  /// message).
  NodeId add(OpCode op, std::vector<NodeId> operands, Attributes attributes, const Shape &declared,
             std::string name = {}, const Location &location = {});
  /// The nodes that results depend on, in order, parameters included.
  TensorGraph without_dead_nodes() const;
};

} // namespace isamorph::semantics
