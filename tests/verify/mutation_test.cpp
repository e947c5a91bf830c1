// Every small change of a proved kernel is refused, refuted with a counterexample that evaluator
// and simulator confirm, or proved and then never refuted by tests. No verdict is `unknown`.
#include "kernels.h"
#include "mutants.h"

using namespace isamorph;
using namespace isamorph::verify;

namespace {

struct Counts {
  int refused = 0, different = 0, equivalent = 0;
};

constexpr int kConfirmingTests = 20;

void never_differs(const semantics::TensorGraph &graph, const spec::Kernel &kernel,
                   const spec::Isa &isa, Level level) {
  std::vector<semantics::Shape> shapes;
  for (semantics::NodeId p : graph.parameters)
    shapes.push_back(graph[p].shape);
  TermGraph terms(isa.numerics);
  auto inputs = symbolic_inputs(terms, shapes);
  execute(terms, graph, inputs);
  execute(terms, isa, kernel, inputs);
  DifferentialOptions options;
  options.level = level;
  options.seed = 77; // not the inputs that verification may have used
  options.max_tests = kConfirmingTests;
  options.minimize = false;
  DifferentialResult result =
      compare_programs(graph, sim::Simulator(isa, kernel), isa.numerics, terms, options);
  CHECK_FALSE(result.counterexample);
  CHECK((result.stopped || result.tests == kConfirmingTests));
}

struct Subject {
  std::string kernel, isa, program;
  Level strongest; ///< at which the kernel is the program
};

/// Of every so many mutants the first.
Counts classify(const Subject &subject, Level level, std::size_t every) {
  const auto &[file, isa_name, program, strongest] = subject;
  spec::Isa isa = spec::load_isa(isa_name);
  spec::Kernel kernel = test::kernel_file(file, isa);
  semantics::TensorGraph graph = test::program(program);
  REQUIRE(verify_kernel(kernel, isa, graph, test::at(level)).outcome == Outcome::Equivalent);
  Counts counts;
  std::vector<test::Mutant> mutants = test::mutants(kernel, isa);
  for (std::size_t m = 0; m < mutants.size(); m += every) {
    const test::Mutant &mutant = mutants[m];
    INFO(file << ", " << mutant.what);
    try {
      spec::validate(mutant.kernel, isa);
    } catch (const semantics::InputError &) {
      ++counts.refused;
      CHECK_THROWS_AS(verify_kernel(mutant.kernel, isa, graph, test::at(level)),
                      semantics::InputError);
      continue;
    }
    Verdict verdict = verify_kernel(mutant.kernel, isa, graph, test::at(level));
    INFO(verdict.reason);
    CHECK(verdict.outcome != Outcome::Unknown);
    if (verdict.outcome == Outcome::Different) {
      ++counts.different;
      test::confirm(verdict, graph, mutant.kernel, isa);
    } else if (verdict.outcome == Outcome::Equivalent) {
      ++counts.equivalent;
      never_differs(graph, mutant.kernel, isa, level);
    }
  }
  WARN(file << " at " << semantics::name(level) << ": " << counts.refused << " refused, "
            << counts.different << " different, " << counts.equivalent << " equivalent");
  return counts;
}

const std::vector<Subject> kSubjects = {
    {"qkv/identity", "qkv", "identity", Level::Bits},
    {"qkv/matmul", "qkv", "matmul", Level::Bits},
    {"qkv/softmax", "qkv", "softmax", Level::Finite},
    {"qkv/attention", "qkv", "attention", Level::Bits},
    {"qkv_new/attention", "qkv_new", "attention", Level::Bits},
};

int classified_at(Level level, std::size_t every) {
  int mutants = 0;
  for (const Subject &subject : kSubjects) {
    if (!semantics::implies(subject.strongest, level))
      continue;
    Counts counts = classify(subject, level, every);
    mutants += counts.refused + counts.different + counts.equivalent;
    CHECK(counts.refused > 0);
    CHECK((every > 1 || counts.different > 0));
    CHECK((every > 1 || counts.equivalent > 0));
  }
  return mutants;
}

} // namespace

// A test for each level, so that they run side by side; together 1000 mutants and more.
TEST_CASE("mutants of kernels are all classified at bits", "[slow]") {
  CHECK(classified_at(Level::Bits, 1) >= 500);
}
TEST_CASE("every third mutant of kernels is classified at finite", "[slow]") {
  CHECK(classified_at(Level::Finite, 3) >= 200);
}
TEST_CASE("every third mutant of kernels is classified at real", "[slow]") {
  CHECK(classified_at(Level::Real, 3) >= 200);
}
TEST_CASE("mutants of kernels are all classified at finite and real", "[.exhaustive]") {
  CHECK(classified_at(Level::Finite, 1) >= 600);
  CHECK(classified_at(Level::Real, 1) >= 600);
}
