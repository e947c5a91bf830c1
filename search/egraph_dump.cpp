// Boost.Graph copies an optional that it has not filled, which is right but warned about.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"

#include "search/egraph_dump.h"

#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/graphviz.hpp>
#include <sstream>

namespace isamorph::search {

std::string print_graphviz(const SerializedEGraph &graph) {
  using namespace boost;
  using Attributes = std::map<std::string, std::string>;
  using Base =
      adjacency_list<vecS, vecS, directedS, property<vertex_attribute_t, Attributes>,
                     property<edge_index_t, int, property<edge_attribute_t, Attributes>>,
                     property<graph_name_t, std::string,
                              property<graph_graph_attribute_t, Attributes,
                                       property<graph_vertex_attribute_t, Attributes,
                                                property<graph_edge_attribute_t, Attributes>>>>>;
  subgraph<Base> dot(graph.nodes());
  get_property(dot, graph_name) = "egraph";
  get_property(dot, graph_graph_attribute)["compound"] = "true";
  for (std::uint32_t n = 0; n < graph.nodes(); ++n)
    put(get(vertex_attribute, dot), n, Attributes{{"label", graph.ops[n]}});
  for (std::uint32_t c = 0; c < graph.classes(); ++c) {
    subgraph<Base> &box = dot.create_subgraph();
    get_property(box, graph_name) = "cluster_" + std::to_string(c);
    get_property(box, graph_graph_attribute)["style"] = "dotted";
    for (std::uint32_t n : graph.nodes_of(c))
      add_vertex(n, box);
  }
  for (std::uint32_t n = 0; n < graph.nodes(); ++n) {
    auto children = graph.children_of(n);
    for (std::size_t i = 0; i < children.size(); ++i) {
      auto edge = add_edge(n, graph.nodes_of(children[i])[0], dot).first;
      Attributes attributes{{"lhead", "cluster_" + std::to_string(children[i])}};
      if (children.size() > 1)
        attributes["label"] = std::to_string(i);
      put(get(edge_attribute, dot), edge, attributes);
    }
  }
  std::ostringstream out;
  write_graphviz(out, dot);
  return out.str();
}

} // namespace isamorph::search
