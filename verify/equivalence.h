#pragma once
// Is this kernel this program? Symbolic execution of both sides and equality of terms
// (verify/term.h) proves; differential tests refute. The graph is read under the ISA's numerics
// profile. Neither side says anything about how the kernel was found.

#include "verify/differential.h"

namespace isamorph::verify {

struct VerifyOptions {
  Level level = Level::Bits;
  DifferentialOptions tests; ///< its level is set from `level`
};

/// Throws InputError when the kernel breaks a static rule (spec::validate), or its inputs and
/// outputs do not fit the graph's parameters and results.
Verdict verify_kernel(const spec::Kernel &kernel, const spec::Isa &isa,
                      const semantics::TensorGraph &graph, const VerifyOptions &options);

/// The inputs and outputs of a kernel have the shapes of the graph's parameters and results. Throws
/// InputError.
void check_interface(const spec::Kernel &kernel, const semantics::TensorGraph &graph);

/// The structural part of a verdict: whether equal terms prove the level. No tests are run;
/// `outcome` is Equivalent or Unknown. Used by the certificate checker as well.
struct Proof {
  bool proved = false;
  Level level = Level::Bits; ///< the strongest at which the terms are equal
  std::vector<std::string> lemmas;
  std::int64_t terms = 0;
  std::string difference; ///< the first output element whose terms differ at `asked`
};
Proof prove(TermGraph &terms, const spec::Kernel &kernel, const spec::Isa &isa,
            const semantics::TensorGraph &graph, Level asked);

} // namespace isamorph::verify
