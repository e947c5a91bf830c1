#pragma once
// The smallest input that shows two graphs to be different, among those of the same shapes. Inputs
// compare by the sum of their elements' reading_cost (checker/scalar_claim.h): first by how many
// elements are not +0, then by their exponents' distances from 0, then by their significant bits,
// then by how many are negative; at last by an order that is fixed.
//
// What has fewer elements that are not +0 is ruled out by terms where they are equal once zeros
// stand for the others (at `finite` and `real` their normal forms, verify/normalize.h), and else by
// running them on all values in ascending order, as far as a fixed number of runs goes. Private to
// verify/.

#include "semantics/numerics.h"
#include "verify/minimizer.h"
#include "verify/stop_token.h"
#include "verify/verdict.h"

namespace isamorph::verify {

struct Smallest {
  std::vector<semantics::Tensor> inputs;
  bool least = false; ///< nothing smaller is accepted; else the search was cut short
};

/// `inputs` are accepted, and the test accepts nothing for which the results are equal at the level
/// (at `finite` and `real`: or for which an operation of a graph gives no finite number). `spent`
/// ends the search. Throws Stopped.
Smallest smallest(const semantics::TensorGraph &left, const semantics::TensorGraph &right,
                  const semantics::NumericsProfile &profile, Level level,
                  std::vector<semantics::Tensor> inputs, const MinimizingTest &test,
                  const StopToken &stop = {});

} // namespace isamorph::verify
