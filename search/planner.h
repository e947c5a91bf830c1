#pragma once
// Cost-optimal planning over placements: A* with landmark-cut bounds (Hart, Nilsson and Raphael
// 1968; Helmert and Domshlak 2009), for cost models that are sums over instructions.
//
// Evaluation is deferred: a successor enters the queue with what its parent's landmarks still
// promise (the bound minus the weights charged to the action that was applied, which is
// admissible), and its own bound is computed when it is taken from the queue; if that is larger, it
// goes back. Among equal f, larger g comes first, then the order of generation. States may be
// reopened, since landmark bounds are not consistent. When the queue's least f reaches the cost of
// the best plan known, that plan is optimal. If the exact search has not finished after a number of
// expansions, a weighted search looks for a first plan; then the exact search goes on. All switches
// count expansions and not seconds, so that results are reproducible.

#include "search/search.h"
#include "search/state_space.h"

namespace isamorph::search {

struct PlannerOptions {
  double seconds = 1e18; ///< wall clock; a plan found by then is returned with the bound reached
  const std::atomic<bool> *interrupt = nullptr;
  std::function<void(const Progress &)> progress;
  std::uint64_t max_states = 20'000'000; ///< memory
  /// Expansions of the exact search before the weighted one is tried; 0: never. Keeps optimality.
  std::uint64_t weighted_after = 1000;
  std::uint64_t weighted_expansions = 20'000;
  std::int64_t weight = 5;
};

struct Plan {
  std::vector<Transition> steps;
  std::vector<State> states; ///< before each step
  std::int64_t cost = 0;
};

struct PlanResult {
  enum class Status : std::uint8_t {
    Optimal,
    Feasible,
    Infeasible,
    Stopped
  } status = Status::Stopped;
  Plan plan;              ///< when Optimal or Feasible
  std::int64_t bound = 0; ///< no plan is cheaper
  std::uint64_t expanded = 0, evaluated = 0;
  std::string
      stopped_by; ///< when not Optimal or Infeasible: "time limit", "interrupted", "state limit"
};

PlanResult plan(StateSpace &space, const PlannerOptions &options);

} // namespace isamorph::search
