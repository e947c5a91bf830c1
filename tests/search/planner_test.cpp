#include "search/makespan.h"
#include "tests/search/planner_problems.h"

#include <catch2/catch.hpp>

#include <unistd.h>

#include <filesystem>

using namespace isamorph;
using namespace isamorph::search;
using namespace isamorph::search_tests;

TEST_CASE("plans are as cheap as an exhaustive search over all addresses finds, and run") {
  int solved = 0;
  REQUIRE(rc::check([&] {
    Problem p = random_problem();
    auto expected = brute_force(p, 30000);
    if (expected == -1)
      return;
    bool symmetry = *rc::gen::inRange(0, 4) != 0;
    StateSpace space(p.graph, p.isa, *p.egraph, {symmetry});
    PlannerOptions options;
    options.weighted_after = *rc::gen::element(0, 1, 5, 1000);
    options.dominance = *rc::gen::inRange(0, 4) != 0;
    options.beam = *rc::gen::element(0, 1, 10);
    options.landmarks = *rc::gen::inRange(0, 4) != 0;
    PlanResult found = plan(space, options);
    if (!expected) {
      RC_ASSERT(found.status == PlanResult::Status::Infeasible);
      return;
    }
    ++solved;
    RC_ASSERT(found.status == PlanResult::Status::Optimal);
    RC_ASSERT(found.plan.cost == *expected);
    RC_ASSERT(found.bound == *expected);
    auto root = lm_cut(space.relaxed());
    RC_ASSERT(root.has_value());
    RC_ASSERT(root->bound <= *expected);
    RC_ASSERT(check_landmarks(space.relaxed(), *root).empty());
    std::int64_t sum = 0;
    for (const Transition &step : found.plan.steps)
      sum += space.cost(step.variant);
    RC_ASSERT(sum == *expected);
    RC_ASSERT(run_labels(p, assemble_kernel(space, found.plan, *p.egraph, tensors(p), "k")));
  }));
  CHECK(solved > 10);
}

TEST_CASE("a search that is stopped returns a bound and says what stopped it") {
  REQUIRE(rc::check([&] {
    Problem p = random_problem();
    StateSpace space(p.graph, p.isa, *p.egraph);
    PlanResult whole = plan(space, {});
    PlannerOptions options;
    options.max_states = 1;
    PlanResult part = plan(space, options);
    if (part.status == PlanResult::Status::Stopped) {
      RC_ASSERT(part.stopped_by == "state limit");
      if (whole.status == PlanResult::Status::Optimal)
        RC_ASSERT(part.bound <= whole.plan.cost);
    }
  }));
}

TEST_CASE("leaving out dominated states does not change the cost") {
  std::uint64_t dominated = 0, fewer = 0;
  REQUIRE(rc::check([&] {
    Problem p = random_problem();
    bool symmetry = *rc::gen::inRange(0, 2) != 0;
    StateSpace space(p.graph, p.isa, *p.egraph, {symmetry});
    PlannerOptions options;
    options.weighted_after = *rc::gen::element(0, 5);
    options.max_states = 50'000;
    options.landmarks = *rc::gen::inRange(0, 4) == 0;
    PlanResult with = plan(space, options);
    options.dominance = false;
    PlanResult without = plan(space, options);
    RC_ASSERT(without.dominated == 0u);
    dominated += with.dominated;
    fewer += with.expanded < without.expanded;
    if (!without.stopped_by.empty() || !with.stopped_by.empty())
      return;
    RC_ASSERT(with.status == without.status);
    RC_ASSERT(with.plan.cost == without.plan.cost);
    RC_ASSERT(with.bound == without.bound);
  }));
  CHECK(dominated > 0);
  CHECK(fewer > 0);
}

namespace {

void check_same(const PlanResult &a, const PlanResult &b) {
  RC_ASSERT(a.status == b.status);
  RC_ASSERT(a.bound == b.bound);
  RC_ASSERT(a.plan.cost == b.plan.cost);
  RC_ASSERT(a.expanded == b.expanded);
  RC_ASSERT(a.evaluated == b.evaluated);
  RC_ASSERT(a.dominated == b.dominated);
  RC_ASSERT(a.plan.states == b.plan.states);
  RC_ASSERT(a.plan.steps.size() == b.plan.steps.size());
  for (std::size_t i = 0; i < a.plan.steps.size(); ++i) {
    RC_ASSERT(a.plan.steps[i].variant == b.plan.steps[i].variant);
    RC_ASSERT(a.plan.steps[i].reads == b.plan.steps[i].reads);
    RC_ASSERT(a.plan.steps[i].writes == b.plan.steps[i].writes);
  }
}

} // namespace

TEST_CASE("one thread and four make the same plan in the same expansions") {
  REQUIRE(rc::check([&] {
    Problem p = random_problem();
    StateSpace space(p.graph, p.isa, *p.egraph);
    PlannerOptions options;
    options.weighted_after = *rc::gen::element(0, 5);
    options.max_expansions = 3000;
    PlanResult one = plan(space, options);
    options.jobs = 4;
    check_same(one, plan(space, options));
  }));
}

TEST_CASE("a search continued from checkpoints ends like one that was never stopped") {
  std::string path = std::filesystem::temp_directory_path() /
                     ("isamorph_planner_test_" + std::to_string(getpid()));
  int resumed = 0;
  REQUIRE(rc::check([&] {
    Problem p = random_problem();
    StateSpace space(p.graph, p.isa, *p.egraph);
    PlannerOptions options;
    options.weighted_after = *rc::gen::element(0, 2, 5);
    options.weighted_expansions = 20;
    options.beam = *rc::gen::element(0, 3);
    options.max_expansions = 2000;
    PlanResult whole = plan(space, options);
    if (!whole.stopped_by.empty())
      return;
    options.checkpoint = path;
    options.max_expansions = *rc::gen::inRange(1, 40);
    std::filesystem::remove(path);
    PlanResult part = plan(space, options);
    while (!part.stopped_by.empty()) {
      RC_ASSERT(part.stopped_by == "expansion limit");
      RC_ASSERT(std::filesystem::exists(path));
      RC_ASSERT(part.bound <= whole.bound || whole.status == PlanResult::Status::Infeasible);
      part = plan(StateSpace(p.graph, p.isa, *p.egraph), options);
      ++resumed;
    }
    RC_ASSERT(!std::filesystem::exists(path));
    check_same(whole, part);
  }));
  CHECK(resumed > 10);
}

TEST_CASE("time for a first plan that is over ends the search, and none that has a plan") {
  REQUIRE(rc::check([&] {
    Problem p = random_problem();
    StateSpace space(p.graph, p.isa, *p.egraph);
    PlannerOptions options;
    PlanResult whole = plan(space, options);
    options.seconds_to_first = 1e9;
    check_same(whole, plan(space, options));
    options.seconds_to_first = -1;
    PlanResult stopped = plan(space, options);
    RC_ASSERT(stopped.status == PlanResult::Status::Stopped);
    RC_ASSERT(stopped.stopped_by == "time limit");
    RC_ASSERT(stopped.bound <= whole.bound || whole.status == PlanResult::Status::Infeasible);
    options.seconds = -1;
    RC_ASSERT(options.limit(true) < 0);
  }));
}

TEST_CASE("best only falls and the bound only rises, up to the final cost") {
  REQUIRE(rc::check([&] {
    Problem p = random_problem();
    StateSpace space(p.graph, p.isa, *p.egraph);
    PlannerOptions options;
    options.weighted_after = *rc::gen::element(0, 1, 5);
    options.max_states = 20'000;
    std::vector<Progress> reports;
    options.progress = [&](const Progress &now) { reports.push_back(now); };
    PlanResult found = plan(space, options);
    RC_ASSERT(!reports.empty());
    for (std::size_t i = 0; i < reports.size(); ++i) {
      if (found.status == PlanResult::Status::Optimal)
        RC_ASSERT(reports[i].bound <= found.plan.cost);
      if (reports[i].best) {
        RC_ASSERT(reports[i].bound <= *reports[i].best);
        RC_ASSERT(found.plan.cost <= *reports[i].best);
      }
      if (i == 0)
        continue;
      RC_ASSERT(reports[i - 1].bound <= reports[i].bound);
      RC_ASSERT(reports[i - 1].expanded <= reports[i].expanded);
      if (reports[i - 1].best)
        RC_ASSERT(reports[i].best.has_value() && *reports[i].best <= *reports[i - 1].best);
    }
    if (found.status == PlanResult::Status::Optimal) {
      RC_ASSERT(reports.back().best == found.plan.cost);
      RC_ASSERT(reports.back().bound == found.plan.cost);
    }
  }));
}

namespace {

/// The least makespan of all sequences of at most `depth` actions; nullopt if none reaches the
/// goal, -1 if there are too many.
std::optional<std::int64_t> least_makespan(const Problem &p, StateSpace &space, std::size_t depth) {
  std::optional<std::int64_t> best;
  std::size_t budget = 4000;
  Plan plan;
  std::function<void(const State &)> extend = [&](const State &state) {
    if (budget == 0)
      return;
    --budget;
    if (space.is_goal(state)) {
      spec::Kernel kernel = assemble_kernel(space, plan, *p.egraph, tensors(p), "k");
      std::int64_t cost = costmodel::cost(p.isa, kernel, costmodel::CostModel::Overlap);
      best = best ? std::min(*best, cost) : cost;
      return;
    }
    if (plan.steps.size() == depth)
      return;
    std::vector<std::pair<Transition, State>> successors;
    space.expand(state, [&](const Transition &t, const State &next) {
      successors.push_back({t, next});
    });
    for (auto &[transition, next] : successors) {
      plan.steps.push_back(transition);
      plan.states.push_back(state);
      extend(next);
      plan.steps.pop_back();
      plan.states.pop_back();
    }
  };
  extend({});
  return budget == 0 ? std::optional<std::int64_t>(-1) : best;
}

} // namespace

TEST_CASE("makespans are the least over all short sequences, and what the cost model says") {
  constexpr std::size_t depth = 5;
  int compared = 0;
  REQUIRE(rc::check([&] {
    Problem p = random_problem();
    for (Instance &instance : p.graph.instances)
      instance.cost =
          *p.isa.instructions[instance.instruction].cost.latency.evaluate(instance.attributes);
    StateSpace space(p.graph, p.isa, *p.egraph, {false});
    PlannerOptions options;
    options.weighted_after = *rc::gen::element(0, 1, 1000);
    options.max_states = 20000;
    PlanResult found = plan_makespan(space, options);
    if (found.status == PlanResult::Status::Optimal ||
        found.status == PlanResult::Status::Feasible) {
      spec::Kernel kernel = assemble_kernel(space, found.plan, *p.egraph, tensors(p), "k");
      RC_ASSERT(run_labels(p, kernel));
      RC_ASSERT(costmodel::cost(p.isa, kernel, costmodel::CostModel::Overlap) == found.plan.cost);
    }
    auto expected = least_makespan(p, space, depth);
    if (!expected || *expected == -1 || found.status == PlanResult::Status::Stopped)
      return;
    RC_ASSERT(found.status != PlanResult::Status::Infeasible);
    RC_ASSERT(found.bound <= *expected);
    if (found.status != PlanResult::Status::Optimal)
      return;
    RC_ASSERT(found.plan.cost <= *expected);
    if (found.plan.steps.size() <= depth)
      RC_ASSERT(found.plan.cost == *expected);
    ++compared;
  }));
  CHECK(compared > 10);
}
