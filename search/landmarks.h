#pragma once
// Lower bounds on plan cost from the delete relaxation: LM-cut (Helmert and Domshlak, "Landmarks,
// critical paths and abstractions: what's the difference anyway?", ICAPS 2009).

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace isamorph::search {

/// A delete-relaxed planning task: facts are numbered from 0, an action adds its `adds` when all
/// `needs` hold.
struct RelaxedAction {
  std::vector<std::uint32_t> needs, adds;
  std::int64_t cost = 0;
};
struct RelaxedTask {
  std::uint32_t facts = 0;
  std::vector<RelaxedAction> actions;
  std::vector<std::uint32_t> initial, goal;
};

/// A set of actions of which every plan contains at least one, and the part of their costs that it
/// uses. Over all landmarks the weights charged to one action never exceed its cost, so the sum of
/// the weights bounds every plan from below.
struct Landmark {
  std::vector<std::uint32_t> actions;
  std::int64_t weight = 0;
};
struct LandmarkBound {
  std::int64_t bound = 0;
  std::vector<Landmark> landmarks;
};

/// LM-cut on one task, for many states. All storage is flat and allocated once; `evaluate`
/// allocates only while its queue grows. Not for use by several threads at once.
class LmCut {
public:
  explicit LmCut(const RelaxedTask &task);

  /// A lower bound of the cost of reaching the goal from the facts `state`; nullopt when the goal
  /// cannot be reached even without deletes. The landmarks are appended to `landmarks` if given,
  /// actions in ascending order.
  std::optional<std::int64_t> evaluate(std::span<const std::uint32_t> state,
                                       std::vector<Landmark> *landmarks = nullptr);

  /// After an evaluation: the sum of the weights that landmarks charged to each action. What
  /// remains of the bound when an action has been applied is at least bound - charged()[action].
  std::span<const std::int64_t> charged() const { return charged_; }

private:
  static constexpr std::uint32_t kNone = 0xffffffff;
  enum class Zone : std::uint8_t { Unreached, Reached, Goal, Before };

  void explore(std::span<const std::uint32_t> state);
  void improve(std::span<const std::uint32_t> cut);
  void offer(std::uint32_t fact, std::int64_t cost);
  void mark_goal_zone();
  void find_cut(std::span<const std::uint32_t> state);
  void support(std::uint32_t action);

  std::uint32_t facts_,
      actions_; ///< with an artificial goal fact, an always true fact and a goal action
  std::vector<std::uint32_t> needs_at_, needs_, adds_at_, adds_, needed_by_at_, needed_by_,
      added_by_at_, added_by_;
  std::vector<std::int64_t> base_cost_, cost_, value_, support_value_, charged_;
  std::vector<std::uint32_t> unsatisfied_, supporter_, cut_, stack_, start_;
  std::vector<Zone> zone_;
  std::vector<std::pair<std::int64_t, std::uint32_t>> heap_;
};

/// The bound for the task's initial facts with its landmarks; nullopt when the goal is unreachable.
std::optional<LandmarkBound> lm_cut(const RelaxedTask &task);

/// Re-checks a bound without trusting how it was found: every landmark's removal makes the goal
/// unreachable, no action is charged more than its cost, and the weights add up. Returns what is
/// wrong, or an empty string.
std::string check_landmarks(const RelaxedTask &task, const LandmarkBound &bound);

} // namespace isamorph::search
