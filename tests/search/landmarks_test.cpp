#include "search/landmarks.h"

#include <catch2/catch.hpp>
#include <rapidcheck.h>

#include <algorithm>
#include <map>
#include <queue>
#include <set>

using namespace isamorph::search;

namespace {

/// The cost of a cheapest relaxed plan, by Dijkstra over sets of facts.
std::optional<std::int64_t> relaxed_optimum(const RelaxedTask &task) {
  using Set = std::set<std::uint32_t>;
  std::map<Set, std::int64_t> best;
  std::priority_queue<std::pair<std::int64_t, Set>, std::vector<std::pair<std::int64_t, Set>>,
                      std::greater<>>
      open;
  Set start(task.initial.begin(), task.initial.end());
  best[start] = 0;
  open.push({0, start});
  auto all = [](const Set &facts, const std::vector<std::uint32_t> &list) {
    return std::all_of(list.begin(), list.end(),
                       [&](std::uint32_t f) { return facts.count(f) != 0; });
  };
  while (!open.empty()) {
    auto [g, facts] = open.top();
    open.pop();
    if (best[facts] < g)
      continue;
    if (all(facts, task.goal))
      return g;
    for (const RelaxedAction &action : task.actions) {
      if (!all(facts, action.needs))
        continue;
      Set next = facts;
      next.insert(action.adds.begin(), action.adds.end());
      auto known = best.find(next);
      if (known == best.end() || g + action.cost < known->second) {
        best[next] = g + action.cost;
        open.push({g + action.cost, next});
      }
    }
  }
  return std::nullopt;
}

std::vector<std::uint32_t> some_facts(std::uint32_t facts, int most) {
  return *rc::gen::resize(
      most, rc::gen::container<std::vector<std::uint32_t>>(rc::gen::inRange(0u, facts)));
}

RelaxedTask random_task() {
  RelaxedTask task;
  task.facts = *rc::gen::inRange(2u, 9u);
  int actions = *rc::gen::inRange(0, 12);
  for (int i = 0; i < actions; ++i)
    task.actions.push_back(
        {some_facts(task.facts, 3), some_facts(task.facts, 2), *rc::gen::inRange(0, 5)});
  task.initial = some_facts(task.facts, 2);
  task.goal = some_facts(task.facts, 3);
  return task;
}

} // namespace

TEST_CASE("LM-cut never exceeds the cheapest relaxed plan, and its landmarks check") {
  int tight = 0, reachable = 0;
  REQUIRE(rc::check([&] {
    RelaxedTask task = random_task();
    auto exact = relaxed_optimum(task);
    auto bound = lm_cut(task);
    RC_ASSERT(bound.has_value() == exact.has_value());
    if (!bound)
      return;
    RC_ASSERT(bound->bound <= *exact);
    RC_ASSERT((bound->bound > 0) == (*exact > 0));
    RC_ASSERT(check_landmarks(task, *bound).empty());
    ++reachable;
    tight += bound->bound == *exact;
  }));
  CHECK(tight * 2 > reachable); // it is a good bound, not only a safe one
}

TEST_CASE("what an action leaves of the bound is admissible") {
  REQUIRE(rc::check([] {
    RelaxedTask task = random_task();
    LmCut engine(task);
    auto bound = engine.evaluate(task.initial);
    if (!bound)
      return;
    std::vector<std::int64_t> charged(engine.charged().begin(), engine.charged().end());
    for (std::size_t a = 0; a < task.actions.size(); ++a) {
      const RelaxedAction &action = task.actions[a];
      RC_ASSERT(charged[a] <= action.cost);
      RelaxedTask after = task;
      if (!std::all_of(action.needs.begin(), action.needs.end(), [&](std::uint32_t f) {
            return std::find(task.initial.begin(), task.initial.end(), f) != task.initial.end();
          }))
        continue;
      after.initial.insert(after.initial.end(), action.adds.begin(), action.adds.end());
      RC_ASSERT(*bound - charged[a] <= *relaxed_optimum(after));
    }
  }));
}

TEST_CASE("check_landmarks refuses what does not hold") {
  // Two ways to fact 1 (costs 2 and 3), then one to fact 2 (cost 4).
  RelaxedTask task{3, {{{0}, {1}, 2}, {{0}, {1}, 3}, {{1}, {2}, 4}}, {0}, {2}};
  auto bound = lm_cut(task);
  REQUIRE(bound);
  CHECK(bound->bound == 6);
  CHECK(check_landmarks(task, *bound).empty());
  CHECK_FALSE(check_landmarks(task, {7, bound->landmarks}).empty());
  CHECK_FALSE(check_landmarks(task, {2, {{{0}, 2}}}).empty());
  CHECK_FALSE(check_landmarks(task, {5, {{{2}, 5}}}).empty());
  CHECK_FALSE(check_landmarks(task, {4, {{{2, 2}, 4}}}).empty());
  CHECK_FALSE(check_landmarks(task, {4, {{{9}, 4}}}).empty());
  CHECK_FALSE(check_landmarks(task, {-1, {{{2}, -1}}}).empty());
}

TEST_CASE("an unreachable goal has no bound") {
  CHECK_FALSE(lm_cut({2, {}, {0}, {1}}));
  CHECK(lm_cut({2, {}, {0}, {0}})->bound == 0);
  CHECK(lm_cut({2, {{{}, {1}, 3}}, {}, {1}})->bound == 3);
}
