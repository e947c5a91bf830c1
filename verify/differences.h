#pragma once
// Measures of how two programs differ: what differences are about, when a weaker level proves the
// programs equal, and how large they are, when they are equal over the real numbers only. Tests
// measure; they prove nothing.

#include "verify/differential.h"

namespace isamorph::verify {

/// What the differing result elements of some tests have to do with. An element counts once, in
/// the first of these that applies.
struct DifferenceKinds {
  std::int64_t zero_signs = 0; ///< +0 against -0
  std::int64_t non_finite = 0; ///< for inputs for which a program meets NaN or infinity
  std::int64_t denormals = 0;  ///< for inputs for which a program meets denormals
  std::int64_t other = 0;

  bool any() const { return zero_signs || non_finite || denormals || other; }
  /// "in the sign of zero and where NaN or infinity arises"; "" without differences.
  std::string to_string() const;
};

/// Over `tests` inputs of the sequence test_input(shapes, Level::Bits, seed, ...). `terms` holds
/// the terms of both programs.
DifferenceKinds classify_differences(const semantics::TensorGraph &graph,
                                     const sim::Simulator &simulator, const TermGraph &terms,
                                     std::uint64_t seed, int tests);

/// Over inputs without special values, until `tests` were run or the time limit of `options`.
UlpHistogram measure_ulps(const semantics::TensorGraph &graph, const sim::Simulator &simulator,
                          const semantics::NumericsProfile &profile,
                          const DifferentialOptions &options, int tests);

} // namespace isamorph::verify
