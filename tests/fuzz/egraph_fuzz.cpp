// Serialized e-graphs: the printed e-graph reads back to an equal one.
#include "search/serialized_egraph.h"
#include "tests/fuzz/readers.h"

namespace isamorph::fuzz {
namespace {

bool equal(const search::SerializedEGraph &a, const search::SerializedEGraph &b) {
  return a.class_names == b.class_names && a.class_at == b.class_at &&
         a.class_nodes == b.class_nodes && a.node_names == b.node_names && a.ops == b.ops &&
         a.node_class == b.node_class && a.costs == b.costs && a.subsumed == b.subsumed &&
         a.children_at == b.children_at && a.child_classes == b.child_classes &&
         a.child_nodes == b.child_nodes && a.roots == b.roots && a.class_data == b.class_data;
}

void check_invariants(const search::SerializedEGraph &graph) {
  require(!graph.roots.empty(), "an e-graph without a root");
  for (std::uint32_t root : graph.roots)
    require(root < graph.classes(), "a root that is no class");
  for (std::uint32_t c = 0; c < graph.classes(); ++c)
    require(!graph.nodes_of(c).empty(), "a class without nodes");
  for (std::uint32_t n = 0; n < graph.nodes(); ++n)
    for (std::uint32_t child : graph.children_of(n))
      require(child < graph.classes(), "a child that is no class");
}

} // namespace

void egraph(const semantics::SourceRef &source) {
  search::SerializedEGraph graph = search::read_egraph(source);
  check_invariants(graph);
  search::SerializedEGraph again = read_printed(
      search::print_egraph(graph), [](const auto &s) { return search::read_egraph(s); });
  require(equal(graph, again), "the printed e-graph is another");
}

} // namespace isamorph::fuzz
