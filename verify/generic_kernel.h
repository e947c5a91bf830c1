#pragma once
// Symbolic execution of a kernel some of whose loops are symbolic: their bodies run once. Private
// to verify/.
//
// A place of a memory is a position, affine in the symbolic variables: one place for each of their
// values. One that does not depend on them is a place as usual. The run stands for all iterations
// because
//   * what a place holds depends on no other iteration, unless the place is another one in each:
//   what
//     a loop's body reads and then overwrites is a symbol in it, for which must be solved
//     (generic_carry.h), and nothing else is read after a loop that was written in it;
//   * different positions never are the same place: the places of all positions that are written
//     are enumerated over the whole box; none occurs twice, and none is among those that are read
//     under a position that is not written;
//   * the bodies of instructions and the extents of regions depend on no symbolic variable.
// Loops that share a variable (generic_loops.h) come one after the other, so that all places of a
// position are written when the next such loop begins, and iteration v reads and writes no others
// of them than the v-th. What breaks a rule names loops to unroll. Without symbolic loops there is
// nothing to break.

#include "verify/generic_loops.h"

namespace isamorph::verify {

/// What a generic iteration leaves in an output.
struct GenericElement {
  std::size_t output;
  semantics::AffineIndex position;
  TermId term;
};

/// The elements of all outputs, in no particular order: together, over the box, each element of
/// each output exactly once. Throws UnrollLoops, and TooMuchWork before the elements that
/// instructions read, compute and fold are more than `limit`.
std::vector<GenericElement> execute_generic(TermGraph &terms, const spec::Isa &isa,
                                            const spec::Kernel &kernel, GenericLoops &loops,
                                            const InputElement &input, std::int64_t limit);

} // namespace isamorph::verify
