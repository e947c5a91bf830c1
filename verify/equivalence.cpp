#include "verify/equivalence.h"
#include "verify/parameter_shapes.h"

#include "verify/differences.h"
#include "verify/real_intervals.h"
#include "verify/symbolic_parts.h"

#include "spec/unroll.h"

#include <algorithm>
#include <fmt/format.h>

namespace isamorph::verify {
namespace {

using semantics::Shape;

/// Tests for the rounding differences at level `real`, and for what differences are about.
constexpr int kMeasurements = 60, kClassifications = 90;
/// Tests before loops are unrolled for a proof (of large programs as many as are cheap beside it);
/// tests of programs however large.
constexpr int kQuickTests = 24, kLeastTests = 8;
/// Elements that all tests together read, compute and fold, about; those before a long proof; those
/// of making an input small; those of a first proof, and of looking for a weaker level; those of
/// unrolling loops; what running an instruction counts for; what a test below bits, which takes a
/// value and bounds of every term, counts for.
constexpr std::int64_t kTestWork = std::int64_t{1} << 31, kQuickWork = std::int64_t{1} << 28,
                       kMinimizingWork = std::int64_t{1} << 34, kSmallWork = std::int64_t{1} << 22,
                       kLoopsWork = std::int64_t{1} << 25, kInstanceWork = 64, kTermsWork = 32;

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

/// The stages of a verification, each of which may end it.
class Verification {
public:
  Verification(const spec::Kernel &kernel, const spec::Isa &isa,
               const semantics::TensorGraph &graph, const VerifyOptions &options)
      : kernel_(kernel), isa_(isa), graph_(graph), level_(options.level), stop_(options.stop),
        simulator_(isa, kernel),
        work_(1 + work_of(graph) + spec::instance_count(kernel) * kInstanceWork),
        terms_(isa.numerics), tests_(options.tests) {
    tests_.level = level_;
    tests_.time_limit_seconds = std::min(tests_.time_limit_seconds, stop_.seconds_left());
    auto at_most = [&](int limit, std::int64_t all) {
      auto affordable = std::max<std::int64_t>(kLeastTests, all / work_);
      return static_cast<int>(std::min<std::int64_t>(limit, affordable));
    };
    tests_.max_tests = at_most(tests_.max_tests, kTestWork);
    int affordable =
        at_most(tests_.max_minimizing_tests,
                level_ == Level::Bits ? kMinimizingWork : kMinimizingWork / kTermsWork);
    if (affordable < tests_.max_minimizing_tests && level_ == Level::Bits)
      tests_.cone = [this](const Counterexample &c) -> std::optional<ElementCone> {
        try {
          return ElementCone::of(graph_, kernel_, isa_, c.output, c.element, stop_);
        } catch (const Stopped &) {
          return std::nullopt; // the counterexample stands
        }
      };
    tests_.max_minimizing_tests = affordable;
  }

  Verdict run() {
    std::optional<Proof> generic =
        prove_by_induction(kernel_, isa_, graph_, level_, stop_, kSmallWork);
    if (generic && generic->proved)
      return equivalent(*generic);
    if (generic && generic->stopped)
      return undecided(*generic);
    if (!kernel_.loops.empty() && level_ == Level::Bits) { // tests are cheaper than unrolling
      DifferentialOptions few = tests_;
      few.max_tests = std::min(tests_.max_tests, kQuickTests);
      few.max_tests = static_cast<int>(
          std::clamp<std::int64_t>(kQuickWork / work_, 1, std::max(1, few.max_tests)));
      if (DifferentialResult found = compare(few); found.counterexample)
        return tested(Proof(), std::move(found));
    }
    if (generic && generic->gave_up)
      generic = prove_by_induction(kernel_, isa_, graph_, level_, stop_);
    if (generic && generic->proved)
      return equivalent(*generic);
    if (generic && generic->stopped)
      return undecided(*generic);
    Proof proof = prove(terms_, kernel_, isa_, graph_, level_, stop_,
                        kernel_.loops.empty() ? kMaxUnrolledWork : kLoopsWork);
    if (proof.proved)
      return equivalent(proof);
    // Which inputs count at a weaker level, the terms would say.
    if (proof.stopped || (proof.gave_up && level_ != Level::Bits))
      return undecided(proof);
    try {
      return tested(proof, compare(tests_));
    } catch (const Stopped &stopped) {
      proof.difference = stopped.what();
      return undecided(proof);
    }
  }

private:
  Verdict undecided(const Proof &proof) {
    Verdict verdict;
    verdict.level = level_;
    verdict.terms = proof.terms;
    verdict.reason = proof.difference;
    return verdict;
  }

  Verdict equivalent(const Proof &proof) {
    Verdict verdict;
    verdict.outcome = Outcome::Equivalent;
    verdict.level = proof.level;
    verdict.terms = proof.terms;
    verdict.lemmas = proof.lemmas;
    verdict.reach = reach(graph_, proof.level);
    verdict.reason = proof.method;
    verdict.induction = proof.induction;
    if (proof.level == Level::Real) {
      verdict.ulps = measure_ulps(graph_, simulator_, isa_.numerics, tests_,
                                  std::min(tests_.max_tests, kMeasurements));
      verdict.tests = verdict.ulps->tests;
    }
    return verdict;
  }

  DifferentialResult compare(DifferentialOptions tests) {
    if (level_ == Level::Real) // rounding differs lawfully: only disjoint enclosures refute
      tests.confirms = [&](Counterexample &c) { return enclosures().disjoint(c); };
    return compare_programs(graph_, simulator_, isa_.numerics, terms_, tests);
  }

  Verdict tested(const Proof &proof, DifferentialResult result) {
    Verdict verdict;
    verdict.level = level_;
    verdict.terms = proof.terms;
    verdict.tests = result.tests;
    if (result.counterexample) {
      verdict.outcome = Outcome::Different;
      verdict.reason = different_reason(*result.counterexample, graph_);
      if (level_ == Level::Real)
        try {
          verdict.reason += enclosures().describe(*result.counterexample);
        } catch (const Stopped &) { // the counterexample stands
        }
      verdict.counterexample = std::move(result.counterexample);
    } else {
      verdict.reason =
          fmt::format("{} ({}), but {} tests showed no difference{}",
                      proof.gave_up ? "the proof was given up" : "the terms differ",
                      proof.difference, result.tests, result.stopped ? " before time ran out" : "");
    }
    if (level_ != Level::Real && !proof.gave_up)
      look_below(verdict);
    return verdict;
  }

  /// Whether the programs are equal at a weaker level, and what then differs.
  void look_below(Verdict &verdict) {
    TermGraph terms(isa_.numerics); // of both programs, where loops are unrolled
    bool small = kernel_.loops.empty() || work_ <= kSmallWork;
    Proof weaker = small ? prove(terms, kernel_, isa_, graph_, Level::Real, stop_)
                         : prove_by_induction(kernel_, isa_, graph_, Level::Real, stop_, kSmallWork)
                               .value_or(Proof());
    if (!weaker.proved)
      return;
    verdict.equivalent_at = weaker.level;
    verdict.reason += fmt::format("; equivalent at {}", semantics::name(weaker.level));
    if (small && weaker.level == Level::Finite && verdict.outcome == Outcome::Different)
      verdict.reason +=
          ": differences were seen only " +
          classify_differences(graph_, simulator_, terms, tests_.seed, kClassifications)
              .to_string();
  }

  Enclosures &enclosures() {
    if (!enclosures_)
      enclosures_.emplace(kernel_, isa_, graph_, stop_);
    return *enclosures_;
  }

  const spec::Kernel &kernel_;
  const spec::Isa &isa_;
  const semantics::TensorGraph &graph_;
  Level level_;
  const StopToken &stop_;
  sim::Simulator simulator_;
  std::int64_t work_; ///< of running both programs once, about
  TermGraph terms_;   ///< of both programs, once loops were unrolled
  DifferentialOptions tests_;
  std::optional<Enclosures> enclosures_;
};

} // namespace

Verdict verify_kernel(const spec::Kernel &kernel, const spec::Isa &isa,
                      const semantics::TensorGraph &graph, const VerifyOptions &options) {
  spec::validate(kernel, isa);
  check_interface(kernel, graph);
  return Verification(kernel, isa, graph, options).run();
}

} // namespace isamorph::verify
