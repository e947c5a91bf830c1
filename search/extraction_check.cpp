// The validator of extractions: shares nothing with what finds them.
#include "search/extraction.h"

#include <cmath>

namespace isamorph::search {
namespace {

/// Peels off classes whose chosen children are all peeled; what is left needs itself.
class Peeling {
public:
  Peeling(const SerializedEGraph &graph, const Extraction &extraction)
      : graph_(graph), choice_(extraction.choice) {}

  std::string run() {
    if (std::string problem = collect(); !problem.empty())
      return problem;
    std::vector<std::size_t> open(graph_.classes(), 0);
    std::vector<std::vector<std::uint32_t>> users(graph_.classes());
    for (std::uint32_t c : needed_)
      for (std::uint32_t child : graph_.children_of(choice_[c])) {
        ++open[c];
        users[child].push_back(c);
      }
    for (std::uint32_t c : needed_)
      if (open[c] == 0)
        peeled.push_back(c);
    for (std::size_t i = 0; i < peeled.size(); ++i)
      for (std::uint32_t user : users[peeled[i]])
        if (--open[user] == 0)
          peeled.push_back(user);
    if (peeled.size() == needed_.size())
      return {};
    for (std::uint32_t c : needed_)
      if (open[c] != 0)
        return "class '" + graph_.class_names[c] + "' is on or above a cycle of choices";
    return {};
  }

  std::vector<std::uint32_t> peeled; ///< children before users

private:
  std::string collect() {
    if (choice_.size() != graph_.classes())
      return "the extraction has " + std::to_string(choice_.size()) + " choices for " +
             std::to_string(graph_.classes()) + " classes";
    std::vector<bool> seen(graph_.classes(), false);
    auto need = [&](std::uint32_t c) {
      if (!seen[c])
        needed_.push_back(c);
      seen[c] = true;
    };
    for (std::uint32_t root : graph_.roots)
      need(root);
    for (std::size_t i = 0; i < needed_.size(); ++i) {
      std::uint32_t c = needed_[i], node = choice_[c];
      if (node == kNoNode)
        return "class '" + graph_.class_names[c] + "' is needed and has no choice";
      if (node >= graph_.nodes() || graph_.node_class[node] != c)
        return "the choice for class '" + graph_.class_names[c] + "' is not a node of it";
      for (std::uint32_t child : graph_.children_of(node))
        need(child);
    }
    return {};
  }

  const SerializedEGraph &graph_;
  const std::vector<std::uint32_t> &choice_;
  std::vector<std::uint32_t> needed_;
};

} // namespace

std::string check_extraction(const SerializedEGraph &graph, const Extraction &extraction,
                             CostKind kind, double cost) {
  Peeling peeling(graph, extraction);
  if (std::string problem = peeling.run(); !problem.empty())
    return problem;
  double sum = 0, size = 0;
  std::vector<double> tree(graph.classes(), 0);
  for (std::uint32_t c : peeling.peeled) {
    double own = graph.costs[extraction.choice[c]];
    sum += own;
    size += std::abs(own);
    tree[c] = own;
    for (std::uint32_t child : graph.children_of(extraction.choice[c]))
      tree[c] += tree[child];
  }
  if (kind == CostKind::Tree) {
    sum = 0;
    for (std::uint32_t root : graph.roots)
      sum += tree[root];
    size = std::abs(sum);
  }
  if (!(std::abs(sum - cost) <= 1e-9 * size))
    return "the cost is " + std::to_string(sum) + ", not " + std::to_string(cost);
  return {};
}

} // namespace isamorph::search
