#pragma once
// Equality of tensor graphs over the real numbers, where neither divides by zero. Every element of
// a result is a polynomial with rational coefficients over atoms: elements of the inputs, maxima,
// reciprocals, and other operations, which are not looked into. Constants are the exact values of
// their bits; what the graph computes from them is not rounded.
//
// Maxima are normalised: flat, sorted, divided by the positive greatest common divisor of all
// coefficients, without constants below another one, and without what is known not to be the
// greatest (zero beside a square). Minima and absolute values are maxima.
//
// Equal polynomials prove. Different ones over input elements alone are different functions, and
// small integers show it; with other atoms in them the search for such integers may fail: unknown.

#include "verify/stop_token.h"
#include "verify/verdict.h"

namespace isamorph::verify {

/// Inputs (small integers, which every float type holds) and the first element that differs.
struct RealDifference {
  std::vector<semantics::Tensor> inputs;
  std::int64_t element = 0;
  std::string left, right; ///< exact values: "3/2"
};

struct RealVerdict {
  Outcome outcome = Outcome::Unknown;
  std::string reason; ///< why unknown
  std::optional<RealDifference> difference;
};

/// The graphs have the same parameters and one result each, of the same shape. The same answer on
/// every run; unknown, with the reason, once the token stops.
RealVerdict compare_over_reals(const semantics::TensorGraph &left,
                               const semantics::TensorGraph &right, const StopToken &stop = {});

} // namespace isamorph::verify
