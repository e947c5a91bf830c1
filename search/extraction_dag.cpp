// From an e-graph to extraction problems and back.
#include "search/extraction_exact.h"

#include <chrono>
#include <cmath>
#include <limits>
#include <utility>

namespace isamorph::search {
namespace {

/// Costs and bounds that differ by less than this part of the cost are the same.
constexpr double kSame = 1e-9;

/// The choices that the roots need.
Extraction extraction_of(const SerializedEGraph &graph, const std::vector<std::uint32_t> &chosen) {
  std::vector<std::uint32_t> all(graph.classes(), kNoNode);
  for (std::uint32_t n : chosen)
    all[graph.node_class[n]] = n;
  Extraction out;
  out.choice.assign(graph.classes(), kNoNode);
  std::vector<std::uint32_t> stack;
  auto need = [&](std::uint32_t c) {
    if (out.choice[c] == kNoNode) {
      out.choice[c] = all[c];
      stack.push_back(c);
    }
  };
  for (std::uint32_t root : graph.roots)
    need(root);
  while (!stack.empty()) {
    std::uint32_t c = stack.back();
    stack.pop_back();
    for (std::uint32_t child : graph.children_of(out.choice[c]))
      need(child);
  }
  return out;
}

/// What the classes that can be reached could save at most by nodes of negative cost.
double possible_savings(const SerializedEGraph &graph) {
  std::vector<char> seen(graph.classes(), 0);
  std::vector<std::uint32_t> stack;
  auto reach = [&](std::uint32_t c) {
    if (!std::exchange(seen[c], 1))
      stack.push_back(c);
  };
  for (std::uint32_t root : graph.roots)
    reach(root);
  double sum = 0;
  while (!stack.empty()) {
    std::uint32_t c = stack.back();
    stack.pop_back();
    double least = 0;
    for (std::uint32_t n : graph.nodes_of(c)) {
      least = std::min(least, graph.costs[n]);
      for (std::uint32_t child : graph.children_of(n))
        reach(child);
    }
    sum += least;
  }
  return sum;
}

ExtractionResult extract(const SerializedEGraph &graph, const ExtractionOptions &options,
                         bool exact) {
  auto start = std::chrono::steady_clock::now();
  ExtractionResult result;
  ExtractionBudget budget(options.time_limit, options.interrupt);
  double scale = scale_for(graph);
  ExtractionSearch search(options, budget, scale);
  Outcome outcome = search.solve(problem_of(graph, scale), kNoCost, exact);
  result.branches = search.branches();
  result.extraction.choice.assign(graph.classes(), kNoNode);
  result.cost = result.bound = std::numeric_limits<double>::infinity();
  if (outcome.found()) {
    result.extraction = extraction_of(graph, outcome.origins);
    result.cost = dag_cost(graph, result.extraction);
    // An integer beyond 2^53 may be rounded up on its way to double, and so may the savings.
    double bound = static_cast<double>(outcome.bound) / scale;
    if (outcome.bound > std::int64_t{1} << 53)
      bound *= 1 - 1e-15;
    if (double savings = possible_savings(graph); savings < 0)
      bound += savings * (1 + 1e-12);
    result.bound = std::min(bound, result.cost);
    bool same = result.cost - bound <= kSame * std::abs(result.cost);
    result.status = same ? ExtractionStatus::Optimal : ExtractionStatus::Feasible;
  }
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

} // namespace

ExtractionResult extract_dag_greedy(const SerializedEGraph &graph) {
  ExtractionOptions options;
  options.time_limit = std::numeric_limits<double>::infinity();
  return extract(graph, options, false);
}

ExtractionResult extract_dag(const SerializedEGraph &graph, const ExtractionOptions &options) {
  return extract(graph, options, true);
}

} // namespace isamorph::search
