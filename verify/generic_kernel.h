#pragma once
// Symbolic execution of a kernel some of whose loops are symbolic: their bodies run once. Private
// to verify/.
//
// A place of a memory is a position, affine in the symbolic variables; one that does not depend on
// them is a place as usual, and positions within buffers on the chip never do. The run stands for
// all iterations because
//   * what a place holds depends on no other iteration: no loop's body reads what was there before
//     the loop and then overwrites it (its next iteration would read the new value), and nothing is
//     read after a loop that was written in it, unless the place is another one in each iteration;
//   * different positions never are the same byte: the bytes of all positions that are written are
//     enumerated over the whole box; none occurs twice, and none is among those that are read under
//     a position that is not written;
//   * the bodies of instructions and the extents of regions depend on no symbolic variable.
// What breaks a rule names a loop to unroll. Without symbolic loops there is nothing to break.

#include "verify/generic_loops.h"

namespace isamorph::verify {

/// What a generic iteration leaves in an output.
struct GenericElement {
  std::size_t output;
  semantics::AffineIndex position;
  TermId term;
};

/// The elements of all outputs, in no particular order: together, over the box, each element of
/// each output exactly once. Throws UnrollLoop, and TooMuchWork before the elements that
/// instructions read, compute and fold are more than `limit`.
std::vector<GenericElement> execute_generic(TermGraph &terms, const spec::Isa &isa,
                                            const spec::Kernel &kernel, GenericLoops &loops,
                                            const InputElement &input, std::int64_t limit);

} // namespace isamorph::verify
