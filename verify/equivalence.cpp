#include "verify/equivalence.h"

#include "verify/differences.h"

#include <algorithm>
#include <fmt/format.h>

namespace isamorph::verify {
namespace {

using semantics::Shape;

/// Tests for the rounding differences at level `real`, and for what differences are about.
constexpr int kMeasurements = 60, kClassifications = 90;

std::string different_reason(const Counterexample &c, const semantics::TensorGraph &graph) {
  const Shape &shape = graph[graph.results[c.output]].shape;
  return fmt::format("on an input with {} non-zero element{}, {} of the results' elements differ; "
                     "the first is element {} of "
                     "result {}: the program gives {}, the kernel {}",
                     c.nonzero_inputs, c.nonzero_inputs == 1 ? "" : "s", c.mismatches, c.element,
                     c.output, semantics::element_text(shape.type, c.expected),
                     semantics::element_text(shape.type, c.actual));
}

} // namespace

Verdict verify_kernel(const spec::Kernel &kernel, const spec::Isa &isa,
                      const semantics::TensorGraph &graph, const VerifyOptions &options) {
  spec::validate(kernel, isa);
  check_interface(kernel, graph);
  TermGraph terms(isa.numerics);
  Proof proof = prove(terms, kernel, isa, graph, options.level);
  Verdict verdict;
  verdict.level = options.level;
  verdict.terms = proof.terms;
  verdict.lemmas = proof.lemmas;
  DifferentialOptions tests = options.tests;
  tests.level = options.level;
  if (proof.proved) {
    verdict.outcome = Outcome::Equivalent;
    verdict.level = proof.level;
    verdict.reach = reach(graph, proof.level);
    verdict.reason = "both sides are the same terms of their inputs";
    if (proof.level == Level::Real) {
      verdict.ulps = measure_ulps(graph, sim::Simulator(isa, kernel), isa.numerics, tests,
                                  std::min(tests.max_tests, kMeasurements));
      verdict.tests = verdict.ulps->tests;
    }
    return verdict;
  }
  if (options.level == Level::Real) { // rounding differs lawfully: a test cannot refute
    verdict.reason =
        "the terms differ over the real numbers as far as isamorph can tell: " + proof.difference;
    return verdict;
  }
  DifferentialResult result =
      compare_programs(graph, sim::Simulator(isa, kernel), isa.numerics, terms, tests);
  verdict.tests = result.tests;
  verdict.lemmas.clear();
  if (result.counterexample) {
    verdict.outcome = Outcome::Different;
    verdict.reason = different_reason(*result.counterexample, graph);
    verdict.counterexample = std::move(result.counterexample);
  } else {
    verdict.reason =
        fmt::format("the terms differ ({}), but {} tests showed no difference{}", proof.difference,
                    result.tests, result.stopped ? " before time ran out" : "");
  }
  TermGraph again(isa.numerics);
  Proof weaker = prove(again, kernel, isa, graph, Level::Real);
  if (!weaker.proved)
    return verdict;
  verdict.equivalent_at = weaker.level;
  verdict.reason += fmt::format("; equivalent at {}", semantics::name(weaker.level));
  if (weaker.level == Level::Finite && verdict.outcome == Outcome::Different)
    verdict.reason +=
        ": differences were seen only " + classify_differences(graph, sim::Simulator(isa, kernel),
                                                               again, tests.seed, kClassifications)
                                              .to_string();
  return verdict;
}

} // namespace isamorph::verify
