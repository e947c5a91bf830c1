#include "verify/checker/landmark_checker.h"

#include <algorithm>
#include <fmt/format.h>

namespace isamorph::verify {
namespace {

bool in_range(const std::vector<std::uint32_t> &list, std::size_t size) {
  return std::all_of(list.begin(), list.end(), [&](std::uint32_t v) { return v < size; });
}

} // namespace

bool goal_reachable(const LandmarkTask &task, const std::vector<char> &removed) {
  std::vector<char> holds(task.facts, 0);
  for (std::uint32_t f : task.initial)
    holds[f] = 1;
  for (bool changed = true; changed;) {
    changed = false;
    for (std::size_t a = 0; a < task.actions.size(); ++a) {
      const auto &action = task.actions[a];
      if (removed[a] || !std::all_of(action.needs.begin(), action.needs.end(),
                                     [&](std::uint32_t f) { return holds[f]; }))
        continue;
      for (std::uint32_t f : action.adds)
        if (!holds[f]) {
          holds[f] = 1;
          changed = true;
        }
    }
  }
  return std::all_of(task.goal.begin(), task.goal.end(), [&](std::uint32_t f) { return holds[f]; });
}

std::string check_landmarks(const LandmarkTask &task, std::int64_t bound) {
  bool sane =
      in_range(task.initial, task.facts) && in_range(task.goal, task.facts) && !task.goal.empty();
  for (const auto &action : task.actions)
    sane &=
        in_range(action.needs, task.facts) && in_range(action.adds, task.facts) && action.cost >= 0;
  if (!sane)
    return "the planning task names a fact that it does not have, has no goal or a negative cost";
  if (!goal_reachable(task, std::vector<char>(task.actions.size(), 0)))
    return "the planning task cannot be solved at all";
  std::vector<std::int64_t> charged(task.actions.size(), 0);
  std::int64_t total = 0;
  for (std::size_t l = 0; l < task.landmarks.size(); ++l) {
    const auto &landmark = task.landmarks[l];
    if (!in_range(landmark.actions, task.actions.size()) || landmark.weight < 0)
      return fmt::format("landmark {} names an action that does not exist or has a negative weight",
                         l);
    std::vector<char> removed(task.actions.size(), 0);
    for (std::uint32_t a : landmark.actions) {
      if (removed[a])
        return fmt::format("landmark {} names an action twice", l);
      removed[a] = 1;
      if (landmark.weight > task.actions[a].cost - charged[a])
        return fmt::format("landmarks overlap: action '{}' is charged more than its cost {}",
                           task.actions[a].name, task.actions[a].cost);
      charged[a] += landmark.weight;
    }
    if (goal_reachable(task, removed))
      return fmt::format("landmark {} is not unavoidable: the goal is reachable without it", l);
    if (__builtin_add_overflow(total, landmark.weight, &total))
      return "the landmarks' weights overflow";
  }
  if (total != bound)
    return fmt::format("the landmarks' weights add up to {}, not to {}", total, bound);
  return {};
}

} // namespace isamorph::verify
