#include "verify/equivalence.h"

#include <algorithm>
#include <fmt/format.h>

namespace isamorph::verify {
namespace {

using semantics::Shape;

/// Tests for the largest rounding difference at level `real`.
constexpr int kMeasurements = 60;

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
    verdict.reason = proof.method;
    if (proof.level == Level::Real) {
      tests.only_measure = true;
      tests.max_tests = std::min(tests.max_tests, kMeasurements);
      DifferentialResult result =
          compare_programs(graph, sim::Simulator(isa, kernel), isa.numerics, terms, tests);
      verdict.max_ulp = result.max_ulp;
      verdict.tests = result.tests;
    }
    return verdict;
  }
  if (options.level == Level::Real) { // rounding differs lawfully: a test cannot refute
    verdict.reason =
        "the terms differ over the real numbers as far as isamorph can tell: " + proof.difference;
    return verdict;
  }
  verdict.lemmas.clear();
  if (proof.gave_up && options.level != Level::Bits) { // which inputs count, the terms would say
    verdict.reason = proof.difference;
    return verdict;
  }
  DifferentialResult result =
      compare_programs(graph, sim::Simulator(isa, kernel), isa.numerics, terms, tests);
  verdict.tests = result.tests;
  if (result.counterexample) {
    verdict.outcome = Outcome::Different;
    verdict.reason = different_reason(*result.counterexample, graph);
    verdict.counterexample = std::move(result.counterexample);
  } else {
    verdict.reason =
        fmt::format("{} ({}), but {} tests showed no difference{}",
                    proof.gave_up ? "the proof was given up" : "the terms differ", proof.difference,
                    result.tests, result.stopped ? " before time ran out" : "");
  }
  if (proof.gave_up)
    return verdict;
  TermGraph again(isa.numerics);
  Proof weaker = prove(again, kernel, isa, graph, Level::Real);
  if (weaker.proved)
    verdict.reason += fmt::format("; equivalent at {}", semantics::name(weaker.level));
  return verdict;
}

} // namespace isamorph::verify
