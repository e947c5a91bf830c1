#pragma once
// Rectangles in a two-dimensional buffer, over time.
//
// Every solution can be pushed down and to the left until each item rests on another one or on the
// border, both ways. So a coordinate is 0 or an end of another item at such a coordinate, aligned
// (Christofides and Whitlock's normal patterns): finitely many places, searched depth first with
// forward checking. Meant for the few tiles of a kernel, not for hundreds.

#include "search/allocation_portfolio.h"

namespace isamorph::search {

struct GridResult {
  AllocationResult::Status status = AllocationResult::Status::Unknown;
  std::vector<Place> places; ///< one a member, when Placed
  std::int64_t bound = 0;    ///< rows that every solution needs
  std::string stopped_by;
};
GridResult solve_grid(const AllocationProblem &problem, std::uint32_t buffer,
                      const std::vector<std::uint32_t> &members, const AllocationOptions &options,
                      AllocationLimits &limits);

} // namespace isamorph::search
