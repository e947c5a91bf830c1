#pragma once
// Lower bounds on plan cost from the delete relaxation: LM-cut (Helmert and Domshlak, "Landmarks, critical paths and
// abstractions: what's the difference anyway?", ICAPS 2009).

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace isamorph::search {

/// A delete-relaxed planning task: facts are numbered from 0, an action adds its `adds` when all `needs` hold.
struct RelaxedAction {
  std::vector<std::uint32_t> needs, adds;
  std::int64_t cost = 0;
};
struct RelaxedTask {
  std::uint32_t facts = 0;
  std::vector<RelaxedAction> actions;
  std::vector<std::uint32_t> initial, goal;
};

/// A set of actions of which every plan contains at least one, and the part of their costs that it uses. Over all landmarks
/// the weights charged to one action never exceed its cost, so the sum of the weights bounds every plan from below.
struct Landmark {
  std::vector<std::uint32_t> actions;
  std::int64_t weight = 0;
};
struct LandmarkBound {
  std::int64_t bound = 0;
  std::vector<Landmark> landmarks;
};

} // namespace isamorph::search
