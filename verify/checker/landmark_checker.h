#pragma once
// Landmarks without the planner: removing a landmark's actions must leave the goal unreachable even
// if nothing is ever overwritten, so every plan contains one of them. Private to the checker.

#include <cstdint>
#include <string>
#include <vector>

namespace isamorph::verify {

struct LandmarkTask {
  struct Action {
    std::string name;
    std::vector<std::uint32_t> needs, adds;
    std::int64_t cost = 0;
  };
  struct Landmark {
    std::vector<std::uint32_t> actions;
    std::int64_t weight = 0;
  };
  std::size_t facts = 0;
  std::vector<Action> actions;
  std::vector<std::uint32_t> initial, goal;
  std::vector<Landmark> landmarks;
};

/// Whether the goal can be reached without the actions marked in `removed`, if nothing is ever
/// overwritten. Facts and actions are in range.
bool goal_reachable(const LandmarkTask &task, const std::vector<char> &removed);

/// What is wrong, or "": numbers out of range, a landmark that can be avoided, an action charged
/// more than it costs, weights that do not add up to `bound`.
std::string check_landmarks(const LandmarkTask &task, std::int64_t bound);

} // namespace isamorph::verify
