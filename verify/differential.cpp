#include "verify/differential.h"

#include "semantics/interrupt_point.h"
#include "verify/minimizer.h"
#include "verify/parameter_shapes.h"
#include "verify/stop_token.h"
#include "verify/term_values.h"

namespace isamorph::verify {
namespace {

using semantics::is_float;
using semantics::Shape;
using semantics::Tensor;
using Clock = std::chrono::steady_clock;

bool is_zero(ElementType type, std::uint64_t bits) {
  return is_float(type) ? semantics::decode(type, bits) == 0 : bits == 0;
}

/// What every test needs, and how many were run.
class Tester {
public:
  Tester(const semantics::TensorGraph &graph, const Program &other,
         const semantics::NumericsProfile &profile, const TermGraph &terms,
         const DifferentialOptions &options)
      : graph_(graph), other_(other), profile_(profile), terms_(terms), options_(options) {}

  /// The first difference for an input, if it counts at the level.
  std::optional<Counterexample> test(const std::vector<Tensor> &inputs) {
    ++tests;
    if (options_.level != Level::Bits && has_flushed_denormals(inputs, profile_))
      return std::nullopt; // outside of the level
    std::vector<Tensor> expected = semantics::evaluate(graph_, inputs, profile_),
                        actual = other_(inputs);
    std::optional<Counterexample> found;
    for (std::uint32_t t = 0; t < expected.size(); ++t)
      compare(t, expected[t], actual[t], found);
    if (!found || (options_.level != Level::Bits && !stays_finite(inputs)))
      return std::nullopt;
    found->inputs = inputs;
    for (const Tensor &input : inputs)
      for (std::int64_t i = 0; i < input.elements(); ++i)
        found->nonzero_inputs += input.bits(i) != 0;
    if (options_.confirms && !options_.confirms(*found))
      return std::nullopt;
    return found;
  }

  bool out_of_time() const {
    std::chrono::duration<double> spent = Clock::now() - begin_;
    return spent.count() > options_.time_limit_seconds ||
           (options_.interrupt && options_.interrupt->load());
  }

  std::int64_t tests = 0;

private:
  void compare(std::uint32_t output, const Tensor &expected, const Tensor &actual,
               std::optional<Counterexample> &found) {
    ElementType type = expected.shape().type;
    for (std::int64_t i = 0; i < expected.elements(); ++i) {
      std::uint64_t e = expected.bits(i), a = actual.bits(i);
      if (e == a)
        continue;
      if (equal_element(type, e, a, options_.level))
        continue;
      if (!found) {
        found.emplace();
        found->output = output;
        found->element = i;
        found->expected = e;
        found->actual = a;
      }
      ++found->mismatches;
    }
  }

  bool stays_finite(const std::vector<Tensor> &inputs) const {
    std::vector<std::uint64_t> values = evaluate_terms(terms_, inputs);
    for (std::uint32_t t = 0; t < values.size(); ++t) {
      const Term &term = terms_[{t}];
      bool constant = term.kind == TermKind::Literal && !semantics::is_nan(term.type, term.bits);
      if (!constant && !semantics::is_finite(term.type, values[t]))
        return false;
    }
    return true;
  }

  const semantics::TensorGraph &graph_;
  const Program &other_;
  const semantics::NumericsProfile &profile_;
  const TermGraph &terms_;
  const DifferentialOptions &options_;
  Clock::time_point begin_ = Clock::now();
};

/// Makes `found` small: one element of it alone where that can be told, else whole. It is a
/// counterexample at any moment.
void make_small(Tester &tester, Counterexample &found, const DifferentialOptions &options) {
  auto spent = [&](std::int64_t tests, int budget) {
    return tests >= budget || tester.out_of_time();
  };
  if (auto cone = options.cone ? options.cone(found) : std::nullopt) {
    std::int64_t tests = 0;
    std::vector<Tensor> small =
        minimized(cone->depended_on(found.inputs),
                  {[&](const std::vector<Tensor> &inputs) {
                     ++tests;
                     return cone->differs(inputs);
                   },
                   [&] { return spent(tests, DifferentialOptions().max_minimizing_tests); }});
    if (auto confirmed = tester.test(small)) {
      found = *std::move(confirmed);
      return;
    }
  }
  std::int64_t before = tester.tests;
  minimized(found.inputs,
            {[&](const std::vector<Tensor> &inputs) {
               auto smaller = tester.test(inputs);
               if (smaller)
                 found = *std::move(smaller);
               return smaller.has_value();
             },
             [&] { return spent(tester.tests - before, options.max_minimizing_tests); }});
}

} // namespace

bool has_flushed_denormals(std::span<const Tensor> inputs,
                           const semantics::NumericsProfile &profile) {
  for (const Tensor &input : inputs)
    if (flushes(profile, input.shape().type))
      for (std::int64_t i = 0; i < input.elements(); ++i)
        if (is_denormal(input.shape().type, input.bits(i)))
          return true;
  return false;
}

bool equal_element(ElementType type, std::uint64_t a, std::uint64_t b, Level level) {
  if (a == b || (semantics::is_nan(type, a) && semantics::is_nan(type, b)))
    return true;
  return level != Level::Bits && is_zero(type, a) && is_zero(type, b);
}

DifferentialResult compare_programs(const semantics::TensorGraph &graph, const Program &other,
                                    const semantics::NumericsProfile &profile,
                                    const TermGraph &terms, const DifferentialOptions &options) {
  std::vector<semantics::Shape> shapes = parameter_shapes(graph);
  Tester tester(graph, other, profile, terms, options);
  DifferentialResult out;
  auto input = [&](std::uint64_t seed, int index) {
    std::vector<Tensor> tensors = test_input(shapes, options.level, seed, index);
    for (Tensor &tensor : tensors)
      if (options.level != Level::Bits && flushes(profile, tensor.shape().type))
        for (std::int64_t i = 0; i < tensor.elements(); ++i)
          if (is_denormal(tensor.shape().type, tensor.bits(i)))
            tensor.set_bits(i, 0);
    return tensors;
  };
  try {
    for (const std::vector<Tensor> &tensors : options.first)
      if (!out.counterexample)
        out.counterexample = tester.test(tensors);
    for (int i = 0; i < options.max_tests && !out.counterexample && !out.stopped; ++i) {
      out.stopped = tester.out_of_time();
      if (!out.stopped)
        out.counterexample = tester.test(input(options.seed, i));
    }
    if (out.counterexample && options.minimize)
      try {
        make_small(tester, *out.counterexample, options);
      } catch (const Stopped &) { // the smallest so far stands
      }
  } catch (const semantics::Interrupted &) {
    out.stopped = true;
  }
  out.tests = tester.tests;
  return out;
}

} // namespace isamorph::verify
