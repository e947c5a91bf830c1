#pragma once
// Re-checks the chain of rewriting of a certificate: from the memory images of what the program
// computes to what the kernel leaves in memory, each step an instance of a rule that is read from
// its text, arithmetic on constants, or an earlier part; each rule with its lemma. Terms are those
// of semantics/tensor_terms.h; there is no e-graph and nothing is searched. Private to the checker.

#include "spec/kernel.h"
#include "verify/checker/checker.h"
#include "verify/checker/json_part.h"

namespace isamorph::verify {

/// What a chain is about.
struct ChainSubject {
  const semantics::TensorGraph &graph;
  const spec::Kernel &kernel;
  const spec::Isa &isa;
  semantics::Level level; ///< the claim's
};

/// Appends to `report` what was checked. Throws Refused with the first thing that does not hold,
/// InputError when a part of the schema is missing.
void check_chain(const Part &part, const ChainSubject &subject, const CheckOptions &options,
                 CheckReport &report);

} // namespace isamorph::verify
