#pragma once
// Decides claims about single elements, for every choice of element types and under every way of
// rounding that is asked for (all that profiles have: denormals kept or flushed, operations done in
// the element type, in f32 or in f64).
//
// In this order. Boundary values refute most of what is false. Variables of 16 bits together are
// enumerated. Circuits are put to the solver; two 16-bit variables whose circuits it does not
// decide soon, or that have none, are enumerated too. At `real`, real arithmetic.

#include "verify/checker/scalar_claim.h"
#include "verify/prover.h"

namespace isamorph::verify {

/// The ways of rounding that the options ask for.
std::vector<semantics::NumericsProfile> ways_of_rounding(const ProveOptions &options);

/// What a rule that is about single elements says at a level, for all types and ways; nullopt when
/// the rule is about more. `detail` names the counterexample, its types and profile.
std::optional<ClaimProof> prove_scalar_rule(const semantics::RewriteRule &rule,
                                            semantics::Level level, const ProveOptions &options);

/// The levels stronger than the rule's, strongest first. Empty for other rules.
std::vector<StrongerLevel> stronger_levels(const semantics::RewriteRule &rule,
                                           const ProveOptions &options);

} // namespace isamorph::verify
