#pragma once
// Cost-optimal planning over placements: A* with landmark-cut bounds (Helmert and Domshlak 2009),
// for cost models that are sums over instructions.
//
// A successor's bound before its own is computed is what its parent's landmarks still promise: the
// parent's bound minus the weights charged to the action that was applied, which is admissible.
//
// Dominance: a state is at least as good as another whose placements it also has. Free space is no
// resource, since what lies in a place may be overwritten at any time. What does not count: values
// that no way to the results that are still wanted uses; in a buffer whose slots are
// interchangeable, which slot holds a value; and, unless some instruction must write where it
// reads, further copies of it there.

#include "search/anytime.h"
#include "search/state_space.h"

namespace isamorph::search {

struct PlannerOptions : AnytimeOptions {
  /// Bound by landmarks; else only what can never reach the goal is left out. Keeps optimality.
  bool landmarks = true;
};

struct Plan {
  std::vector<Transition> steps;
  std::vector<State> states; ///< before each step
  std::int64_t cost = 0;
};

struct PlanResult {
  using Status = AnytimeResult::Status;
  Status status = Status::Stopped;
  Plan plan;              ///< when Optimal or Feasible
  std::int64_t bound = 0; ///< no plan is cheaper
  std::uint64_t expanded = 0, evaluated = 0, dominated = 0;
  std::string stopped_by; ///< see AnytimeResult
};

/// Throws InputError when `options.checkpoint` does not fit or cannot be written.
PlanResult plan(const StateSpace &space, const PlannerOptions &options);

} // namespace isamorph::search
