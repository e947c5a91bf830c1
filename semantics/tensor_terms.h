#pragma once
// Tensor programs as terms: one graph in which equal terms are one node, so that a term's number
// says what it is. What a rewriting of a program does, step by step, is written in these.

#include "semantics/graph.h"

#include <map>
#include <optional>
#include <span>

namespace isamorph::semantics {

/// Attributes in one form: what has a default is written out.
Attributes canonical_attributes(OpCode op, Attributes attributes, std::size_t rank);

/// Of a slice without gaps: `sizes` elements from `starts` on.
Attributes slice_attributes(std::span<const std::int64_t> starts,
                            std::span<const std::int64_t> sizes);

/// Invariant: no two nodes have the same operation, operands, attributes and shape.
class TensorTerms {
public:
  /// Throws InputError when operands, attributes and shape do not fit.
  NodeId add(OpCode op, std::vector<NodeId> operands, const Attributes &attributes,
             const Shape &shape);
  /// All nodes of a graph, given its parameters, of whose shapes they are; the term of each.
  std::vector<NodeId> add(const TensorGraph &graph, std::span<const NodeId> parameters);
  /// The same with parameters of its own: number i is parameter number i of any other graph.
  std::vector<NodeId> add(const TensorGraph &graph);
  NodeId constant(const TensorRef &value);
  /// u8[bytes]: the memory image of a value, as reshape(bitcast-convert(value)).
  NodeId image(NodeId value);

  /// The term that `path`, a list of operand numbers, leads to; nullopt when it leads nowhere.
  std::optional<NodeId> at(NodeId root, std::span<const std::uint32_t> path) const;
  /// `root` with another term of the same shape at a place that there is.
  NodeId replaced(NodeId root, std::span<const std::uint32_t> path, NodeId by);

  const Node &operator[](NodeId id) const { return graph_[id]; }
  std::size_t size() const { return graph_.nodes.size(); }
  /// Its results are those that `set_results` set.
  const TensorGraph &graph() const { return graph_; }
  void set_results(std::vector<NodeId> results) { graph_.results = std::move(results); }

private:
  TensorGraph graph_;
  std::map<std::size_t, std::vector<NodeId>> by_hash_;
};

} // namespace isamorph::semantics
