#pragma once
// Branch and bound over extraction problems: simplify, cut into parts, bound, improve, branch.

#include "search/extraction_bound.h"
#include "search/extraction_local.h"

#include <chrono>
#include <cstdint>
#include <limits>
#include <vector>

namespace isamorph::search {

/// No cost reaches this.
constexpr std::int64_t kNoCost = std::numeric_limits<std::int64_t>::max() / 4;

/// When to stop: a deadline, or somebody's flag.
class ExtractionBudget {
public:
  ExtractionBudget(double seconds, const std::atomic<bool> *interrupt)
      : deadline_(Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                     std::chrono::duration<double>(std::min(seconds, 1e8)))),
        interrupt_(interrupt) {}
  /// Ends when this part of the time left is over.
  ExtractionBudget share(double part) const {
    ExtractionBudget out = *this;
    auto now = Clock::now();
    if (now < deadline_)
      out.deadline_ = now + std::chrono::duration_cast<Clock::duration>((deadline_ - now) * part);
    return out;
  }
  bool spent() const {
    return (interrupt_ && interrupt_->load(std::memory_order_relaxed)) || Clock::now() >= deadline_;
  }

private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point deadline_;
  const std::atomic<bool> *interrupt_;
};

/// What is known of a problem.
struct Outcome {
  std::int64_t cost = kNoCost;        ///< of the best solution found below the limit, if any
  std::vector<std::uint32_t> origins; ///< the nodes of the e-graph that it chooses
  std::int64_t bound = 0;             ///< no solution costs less than this and the limit
  bool found() const { return cost < kNoCost; }
};

class ExtractionSearch {
public:
  /// `scale` is that of the problem, for reports of progress.
  ExtractionSearch(const ExtractionOptions &options, const ExtractionBudget &budget, double scale)
      : options_(options), budget_(budget), slice_(budget), scale_(scale) {}

  /// The best solution that costs less than `limit`. When the budget is spent, the best one so far
  /// and a bound that still holds. With `exact` off, no branching and little perturbation.
  Outcome solve(ExtractionProblem problem, std::int64_t limit, bool exact);

  std::uint64_t branches() const { return branches_; }

private:
  Outcome solve(ExtractionProblem problem, std::int64_t limit, int depth);
  Outcome solve_parts(const ExtractionProblem &problem, std::int64_t limit, int depth);
  Outcome solve_part(ExtractionProblem part, std::int64_t limit, int depth);
  void solve_first(const ExtractionProblem &part, const CutBound &bound, std::int64_t limit,
                   Outcome &best);
  void solve_deeper(ExtractionProblem part, const CutBound &bound, std::int64_t limit,
                    Outcome &best, int depth);
  void finish(ExtractionProblem part, const CutBound &bound, std::int64_t limit, Outcome &best,
              int depth);
  void prove(LocalSearch &local, const CutBound &bound, std::int64_t limit, Outcome &best);
  void perturb(LocalSearch &local, std::uint64_t rounds);
  Outcome branch(const ExtractionProblem &part, std::int64_t limit, int depth);
  LocalSearch improve(const ExtractionProblem &part, const Users &users, const CutBound &bound,
                      int depth);
  void report();
  SimplifyOptions simplify_options() const {
    return {options_.simplify, options_.simplify && options_.dominance,
            options_.simplify && options_.merging};
  }

  const ExtractionOptions &options_;
  const ExtractionBudget budget_;
  ExtractionBudget slice_; ///< of the independent part at hand
  double scale_;
  bool exact_ = true;
  std::uint64_t allowance_ = std::numeric_limits<std::uint64_t>::max(); ///< of branches
  std::uint64_t branches_ = 0;
  ExtractionProgress progress_;
  std::chrono::steady_clock::time_point reported_{};
};

} // namespace isamorph::search
