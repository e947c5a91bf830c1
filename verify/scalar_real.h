#pragma once
// Claims about single elements over the real numbers. Operations are partial functions: x / y is
// defined where y is not 0, a select where its condition and the value it takes are, a logarithm at
// places that are not said. Two expressions are equal when they are defined at the same places and
// equal there: x / y is x * (1 / y), but (x / y) * y is not x. Functions other than arithmetic are
// uninterpreted.

#include "verify/checker/scalar_claim.h"
#include "verify/smt.h"

namespace isamorph::verify {

struct RealObligation {
  Obligation obligation;
  bool exact = true; ///< no function is uninterpreted: a model refutes the claim
};

/// nullopt for claims about integers, and about constants that are no numbers.
std::optional<RealObligation> real_obligation(const std::string &name, const ScalarClaim &claim);

} // namespace isamorph::verify
