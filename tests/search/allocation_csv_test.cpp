#include "search/allocation_csv.h"

#include <catch2/catch.hpp>
#include <rapidcheck.h>

using namespace isamorph;
using namespace isamorph::search;
using Catch::Contains;
using Catch::StartsWith;

namespace {

AllocationProblem parse(const std::string &text) {
  return parse_allocation_csv(semantics::make_source("a.csv", text), 100);
}

void refused(const std::string &text, const std::string &where, const std::string &why) {
  INFO(text);
  CHECK_THROWS_WITH(parse(text),
                    StartsWith("a.csv:" + where + ": error: ") && Contains(why) && Contains("^"));
}

/// rapidcheck reports a counterexample on standard error, and tells Catch here.
template <class Property> void for_all(Property property) { REQUIRE(rc::check(property)); }

} // namespace

TEST_CASE("columns come in any order, lines end either way") {
  for (const char *text : {"id,lower,upper,size\nx,0,5,10\ny,-2,7,0\n",
                           "size,upper,id,lower\r\n10,5,x,0\r\n0,7,y,-2\r\n",
                           "id, lower, upper, size\n\n x , 0,5,10\ny,-2,7,0"}) {
    INFO(text);
    AllocationProblem problem = parse(text);
    REQUIRE(problem.items.size() == 2);
    CHECK(problem.buffers[0].capacity == 100);
    CHECK(problem.items[0].id == "x");
    CHECK(problem.items[0].live == std::vector<LiveInterval>{{0, 5}});
    CHECK(problem.items[0].size == 10);
    CHECK(problem.items[1].live == std::vector<LiveInterval>{{-2, 7}});
    CHECK(problem.items[1].alignment == 1);
  }
  CHECK(parse("id,lower,upper,size,alignment\na,0,1,2,8\n").items[0].alignment == 8);
  CHECK(parse("id,lower,upper,size\n").items.empty());
}

TEST_CASE("mistakes are shown at their place") {
  refused("", "1:1", "found nothing");
  refused("\r\n\n", "1:1", "found nothing");
  refused("id,lower,upper\n", "1:1", "the column 'size' is missing");
  refused("id,lower,uper,size\n", "1:10", "did you mean 'upper'?");
  refused("id,lower,upper,size,gaps\n", "1:21", "unknown column 'gaps'");
  refused("id,lower,upper,size,id\n", "1:21", "there twice");
  std::string header = "id,lower,upper,size\n";
  refused(header + "a,0,5\n", "2:1", "expected 4 fields, found 3");
  refused(header + "a,0,5,1,7\n", "2:9", "expected 4 fields, found 5");
  refused(header + "a,0,5,big\n", "2:7", "expected a whole number for size, found 'big'");
  refused(header + "a,0,5,\n", "2:7", "found ''");
  refused(header + "a,0,5,1.5\n", "2:7", "expected a whole number");
  refused(header + "a,0,5,-1\n", "2:7", "negative");
  refused(header + "a,0,5,99999999999999999999\n", "2:7", "out of range");
  refused(header + "a,0,9223372036854775807,1\n", "2:5", "out of range");
  refused(header + "a,5,5,1\n", "2:5", "upper must be greater than lower");
  refused(header + "a,0,5,1\nb,0,5,1\na,0,5,1\n", "4:1", "already that of line 2");
  refused(header + ",0,5,1\n", "2:1", "expected an id");
  refused("id,lower,upper,size,alignment\na,0,5,1,0\n", "2:9", "must be positive");
}

TEST_CASE("sizes that add up to too much are refused") {
  std::string text = "id,lower,upper,size\n";
  for (int i = 0; i < 80; ++i)
    text += std::to_string(i) + ",0,1,9007199254740992\n";
  refused(text, "66:8", "add up to too much");
}

TEST_CASE("printed placements can be read back without their offsets") {
  AllocationProblem problem = parse("id,lower,upper,size,alignment\na,0,5,3,4\nb,1,2,6,1\n");
  CHECK(print_allocation_csv(problem, std::vector<Place>{{8}, {2}}) ==
        "id,lower,upper,size,alignment,offset\na,0,5,3,4,8\nb,1,2,6,1,2\n");
  problem = parse("id,lower,upper,size\na,0,5,3\n");
  CHECK(print_allocation_csv(problem, std::vector<Place>{{0}}) ==
        "id,lower,upper,size,offset\na,0,5,3,0\n");
}

TEST_CASE("any text is read or refused") {
  for_all([] {
    std::string text = *rc::gen::container<std::string>(
        rc::gen::element('0', '1', '-', ',', '\n', '\r', 'a', ' ', '\0'));
    for (const std::string &whole : {text, "id,lower,upper,size\n" + text})
      try {
        parse(whole);
      } catch (const semantics::InputError &error) {
        RC_ASSERT(error.line() > 0u);
      }
  });
}
