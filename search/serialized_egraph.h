#pragma once
// An e-graph as it stands in a file: flat arrays for extraction, in the JSON form of the
// extraction-gym collection (egraph-serialize).
//
//   {"nodes": {ID: {"op": STRING, "children": [ID...], "eclass": STRING, "cost": NUMBER}},
//    "root_eclasses": [STRING...]}
//
// A child names a node and stands for that node's e-class. Classes and nodes are numbered from 0 in
// order of appearance. Invariants: every class has at least one node, every index is in range,
// every cost is finite, there is at least one root.

#include "semantics/source.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace isamorph::search {

struct SerializedEGraph {
  std::vector<std::string> class_names;
  std::vector<std::uint32_t> class_at;    ///< [classes + 1] offsets into class_nodes
  std::vector<std::uint32_t> class_nodes; ///< nodes by class, ascending within a class

  std::vector<std::string> node_names, ops;
  std::vector<std::uint32_t> node_class;
  std::vector<double> costs;
  std::vector<char> subsumed;               ///< kept for printing; extraction does not look at it
  std::vector<std::uint32_t> children_at;   ///< [nodes + 1] offsets into the two lists of children
  std::vector<std::uint32_t> child_classes; ///< repeated children stay repeated
  std::vector<std::uint32_t> child_nodes;   ///< the node that named the class

  std::vector<std::uint32_t> roots; ///< classes, in the order of the file, repeated ones too
  std::string class_data;           ///< JSON text, as read; empty when absent

  std::uint32_t classes() const { return static_cast<std::uint32_t>(class_names.size()); }
  std::uint32_t nodes() const { return static_cast<std::uint32_t>(node_names.size()); }
  std::span<const std::uint32_t> nodes_of(std::uint32_t c) const {
    return {class_nodes.data() + class_at[c], class_nodes.data() + class_at[c + 1]};
  }
  std::span<const std::uint32_t> children_of(std::uint32_t node) const {
    return {child_classes.data() + children_at[node], child_classes.data() + children_at[node + 1]};
  }

  /// Builds class_at and class_nodes from node_class, and child_classes from child_nodes.
  void index();
};

/// Throws InputError at the place in the text: not JSON, a wrong type, a missing or repeated key, a
/// child or a root that does not exist, no root, a cost that is not finite. Unknown keys are
/// skipped.
SerializedEGraph read_egraph(const semantics::SourceRef &source);

/// One node a line; read_egraph gives the same e-graph back.
std::string print_egraph(const SerializedEGraph &graph);

/// `text` as a JSON string, in quotes.
std::string json_quoted(std::string_view text);

} // namespace isamorph::search
