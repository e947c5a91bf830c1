#pragma once
// Tests that refute rewrite rules: an input of a small instance for which the two sides differ.

#include "semantics/numerics.h"
#include "semantics/rules.h"
#include "verify/rule_witness.h"
#include "verify/stop_token.h"

#include <optional>

namespace isamorph::verify {

/// Whether a tensor of a rule may have a float type. Integers and truth values are exact: without
/// floats, all levels are one.
bool may_have_floats(const semantics::RewriteRule &rule);

struct RuleRefutation {
  std::string symbols; ///< what they stand for: "T=bf16, m=2"
  RuleWitness witness;
};

/// nullopt where no test shows a difference at a level under a profile, and at `real` for rules
/// with tensors of a fixed float type but f64: other floats are f64 there, and inputs small
/// integers. What is found follows from the seed. Throws Stopped.
std::optional<RuleRefutation> refute_by_tests(semantics::RewriteRule rule, semantics::Level level,
                                              const semantics::NumericsProfile &profile,
                                              std::uint64_t seed, const StopToken &stop);

} // namespace isamorph::verify
