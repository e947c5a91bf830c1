#pragma once
// Elements of a tensor graph at positions that are affine in the variables of symbolic loops:
// demands go from the results to the parameters, terms come back. Private to verify/.

#include "verify/generic_loops.h"

namespace isamorph::verify {

/// An element of a result.
struct GenericDemand {
  std::size_t result;
  semantics::AffineIndex position; ///< inside for all values of the variables
};

/// The terms of the demanded elements, in their order: the same as those of `execute` at every
/// point of the box. Throws UnrollLoops (NotAffine without loops) where an operation takes what is
/// not affine, and TooMuchWork before more than `limit` elements are demanded or folded.
std::vector<TermId> execute_generic(TermGraph &terms, const semantics::TensorGraph &graph,
                                    GenericLoops &loops, const InputElement &input,
                                    std::span<const GenericDemand> demands, std::int64_t limit);

} // namespace isamorph::verify
