// Kernels with loops on the integer machine: proved, refuted, and all their mutants classified.
#include "kernels.h"
#include "loop_mutants.h"
#include "spec/unroll.h"
#include "tests/integer/machine.h"
#include "verify/certificate.h"
#include "verify/checker/checker.h"
#include "verify/smt.h"

#include <functional>

using namespace isamorph;
using namespace isamorph::verify;
using verify::test::at;
using verify::test::confirm;
using verify::test::erase;
using verify::test::loop_mutants;
using verify::test::LoopMutant;

namespace {

struct Case {
  spec::Isa isa = isamorph::test::integer_machine();
  spec::Kernel kernel;
  semantics::TensorGraph graph;
  explicit Case(const std::string &name)
      : kernel(isamorph::test::integer_kernel(name, isa)),
        graph(isamorph::test::integer_program(name)) {}
};

struct Counts {
  int refused = 0, different = 0, equivalent = 0;
};

void never_differs(const Case &c, const spec::Kernel &kernel) {
  std::vector<semantics::Shape> shapes;
  for (semantics::NodeId p : c.graph.parameters)
    shapes.push_back(c.graph[p].shape);
  DifferentialOptions options;
  options.seed = 77;
  options.max_tests = 60;
  options.minimize = false;
  CHECK_FALSE(compare_programs(c.graph, sim::Simulator(c.isa, kernel), c.isa.numerics,
                               TermGraph(c.isa.numerics), options)
                  .counterexample);
}

Counts classify(const std::string &name) {
  Case c(name);
  Counts counts;
  for (const LoopMutant &mutant : loop_mutants(c.kernel, c.isa)) {
    INFO(name << ", " << mutant.what);
    try {
      spec::validate(mutant.kernel, c.isa);
    } catch (const semantics::InputError &) {
      ++counts.refused;
      continue;
    }
    Verdict verdict = verify_kernel(mutant.kernel, c.isa, c.graph, {.tests = {.minimize = false}});
    INFO(verdict.reason);
    CHECK(verdict.outcome != Outcome::Unknown);
    if (verdict.outcome == Outcome::Different) {
      ++counts.different;
      confirm(verdict, c.graph, mutant.kernel, c.isa);
    } else if (verdict.outcome == Outcome::Equivalent) {
      ++counts.equivalent;
      never_differs(c, mutant.kernel);
    }
  }
  WARN(name << ": " << counts.refused << " refused, " << counts.different << " different, "
            << counts.equivalent << " equivalent");
  return counts;
}

} // namespace

TEST_CASE("integer kernels with loops are proved at bits, and their certificates checked") {
  for (const char *name : {"gemm", "saturated", "sorted"}) {
    INFO(name);
    Case c(name);
    Verdict verdict = verify_kernel(c.kernel, c.isa, c.graph, {});
    INFO(verdict.reason);
    REQUIRE(verdict.outcome == Outcome::Equivalent);
    CHECK(verdict.level == Level::Bits);
    CHECK_THAT(verdict.reason, Catch::Contains("polynomials"));
    CHECK_THAT(verdict.reason, Catch::Contains(std::string(name) == "gemm"
                                                   ? "by induction over i, j; k, r were unrolled"
                                                   : "the loops were unrolled into "));
    CHECK(std::count(verdict.lemmas.begin(), verdict.lemmas.end(), "integer ring") == 1);
    CheckReport report = check_certificate(
        semantics::make_source("<certificate>",
                               make_certificate(c.kernel, c.isa, c.graph, verdict, nullptr)),
        {.solver = [](const Obligation &obligation) { return check(obligation); }});
    INFO(report.reason);
    CHECK(report.accepted);
  }
}

TEST_CASE("loops and what they unroll to have the same terms") {
  spec::Isa isa = isamorph::test::integer_machine();
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    INFO(seed);
    spec::Kernel kernel = isamorph::test::RandomLoops(isa, seed).kernel();
    TermGraph terms(isa.numerics);
    std::vector<semantics::Shape> shapes = {kernel.inputs[0].shape};
    auto inputs = symbolic_inputs(terms, shapes);
    CHECK(execute(terms, isa, kernel, inputs)[0].elements ==
          execute(terms, isa, spec::unrolled(kernel), inputs)[0].elements);
  }
}

TEST_CASE("typical mistakes in integer kernels are refuted") {
  struct Mistake {
    const char *kernel;
    std::function<void(spec::Kernel &)> make;
  };
  const std::vector<Mistake> mistakes = {
      {"gemm", [](spec::Kernel &k) { k.loops[2].end = 1; }}, // half the sum
      {"gemm", [](spec::Kernel &k) { k.instructions[2].strides[1].factor = 16; }},
      {"saturated", [](spec::Kernel &k) { erase(k, 5); }}, // narrow is missing
      {"saturated", [](spec::Kernel &k) { k.instructions[1].attributes[1] = 9; }},
      {"sorted", [](spec::Kernel &k) { k.instructions[4].attributes[1] = 2; }}, // doubled
      {"sorted", [](spec::Kernel &k) { erase(k, 6); }},
  };
  for (std::size_t i = 0; i < mistakes.size(); ++i) {
    INFO(i);
    Case c(mistakes[i].kernel);
    mistakes[i].make(c.kernel);
    try {
      spec::validate(c.kernel, c.isa);
    } catch (const semantics::InputError &) {
      continue;
    }
    Verdict verdict = verify_kernel(c.kernel, c.isa, c.graph, at(Level::Bits, true));
    INFO(verdict.reason);
    REQUIRE(verdict.outcome == Outcome::Different);
    confirm(verdict, c.graph, c.kernel, c.isa);
    CHECK(verdict.counterexample->nonzero_inputs <= 4);
  }
}

TEST_CASE("a sum that saturates early is refuted") {
  Case c("saturated");
  spec::Kernel kernel = spec::parse_kernel(semantics::make_source("early.asm", R"(kernel early {
  memory 256
  input a @ 0 : s8[4,16]
  input b @ 64 : s8[16,4]
  input d @ 128 : s8[4,4]
  output c @ 144 : s8[4,4]
  mvin(rows=4, from=128, to=8)
  for k in 0..16 step 4 {
    widen(rows=4, from=8, to=0)
    for r in 0..4 { mvin(rows=1, from=k + 16*r, to=r) }
    mvin(rows=4, from=4*k + 64, to=4)
    matmul(a=0, b=4, c=0)
    narrow(rows=4, from=0, to=8)
  }
  mvout(rows=4, from=8, to=144)
})"),
                                           c.isa);
  Verdict verdict = verify_kernel(kernel, c.isa, c.graph, at(Level::Bits, true));
  REQUIRE(verdict.outcome == Outcome::Different);
  confirm(verdict, c.graph, kernel, c.isa);
}

TEST_CASE("a kernel of too much work is unknown or refuted, and says why") {
  Case c("gemm");
  TermGraph terms(c.isa.numerics);
  std::vector<semantics::Shape> shapes;
  for (semantics::NodeId p : c.graph.parameters)
    shapes.push_back(c.graph[p].shape);
  auto inputs = symbolic_inputs(terms, shapes);
  CHECK_THROWS_AS(execute(terms, c.isa, c.kernel, inputs, 100), TooMuchWork);
  CHECK_NOTHROW(execute(terms, c.isa, c.kernel, inputs, 100000));
}

TEST_CASE("mutants of the tiled product are all classified", "[slow]") {
  Counts counts = classify("gemm");
  CHECK(counts.refused + counts.different + counts.equivalent >= 130);
  CHECK(counts.different >= 50);
  CHECK(counts.equivalent >= 2);
}

TEST_CASE("mutants of the saturated product are all classified", "[slow]") {
  Counts counts = classify("saturated");
  CHECK(counts.refused + counts.different + counts.equivalent >= 130);
  CHECK(counts.different >= 40);
  CHECK(counts.equivalent >= 5);
}

TEST_CASE("mutants of the sorted kernel are all classified", "[slow]") {
  Counts counts = classify("sorted");
  CHECK(counts.refused + counts.different + counts.equivalent >= 300);
  CHECK(counts.different >= 100);
  CHECK(counts.equivalent >= 10);
}
