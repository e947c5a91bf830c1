#include "search/allocation_portfolio.h"

#include "search/allocation_search.h"
#include "search/parallel.h"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>
#include <thread>

namespace isamorph::search {
namespace {

using Outcome = CanonicalSearch::Outcome;
using Status = AllocationResult::Status;

constexpr std::uint64_t kFirstRound = 1000, kSlice = 64;
constexpr double kGrowth = 1.15, kForget = 0.9;

/// How blocks are ordered: by descending keys, W lifetime, A area, T contention; H: by hints.
struct Strategy {
  const char *keys;
  bool learns; ///< begins again in each round, first with blocks of sections that have failed
};
constexpr std::array<Strategy, 6> kStrategies = {
    {{"TWA", false}, {"WAT", true}, {"TAW", true}, {"TWA", true}, {"WAT", false}, {"TAW", false}}};

class Runner {
public:
  Runner(const BlockProblem &problem, const AllocationSwitches &switches, Strategy strategy)
      : problem_(problem), strategy_(strategy), options_{switches, {}},
        block_failures_(problem.blocks.size(), 0), section_failures_(problem.sections, 0) {}

  /// Goes on for `budget` steps, or until `stop` says so, asked now and then.
  Outcome run(std::uint64_t budget, const std::function<bool()> &stop) {
    if (!search_ || strategy_.learns)
      begin();
    steps_ = 0;
    while (steps_ < budget && !stop()) {
      std::uint64_t before = search_->steps();
      Outcome outcome = search_->run(std::min(kSlice, budget - steps_));
      steps_ += search_->steps() - before;
      if (outcome != Outcome::Paused)
        return outcome;
    }
    return Outcome::Paused;
  }
  /// Tried by the last run.
  std::uint64_t steps() const { return steps_; }
  std::vector<std::int64_t> offsets() const { return search_->offsets(); }

private:
  void begin() {
    if (search_)
      learn();
    options_.order.resize(problem_.blocks.size());
    std::iota(options_.order.begin(), options_.order.end(), 0u);
    std::vector<std::array<double, 4>> keys;
    for (std::uint32_t b = 0; b < problem_.blocks.size(); ++b)
      keys.push_back(key(b));
    std::stable_sort(options_.order.begin(), options_.order.end(),
                     [&](std::uint32_t a, std::uint32_t b) { return keys[a] > keys[b]; });
    search_ = make_canonical_search(problem_, options_);
  }

  void learn() {
    auto add = [](std::vector<double> &to, const std::vector<std::uint64_t> &from) {
      for (std::size_t i = 0; i < to.size(); ++i)
        to[i] = kForget * to[i] + static_cast<double>(from[i]);
    };
    add(block_failures_, search_->block_failures());
    add(section_failures_, search_->section_failures());
  }

  /// Failures, then the strategy's keys; larger comes first.
  std::array<double, 4> key(std::uint32_t b) const {
    const Block &block = problem_.blocks[b];
    double worst = 0;
    for (const BlockSpan &span : block.spans)
      for (std::uint32_t s = span.first; s < span.last; ++s)
        worst = std::max(worst, section_failures_[s]);
    std::array<double, 4> out = {worst + block_failures_[b], 0, 0, 0};
    double lifetime = static_cast<double>(block.lifetime);
    for (std::size_t i = 0; strategy_.keys[i]; ++i)
      switch (strategy_.keys[i]) {
      case 'W':
        out[i + 1] = lifetime;
        break;
      case 'A':
        out[i + 1] = lifetime * static_cast<double>(block.height);
        break;
      case 'T':
        out[i + 1] = static_cast<double>(block.contention);
        break;
      case 'H':
        out[i + 1] = block.hint ? -static_cast<double>(*block.hint) : -1e300;
        break;
      }
    return out;
  }

  const BlockProblem &problem_;
  Strategy strategy_;
  CanonicalOptions options_;
  std::unique_ptr<CanonicalSearch> search_;
  std::vector<double> block_failures_, section_failures_; ///< decaying with each restart
  std::uint64_t steps_ = 0;
};

std::vector<Runner> make_runners(const BlockProblem &problem, const AllocationSwitches &switches) {
  std::vector<Runner> runners;
  if (std::any_of(problem.blocks.begin(), problem.blocks.end(),
                  [](const Block &block) { return block.hint.has_value(); }))
    runners.emplace_back(problem, switches, Strategy{"HTW", false});
  for (const Strategy &strategy : kStrategies)
    if ((switches.restarts || !strategy.learns) && (switches.portfolio || runners.empty()))
      runners.emplace_back(problem, switches, strategy);
  return runners;
}

} // namespace

AllocationLimits::AllocationLimits(const AllocationOptions &options)
    : options_(options), start_(std::chrono::steady_clock::now()) {}

std::uint64_t AllocationLimits::steps_left() const {
  if (options_.max_steps == 0)
    return std::numeric_limits<std::uint64_t>::max();
  return options_.max_steps - std::min(options_.max_steps, used_);
}

void AllocationLimits::use(std::uint64_t steps, std::int64_t height) {
  used_ += steps;
  if (options_.progress)
    options_.progress({used_, height});
}

std::string AllocationLimits::stopped() const {
  if (options_.interrupt && options_.interrupt->load(std::memory_order_relaxed))
    return "interrupted";
  std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start_;
  return spent.count() > options_.seconds ? "time limit" : "";
}

StackingResult solve_stacking(const BlockProblem &problem, const AllocationOptions &options,
                              AllocationLimits &limits) {
  StackingResult result;
  std::vector<Runner> runners = make_runners(problem, options.switches);
  std::size_t count = runners.size();
  int jobs = options.jobs > 0 ? options.jobs
                              : static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  for (double round = kFirstRound;; round *= kGrowth) {
    std::uint64_t budget =
        std::min(static_cast<std::uint64_t>(std::min(round, 1e15)), limits.steps_left() / count);
    if (budget == 0)
      result.stopped_by = "step limit";
    else
      result.stopped_by = limits.stopped();
    if (!result.stopped_by.empty())
      return result;
    std::atomic<std::size_t> winner{count};
    std::vector<Outcome> outcomes(count, Outcome::Paused);
    parallel_for(jobs, count, [&](std::size_t i) {
      outcomes[i] =
          runners[i].run(budget, [&] { return winner.load() < i || !limits.stopped().empty(); });
      if (outcomes[i] == Outcome::Paused)
        return;
      std::size_t best = winner.load();
      while (i < best && !winner.compare_exchange_weak(best, i)) {
      }
    });
    std::uint64_t steps = 0;
    for (std::size_t i = 0; i < count && i <= winner; ++i)
      steps += runners[i].steps();
    limits.use(steps, problem.capacity * problem.unit);
    if (winner == count)
      continue;
    result.status = outcomes[winner] == Outcome::Found ? Status::Placed : Status::Infeasible;
    if (result.status == Status::Placed)
      result.offsets = runners[winner].offsets();
    return result;
  }
}

} // namespace isamorph::search
