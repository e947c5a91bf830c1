#pragma once
// Equality saturation. Each iteration matches all rules on one snapshot of the e-graph, then applies the matches in the
// order of the rules, then rebuilds; so the counts after each iteration are reproducible. It stops when an iteration changed
// nothing, or at a limit, and says which.
//
// `saturation_loop` works on any e-graph and any rules that have
//   void search(const Graph &)    finds and keeps the matches
//   void apply(Graph &)           applies them
// `saturate` runs it for tensor programs with two kinds of rules: rewrite rules of sufficient level, and closures. A closure
// adds the body of an instruction that only moves data on top of every class that its operand fits, without equating anything;
// adding terms is sound, and this is how the transposes and memory images of every value come into being.

#include "search/matcher.h"
#include "semantics/rules.h"
#include "spec/isa.h"

#include <atomic>
#include <chrono>

namespace isamorph::search {

enum class StopReason : std::uint8_t { Saturated, NodeLimit, IterationLimit, TimeLimit, Interrupted };
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
SaturationReport saturation_loop(Graph &graph, std::span<Rule> rules, const SaturationLimits &limits) {
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
    if (std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() > limits.seconds) {
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

/// Saturates with all rules that hold at `level` and the closures of `isa`. Constants whose element type an on-chip buffer of
/// the ISA has also get their memory image.
SaturationReport saturate(TensorEGraph &egraph, const spec::Isa &isa, std::span<const semantics::RewriteRule> rules,
                          semantics::Level level, const SaturationLimits &limits);

/// Adds a template's nodes for a choice of symbols on given parameter classes; the classes of its results, or nullopt when
/// the instance is not well-typed.
std::optional<std::vector<ClassId>> add_template(TensorEGraph &egraph, const semantics::GraphTemplate &graph,
                                                 const semantics::SymbolValues &values,
                                                 std::span<const ClassId> parameters);

/// True when every extent of the instruction's regions has a value and fits its (on-chip) buffer.
bool regions_fit(const spec::Isa &isa, const spec::Instruction &instruction, const semantics::Bindings &bindings);

} // namespace isamorph::search
