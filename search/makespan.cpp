#include "search/makespan.h"

#include <chrono>
#include <deque>
#include <limits>
#include <queue>
#include <unordered_map>

namespace isamorph::search {
namespace {

constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max() / 4;

/// What is known about a place that some instruction used.
struct PlaceTimes {
  std::uint32_t slot;
  std::int64_t ready; ///< the end of the last write
  std::int64_t busy;  ///< the end of the last read or write
};

struct Node {
  State state;
  std::vector<std::int64_t> unit_free;
  std::vector<PlaceTimes> places; ///< sorted by slot; absent: all units have passed its times
  std::int64_t makespan = 0, bound = 0;
  std::int64_t spent = 0, left = 0; ///< sums of latencies: done, and a bound of what is left
  std::uint32_t parent = 0;
  Transition via;
  bool dominated = false;
};

std::int64_t least_free(const Node &node) {
  return *std::min_element(node.unit_free.begin(), node.unit_free.end());
}

const PlaceTimes *find_place(const Node &node, std::uint32_t slot) {
  auto at = std::lower_bound(node.places.begin(), node.places.end(), slot,
                             [](const PlaceTimes &p, std::uint32_t s) { return p.slot < s; });
  return at != node.places.end() && at->slot == slot ? &*at : nullptr;
}

/// Nothing that starts from `a` can be made to start earlier from `b`; the placements must be the
/// same.
bool dominates(const Node &a, const Node &b) {
  if (a.makespan > b.makespan)
    return false;
  for (std::size_t u = 0; u < a.unit_free.size(); ++u)
    if (a.unit_free[u] > b.unit_free[u])
      return false;
  std::int64_t passed = least_free(b);
  for (const PlaceTimes &p : a.places) {
    const PlaceTimes *other = find_place(b, p.slot);
    if (p.ready > std::max(passed, other ? other->ready : 0) ||
        p.busy > std::max(passed, other ? other->busy : 0))
      return false;
  }
  return true;
}

/// The lower bounds of a node.
class MakespanBound {
public:
  explicit MakespanBound(const StateSpace &space)
      : task_(space.relaxed()), units_(space.isa().units.size()) {
    for (const StateSpace::Variant &variant : space.variants())
      unit_.push_back(space.isa()
                          .instructions[space.graph().instances[variant.instance].instruction]
                          .cost.unit);
    needed_by_.resize(task_.facts);
    for (std::uint32_t a = 0; a < task_.actions.size(); ++a) {
      std::vector<std::uint32_t> needs = task_.actions[a].needs;
      std::sort(needs.begin(), needs.end());
      needs.erase(std::unique(needs.begin(), needs.end()), needs.end());
      join_of_.push_back(needs.size() > 1 ? joint(needs) : kNone);
      for (std::uint32_t fact : needs)
        needed_by_[fact].push_back(a);
      needs_.push_back(std::move(needs));
    }
    goal_join_ = joint(task_.goal);
    total_ = std::make_unique<LmCut>(task_);
  }

  std::uint64_t evaluated = 0;

  /// Sets bound and left; false when the goal cannot be reached. `ready` gives (fact, time) of the
  /// node's facts.
  bool evaluate(Node &node, std::span<const std::uint32_t> facts,
                std::span<const std::pair<std::uint32_t, std::int64_t>> ready) {
    const Entry &entry = look_up(facts);
    if (!entry.reachable)
      return false;
    node.left = entry.left;
    node.bound = std::max({node.makespan, node.bound, critical_path(node, entry, ready)});
    return true;
  }

private:
  static constexpr std::uint32_t kNone = 0xffffffff;
  struct Entry {
    bool reachable = true;
    std::int64_t left = 0;          ///< bound of the work left in total
    std::vector<std::int64_t> work; ///< by joint set and unit: what the unit must still do for it
  };
  struct FactsHash {
    std::size_t operator()(const std::vector<std::uint32_t> &facts) const {
      std::uint64_t h = facts.size();
      for (std::uint32_t f : facts)
        h = (h ^ f) * 0x9e3779b97f4a7c15ull, h ^= h >> 29;
      return h;
    }
  };

  /// The number of a set of facts that are needed together; its bounds, one for each unit.
  std::uint32_t joint(const std::vector<std::uint32_t> &facts) {
    auto [place, fresh] = joints_.try_emplace(facts, static_cast<std::uint32_t>(joints_.size()));
    if (fresh)
      for (std::uint32_t u = 0; u < units_; ++u) {
        RelaxedTask task = task_;
        task.goal = facts;
        for (std::size_t a = 0; a < task.actions.size(); ++a)
          if (unit_[a] != u)
            task.actions[a].cost = 0;
        engines_.push_back(std::make_unique<LmCut>(task));
      }
    return place->second;
  }

  const Entry &look_up(std::span<const std::uint32_t> facts) {
    auto [place, fresh] =
        cache_.try_emplace(std::vector<std::uint32_t>(facts.begin(), facts.end()));
    Entry &entry = place->second;
    if (!fresh)
      return entry;
    ++evaluated;
    auto left = total_->evaluate(facts);
    entry.reachable = left.has_value();
    if (!left)
      return entry;
    entry.left = *left;
    for (auto &engine : engines_)
      entry.work.push_back(engine->evaluate(facts).value_or(kNever));
    return entry;
  }

  std::int64_t joint_time(const Node &node, const Entry &entry, std::uint32_t join) const {
    std::int64_t time = 0;
    for (std::size_t u = 0; u < units_; ++u)
      if (std::int64_t work = entry.work[join * units_ + u]; work > 0)
        time = std::max(time, work >= kNever ? kNever : node.unit_free[u] + work);
    return time;
  }

  /// When the goal can be reached at the earliest if nothing is ever destroyed (Dijkstra).
  std::int64_t critical_path(const Node &node, const Entry &entry,
                             std::span<const std::pair<std::uint32_t, std::int64_t>> ready) {
    time_.assign(task_.facts, kNever);
    open_.assign(task_.actions.size(), 0);
    for (std::size_t a = 0; a < open_.size(); ++a)
      open_[a] = static_cast<std::uint32_t>(needs_[a].size());
    heap_.clear();
    auto offer = [&](std::uint32_t fact, std::int64_t time) {
      if (time >= time_[fact])
        return;
      time_[fact] = time;
      heap_.push_back({-time, fact});
      std::push_heap(heap_.begin(), heap_.end());
    };
    for (auto [fact, time] : ready)
      offer(fact, time);
    while (!heap_.empty()) {
      auto [negative, fact] = heap_.front();
      std::pop_heap(heap_.begin(), heap_.end());
      heap_.pop_back();
      if (-negative > time_[fact])
        continue;
      for (std::uint32_t a : needed_by_[fact]) {
        if (--open_[a] > 0)
          continue;
        std::int64_t start = std::max(-negative, node.unit_free[unit_[a]]);
        if (join_of_[a] != kNone)
          start = std::max(start, joint_time(node, entry, join_of_[a]));
        for (std::uint32_t add : task_.actions[a].adds)
          offer(add, start + task_.actions[a].cost);
      }
    }
    std::int64_t end = joint_time(node, entry, goal_join_);
    for (std::uint32_t fact : task_.goal)
      end = std::max(end, time_[fact]);
    return end;
  }

  const RelaxedTask &task_;
  std::size_t units_;
  std::vector<std::uint32_t> unit_, join_of_;
  std::uint32_t goal_join_ = 0;
  std::vector<std::vector<std::uint32_t>> needs_, needed_by_;
  std::map<std::vector<std::uint32_t>, std::uint32_t> joints_;
  std::vector<std::unique_ptr<LmCut>> engines_; ///< by joint set, then unit
  std::unique_ptr<LmCut> total_;
  std::unordered_map<std::vector<std::uint32_t>, Entry, FactsHash> cache_; ///< look-up only
  std::vector<std::int64_t> time_;
  std::vector<std::uint32_t> open_;
  std::vector<std::pair<std::int64_t, std::uint32_t>> heap_;
};

struct StateHash {
  std::size_t operator()(const State &state) const {
    std::uint64_t h = state.size();
    for (Placement p : state)
      h = (h ^ (static_cast<std::uint64_t>(p.vertex) << 32 | p.slot)) * 0xff51afd7ed558ccdull,
      h ^= h >> 33;
    return h;
  }
};

struct QueueEntry {
  std::int64_t first, second;
  std::uint64_t order;
  std::uint32_t node;
  bool operator<(const QueueEntry &o) const {
    if (first != o.first)
      return first > o.first;
    if (second != o.second)
      return second > o.second;
    return order > o.order;
  }
};

/// One search: by bound, then by the work left; or, when greedy, like A* for the sum of latencies,
/// then by bound.
class MakespanSearch {
public:
  enum class Outcome : std::uint8_t { Goal, Exhausted, Bounded, Paused };

  MakespanSearch(StateSpace &space, MakespanBound &bound, bool greedy)
      : space_(space), bound_(bound), greedy_(greedy) {
    Node root;
    root.unit_free.assign(space.isa().units.size(), 0);
    offer(std::move(root), std::numeric_limits<std::int64_t>::max());
  }

  template <class Pause> Outcome run(std::optional<std::int64_t> incumbent, Pause &&pause) {
    std::int64_t limit = incumbent.value_or(std::numeric_limits<std::int64_t>::max());
    while (!queue_.empty()) {
      QueueEntry top = queue_.top();
      Node &node = nodes_[top.node];
      if (node.dominated) {
        queue_.pop();
        continue;
      }
      if (node.bound >= limit) {
        if (!greedy_)
          return Outcome::Bounded;
        queue_.pop();
        continue;
      }
      if (pause())
        return Outcome::Paused;
      queue_.pop();
      if (space_.is_goal(node.state)) {
        goal_ = top.node;
        return Outcome::Goal;
      }
      ++expanded;
      // `nodes_` grows meanwhile; the node itself stays where it is.
      space_.expand(node.state, [&](const Transition &transition, const State &next) {
        offer(successor(node, top.node, transition, next), limit);
      });
    }
    return Outcome::Exhausted;
  }

  Plan extract() const {
    Plan plan;
    plan.cost = nodes_[goal_].makespan;
    for (std::uint32_t at = goal_; at != 0; at = nodes_[at].parent) {
      plan.steps.push_back(nodes_[at].via);
      plan.states.push_back(nodes_[nodes_[at].parent].state);
    }
    std::reverse(plan.steps.begin(), plan.steps.end());
    std::reverse(plan.states.begin(), plan.states.end());
    return plan;
  }

  std::int64_t least() {
    while (!queue_.empty() && nodes_[queue_.top().node].dominated)
      queue_.pop();
    return queue_.empty() ? 0 : nodes_[queue_.top().node].bound;
  }
  std::size_t states() const { return nodes_.size(); }
  std::uint64_t expanded = 0;

private:
  Node successor(const Node &from, std::uint32_t id, const Transition &transition,
                 const State &next) const {
    const StateSpace::Variant &variant = space_.variants()[transition.variant];
    const Instance &instance = space_.graph().instances[variant.instance];
    std::uint32_t unit = space_.isa().instructions[instance.instruction].cost.unit;
    std::vector<Placement> reads, writes;
    for (Placement r : transition.reads)
      space_.parts_at(r, reads);
    for (Placement w : transition.writes)
      space_.parts_at(w, writes);
    std::int64_t start = from.unit_free[unit];
    for (Placement r : reads)
      if (const PlaceTimes *p = find_place(from, r.slot))
        start = std::max(start, p->ready);
    for (Placement w : writes)
      for (const PlaceTimes &p : from.places)
        if (space_.overlap(p.slot, w.slot))
          start = std::max(start, p.busy);
    std::int64_t end = start + instance.cost;

    Node node;
    node.state = next;
    node.unit_free = from.unit_free;
    node.unit_free[unit] = end;
    node.makespan = std::max(from.makespan, end);
    node.bound = from.bound;
    node.spent = from.spent + instance.cost;
    node.parent = id;
    node.via = transition;
    std::map<std::uint32_t, PlaceTimes> places;
    for (const PlaceTimes &p : from.places)
      places[p.slot] = p;
    for (Placement r : reads) {
      auto [at, fresh] = places.try_emplace(r.slot, PlaceTimes{r.slot, 0, 0});
      at->second.busy = std::max(at->second.busy, end);
    }
    for (Placement w : writes)
      places[w.slot] = {w.slot, end, end};
    std::int64_t passed = least_free(node);
    for (auto &[slot, p] : places)
      if (p.busy > passed)
        node.places.push_back({slot, p.ready > passed ? p.ready : 0, p.busy});
    return node;
  }

  void offer(Node node, std::int64_t limit) {
    std::vector<std::uint32_t> &peers = peers_[node.state];
    for (std::uint32_t peer : peers)
      if (dominates(nodes_[peer], node))
        return;
    space_.facts(node.state, facts_);
    ready_.clear();
    for (std::uint32_t fact : facts_)
      ready_.push_back({fact, kNever});
    auto set = [&](std::uint32_t fact, std::int64_t time) {
      auto at = std::lower_bound(ready_.begin(), ready_.end(), std::pair(fact, std::int64_t{-1}));
      at->second = std::min(at->second, time);
    };
    for (std::uint32_t fact : space_.relaxed().initial)
      set(fact, 0);
    for (Placement p : node.state) {
      if (space_.is_control(p))
        break;
      const PlaceTimes *times = find_place(node, p.slot);
      set(p.vertex, times ? times->ready : 0);
    }
    for (auto &[fact, time] : ready_)
      if (time == kNever)
        time = 0; // an output that was written
    if (!bound_.evaluate(node, facts_, ready_) || node.bound >= limit)
      return;
    std::erase_if(peers, [&](std::uint32_t peer) {
      if (!dominates(node, nodes_[peer]))
        return false;
      nodes_[peer].dominated = true;
      return true;
    });
    auto id = static_cast<std::uint32_t>(nodes_.size());
    peers.push_back(id);
    std::int64_t sum = node.spent + node.left;
    queue_.push({greedy_ ? sum : node.bound, greedy_ ? node.bound : node.left, id, id});
    nodes_.push_back(std::move(node));
  }

  StateSpace &space_;
  MakespanBound &bound_;
  bool greedy_;
  std::deque<Node> nodes_;
  std::unordered_map<State, std::vector<std::uint32_t>, StateHash> peers_; ///< look-up only
  std::priority_queue<QueueEntry> queue_;
  std::vector<std::uint32_t> facts_;
  std::vector<std::pair<std::uint32_t, std::int64_t>> ready_;
  std::uint32_t goal_ = 0;
};

} // namespace

PlanResult plan_makespan(StateSpace &space, const PlannerOptions &options) {
  auto start = std::chrono::steady_clock::now();
  PlanResult result;
  MakespanBound bound(space);
  std::optional<Plan> best;
  MakespanSearch exact(space, bound, false);
  std::uint64_t pauses = 0;
  auto stopped = [&] {
    if (options.interrupt && options.interrupt->load(std::memory_order_relaxed))
      result.stopped_by = "interrupted";
    else if (pauses % 16 == 0 &&
             std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() >
                 options.limit(best.has_value()))
      result.stopped_by = "time limit";
    else if (exact.states() > options.max_states)
      result.stopped_by = "state limit";
    if (options.progress && pauses % 256 == 0)
      options.progress(
          {exact.expanded, best ? std::optional(best->cost) : std::nullopt, exact.least()});
    ++pauses;
    return !result.stopped_by.empty();
  };
  using Outcome = MakespanSearch::Outcome;
  std::uint64_t stop_at =
      std::min<std::uint64_t>(options.weighted_after, 200); // expansions are dear here
  Outcome outcome;
  while (true) {
    auto incumbent = best ? std::optional(best->cost) : std::nullopt;
    outcome = exact.run(incumbent,
                        [&] { return stopped() || (stop_at != 0 && exact.expanded >= stop_at); });
    if (outcome != Outcome::Paused || !result.stopped_by.empty())
      break;
    stop_at = 0;
    MakespanSearch greedy(space, bound, true);
    if (greedy.run({}, [&] {
          return stopped() || greedy.expanded >= options.weighted_expansions;
        }) == Outcome::Goal)
      best = greedy.extract();
    result.expanded += greedy.expanded;
  }
  if (outcome == Outcome::Goal)
    best = exact.extract();
  result.expanded += exact.expanded;
  result.evaluated = bound.evaluated;
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
