#pragma once
// Is this kernel this program? Symbolic execution of both sides and equality of terms
// (verify/term.h) proves; differential tests refute. The graph is read under the ISA's numerics
// profile. Neither side says anything about how the kernel was found.

#include "verify/differential.h"
#include "verify/proof.h"

namespace isamorph::verify {

struct VerifyOptions {
  Level level = Level::Bits;
  DifferentialOptions tests; ///< its level is set from `level`
  /// When the proof, and all that follows it, is given up: the verdict is then unknown, with the
  /// reason. The tests end by it too.
  StopToken stop = {};
};

/// Throws InputError when the kernel breaks a static rule (spec::validate), or its inputs and
/// outputs do not fit the graph's parameters and results.
Verdict verify_kernel(const spec::Kernel &kernel, const spec::Isa &isa,
                      const semantics::TensorGraph &graph, const VerifyOptions &options);

} // namespace isamorph::verify
