#include "search/allocation.h"
#include "search/allocation_csv.h"
#include "search/allocation_minimal.h"
#include "search/allocation_validator.h"
#include "tests/reference_data.h"
#include "tests/search/allocation_switches.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <rapidcheck.h>

using namespace isamorph;
using namespace isamorph::search;

namespace {

using Status = AllocationResult::Status;

bool live_together(const AllocationItem &a, const AllocationItem &b) {
  for (const LiveInterval &x : a.live)
    for (const LiveInterval &y : b.live)
      if (std::max(x.lower, y.lower) < std::min(x.upper, y.upper))
        return true;
  return false;
}

/// Tries all places, item by item.
class BruteForce {
public:
  explicit BruteForce(const AllocationProblem &problem)
      : problem_(problem), class_(problem.items.size()), places_(problem.items.size()) {
    for (std::uint32_t i = 0; i < class_.size(); ++i)
      class_[i] = i;
    for (std::size_t pass = 0; pass < class_.size(); ++pass)
      for (auto [a, b] : problem.same_place)
        class_[a] = class_[b] = std::min(class_[a], class_[b]);
  }
  bool feasible(std::size_t item = 0) {
    if (item == problem_.items.size())
      return true;
    const AllocationBuffer &buffer = problem_.buffers[problem_.items[item].buffer];
    for (std::int64_t row = 0; row <= buffer.capacity; ++row)
      for (std::int64_t column = 0; column <= buffer.columns; ++column) {
        places_[item] = {row, column};
        if (allowed(item) && feasible(item + 1))
          return true;
      }
    return false;
  }

private:
  bool allowed(std::size_t i) const {
    const AllocationItem &item = problem_.items[i];
    const AllocationBuffer &buffer = problem_.buffers[item.buffer];
    Place at = places_[i];
    if (at.offset + item.size > buffer.capacity || at.column + item.columns > buffer.columns ||
        at.offset % item.alignment != 0 || at.column % item.column_alignment != 0 ||
        (item.fixed && *item.fixed != at))
      return false;
    for (std::size_t j = 0; j < i; ++j) {
      const AllocationItem &other = problem_.items[j];
      Place ot = places_[j];
      if (class_[i] == class_[j]) {
        if (at != ot)
          return false;
      } else if (other.buffer == item.buffer && live_together(item, other) &&
                 std::max(at.offset, ot.offset) <
                     std::min(at.offset + item.size, ot.offset + other.size) &&
                 std::max(at.column, ot.column) <
                     std::min(at.column + item.columns, ot.column + other.columns)) {
        return false;
      }
    }
    return true;
  }

  const AllocationProblem &problem_;
  std::vector<std::uint32_t> class_;
  std::vector<Place> places_;
};

std::int64_t number(std::int64_t from, std::int64_t to) {
  return *rc::gen::inRange<std::int64_t>(from, to + 1);
}

LiveInterval random_live() {
  std::int64_t lower = number(0, 5);
  return {lower, lower + number(1, 4)};
}

AllocationProblem random_intervals(std::int64_t largest_size = 4) {
  AllocationProblem problem{.buffers = {{.name = "m", .capacity = number(1, 10)}}};
  std::int64_t count = number(1, 7);
  for (std::int64_t i = 0; i < count; ++i)
    problem.items.push_back(
        {.id = std::to_string(i), .live = {random_live()}, .size = number(0, largest_size)});
  return problem;
}

/// With gaps in lifetimes, alignments, fixed offsets and shared places.
AllocationProblem random_problem() {
  AllocationProblem problem = random_intervals(3);
  for (AllocationItem &item : problem.items) {
    if (number(0, 2) == 0)
      item.live.push_back(random_live());
    if (number(0, 2) == 0)
      item.alignment = number(1, 4);
    if (number(0, 4) == 0)
      item.fixed = Place{number(0, 6), 0};
    if (number(0, 4) == 0)
      item.hint = Place{number(0, 6), 0};
  }
  std::int64_t last = static_cast<std::int64_t>(problem.items.size()) - 1;
  for (std::int64_t pairs = number(0, 2); pairs > 0; --pairs)
    problem.same_place.emplace_back(number(0, last), number(0, last));
  return problem;
}

AllocationProblem random_grid() {
  AllocationProblem problem{
      .buffers = {{.name = "g", .capacity = number(1, 4), .columns = number(2, 4)}}};
  std::int64_t count = number(1, 5);
  for (std::int64_t i = 0; i < count; ++i) {
    AllocationItem item{.id = std::to_string(i),
                        .live = {random_live()},
                        .size = number(0, 3),
                        .alignment = number(1, 5) == 1 ? 2 : 1,
                        .columns = number(0, 3),
                        .column_alignment = number(1, 5) == 1 ? 2 : 1};
    if (number(0, 4) == 0)
      item.fixed = Place{number(0, 2), number(0, 2)};
    problem.items.push_back(item);
  }
  if (count > 1 && number(0, 2) == 0)
    problem.same_place.emplace_back(0, 1);
  return problem;
}

/// The answer agrees with brute force, and places are valid.
void require_right(const AllocationProblem &problem, const AllocationOptions &options = {}) {
  AllocationResult result = allocate(problem, options);
  bool feasible = BruteForce(problem).feasible();
  RC_ASSERT(result.status == (feasible ? Status::Placed : Status::Infeasible));
  if (!feasible) {
    RC_ASSERT(result.places.empty());
    return;
  }
  RC_ASSERT(check_placement(problem, result.places) == "");
  for (std::size_t b = 0; b < problem.buffers.size(); ++b) {
    RC_ASSERT(result.bounds[b] <= result.heights[b]);
    RC_ASSERT(result.heights[b] <= problem.buffers[b].capacity);
  }
}

/// The published instances, or an empty list.
std::vector<std::filesystem::path> published() {
  auto files = isamorph::test::reference_files("allocation", ".csv");
  if (files.empty())
    WARN("skipped: no reference data at " << isamorph::test::reference_data("allocation"));
  return files;
}

/// rapidcheck reports a counterexample on standard error, and tells Catch here.
template <class Property> void for_all(Property property) { REQUIRE(rc::check(property)); }

} // namespace

TEST_CASE("a solution for a small problem") {
  AllocationProblem problem{.buffers = {{.name = "m", .capacity = 4}},
                            .items = {{.id = "a", .live = {{0, 2}}, .size = 2},
                                      {.id = "b", .live = {{1, 4}}, .size = 2},
                                      {.id = "c", .live = {{2, 3}}, .size = 1},
                                      {.id = "d", .live = {{2, 4}}, .size = 1}}};
  AllocationResult result = allocate(problem);
  REQUIRE(result.status == Status::Placed);
  CHECK(check_placement(problem, result.places) == "");
  CHECK(result.heights == std::vector<std::int64_t>{4});
  CHECK(result.bounds == std::vector<std::int64_t>{4});
  problem.buffers[0].capacity = 3;
  CHECK(allocate(problem).status == Status::Infeasible);
}

TEST_CASE("nothing to place, and items without size") {
  AllocationProblem problem{.buffers = {{.name = "m", .capacity = 0}}};
  CHECK(allocate(problem).status == Status::Placed);
  problem.items = {{.id = "a", .live = {{0, 2}}, .size = 0},
                   {.id = "b", .live = {{0, 2}}, .size = 0}};
  AllocationResult result = allocate(problem);
  REQUIRE(result.status == Status::Placed);
  CHECK(check_placement(problem, result.places) == "");
  problem.items[0].fixed = Place{1, 0};
  CHECK(allocate(problem).status == Status::Infeasible);
  problem.buffers[0].capacity = 1;
  problem.same_place = {{0, 1}};
  result = allocate(problem);
  REQUIRE(result.status == Status::Placed);
  CHECK(check_placement(problem, result.places) == "");
}

TEST_CASE("brute force agrees on intervals at every capacity") {
  for_all([] {
    AllocationProblem problem = random_intervals();
    std::int64_t least = -1;
    for (std::int64_t capacity = 0; capacity <= 12; ++capacity) {
      problem.buffers[0].capacity = capacity;
      require_right(problem);
      if (least < 0 && allocate(problem).status == Status::Placed)
        least = capacity;
    }
    AllocationResult result = minimum_height(problem, 0);
    RC_ASSERT(result.status == Status::Placed);
    RC_ASSERT(result.bounds[0] == result.heights[0]);
    bool agrees = least < 0 ? result.heights[0] > 12 : result.heights[0] == least;
    RC_ASSERT(agrees);
  });
}

TEST_CASE("brute force agrees on gaps, alignments, fixed offsets and shared places") {
  for_all([] { require_right(random_problem()); });
}

TEST_CASE("the least height with alignments, fixed offsets and shared places") {
  for_all([] {
    AllocationProblem problem = random_problem();
    AllocationResult result = minimum_height(problem, 0);
    std::int64_t least = -1;
    for (std::int64_t capacity = 0; capacity <= 40 && least < 0; ++capacity) {
      problem.buffers[0].capacity = capacity;
      if (allocate(problem).status == Status::Placed)
        least = capacity;
    }
    RC_ASSERT(result.status == (least < 0 ? Status::Infeasible : Status::Placed));
    bool agrees = least < 0 || result.heights[0] == least;
    RC_ASSERT(agrees);
  });
}

TEST_CASE("brute force agrees on rectangles") {
  for_all([] { require_right(random_grid()); });
}

TEST_CASE("rows alone decide where items take all columns") {
  for_all([] {
    AllocationProblem problem = random_intervals();
    AllocationResult narrow = allocate(problem);
    problem.buffers[0].columns = 64;
    for (AllocationItem &item : problem.items)
      item.columns = 64;
    AllocationResult wide = allocate(problem);
    RC_ASSERT(narrow.status == wide.status);
    RC_ASSERT(narrow.places == wide.places);
  });
}

TEST_CASE("several buffers are placed each on its own") {
  for_all([] {
    AllocationProblem problem = random_intervals();
    problem.buffers.push_back({.name = "n", .capacity = number(1, 6)});
    for (AllocationItem &item : problem.items)
      item.buffer = static_cast<std::uint32_t>(number(0, 1));
    require_right(problem);
  });
}

TEST_CASE("each switch turned off leaves feasibility as it is") {
  for (auto [name, member] : search::test::kTechniques)
    SECTION(name) {
      for_all([member = member] {
        AllocationOptions options;
        options.switches.*member = false;
        require_right(random_problem(), options);
        require_right(random_intervals(), options);
      });
    }
  SECTION("all") {
    for_all([] {
      AllocationOptions options;
      for (auto [name, member] : search::test::kTechniques)
        options.switches.*member = false;
      require_right(random_problem(), options);
    });
  }
}

TEST_CASE("a minimal infeasible subset is infeasible, and nothing in it can be spared") {
  for_all([] {
    AllocationProblem problem = random_problem();
    problem.same_place.clear();
    if (BruteForce(problem).feasible())
      return;
    InfeasibleSubset subset = minimal_infeasible_subset(problem);
    RC_ASSERT(subset.irreducible);
    auto feasible_without = [&](std::size_t left_out) {
      AllocationProblem part{.buffers = problem.buffers};
      for (std::size_t i = 0; i < subset.items.size(); ++i)
        if (i != left_out)
          part.items.push_back(problem.items[subset.items[i]]);
      return BruteForce(part).feasible();
    };
    RC_ASSERT(!feasible_without(subset.items.size()));
    for (std::size_t i = 0; i < subset.items.size(); ++i)
      RC_ASSERT(feasible_without(i));
  });
}

TEST_CASE("the published instances fit, alike with any number of threads", "[slow]") {
  for (const std::filesystem::path &file : published()) {
    INFO(file);
    AllocationProblem problem =
        parse_allocation_csv(semantics::read_source(file.string()), 1048576);
    AllocationResult one = allocate(problem);
    REQUIRE(one.status == Status::Placed);
    CHECK(check_placement(problem, one.places) == "");
    for (int jobs : {1, 2, 5}) {
      AllocationResult other = allocate(problem, {.jobs = jobs});
      CHECK(other.places == one.places);
      CHECK(other.steps == one.steps);
    }
  }
}

TEST_CASE("the least height of the published instances is the largest live total") {
  for (const std::filesystem::path &file : published()) {
    INFO(file);
    AllocationProblem problem = parse_allocation_csv(semantics::read_source(file.string()), 0);
    AllocationResult result = minimum_height(problem, 0, {.max_steps = 2'000'000});
    REQUIRE(result.status == Status::Placed);
    CHECK(result.heights == result.bounds);
    problem.buffers[0].capacity = result.heights[0];
    CHECK(check_placement(problem, result.places) == "");
  }
}

TEST_CASE("limits end the search with a reason") {
  AllocationProblem problem{.buffers = {{.name = "m", .capacity = 50}}};
  for (std::int64_t i = 0; i < 40; ++i)
    problem.items.push_back({.id = std::to_string(i),
                             .live = {{i * 7 % 11, i * 7 % 11 + 3 + i % 5}},
                             .size = 1 + i * 5 % 7});
  AllocationResult full = minimum_height(problem, 0, {.max_steps = 20000});
  REQUIRE(!full.places.empty());
  problem.buffers[0].capacity = full.bounds[0];
  AllocationResult steps = allocate(problem, {.max_steps = 5});
  CHECK(steps.status == Status::Unknown);
  CHECK(steps.stopped_by == "step limit");
  CHECK(steps.bounds[0] == full.bounds[0]);
  std::atomic<bool> interrupt{true};
  CHECK(allocate(problem, {.interrupt = &interrupt}).stopped_by == "interrupted");
  CHECK(allocate(problem, {.seconds = 0}).stopped_by == "time limit");
}

TEST_CASE("malformed problems are refused") {
  AllocationProblem good{.buffers = {{.name = "m", .capacity = 4}},
                         .items = {{.id = "a", .live = {{0, 2}}, .size = 2}}};
  auto refused = [&](auto change, const std::string &why) {
    AllocationProblem bad = good;
    change(bad);
    CHECK_THROWS_WITH(allocate(bad), Catch::Contains(why));
  };
  refused([](auto &p) { p.items[0].live.clear(); }, "never live");
  refused([](auto &p) { p.items[0].live = {{2, 2}}; }, "empty live interval");
  refused([](auto &p) { p.items[0].size = -1; }, "negative size");
  refused([](auto &p) { p.items[0].alignment = 0; }, "not positive");
  refused([](auto &p) { p.items[0].buffer = 1; }, "does not exist");
  refused([](auto &p) { p.items[0].fixed = Place{-1, 0}; }, "negative offset");
  refused([](auto &p) { p.items[0].size = std::int64_t{1} << 62; }, "add up to too much");
  refused([](auto &p) { p.buffers[0].capacity = -1; }, "negative");
  refused([](auto &p) { p.same_place = {{0, 1}}; }, "does not exist");
}
