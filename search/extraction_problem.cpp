#include "search/extraction_problem.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace isamorph::search {

void ExtractionProblem::add_node(std::int64_t node_cost, std::span<const std::uint32_t> children,
                                 std::span<const std::uint32_t> origins) {
  node_class.push_back(classes() - 1);
  cost.push_back(node_cost);
  auto begin = static_cast<std::ptrdiff_t>(child.size());
  child.insert(child.end(), children.begin(), children.end());
  std::sort(child.begin() + begin, child.end());
  child.erase(std::unique(child.begin() + begin, child.end()), child.end());
  child_at.push_back(static_cast<std::uint32_t>(child.size()));
  origin.insert(origin.end(), origins.begin(), origins.end());
  origin_at.push_back(static_cast<std::uint32_t>(origin.size()));
  ++class_at.back();
}

double scale_for(const SerializedEGraph &graph) {
  double sum = 1;
  for (double cost : graph.costs)
    sum += std::max(cost, 0.0);
  int exponent = 0;
  std::frexp(sum, &exponent);
  bool integers = std::all_of(graph.costs.begin(), graph.costs.end(),
                              [](double cost) { return std::floor(cost) == cost; });
  return std::ldexp(1.0, integers ? std::min(0, 60 - exponent) : 60 - exponent);
}

ExtractionProblem problem_of(const SerializedEGraph &graph, double scale) {
  ExtractionProblem problem;
  for (std::uint32_t c = 0; c < graph.classes(); ++c) {
    problem.add_class();
    for (std::uint32_t n : graph.nodes_of(c))
      problem.add_node(static_cast<std::int64_t>(std::floor(std::max(graph.costs[n], 0.0) * scale)),
                       graph.children_of(n), std::span(&n, 1));
  }
  problem.roots = graph.roots;
  std::sort(problem.roots.begin(), problem.roots.end());
  problem.roots.erase(std::unique(problem.roots.begin(), problem.roots.end()), problem.roots.end());
  return problem;
}

std::vector<std::uint32_t> origins_of(const ExtractionProblem &problem,
                                      const ExtractionSolution &solution) {
  std::vector<std::uint32_t> out = problem.taken;
  for (std::uint32_t n : solution.choice)
    if (n != kNoNode)
      out.insert(out.end(), problem.origins(n).begin(), problem.origins(n).end());
  return out;
}

std::vector<ExtractionProblem> decompose(const ExtractionProblem &problem) {
  std::vector<std::uint32_t> parent(problem.classes());
  std::iota(parent.begin(), parent.end(), 0u);
  auto find = [&](std::uint32_t c) {
    while (parent[c] != c)
      c = parent[c] = parent[parent[c]];
    return c;
  };
  for (std::uint32_t n = 0; n < problem.nodes(); ++n)
    for (std::uint32_t c : problem.children(n)) {
      std::uint32_t a = find(c), b = find(problem.node_class[n]);
      parent[std::max(a, b)] = std::min(a, b);
    }
  std::vector<std::uint32_t> part_of(problem.classes(), kNoNode), renamed(problem.classes());
  std::vector<std::vector<std::uint32_t>> members;
  for (std::uint32_t c = 0; c < problem.classes(); ++c) {
    std::uint32_t representative = find(c);
    if (representative == c) {
      part_of[c] = static_cast<std::uint32_t>(members.size());
      members.emplace_back();
    }
    part_of[c] = part_of[representative];
    renamed[c] = static_cast<std::uint32_t>(members[part_of[c]].size());
    members[part_of[c]].push_back(c);
  }
  std::vector<ExtractionProblem> parts(std::max<std::size_t>(members.size(), 1));
  std::vector<std::uint32_t> children;
  for (std::size_t i = 0; i < members.size(); ++i)
    for (std::uint32_t c : members[i]) {
      parts[i].add_class();
      for (std::uint32_t n = problem.class_at[c]; n < problem.class_at[c + 1]; ++n) {
        children.clear();
        for (std::uint32_t child : problem.children(n))
          children.push_back(renamed[child]);
        parts[i].add_node(problem.cost[n], children, problem.origins(n));
      }
    }
  for (std::uint32_t root : problem.roots)
    parts[part_of[root]].roots.push_back(renamed[root]);
  parts[0].constant = problem.constant;
  parts[0].taken = problem.taken;
  return parts;
}

Users::Users(const ExtractionProblem &problem) : at(problem.classes() + 1, 0) {
  for (std::uint32_t c : problem.child)
    ++at[c + 1];
  for (std::uint32_t c = 0; c < problem.classes(); ++c)
    at[c + 1] += at[c];
  user.resize(problem.child.size());
  std::vector<std::uint32_t> next(at.begin(), at.end() - 1);
  for (std::uint32_t n = 0; n < problem.nodes(); ++n)
    for (std::uint32_t c : problem.children(n))
      user[next[c]++] = n;
}

} // namespace isamorph::search
