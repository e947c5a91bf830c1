#pragma once
// Re-checks proofs of equality by rewriting, as `isamorph egraph saturate --proof` writes them
// (format in CERTIFICATES.md), without the e-graph: each step is an instance of a rule at the root
// of a term, arithmetic on constants, or congruence from lemmas that were checked before.

#include "verify/checker.h"

#include <nlohmann/json_fwd.hpp>

namespace isamorph::verify {

/// Appends to `report` what was checked. Throws Refused with the first step that does not hold,
/// nlohmann's exceptions when a part is missing.
void check_rewrite_proofs(const nlohmann::json &json, CheckReport &report);

/// A certificate is refused.
struct Refused {
  std::string reason;
};
[[noreturn]] void refuse(std::string reason);

} // namespace isamorph::verify
