#pragma once
// Searching at any time: an exact search that pauses for inexact ones (a beam, then decreasing
// weights) until they have found a plan, and goes on, so that there is a plan early, each is
// cheaper than the one before, and the last is optimal. The bound is the exact search's. All
// switches count expansions and not seconds: results are reproducible.
//
// A search with a checkpoint can be stopped at any moment and continued from the file: all that
// decides its course is in it, so that the continued search ends with the same plan, bound and
// counts as one that was never stopped.

#include "search/best_first.h"
#include "search/search.h"

#include <chrono>

namespace isamorph::search {

struct AnytimeOptions {
  double seconds = 1e18; ///< wall clock; a plan found by then is returned with the bound reached
  double seconds_to_first = 1e18; ///< wall clock; stops if there is no plan by then
  const std::atomic<bool> *interrupt = nullptr;
  std::function<void(const Progress &)> progress; ///< at each new best or bound, and now and then
  int jobs = 1;                          ///< threads (0: one a core); the result is the same
  std::uint64_t max_states = 20'000'000; ///< memory
  std::uint64_t max_expansions = 0;      ///< of this run; 0: any number

  /// Expansions of the exact search before inexact ones are tried; 0: never. Keeps optimality.
  std::uint64_t weighted_after = 1000;
  std::uint64_t weighted_expansions = 20'000;    ///< of each inexact search, then the exact goes on
  std::vector<std::int64_t> weights = {5, 3, 2}; ///< one inexact search each
  std::uint32_t beam = 0; ///< if not 0, the first inexact search is a beam of this width
  /// Leave out states that an expanded one dominates at no more cost. Keeps optimality.
  bool dominance = true;

  std::string checkpoint;         ///< a file to continue from and to write; empty: none
  double checkpoint_seconds = 30; ///< between writings, at least; also written when stopped

  double limit(bool has_plan) const {
    return has_plan ? seconds : std::min(seconds, seconds_to_first);
  }
};

struct AnytimeResult {
  enum class Status : std::uint8_t {
    Optimal,
    Feasible,
    Infeasible,
    Stopped
  } status = Status::Stopped;
  Path path;              ///< when Optimal or Feasible
  std::int64_t bound = 0; ///< no plan is cheaper
  std::uint64_t expanded = 0, evaluated = 0, dominated = 0;
  /// When not Optimal or Infeasible: "time limit", "interrupted", "state limit", "expansion limit".
  std::string stopped_by;
};

template <SearchSpace S> class AnytimeSearch {
public:
  /// `task`: what a checkpoint must be of, without the options, which are added here.
  AnytimeSearch(const S &space, const AnytimeOptions &options, std::uint64_t task)
      : space_(space), options_(options), crew_(options.jobs), task_(task_digest(task)) {
    for (int i = 0; i < crew_.size(); ++i)
      workers_.push_back(space.worker());
    exact_ = std::make_unique<Search>(space_, crew_, workers_,
                                      BestFirstOptions{1, 0, options.dominance});
    exact_until_ = options.weighted_after;
    budget_ = options.weighted_expansions;
    if (options.checkpoint.empty())
      return;
    if (CheckpointFile file = read_checkpoint(options.checkpoint, task_); file.found())
      load(Reader(options.checkpoint, file.body()));
    else
      write(); // so that a path that cannot be written is known at once
  }

  AnytimeResult run() {
    AnytimeResult result;
    expanded_before_ = counts().expanded;
    Outcome outcome = search();
    result.stopped_by = stopped_by_;
    if (outcome == Outcome::Goal)
      keep(exact_->extract());
    Counts total = counts();
    result.expanded = total.expanded;
    result.evaluated = total.evaluated;
    result.dominated = total.dominated;
    if (best_)
      result.path = *best_;
    if (outcome == Outcome::Paused) {
      result.status = best_ ? AnytimeResult::Status::Feasible : AnytimeResult::Status::Stopped;
      raise_bound();
      result.bound = bound_;
      if (!options_.checkpoint.empty())
        write();
      return result;
    }
    result.status = best_ ? AnytimeResult::Status::Optimal : AnytimeResult::Status::Infeasible;
    result.bound = best_ ? best_->cost : 0;
    if (best_)
      bound_ = best_->cost;
    report();
    if (!options_.checkpoint.empty())
      remove_checkpoint(options_.checkpoint);
    return result;
  }

private:
  using Search = BestFirst<S>;
  using Outcome = typename Search::Outcome;
  using Clock = std::chrono::steady_clock;
  struct Counts {
    std::uint64_t expanded = 0, evaluated = 0, dominated = 0;
    void add(const Search &search) {
      expanded += search.expanded();
      evaluated += search.evaluated();
      dominated += search.dominated();
    }
  };

  std::uint64_t task_digest(std::uint64_t task) const {
    Digest digest;
    digest.add(task);
    digest.add(options_.weighted_after);
    digest.add(options_.weighted_expansions);
    digest.add(options_.weights);
    digest.add(options_.beam);
    digest.add(options_.dominance);
    return digest.value();
  }

  std::size_t inexact_searches() const { return options_.weights.size() + (options_.beam != 0); }
  std::unique_ptr<Search> make_inexact() {
    BestFirstOptions how{1, options_.beam, options_.dominance};
    std::size_t skipped = options_.beam != 0;
    if (next_ >= skipped)
      how = {options_.weights[next_ - skipped], 0, options_.dominance};
    return std::make_unique<Search>(space_, crew_, workers_, how);
  }

  std::optional<std::int64_t> best_cost() const {
    return best_ ? std::optional(best_->cost) : std::nullopt;
  }
  Counts counts() const {
    Counts all = done_;
    all.add(*exact_);
    if (inexact_)
      all.add(*inexact_);
    return all;
  }
  void keep(Path path) {
    if (!best_ || path.cost < best_->cost)
      best_ = std::move(path);
  }

  Outcome search() {
    while (true) {
      if (!in_inexact_) {
        bool more = options_.weighted_after != 0 && next_ < inexact_searches();
        Outcome outcome = exact_->run(
            best_cost(), [&] { return stopped() || (more && exact_->expanded() >= exact_until_); });
        if (outcome != Outcome::Paused || !stopped_by_.empty())
          return outcome;
        if (!inexact_)
          inexact_ = make_inexact();
        inexact_until_ = inexact_->expanded() + budget_;
        in_inexact_ = true;
      }
      Outcome outcome = inexact_->run(
          best_cost(), [&] { return stopped() || inexact_->expanded() >= inexact_until_; });
      if (!stopped_by_.empty())
        return Outcome::Paused;
      if (outcome == Outcome::Goal)
        keep(inexact_->extract());
      // Without any plan, a search that was paused goes on later, for longer.
      if (outcome != Outcome::Paused || best_) {
        done_.add(*inexact_);
        inexact_.reset();
        ++next_;
      } else {
        budget_ *= 2;
      }
      in_inexact_ = false;
      exact_until_ = 2 * exact_->expanded();
    }
  }

  bool stopped() {
    ++pauses_;
    if (options_.interrupt && options_.interrupt->load(std::memory_order_relaxed))
      stopped_by_ = "interrupted";
    else if (exact_->states() + (inexact_ ? inexact_->states() : 0) > options_.max_states)
      stopped_by_ = "state limit";
    else if (options_.max_expansions != 0 &&
             counts().expanded - expanded_before_ >= options_.max_expansions)
      stopped_by_ = "expansion limit";
    else if (pauses_ % 16 == 1)
      look_at_clock();
    raise_bound();
    if (options_.progress && (pauses_ % 256 == 1 || reported_ != std::pair(best_cost(), bound_)))
      report();
    return !stopped_by_.empty();
  }

  void look_at_clock() {
    auto now = Clock::now();
    if (std::chrono::duration<double>(now - start_).count() > options_.limit(best_.has_value()))
      stopped_by_ = "time limit";
    else if (!options_.checkpoint.empty() &&
             std::chrono::duration<double>(now - written_).count() >
                 std::max(options_.checkpoint_seconds, 10 * writing_seconds_))
      write();
  }

  void raise_bound() {
    std::int64_t least = exact_->least();
    bound_ = std::max(bound_, best_ ? std::min(least, best_->cost) : least);
  }
  void report() {
    reported_ = {best_cost(), bound_};
    if (options_.progress)
      options_.progress({counts().expanded, best_cost(), bound_});
  }

  void write() {
    auto begin = Clock::now();
    Writer out;
    for (std::uint64_t number :
         {exact_until_, inexact_until_, budget_, next_, std::uint64_t{in_inexact_},
          std::uint64_t{inexact_ != nullptr}, std::uint64_t{best_.has_value()}})
      out.put(number);
    out.put(done_);
    out.put(bound_);
    if (best_) {
      out.put(best_->cost);
      out.put(best_->ordinals);
    }
    exact_->save(out);
    if (inexact_)
      inexact_->save(out);
    write_checkpoint(options_.checkpoint, task_, out.bytes());
    written_ = Clock::now();
    writing_seconds_ = std::chrono::duration<double>(written_ - begin).count();
  }

  void load(Reader in) {
    for (std::uint64_t *number : {&exact_until_, &inexact_until_, &budget_, &next_})
      *number = in.get<std::uint64_t>();
    in_inexact_ = in.get<std::uint64_t>() != 0;
    bool has_inexact = in.get<std::uint64_t>() != 0, has_best = in.get<std::uint64_t>() != 0;
    in.require(next_ + (has_inexact || in_inexact_) <= inexact_searches() &&
               has_inexact >= in_inexact_);
    done_ = in.get<Counts>();
    bound_ = in.get<std::int64_t>();
    if (has_best) {
      best_.emplace().cost = in.get<std::int64_t>();
      in.get(best_->ordinals);
    }
    exact_->load(in);
    if (has_inexact) {
      inexact_ = make_inexact();
      inexact_->load(in);
    }
    in.require(in.empty());
  }

  const S &space_;
  AnytimeOptions options_;
  Crew crew_;
  typename Search::Workers workers_;
  std::unique_ptr<Search> exact_, inexact_;
  std::optional<Path> best_;
  std::uint64_t task_, exact_until_ = 0, inexact_until_ = 0, budget_ = 0, next_ = 0;
  bool in_inexact_ = false;
  Counts done_; ///< of inexact searches that are over
  std::int64_t bound_ = 0;
  std::pair<std::optional<std::int64_t>, std::int64_t> reported_ = {std::nullopt, -1};
  std::uint64_t pauses_ = 0, expanded_before_ = 0;
  std::string stopped_by_;
  double writing_seconds_ = 0; ///< the last time; large searches are written less often
  Clock::time_point start_ = Clock::now(), written_ = start_;
};

} // namespace isamorph::search
