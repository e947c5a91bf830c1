#include "search/allocation_minimal.h"
#include "search/wide_integer.h"

#include <algorithm>
#include <chrono>
#include <numeric>

namespace isamorph::search {
namespace {

using Status = AllocationResult::Status;
using Clock = std::chrono::steady_clock;

/// Options for one question of several that share the limits.
class SharedLimits {
public:
  explicit SharedLimits(const AllocationOptions &options) : options_(options) {}

  AllocationResult ask(const AllocationProblem &problem) {
    AllocationOptions now = options_;
    now.seconds -= std::chrono::duration<double>(Clock::now() - start_).count();
    if (now.max_steps != 0)
      now.max_steps = std::max<std::uint64_t>(1, now.max_steps - std::min(now.max_steps, steps_));
    AllocationResult result = allocate(problem, now);
    steps_ += result.steps;
    return result;
  }
  std::uint64_t steps() const { return steps_; }

private:
  const AllocationOptions &options_;
  Clock::time_point start_ = Clock::now();
  std::uint64_t steps_ = 0;
};

/// A capacity at which height is no obstacle: everything stacked, above whatever is fixed.
std::int64_t ample_capacity(const AllocationProblem &problem, std::uint32_t buffer) {
  WideInteger total = 0, highest = 0;
  for (const AllocationItem &item : problem.items)
    if (item.buffer == buffer) {
      total += item.size + item.alignment - 1;
      highest = std::max(highest, item.fixed ? WideInteger{item.fixed->offset} + item.size : 0);
    }
  // Shared places multiply alignments; all of them at offset 0 or above each other still fit here.
  for (auto [a, b] : problem.same_place)
    if (problem.items[a].buffer == buffer)
      total += WideInteger{problem.items[a].alignment} * problem.items[b].alignment;
  return static_cast<std::int64_t>(std::min<WideInteger>(total + highest, std::int64_t{1} << 60));
}

AllocationProblem subproblem(const AllocationProblem &problem,
                             const std::vector<std::uint32_t> &items) {
  AllocationProblem out;
  out.buffers = problem.buffers;
  std::vector<std::uint32_t> renamed(problem.items.size(), 0xffffffff);
  for (std::uint32_t i : items) {
    renamed[i] = static_cast<std::uint32_t>(out.items.size());
    out.items.push_back(problem.items[i]);
  }
  for (auto [a, b] : problem.same_place)
    if (renamed[a] != 0xffffffff && renamed[b] != 0xffffffff)
      out.same_place.emplace_back(renamed[a], renamed[b]);
  return out;
}

} // namespace

AllocationResult minimum_height(const AllocationProblem &original, std::uint32_t buffer,
                                const AllocationOptions &options) {
  AllocationProblem problem = original;
  check_problem(problem);
  SharedLimits limits(options);
  std::int64_t &capacity = problem.buffers.at(buffer).capacity;
  std::int64_t ample = ample_capacity(problem, buffer);
  // A first placement at any height, cheap, for the case that a limit ends the search.
  capacity = ample;
  AllocationResult best = limits.ask(problem);
  if (best.status != Status::Placed)
    return best;
  std::int64_t low = best.bounds[buffer], step = 0; // nothing fits below `low`
  std::int64_t high = best.heights[buffer];
  while (low < high) {
    // upward from the bound until something fits, then bisect
    capacity = std::min(high - 1, step < 0 ? low + (high - low) / 2 : low + step);
    AllocationResult next = limits.ask(problem);
    if (next.status == Status::Unknown) {
      best.status = Status::Unknown;
      best.stopped_by = next.stopped_by;
      break;
    }
    if (next.status == Status::Placed) {
      high = next.heights[buffer];
      best = std::move(next);
      step = -1;
    } else {
      low = std::max(capacity + 1, next.bounds[buffer]);
      step = step < 0 ? step : 2 * step + 1;
    }
  }
  best.bounds[buffer] = low;
  best.steps = limits.steps();
  return best;
}

InfeasibleSubset minimal_infeasible_subset(const AllocationProblem &problem,
                                           const AllocationOptions &options) {
  InfeasibleSubset out;
  Clock::time_point start = Clock::now();
  auto infeasible = [&](const std::vector<std::uint32_t> &items) {
    AllocationOptions now = options;
    now.seconds -= std::chrono::duration<double>(Clock::now() - start).count();
    now.max_steps = options.max_steps ? options.max_steps : 100'000;
    AllocationResult result = allocate(subproblem(problem, items), now);
    out.steps += result.steps;
    out.irreducible &= result.status != Status::Unknown;
    return result.status == Status::Infeasible;
  };
  std::vector<std::uint32_t> kept(problem.items.size());
  std::iota(kept.begin(), kept.end(), 0u);
  std::stable_sort(kept.begin(), kept.end(), [&](std::uint32_t a, std::uint32_t b) {
    return problem.items[a].live.front().lower < problem.items[b].live.front().lower;
  });
  for (std::size_t chunk = std::max<std::size_t>(1, kept.size() / 2);; chunk /= 2) {
    // Only what the last pass leaves open matters: a single item's question is asked there.
    out.irreducible = true;
    for (std::size_t at = 0; at < kept.size();) {
      std::vector<std::uint32_t> rest = kept;
      std::size_t end = std::min(kept.size(), at + chunk);
      rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(at),
                 rest.begin() + static_cast<std::ptrdiff_t>(end));
      if (infeasible(rest))
        kept = std::move(rest);
      else
        at = end;
    }
    if (chunk == 1)
      break;
  }
  std::sort(kept.begin(), kept.end());
  out.items = std::move(kept);
  return out;
}

} // namespace isamorph::search
