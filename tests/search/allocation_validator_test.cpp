#include "search/allocation_validator.h"

#include <catch2/catch.hpp>
#include <rapidcheck.h>

using namespace isamorph::search;
using Catch::Contains;

namespace {

const AllocationProblem kProblem{
    .buffers = {{.name = "m", .capacity = 8}, {.name = "g", .capacity = 4, .columns = 4}},
    .items = {{.id = "a", .live = {{0, 2}, {4, 6}}, .size = 4},
              {.id = "b", .live = {{1, 5}}, .size = 4},
              {.id = "c", .live = {{2, 4}}, .size = 4, .alignment = 4},
              {.id = "d", .live = {{6, 9}}, .size = 2, .fixed = Place{3, 0}},
              {.id = "e", .live = {{9, 12}}, .size = 3},
              {.id = "s", .live = {{0, 2}}, .size = 2, .columns = 2, .buffer = 1},
              {.id = "t", .live = {{1, 3}}, .size = 2, .columns = 4, .buffer = 1}},
    .same_place = {{3, 4}}};
const std::vector<Place> kPlaces = {{0}, {4}, {0}, {3}, {3}, {0, 2}, {2, 0}};

std::string with(std::size_t item, Place place) {
  std::vector<Place> places = kPlaces;
  places[item] = place;
  return check_placement(kProblem, places);
}

/// rapidcheck reports a counterexample on standard error, and tells Catch here.
template <class Property> void for_all(Property property) { REQUIRE(rc::check(property)); }

} // namespace

TEST_CASE("a good placement has nothing wrong") { CHECK(check_placement(kProblem, kPlaces) == ""); }

TEST_CASE("what is wrong is said") {
  CHECK(with(0, {3}) == "'a' at 3 of size 4 and 'b' at 4 of size 4 overlap from time 1 to 2");
  CHECK(with(2, {4}) == "'b' at 4 of size 4 and 'c' at 4 of size 4 overlap from time 2 to 4");
  CHECK(with(1, {5}) == "'b' at 5 of size 4 is outside the capacity 8");
  CHECK(with(1, {-1}) == "'b' at -1 of size 4 is outside the capacity 8");
  CHECK(with(2, {1}) == "'c' at 1 is not aligned to 4");
  CHECK(with(3, {4}) == "'d' at 4 is not where it is fixed, at 3");
  CHECK(with(4, {0}) == "'d' at 3 and 'e' at 0 must share one place");
  CHECK_THAT(with(5, {0, 3}), Contains("outside the buffer's 4"));
  CHECK_THAT(with(5, {1, 1}),
             Contains("'s' at 1, column 1") && Contains("overlap from time 1 to 2"));
  CHECK(check_placement(kProblem, std::vector<Place>(3)) == "3 places for 7 items");
}

TEST_CASE("a stack of items in which one moves is refused") {
  for_all([] {
    AllocationProblem problem{.buffers = {{.name = "m", .capacity = 0}}};
    std::vector<Place> places;
    std::int64_t &capacity = problem.buffers[0].capacity;
    int count = *rc::gen::inRange(2, 8);
    for (int i = 0; i < count; ++i) {
      std::int64_t size = *rc::gen::inRange<std::int64_t>(1, 9);
      problem.items.push_back({.id = std::to_string(i), .live = {{0, 1}}, .size = size});
      places.push_back({capacity});
      capacity += size;
    }
    RC_ASSERT(check_placement(problem, places) == "");
    auto moved = static_cast<std::size_t>(*rc::gen::inRange(0, count));
    std::int64_t by = *rc::gen::nonZero<std::int64_t>();
    places[moved].offset = static_cast<std::int64_t>(
        static_cast<std::uint64_t>(places[moved].offset) + static_cast<std::uint64_t>(by));
    RC_ASSERT(check_placement(problem, places) != "");
  });
}
