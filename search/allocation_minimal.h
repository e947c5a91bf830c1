#pragma once
// The least capacity of a buffer, and the least reason why there is no placement.

#include "search/allocation.h"

namespace isamorph::search {

/// Places everything with the least height of `buffer`, whose capacity is ignored: tries the
/// largest total of live sizes, then ever higher, then bisects. Placed: `bounds` and `heights` of
/// the buffer agree. Unknown: `places` are the lowest found, if not empty, and `bounds` tells how
/// low a solution could be. Infeasible: at any height.
AllocationResult minimum_height(const AllocationProblem &problem, std::uint32_t buffer,
                                const AllocationOptions &options = {});

struct InfeasibleSubset {
  std::vector<std::uint32_t> items; ///< ascending; alone, these cannot be placed
  /// Without any one of them the others can be. False when a limit left that open for some.
  bool irreducible = true;
  std::uint64_t steps = 0;
};

/// Leaves out items of an infeasible problem while the rest stays infeasible: first in blocks that
/// are contiguous in time, then one by one. A shared place is forgotten with either of its items.
/// `options.max_steps` (100000 if 0) bounds each question; an item whose question stays open is
/// kept.
InfeasibleSubset minimal_infeasible_subset(const AllocationProblem &problem,
                                           const AllocationOptions &options = {});

} // namespace isamorph::search
