#pragma once
// An e-graph as it was after its last rebuild, in the form that extraction reads
// (serialized_egraph.h), and as Graphviz text.

#include "search/egraph.h"
#include "search/pattern.h"
#include "search/serialized_egraph.h"

namespace isamorph::search {

/// Every node costs 1. A class is named by its number, its nodes "class.place". Classes without
/// nodes (all of them hidden) do not occur, and a node that needs one does not either.
template <class Analysis>
SerializedEGraph serialize(const EGraph<Analysis> &graph, const OperatorNames &names,
                           std::span<const ClassId> roots) {
  SerializedEGraph out;
  std::vector<std::uint32_t> first(graph.class_limit(), kNone), class_number(graph.class_limit());
  std::uint32_t count = 0;
  for (ClassId c : graph.index().classes())
    if (!graph.nodes_of(c).empty()) {
      first[c.v] = count;
      count += static_cast<std::uint32_t>(graph.nodes_of(c).size());
      class_number[c.v] = static_cast<std::uint32_t>(out.class_names.size());
      out.class_names.push_back(std::to_string(c.v));
    }
  out.children_at.push_back(0);
  for (ClassId c : graph.index().classes()) {
    std::size_t place = 0;
    for (ENodeId node : graph.nodes_of(c)) {
      out.node_names.push_back(std::to_string(c.v) + "." + std::to_string(place++));
      out.ops.push_back(names.name(graph.op(node)));
      out.node_class.push_back(class_number[c.v]);
      out.costs.push_back(1);
      out.subsumed.push_back(0);
      for (ClassId child : graph.children(node))
        out.child_nodes.push_back(first[graph.find(child).v]);
      out.children_at.push_back(static_cast<std::uint32_t>(out.child_nodes.size()));
    }
  }
  for (ClassId root : roots)
    out.roots.push_back(class_number[graph.find(root).v]);
  out.index();
  return out;
}

/// Classes as boxes around their nodes; an edge runs from a node to a node of the class that it
/// needs.
std::string print_graphviz(const SerializedEGraph &graph);

} // namespace isamorph::search
