#pragma once
// Several searches for one stacking problem, side by side.
//
// In round r every search may try as many placements as the round allows; rounds grow
// geometrically. The answer is that of the first search, in the portfolio's order, to end in the
// first round in which one does: the clock and the number of threads have no part in it.

#include "search/allocation_blocks.h"

#include <chrono>

namespace isamorph::search {

/// When to give up; shared by all that one call of the allocator does.
class AllocationLimits {
public:
  explicit AllocationLimits(const AllocationOptions &options);
  /// Steps that may still be tried.
  std::uint64_t steps_left() const;
  void use(std::uint64_t steps, std::int64_t height);
  std::uint64_t used() const { return used_; }
  /// "interrupted" or "time limit", or empty; from any thread.
  std::string stopped() const;

private:
  const AllocationOptions &options_;
  std::chrono::steady_clock::time_point start_;
  std::uint64_t used_ = 0;
};

struct StackingResult {
  AllocationResult::Status status = AllocationResult::Status::Unknown;
  std::vector<std::int64_t> offsets; ///< one a block, when Placed; in units
  std::string stopped_by;
};

/// Solves one part of `split_blocks`.
StackingResult solve_stacking(const BlockProblem &problem, const AllocationOptions &options,
                              AllocationLimits &limits);

} // namespace isamorph::search
