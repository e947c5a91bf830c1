#pragma once
// The lemma of a rewrite rule as a certificate carries it: that the rule is true, at its level, for
// every choice of its symbols. Private to the checker.
//
// Of a rule about single elements every claim is counted out here (scalar_subjects.h), one for each
// choice of types and each way of rounding: it is enumerated, or its circuit is put to the solver.
// Of any other rule the obligations are the rule encoder's.

#include "semantics/numerics.h"
#include "verify/checker/checker.h"
#include "verify/checker/json_part.h"

#include <set>

namespace isamorph::verify {

/// Method of a rule's lemma that consists of enumerations and circuits.
inline constexpr const char *kSingleElements = "single elements";

/// What was done for lemmas, to be reported.
struct RuleLemmas {
  std::size_t obligations = 0, enumerations = 0;
  std::size_t encoded = 0;         ///< rules whose obligations are the rule encoder's
  std::int64_t not_recomputed = 0; ///< enumerations left out for their size
  std::set<std::string> scalar;    ///< lemmas about single elements that rules rest on
  std::set<std::string> laws;      ///< facts about functions over the reals that rules assume
};

/// Throws Refused when the lemma does not prove the rule under the profile.
void check_rule_lemma(const Part &lemma, const semantics::RewriteRule &rule,
                      const semantics::NumericsProfile &profile, const CheckOptions &options,
                      RuleLemmas &done);

} // namespace isamorph::verify
