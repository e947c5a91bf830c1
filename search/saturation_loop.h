#pragma once
// The canonical loop of equality saturation, for any e-graph and any rules that have
//   void search(const Graph &)    finds and keeps the matches
//   void apply(Graph &)           applies them
// Each iteration lets all rules search one snapshot of the e-graph, then apply in the order of the
// rules, then rebuilds; so the counts after each iteration are reproducible. It stops when an
// iteration changed nothing, or at a limit, and says which.

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace isamorph::search {

enum class StopReason : std::uint8_t {
  Saturated,
  NodeLimit,
  IterationLimit,
  TimeLimit,
  Interrupted
};
std::string_view name(StopReason reason);

struct SaturationLimits {
  std::size_t nodes = 100'000;
  std::size_t iterations = 100;
  double seconds = 60;
  const std::atomic<bool> *interrupt = nullptr;
};

struct IterationCounts {
  std::size_t nodes, classes;
};
struct SaturationReport {
  StopReason reason = StopReason::Saturated;
  std::vector<IterationCounts> iterations; ///< after each; the last changed nothing when saturated
};

template <class Graph, class Rule>
SaturationReport saturation_loop(Graph &graph, std::span<Rule> rules,
                                 const SaturationLimits &limits) {
  SaturationReport report;
  auto start = std::chrono::steady_clock::now();
  graph.rebuild();
  while (true) {
    if (limits.interrupt && limits.interrupt->load(std::memory_order_relaxed)) {
      report.reason = StopReason::Interrupted;
      return report;
    }
    if (graph.node_count() > limits.nodes) {
      report.reason = StopReason::NodeLimit;
      return report;
    }
    if (report.iterations.size() >= limits.iterations) {
      report.reason = StopReason::IterationLimit;
      return report;
    }
    if (std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() >
        limits.seconds) {
      report.reason = StopReason::TimeLimit;
      return report;
    }
    std::size_t merges = graph.merges(), limit = graph.class_limit();
    for (Rule &rule : rules)
      rule.search(graph);
    for (Rule &rule : rules) {
      rule.apply(graph);
      if (graph.node_count() > limits.nodes)
        break; // the check above reports it after the rebuild
    }
    graph.rebuild();
    report.iterations.push_back({graph.node_count(), graph.class_count()});
    if (graph.merges() == merges && graph.class_limit() == limit)
      return report;
  }
}

} // namespace isamorph::search
