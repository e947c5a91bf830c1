#pragma once
// Planning for the `overlap` cost model: units run in parallel, the price is the makespan
// (costmodel/cost_model.h). A node is a state with times: when each unit is free, when each
// placement is ready, until when each place is still read or written. A* on f = the largest of
//   * the makespan so far;
//   * for each unit, the time it is free plus the landmark bound of the work that is left for it
//   alone;
//   * the critical path through the delete relaxation, where an action that needs several values
//   also waits for what each
//     unit must still do for them together (again a landmark bound).
// Each is a lower bound, so is their maximum. A node is dominated by another with the same
// placements whose times are nowhere later; times that every unit has passed do not count. Neither
// loses an optimal plan. Slots are not treated as interchangeable, since they differ in when they
// are free. Of the options, only the limits, `weighted_after` and `weighted_expansions` count here:
// checkpoints and threads are for costs that are sums.

#include "search/planner.h"

namespace isamorph::search {

/// The space must have been made with `symmetry` off, and with latencies as costs.
PlanResult plan_makespan(StateSpace &space, const PlannerOptions &options);

} // namespace isamorph::search
