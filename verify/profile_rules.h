#pragma once
// Which proved rules hold under the numerics profile in force. A rule is proved for the ways of
// rounding single elements (ProveOptions::ways); what its proof takes for granted of dots depends
// on the profile's unit: a unit that treats its operands differently does not let them be
// exchanged, and one that cuts its terms does not give an element back from its dot with a unit
// vector.

#include "verify/prover.h"

namespace isamorph::verify {

/// Every way in which profiles round single elements, and this profile's own.
std::vector<semantics::NumericsProfile> ways_with(const semantics::NumericsProfile &profile);

/// The rule for the element types for which its proof holds under the profile; nullopt when there
/// are none, or when the proof is none. A rule whose text names a float type is taken whole or not
/// at all.
std::optional<semantics::RewriteRule> rule_under(const semantics::NumericsProfile &profile,
                                                 const semantics::RewriteRule &rule,
                                                 const ClaimProof &proof);

} // namespace isamorph::verify
