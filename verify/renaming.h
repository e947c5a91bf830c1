#pragma once
// Pairs of terms that say the same of other input elements: element [3,5] of a matrix product is
// element [0,0] with other rows and columns in it. What is proved of one pair for all inputs, as
// equality of functions, holds of every pair that it becomes when its input elements are replaced
// by others, several perhaps by the same: one proof is enough.

#include "verify/term.h"

namespace isamorph::verify {

struct TermPair {
  TermId left, right;
};

/// For each pair the number of an earlier one, or its own, which a replacement of input elements by
/// input elements of the same parameter and type turns into it, the operands of commutative
/// operations and the sides of dots exchanged at will. What is found depends on the terms alone;
/// not all there are need be found. Throws Stopped.
std::vector<std::size_t> representatives(const TermGraph &terms, std::span<const TermPair> pairs,
                                         const StopToken &stop);

} // namespace isamorph::verify
