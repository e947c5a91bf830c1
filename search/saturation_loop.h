#pragma once
// The canonical loop of equality saturation, for any e-graph and any rules that have
//   void search(const Graph &)    finds the matches in the view that the last rebuild made
//   void apply(Graph &)           applies them
// and perhaps
//   bool resting() const          it left matches out that it will look for later;
//   void wake()                   makes it do so in the next iteration
// Each iteration lets all rules search one view of the e-graph, then apply in the order of the
// rules, then rebuilds; so the counts after each iteration are reproducible. It stops when an
// iteration changed nothing and no rule rests, or at a limit, and says which.

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace isamorph::search {

enum class StopReason : std::uint8_t {
  Saturated,
  NodeLimit,
  IterationLimit,
  TimeLimit,
  Interrupted,
  Contradiction, ///< an analysis found two equal terms to be different
  Goal           ///< what the caller looked for is there
};
std::string_view name(StopReason reason);

struct IterationCounts {
  std::size_t nodes, classes;
};

struct SaturationLimits {
  std::size_t nodes = 100'000;
  std::size_t iterations = 100;
  double seconds = 60;
  const std::atomic<bool> *interrupt = nullptr;
  /// Called at most ten times a second with the iterations that are over and the counts so far.
  std::function<void(std::size_t iterations, IterationCounts now)> progress = {};
};

struct SaturationReport {
  StopReason reason = StopReason::Saturated;
  std::vector<IterationCounts> iterations; ///< after each; the last changed nothing when saturated
};

/// Limits and the clock, for the loop and for rules that look up from long work.
class SaturationGuard {
public:
  explicit SaturationGuard(const SaturationLimits &limits) : limits_(limits) {}

  /// Why to stop now, if so.
  std::optional<StopReason> stop(std::size_t nodes) const {
    if (limits_.interrupt && limits_.interrupt->load(std::memory_order_relaxed))
      return StopReason::Interrupted;
    if (nodes > limits_.nodes)
      return StopReason::NodeLimit;
    if (seconds() > limits_.seconds)
      return StopReason::TimeLimit;
    return std::nullopt;
  }
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }
  const SaturationLimits &limits() const { return limits_; }

  /// Tells whoever asked how far it is, unless that was done a moment ago.
  template <class Graph> void report(std::size_t iterations, const Graph &graph) {
    double now = limits_.progress ? seconds() : 0;
    if (now < next_report_ || !limits_.progress)
      return;
    next_report_ = now + kReportSeconds;
    limits_.progress(iterations, {graph.node_count(), graph.class_count()});
  }

private:
  static constexpr double kReportSeconds = 0.1;
  SaturationLimits limits_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  double next_report_ = kReportSeconds;
};

/// `after(report)` is called after each iteration; true ends the loop with StopReason::Goal.
template <class Graph, class Rule, class After>
SaturationReport saturation_loop(Graph &graph, std::span<Rule> rules, SaturationGuard &guard,
                                 After &&after) {
  SaturationReport report;
  graph.rebuild();
  while (true) {
    if (graph.contradiction()) {
      report.reason = StopReason::Contradiction;
      return report;
    }
    if (auto reason = guard.stop(graph.node_count())) {
      report.reason = *reason;
      return report;
    }
    if (report.iterations.size() >= guard.limits().iterations) {
      report.reason = StopReason::IterationLimit;
      return report;
    }
    std::size_t changes = graph.changes();
    for (Rule &rule : rules) {
      rule.search(graph);
      guard.report(report.iterations.size(), graph);
      if (auto reason = guard.stop(graph.node_count())) {
        report.reason = *reason;
        return report;
      }
    }
    for (Rule &rule : rules) {
      rule.apply(graph);
      guard.report(report.iterations.size(), graph);
      if (guard.stop(graph.node_count()))
        break; // the check above reports it after the rebuild
    }
    graph.rebuild();
    report.iterations.push_back({graph.node_count(), graph.class_count()});
    if (after(std::as_const(report))) {
      report.reason = StopReason::Goal;
      return report;
    }
    if (graph.changes() != changes)
      continue;
    bool resting = false;
    if constexpr (requires(Rule & rule) { rule.wake(); }) {
      for (Rule &rule : rules)
        resting |= rule.resting();
      for (Rule &rule : rules)
        rule.wake();
    }
    if (!resting && !guard.stop(graph.node_count()) && !graph.contradiction())
      return report;
  }
}

template <class Graph, class Rule>
SaturationReport saturation_loop(Graph &graph, std::span<Rule> rules,
                                 const SaturationLimits &limits) {
  SaturationGuard guard(limits);
  return saturation_loop(graph, rules, guard, [](const SaturationReport &) { return false; });
}

} // namespace isamorph::search
