#pragma once
// Claims about single elements for tests, written as rules over scalars.

#include "semantics/source.h"
#include "verify/checker/scalar_claim.h"

#include <stdexcept>

namespace isamorph::verify {

inline constexpr const char *kOne = "%x : T[]", *kTwo = "%x : T[] %y : T[]",
                            *kThree = "%x : T[] %y : T[] %z : T[]";

inline semantics::RewriteRule scalar_rule(const std::string &level, const std::string &types,
                                          const std::string &variables, const std::string &from,
                                          const std::string &to) {
  return semantics::parse_rules(semantics::make_source(
      "test.rules", "rule r " + level + " { type T in " + types + " " + variables + " from { " +
                        from + " } to { " + to + " } }"))[0];
}

inline ScalarClaim scalar_claim_of(semantics::ElementType type, const std::string &variables,
                                   const std::string &from, const std::string &to) {
  auto claim = scalar_claim(
      scalar_rule("bits", std::string(semantics::name(type)), variables, from, to), {&type, 1});
  if (!claim)
    throw std::logic_error("no claim about single elements");
  return *claim;
}

inline semantics::NumericsProfile
rounding(bool flush, std::optional<semantics::ElementType> compute = semantics::ElementType::F32) {
  semantics::NumericsProfile profile;
  profile.name = "test";
  profile.compute = compute;
  profile.denormals = flush ? semantics::DenormalWay::Flush : semantics::DenormalWay::Keep;
  return profile;
}

} // namespace isamorph::verify
