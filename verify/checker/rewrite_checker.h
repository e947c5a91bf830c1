#pragma once
// Re-checks proofs of equality by rewriting, as `isamorph egraph saturate --proof` writes them
// (format in CERTIFICATES.md), without the e-graph: each step is an instance of a rule at the root
// of a term, arithmetic on constants, or congruence from lemmas that were checked before. Private
// to the checker.

#include "verify/checker/checker.h"
#include "verify/checker/json_part.h"

namespace isamorph::verify {

/// Appends to `report` what was checked. Throws Refused with the first step that does not hold,
/// InputError when a part of the schema is missing.
void check_rewrite_proofs(const Part &part, CheckReport &report);

} // namespace isamorph::verify
