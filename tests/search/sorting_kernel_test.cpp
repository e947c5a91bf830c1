#include "tests/search/sorting_kernel.h"

#include "search/anytime.h"

#include <catch2/catch.hpp>

#include <sstream>

using namespace isamorph::search;

namespace {

/// Runs a program on one input; the registers afterwards.
std::vector<int> execute(const std::vector<std::string> &program, std::vector<int> registers) {
  registers.push_back(0);
  int order = 0;
  for (const std::string &line : program) {
    std::istringstream words(line);
    std::string kind;
    char r = 0;
    std::size_t a = 0, b = 0;
    words >> kind >> r >> a >> r >> b;
    if (kind == "cmp")
      order = (registers[a] > registers[b]) - (registers[a] < registers[b]);
    else if (kind == "mov" || (kind == "cmovl" && order < 0) || (kind == "cmovg" && order > 0))
      registers[a] = registers[b];
  }
  registers.pop_back();
  return registers;
}

void check_sorts(const std::vector<std::string> &program, int inputs) {
  std::vector<int> input;
  for (int i = 0; i < inputs; ++i)
    input.push_back(10 * i + 7);
  std::vector<int> sorted = input;
  do
    CHECK(execute(program, input) == sorted);
  while (std::next_permutation(input.begin(), input.end()));
}

AnytimeResult solve(const SortingMachine &machine, const AnytimeOptions &options) {
  return AnytimeSearch<SortingMachine>(machine, options, 1).run();
}

} // namespace

TEST_CASE("sorting two takes four instructions, sorting three takes eleven and not ten") {
  std::int64_t least[] = {4, 11};
  for (std::uint32_t inputs : {2u, 3u})
    for (bool ordered : {true, false})
      for (bool dominance : {true, false}) {
        SortingMachine machine(inputs, {ordered, true});
        AnytimeOptions options;
        options.dominance = dominance;
        AnytimeResult found = solve(machine, options);
        REQUIRE(found.status == AnytimeResult::Status::Optimal);
        CHECK(found.path.cost == least[inputs - 2]);
        CHECK(found.bound == least[inputs - 2]);
        check_sorts(machine.program(found.path), static_cast<int>(inputs));
      }
}

TEST_CASE("a beam finds a program of twenty instructions that sorts four") {
  SortingMachine machine(4);
  AnytimeOptions options;
  options.weighted_after = 1;
  options.weights = {};
  options.beam = 500;
  options.max_expansions = 20'000;
  AnytimeResult found = solve(machine, options);
  REQUIRE(found.status == AnytimeResult::Status::Feasible);
  CHECK(found.path.cost == 20);
  CHECK(found.bound <= 20);
  check_sorts(machine.program(found.path), 4);
}
