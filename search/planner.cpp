#include "search/planner.h"

#include <chrono>
#include <deque>
#include <queue>
#include <unordered_map>

namespace isamorph::search {
namespace {

struct StateHash {
  std::size_t operator()(const State &state) const {
    std::uint64_t h = state.size();
    for (Placement p : state) {
      h ^= (static_cast<std::uint64_t>(p.vertex) << 32 | p.slot) + 0x9e3779b97f4a7c15ull +
           (h << 6) + (h >> 2);
      h *= 0xff51afd7ed558ccdull;
      h ^= h >> 33;
    }
    return h;
  }
};
struct FactsHash {
  std::size_t operator()(const std::vector<std::uint32_t> &facts) const {
    std::uint64_t h = facts.size();
    for (std::uint32_t f : facts)
      h = (h ^ f) * 0x9e3779b97f4a7c15ull, h ^= h >> 29;
    return h;
  }
};

/// LM-cut values by set of facts; states that differ in addresses only share one.
class Heuristic {
public:
  explicit Heuristic(StateSpace &space) : space_(space), engine_(space.relaxed()) {}

  std::optional<std::int64_t> value(const State &state) {
    space_.facts(state, facts_);
    auto [place, fresh] = cache_.try_emplace(facts_);
    if (fresh) {
      place->second = compute();
      ++evaluated;
    }
    return place->second;
  }

  /// The charges of the state's landmarks (see LmCut::charged).
  std::span<const std::int64_t> charges(const State &state) {
    space_.facts(state, facts_);
    if (facts_ != last_)
      compute();
    return engine_.charged();
  }

  std::uint64_t evaluated = 0;

private:
  std::optional<std::int64_t> compute() {
    last_ = facts_;
    return engine_.evaluate(facts_);
  }

  StateSpace &space_;
  LmCut engine_;
  std::vector<std::uint32_t> facts_, last_ = {0xffffffff};
  std::unordered_map<std::vector<std::uint32_t>, std::optional<std::int64_t>, FactsHash>
      cache_; ///< look-up only
};

struct Record {
  const State *state = nullptr; ///< the key in the index, whose address is stable
  std::int64_t g = 0, h = 0;
  std::uint32_t parent = 0, ordinal = 0;
  bool evaluated = false, dead = false, closed = false;
};

struct Entry {
  std::int64_t f, g;
  std::uint64_t order;
  std::uint32_t record;
  /// For a max-heap: the entry to take later is less.
  bool operator<(const Entry &o) const {
    if (f != o.f)
      return f > o.f;
    if (g != o.g)
      return g < o.g;
    return order > o.order;
  }
};

/// One best-first search, which can be run for a while and continued.
class BestFirst {
public:
  enum class Outcome : std::uint8_t { Goal, Exhausted, Bounded, Paused };

  BestFirst(StateSpace &space, Heuristic &heuristic, std::int64_t weight)
      : space_(space), heuristic_(heuristic), weight_(weight) {
    reach({}, 0, 0, 0, 0);
  }

  /// Runs until a goal, an empty queue, f >= `incumbent`, or `pause` says so.
  template <class Pause> Outcome run(std::optional<std::int64_t> incumbent, Pause &&pause) {
    while (!queue_.empty()) {
      Entry top = queue_.top();
      Record &record = records_[top.record];
      if (record.closed || record.dead || top.g != record.g || top.f != f(record)) {
        queue_.pop();
        continue;
      }
      if (incumbent && record.g + record.h >= *incumbent) {
        if (weight_ == 1)
          return Outcome::Bounded;
        queue_.pop();
        continue;
      }
      if (pause())
        return Outcome::Paused;
      queue_.pop();
      if (!record.evaluated) {
        record.evaluated = true;
        auto h = heuristic_.value(*record.state);
        if (!h) {
          record.dead = true;
          continue;
        }
        if (*h > record.h) {
          record.h = *h;
          push(top.record);
          continue;
        }
      }
      if (space_.is_goal(*record.state)) {
        goal_ = top.record;
        return Outcome::Goal;
      }
      expand(top.record);
    }
    return Outcome::Exhausted;
  }

  Plan extract() const {
    std::vector<std::uint32_t> path;
    for (std::uint32_t at = goal_; at != 0; at = records_[at].parent)
      path.push_back(at);
    std::reverse(path.begin(), path.end());
    Plan plan;
    plan.cost = records_[goal_].g;
    for (std::uint32_t at : path) {
      const State &from = *records_[records_[at].parent].state;
      std::uint32_t ordinal = 0;
      space_.expand(from, [&](const Transition &transition, const State &) {
        if (ordinal++ == records_[at].ordinal) {
          plan.steps.push_back(transition);
          plan.states.push_back(from);
        }
      });
    }
    return plan;
  }

  /// The least f of the queue: no unexplored plan is cheaper.
  std::int64_t least() {
    while (!queue_.empty()) {
      const Entry &top = queue_.top();
      const Record &record = records_[top.record];
      if (!record.closed && !record.dead && top.g == record.g && top.f == f(record))
        return top.f;
      queue_.pop();
    }
    return 0;
  }

  std::uint64_t expanded = 0;
  std::size_t states() const { return records_.size(); }

private:
  std::int64_t f(const Record &record) const { return record.g + weight_ * record.h; }
  void push(std::uint32_t id) {
    const Record &record = records_[id];
    queue_.push({f(record), record.g, order_++, id});
  }

  void reach(const State &state, std::int64_t g, std::int64_t h, std::uint32_t parent,
             std::uint32_t ordinal) {
    auto [place, fresh] = index_.try_emplace(state, static_cast<std::uint32_t>(records_.size()));
    if (fresh)
      records_.push_back({&place->first, g, h, parent, ordinal, false, false, false});
    Record &record = records_[place->second];
    if (record.dead)
      return;
    bool raised = h > record.h; // each parent's promise is admissible
    record.h = std::max(record.h, h);
    if (!fresh && g < record.g) {
      record.g = g;
      record.parent = parent;
      record.ordinal = ordinal;
      record.closed = false;
    } else if (!fresh && (!raised || record.closed)) {
      return;
    }
    push(place->second);
  }

  void expand(std::uint32_t id) {
    ++expanded;
    records_[id].closed = true;
    const State &state = *records_[id].state;
    auto charges = heuristic_.charges(state);
    std::int64_t g = records_[id].g, h = records_[id].h;
    std::uint32_t ordinal = 0;
    space_.expand(state, [&](const Transition &transition, const State &next) {
      std::int64_t promise = std::max<std::int64_t>(0, h - charges[transition.variant]);
      reach(next, g + space_.cost(transition.variant), promise, id, ordinal++);
    });
  }

  StateSpace &space_;
  Heuristic &heuristic_;
  std::int64_t weight_;
  std::deque<Record> records_;
  std::unordered_map<State, std::uint32_t, StateHash> index_; ///< look-up only
  std::priority_queue<Entry> queue_;
  std::uint64_t order_ = 0;
  std::uint32_t goal_ = 0;
};

} // namespace

PlanResult plan(StateSpace &space, const PlannerOptions &options) {
  auto start = std::chrono::steady_clock::now();
  PlanResult result;
  Heuristic heuristic(space);
  BestFirst exact(space, heuristic, 1);
  std::optional<Plan> best;
  std::uint64_t pauses = 0, stop_at = options.weighted_after;
  auto stopped = [&] {
    if (options.interrupt && options.interrupt->load(std::memory_order_relaxed))
      result.stopped_by = "interrupted";
    else if (pauses % 16 == 0 &&
             std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() >
                 options.seconds)
      result.stopped_by = "time limit";
    else if (exact.states() > options.max_states)
      result.stopped_by = "state limit";
    if (options.progress && pauses % 256 == 0)
      options.progress(
          {exact.expanded, best ? std::optional(best->cost) : std::nullopt, exact.least()});
    ++pauses;
    return !result.stopped_by.empty();
  };

  using Outcome = BestFirst::Outcome;
  Outcome outcome;
  while (true) {
    auto incumbent = best ? std::optional(best->cost) : std::nullopt;
    outcome = exact.run(incumbent,
                        [&] { return stopped() || (stop_at != 0 && exact.expanded >= stop_at); });
    if (outcome != Outcome::Paused || !result.stopped_by.empty())
      break;
    stop_at = 0;
    BestFirst weighted(space, heuristic, options.weight);
    if (weighted.run({}, [&] {
          return stopped() || weighted.expanded >= options.weighted_expansions;
        }) == Outcome::Goal)
      best = weighted.extract();
    result.expanded += weighted.expanded;
  }
  result.expanded += exact.expanded;
  result.evaluated = heuristic.evaluated;
  if (outcome == Outcome::Goal)
    best = exact.extract();
  result.bound = outcome == Outcome::Paused ? exact.least() : best ? best->cost : 0;
  if (best)
    result.plan = std::move(*best);
  if (outcome == Outcome::Paused)
    result.status = best ? PlanResult::Status::Feasible : PlanResult::Status::Stopped;
  else
    result.status = best ? PlanResult::Status::Optimal : PlanResult::Status::Infeasible;
  return result;
}

} // namespace isamorph::search
