#pragma once
// The checker's own argument for loops that a certificate takes as symbolic: the bodies of these
// loops are executed once, on positions that are affine in the numbers of the iterations
// (semantics/affine_index.h), and so is the program, element by element from its results. Private
// to the checker, and written apart from the verifier's generic iterations.
//
// One generic iteration stands for all of them because everything that the body of a loop writes is
// unknown when the body begins and unknown again after the loop, and reading what is unknown
// refuses; except where a place is another one in each iteration, by its position. That different
// positions are different bytes, and that all bytes of the outputs are written, is found by writing
// down the bytes of all iterations.

#include "verify/checker/execution.h"

namespace isamorph::verify {

/// An element of an output in a generic iteration.
struct GenericResult {
  std::size_t output = 0;
  ValueId program = 0, kernel = 0;
};

/// Every element of every output for some value of the variables. `loops`: indices into
/// Kernel::loops, ascending. Throws Refused.
std::vector<GenericResult> run_generic(Values &values, const semantics::TensorGraph &graph,
                                       const spec::Kernel &kernel, const spec::Isa &isa,
                                       const std::vector<std::uint32_t> &loops);

} // namespace isamorph::verify
