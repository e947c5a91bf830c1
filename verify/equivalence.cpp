#include "verify/equivalence.h"
#include "verify/parameter_shapes.h"

#include "verify/differences.h"
#include "verify/real_intervals.h"

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

/// What program and kernel compute over the real numbers for an input, rounding left aside.
class Enclosures {
public:
  Enclosures(const spec::Kernel &kernel, const spec::Isa &isa, const semantics::TensorGraph &graph,
             const StopToken &stop)
      : kernel_(kernel), isa_(isa), graph_(graph), stop_(stop) {}

  /// The first result element that differs and whose two enclosures are disjoint, if there is one,
  /// becomes the counterexample's.
  bool disjoint(Counterexample &c) {
    prepare();
    std::vector<Interval> values = enclose_terms(*terms_, c.inputs);
    std::vector<semantics::Tensor> expected = semantics::evaluate(graph_, c.inputs, isa_.numerics),
                                   actual = simulator_->run(c.inputs);
    for (std::uint32_t r = 0; r < expected.size(); ++r)
      for (std::int64_t i = 0; i < expected[r].elements(); ++i) {
        auto e = static_cast<std::size_t>(i);
        if (equal_element(expected[r].shape().type, expected[r].bits(i), actual[r].bits(i),
                          Level::Real) ||
            !verify::disjoint(values[expected_[r].elements[e].v], values[actual_[r].elements[e].v]))
          continue;
        c.output = r;
        c.element = i;
        c.expected = expected[r].bits(i);
        c.actual = actual[r].bits(i);
        return true;
      }
    return false;
  }

  std::string describe(const Counterexample &c) {
    prepare();
    std::vector<Interval> values = enclose_terms(*terms_, c.inputs);
    auto text = [&](const std::vector<SymbolicTensor> &side) {
      Interval x = values[side[c.output].elements[static_cast<std::size_t>(c.element)].v];
      return x.low == x.high ? fmt::format("{}", x.low)
                             : fmt::format("between {} and {}", x.low, x.high);
    };
    return "; over the real numbers the program gives " + text(expected_) + ", the kernel " +
           text(actual_);
  }

private:
  void prepare() {
    if (terms_)
      return;
    stop_.doing("enclosing what both sides compute over the reals");
    terms_.emplace(isa_.numerics);
    terms_->stop_with(&stop_);
    simulator_.emplace(isa_, kernel_);
    std::vector<semantics::Shape> shapes = parameter_shapes(graph_);
    std::vector<SymbolicTensor> inputs = symbolic_inputs(*terms_, shapes);
    expected_ = execute(*terms_, graph_, inputs);
    actual_ = execute(*terms_, isa_, kernel_, inputs);
  }

  const spec::Kernel &kernel_;
  const spec::Isa &isa_;
  const semantics::TensorGraph &graph_;
  const StopToken &stop_;
  std::optional<TermGraph> terms_;
  std::optional<sim::Simulator> simulator_;
  std::vector<SymbolicTensor> expected_, actual_;
};

/// What a proof at a level makes of the verdict.
void add_proof(Verdict &verdict, const Proof &proof, const spec::Kernel &kernel,
               const spec::Isa &isa, const semantics::TensorGraph &graph,
               const DifferentialOptions &tests) {
  verdict.outcome = Outcome::Equivalent;
  verdict.level = proof.level;
  verdict.reach = reach(graph, proof.level);
  verdict.reason = proof.method;
  if (proof.level != Level::Real)
    return;
  verdict.ulps = measure_ulps(graph, sim::Simulator(isa, kernel), isa.numerics, tests,
                              std::min(tests.max_tests, kMeasurements));
  verdict.tests = verdict.ulps->tests;
}

/// Whether a weaker level holds of what is not equal at the one asked for, and what differs then.
void add_weaker_level(Verdict &verdict, const spec::Kernel &kernel, const spec::Isa &isa,
                      const semantics::TensorGraph &graph, const VerifyOptions &options) {
  TermGraph again(isa.numerics);
  Proof weaker = prove(again, kernel, isa, graph, Level::Real, options.stop);
  if (!weaker.proved)
    return;
  verdict.equivalent_at = weaker.level;
  verdict.reason += fmt::format("; equivalent at {}", semantics::name(weaker.level));
  if (weaker.level == Level::Finite && verdict.outcome == Outcome::Different)
    verdict.reason += ": differences were seen only " +
                      classify_differences(graph, sim::Simulator(isa, kernel), again,
                                           options.tests.seed, kClassifications)
                          .to_string();
}

/// Tests of what terms do not decide.
void add_tests(Verdict &verdict, const TermGraph &terms, const Proof &proof,
               const spec::Kernel &kernel, const spec::Isa &isa,
               const semantics::TensorGraph &graph, DifferentialOptions tests,
               const StopToken &stop) {
  Enclosures enclosures(kernel, isa, graph, stop);
  if (tests.level == Level::Real) // rounding differs lawfully: only disjoint enclosures refute
    tests.confirms = [&](Counterexample &c) { return enclosures.disjoint(c); };
  DifferentialResult result =
      compare_programs(graph, sim::Simulator(isa, kernel), isa.numerics, terms, tests);
  verdict.tests = result.tests;
  if (!result.counterexample) {
    verdict.reason =
        fmt::format("{} ({}), but {} tests showed no difference{}",
                    proof.gave_up ? "the proof was given up" : "the terms differ", proof.difference,
                    result.tests, result.stopped ? " before time ran out" : "");
    return;
  }
  verdict.outcome = Outcome::Different;
  verdict.reason = different_reason(*result.counterexample, graph);
  if (tests.level == Level::Real)
    verdict.reason += enclosures.describe(*result.counterexample);
  verdict.counterexample = std::move(result.counterexample);
}

} // namespace

Verdict verify_kernel(const spec::Kernel &kernel, const spec::Isa &isa,
                      const semantics::TensorGraph &graph, const VerifyOptions &options) {
  spec::validate(kernel, isa);
  check_interface(kernel, graph);
  TermGraph terms(isa.numerics);
  Proof proof = prove(terms, kernel, isa, graph, options.level, options.stop);
  Verdict verdict;
  verdict.level = options.level;
  verdict.terms = proof.terms;
  DifferentialOptions tests = options.tests;
  tests.level = options.level;
  tests.time_limit_seconds = std::min(tests.time_limit_seconds, options.stop.seconds_left());
  if (proof.proved) {
    verdict.lemmas = proof.lemmas;
    add_proof(verdict, proof, kernel, isa, graph, tests);
    return verdict;
  }
  verdict.reason = proof.difference;
  // Which inputs count at a weaker level, the terms would say.
  if (proof.stopped || (proof.gave_up && options.level != Level::Bits))
    return verdict;
  try {
    add_tests(verdict, terms, proof, kernel, isa, graph, tests, options.stop);
  } catch (const Stopped &stopped) {
    verdict.reason = stopped.what();
    return verdict;
  }
  if (options.level != Level::Real && !proof.gave_up)
    add_weaker_level(verdict, kernel, isa, graph, options);
  return verdict;
}

} // namespace isamorph::verify
