#include "search/landmarks.h"

#include <algorithm>
#include <limits>

namespace isamorph::search {
namespace {

constexpr std::int64_t kUnreached = std::numeric_limits<std::int64_t>::max();

/// Lists of lists as offsets and entries.
void flatten(std::span<const std::vector<std::uint32_t>> lists, std::vector<std::uint32_t> &at,
             std::vector<std::uint32_t> &entries) {
  at.assign(1, 0);
  for (const auto &list : lists) {
    entries.insert(entries.end(), list.begin(), list.end());
    at.push_back(static_cast<std::uint32_t>(entries.size()));
  }
}

/// For every entry value, the lists that hold it.
void invert(std::span<const std::uint32_t> at, std::span<const std::uint32_t> entries,
            std::uint32_t values, std::vector<std::uint32_t> &inverse_at,
            std::vector<std::uint32_t> &inverse) {
  inverse_at.assign(values + 1, 0);
  for (std::uint32_t e : entries)
    ++inverse_at[e + 1];
  for (std::uint32_t v = 0; v < values; ++v)
    inverse_at[v + 1] += inverse_at[v];
  inverse.resize(entries.size());
  std::vector<std::uint32_t> next(inverse_at.begin(), inverse_at.end() - 1);
  for (std::uint32_t list = 0; list + 1 < at.size(); ++list)
    for (std::uint32_t i = at[list]; i < at[list + 1]; ++i)
      inverse[next[entries[i]]++] = list;
}

} // namespace

LmCut::LmCut(const RelaxedTask &task)
    : facts_(task.facts + 2), actions_(static_cast<std::uint32_t>(task.actions.size()) + 1) {
  std::uint32_t goal = task.facts, truth = task.facts + 1;
  std::vector<std::vector<std::uint32_t>> needs, adds;
  auto sorted = [](std::vector<std::uint32_t> list) {
    std::sort(list.begin(), list.end());
    list.erase(std::unique(list.begin(), list.end()), list.end());
    return list;
  };
  for (const RelaxedAction &action : task.actions) {
    needs.push_back(sorted(action.needs));
    if (needs.back().empty())
      needs.back().push_back(truth);
    adds.push_back(sorted(action.adds));
    base_cost_.push_back(action.cost);
  }
  needs.push_back(sorted(task.goal));
  if (needs.back().empty())
    needs.back().push_back(truth);
  adds.push_back({goal});
  base_cost_.push_back(0);
  flatten(needs, needs_at_, needs_);
  flatten(adds, adds_at_, adds_);
  invert(needs_at_, needs_, facts_, needed_by_at_, needed_by_);
  invert(adds_at_, adds_, facts_, added_by_at_, added_by_);
  value_.resize(facts_);
  zone_.resize(facts_);
  unsatisfied_.resize(actions_);
  supporter_.resize(actions_);
  support_value_.resize(actions_);
  charged_.resize(actions_);
}

void LmCut::offer(std::uint32_t fact, std::int64_t cost) {
  if (value_[fact] <= cost)
    return;
  value_[fact] = cost;
  zone_[fact] = Zone::Reached;
  heap_.push_back({-cost, fact});
  std::push_heap(heap_.begin(), heap_.end());
}

/// h_max of every fact (Dijkstra); an action's supporter is its most expensive need.
void LmCut::explore(std::span<const std::uint32_t> state) {
  std::fill(value_.begin(), value_.end(), kUnreached);
  std::fill(zone_.begin(), zone_.end(), Zone::Unreached);
  for (std::uint32_t a = 0; a < actions_; ++a) {
    unsatisfied_[a] = needs_at_[a + 1] - needs_at_[a];
    supporter_[a] = kNone;
  }
  heap_.clear();
  for (std::uint32_t fact : state)
    offer(fact, 0);
  while (!heap_.empty()) {
    auto [negative, fact] = heap_.front();
    std::pop_heap(heap_.begin(), heap_.end());
    heap_.pop_back();
    std::int64_t cost = -negative;
    if (value_[fact] < cost)
      continue;
    for (std::uint32_t i = needed_by_at_[fact]; i < needed_by_at_[fact + 1]; ++i) {
      std::uint32_t a = needed_by_[i];
      if (--unsatisfied_[a] > 0)
        continue;
      supporter_[a] = fact;
      support_value_[a] = cost;
      for (std::uint32_t j = adds_at_[a]; j < adds_at_[a + 1]; ++j)
        offer(adds_[j], cost + cost_[a]);
    }
  }
}

void LmCut::support(std::uint32_t a) {
  std::uint32_t best = needs_[needs_at_[a]];
  for (std::uint32_t i = needs_at_[a] + 1; i < needs_at_[a + 1]; ++i)
    if (value_[needs_[i]] > value_[best])
      best = needs_[i];
  supporter_[a] = best;
  support_value_[a] = value_[best];
}

/// Lowers h_max after the actions of a cut became cheaper.
void LmCut::improve(std::span<const std::uint32_t> cut) {
  for (std::uint32_t a : cut)
    for (std::uint32_t j = adds_at_[a]; j < adds_at_[a + 1]; ++j)
      offer(adds_[j], support_value_[a] + cost_[a]);
  while (!heap_.empty()) {
    auto [negative, fact] = heap_.front();
    std::pop_heap(heap_.begin(), heap_.end());
    heap_.pop_back();
    std::int64_t cost = -negative;
    if (value_[fact] < cost)
      continue;
    for (std::uint32_t i = needed_by_at_[fact]; i < needed_by_at_[fact + 1]; ++i) {
      std::uint32_t a = needed_by_[i];
      if (supporter_[a] != fact || support_value_[a] <= cost)
        continue;
      support(a);
      for (std::uint32_t j = adds_at_[a]; j < adds_at_[a + 1]; ++j)
        offer(adds_[j], support_value_[a] + cost_[a]);
    }
  }
}

/// The facts from which the goal costs nothing more, through supporters.
void LmCut::mark_goal_zone() {
  std::uint32_t goal = facts_ - 2;
  stack_.assign(1, goal);
  zone_[goal] = Zone::Goal;
  while (!stack_.empty()) {
    std::uint32_t fact = stack_.back();
    stack_.pop_back();
    for (std::uint32_t i = added_by_at_[fact]; i < added_by_at_[fact + 1]; ++i) {
      std::uint32_t a = added_by_[i], s = supporter_[a];
      if (cost_[a] != 0 || s == kNone || zone_[s] == Zone::Goal)
        continue;
      zone_[s] = Zone::Goal;
      stack_.push_back(s);
    }
  }
}

/// The actions that lead from what the state reaches outside the goal zone into it.
void LmCut::find_cut(std::span<const std::uint32_t> state) {
  cut_.clear();
  stack_.clear();
  for (std::uint32_t fact : state)
    if (zone_[fact] == Zone::Reached) {
      zone_[fact] = Zone::Before;
      stack_.push_back(fact);
    }
  while (!stack_.empty()) {
    std::uint32_t fact = stack_.back();
    stack_.pop_back();
    for (std::uint32_t i = needed_by_at_[fact]; i < needed_by_at_[fact + 1]; ++i) {
      std::uint32_t a = needed_by_[i];
      if (supporter_[a] != fact)
        continue;
      bool enters = false;
      for (std::uint32_t j = adds_at_[a]; j < adds_at_[a + 1] && !enters; ++j)
        enters = zone_[adds_[j]] == Zone::Goal;
      if (enters) {
        cut_.push_back(a);
        continue;
      }
      for (std::uint32_t j = adds_at_[a]; j < adds_at_[a + 1]; ++j)
        if (zone_[adds_[j]] != Zone::Before) {
          zone_[adds_[j]] = Zone::Before;
          stack_.push_back(adds_[j]);
        }
    }
  }
}

std::optional<std::int64_t> LmCut::evaluate(std::span<const std::uint32_t> state,
                                            std::vector<Landmark> *landmarks) {
  start_.assign(state.begin(), state.end());
  start_.push_back(facts_ - 1);
  cost_ = base_cost_;
  std::fill(charged_.begin(), charged_.end(), 0);
  explore(start_);
  std::uint32_t goal = facts_ - 2;
  if (value_[goal] == kUnreached)
    return std::nullopt;
  std::int64_t total = 0;
  while (value_[goal] != 0) {
    mark_goal_zone();
    find_cut(start_);
    std::int64_t least = kUnreached;
    for (std::uint32_t a : cut_)
      least = std::min(least, cost_[a]);
    for (std::uint32_t a : cut_) {
      cost_[a] -= least;
      charged_[a] += least;
    }
    total += least;
    if (landmarks) {
      landmarks->push_back({cut_, least});
      std::sort(landmarks->back().actions.begin(), landmarks->back().actions.end());
    }
    improve(cut_);
    for (Zone &zone : zone_)
      if (zone != Zone::Unreached)
        zone = Zone::Reached;
  }
  return total;
}

std::optional<LandmarkBound> lm_cut(const RelaxedTask &task) {
  LmCut engine(task);
  LandmarkBound out;
  auto bound = engine.evaluate(task.initial, &out.landmarks);
  if (!bound)
    return std::nullopt;
  out.bound = *bound;
  return out;
}

std::string check_landmarks(const RelaxedTask &task, const LandmarkBound &bound) {
  std::vector<std::int64_t> charged(task.actions.size(), 0);
  std::int64_t total = 0;
  for (std::size_t l = 0; l < bound.landmarks.size(); ++l) {
    const Landmark &landmark = bound.landmarks[l];
    std::string which = "landmark " + std::to_string(l);
    if (landmark.weight < 0)
      return which + " has a negative weight";
    total += landmark.weight;
    std::vector<char> removed(task.actions.size(), 0), holds(task.facts, 0);
    for (std::uint32_t a : landmark.actions) {
      if (a >= task.actions.size())
        return which + " names an action that does not exist";
      if (removed[a])
        return which + " names an action twice";
      removed[a] = 1;
      charged[a] += landmark.weight;
      if (charged[a] > task.actions[a].cost)
        return which + " charges an action more than its cost";
    }
    for (std::uint32_t fact : task.initial)
      holds[fact] = 1;
    auto all = [&](const std::vector<std::uint32_t> &facts) {
      return std::all_of(facts.begin(), facts.end(), [&](std::uint32_t f) { return holds[f]; });
    };
    for (bool changed = true; changed;) {
      changed = false;
      for (std::size_t a = 0; a < task.actions.size(); ++a) {
        if (removed[a] || !all(task.actions[a].needs))
          continue;
        for (std::uint32_t fact : task.actions[a].adds) {
          changed |= !holds[fact];
          holds[fact] = 1;
        }
      }
    }
    if (all(task.goal))
      return which + " can be avoided";
  }
  if (total != bound.bound)
    return "the landmarks' weights do not add up to the bound";
  return {};
}

} // namespace isamorph::search
