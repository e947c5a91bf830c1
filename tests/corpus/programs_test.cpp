// Every program under programs/ is compiled as its `// expect ISA LEVEL COUNT|infeasible [tiled]`
// lines say, and every kernel found is proved and simulated against the evaluator. COUNT
// instructions are the fewest there are, or those of a kernel with loops over tiles.
#include "corpus/synthesis.h"
#include "semantics/evaluator.h"
#include "semantics/hlo.h"
#include "sim/simulator.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <random>
#include <sstream>

using namespace isamorph;

namespace {

struct Expectation {
  std::string isa, level, result;
  bool tiled = false;
};

std::vector<Expectation> expectations(const std::string &text) {
  std::vector<Expectation> out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string slashes, expect;
    Expectation e;
    if (words >> slashes >> expect && slashes == "//" && expect == "expect" &&
        words >> e.isa >> e.level >> e.result) {
      std::string form;
      e.tiled = words >> form && form == "tiled";
      out.push_back(e);
    }
  }
  return out;
}

/// Small numbers, so that the sums of exponentials stay finite and differ.
semantics::Tensor random_input(const semantics::Shape &shape, std::mt19937 &engine) {
  semantics::Tensor tensor(shape);
  for (std::int64_t i = 0; i < tensor.elements(); ++i)
    tensor.set_bits(
        i, semantics::encode(shape.type, static_cast<double>(engine() % 2001) / 2000.0 - 0.5));
  return tensor;
}

/// The kernel's outputs equal the graph's results bit for bit on random inputs.
void check_simulation(const semantics::TensorGraph &graph, const spec::Isa &isa,
                      const spec::Kernel &kernel) {
  sim::Simulator simulator(isa, kernel);
  std::mt19937 engine(7);
  for (int round = 0; round < 3; ++round) {
    std::vector<semantics::Tensor> inputs;
    for (semantics::NodeId p : graph.parameters)
      inputs.push_back(random_input(graph[p].shape, engine));
    auto expected = semantics::evaluate(graph, inputs, isa.numerics);
    auto actual = simulator.run(inputs);
    REQUIRE(actual.size() == expected.size());
    for (std::size_t i = 0; i < actual.size(); ++i)
      CHECK(actual[i] == expected[i]);
  }
}

void compile(const std::filesystem::path &path, const Expectation &e) {
  INFO(path.filename().string() << " on " << e.isa << " at " << e.level);
  semantics::TensorGraph graph = semantics::parse_hlo(semantics::read_source(path.string()));
  spec::Isa isa = spec::load_isa(e.isa);
  corpus::SynthesisOptions options;
  options.level = *semantics::level(e.level);
  options.jobs = 1;
  corpus::Synthesis result = corpus::synthesize(graph, isa, options);
  INFO(result.reason);
  if (e.result == "infeasible") {
    CHECK(result.outcome == corpus::Synthesis::Outcome::Infeasible);
    CHECK(result.reason.size() > 20);
    return;
  }
  REQUIRE(result.outcome == corpus::Synthesis::Outcome::Found);
  CHECK(std::to_string(result.search.kernel->instructions.size()) == e.result);
  if (e.tiled) {
    CHECK(!result.search.kernel->loops.empty());
    CHECK(result.search.bound <= result.search.cost);
  } else {
    CHECK(result.search.bound == result.search.cost);
  }
  CHECK(result.verdict.outcome == verify::Outcome::Equivalent);
  if (options.level == semantics::Level::Bits)
    check_simulation(graph, isa, *result.search.kernel);
}

} // namespace

TEST_CASE("programs are compiled as they say, or refused", "[slow]") {
  int programs = 0;
  for (const char *folder : {"/tests/corpus/programs", "/corpus/qkv"})
    for (const auto &entry :
         std::filesystem::directory_iterator(std::string(ISAMORPH_SOURCE_DIR) + folder)) {
      if (entry.path().extension() != ".hlo")
        continue;
      auto all = expectations(semantics::read_source(entry.path().string())->text);
      INFO(entry.path());
      CHECK(!all.empty());
      for (const Expectation &e : all)
        compile(entry.path(), e);
      ++programs;
    }
  CHECK(programs >= 24);
}
