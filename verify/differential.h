#pragma once
// Differential tests: evaluator against simulator, or against the evaluator on another graph, on
// inputs chosen to expose rounding, order of accumulation, special values and wrong places. They
// only refute. A failing input is made small: fewest non-zero elements, then plain values, then
// exponents near zero and few significand bits.

#include "sim/simulator.h"
#include "verify/element_cone.h"
#include "verify/symbolic.h"
#include "verify/verdict.h"

#include <atomic>
#include <chrono>
#include <functional>

namespace isamorph::verify {

struct DifferentialOptions {
  Level level = Level::Bits;
  std::uint64_t seed = 1;
  int max_tests = 400;
  int max_minimizing_tests = 3000;
  bool minimize = true;
  double time_limit_seconds = 20;
  std::vector<std::vector<semantics::Tensor>> first; ///< inputs to try before the generated ones
  /// A further condition on a counterexample; it may move it to another differing element.
  std::function<bool(Counterexample &)> confirms = {};
  /// At Bits: the cone of a counterexample's element, for making it small by that element alone;
  /// whole programs then only confirm the result. Where it is nullopt, they are run for every step.
  std::function<std::optional<ElementCone>(const Counterexample &)> cone = {};
  const std::atomic<bool> *interrupt = nullptr;
};

struct DifferentialResult {
  std::int64_t tests = 0;
  std::optional<Counterexample> counterexample;
  bool stopped = false; ///< by the time limit or an interrupt, also within a test
};

/// Input number `index` of the deterministic sequence for these shapes.
std::vector<semantics::Tensor> test_input(std::span<const semantics::Shape> shapes, Level level,
                                          std::uint64_t seed, int index);

/// The index of the n-th input without special values: such inputs show roundings.
int plain_index(int n);

/// Whether any element is a denormal of a type whose denormals the profile flushes: the levels
/// below `bits` say nothing of such inputs.
bool has_flushed_denormals(std::span<const semantics::Tensor> inputs,
                           const semantics::NumericsProfile &profile);
/// Compares at a level: any NaN equals any NaN; at Finite and Real zeros of both signs are equal.
bool equal_element(ElementType type, std::uint64_t a, std::uint64_t b, Level level);

/// What is compared with a graph: its results for inputs in parameter order.
using Program = std::function<std::vector<semantics::Tensor>(std::span<const semantics::Tensor>)>;

/// At Finite an input counts only when no term of `terms` is NaN or infinite for it but an infinite
/// constant (from which a maximum begins), and none of its elements is a denormal where the profile
/// flushes those.
DifferentialResult compare_programs(const semantics::TensorGraph &graph, const Program &other,
                                    const semantics::NumericsProfile &profile,
                                    const TermGraph &terms, const DifferentialOptions &options);
inline DifferentialResult compare_programs(const semantics::TensorGraph &graph,
                                           const sim::Simulator &simulator,
                                           const semantics::NumericsProfile &profile,
                                           const TermGraph &terms,
                                           const DifferentialOptions &options) {
  Program run = [&](std::span<const semantics::Tensor> inputs) { return simulator.run(inputs); };
  return compare_programs(graph, run, profile, terms, options);
}

} // namespace isamorph::verify
