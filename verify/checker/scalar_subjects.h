#pragma once
// The single claims of which a rule about single elements consists: one for every choice of element
// types and every way of rounding that can make a difference. What is claimed is counted out here,
// so that a proof of a rule can be asked whether it leaves one out.

#include "verify/checker/scalar_circuit.h"

namespace isamorph::verify {

/// Every choice of types for the rule's type symbols.
std::vector<std::vector<semantics::ElementType>> type_choices(const semantics::RewriteRule &rule);
/// "add_commutes, bf16"
std::string name_with_types(const semantics::RewriteRule &rule,
                            std::span<const semantics::ElementType> types);
/// These ways of rounding, or one of them for a claim about integers.
std::vector<semantics::NumericsProfile>
profiles_that_matter(const ScalarClaim &claim, std::vector<semantics::NumericsProfile> ways);
/// "add_commutes, bf16, denormals flush"; of integers, the name alone.
std::string subject_name(const std::string &name, const ScalarClaim &claim,
                         const semantics::NumericsProfile &profile);

struct ScalarSubject {
  std::string name;
  ScalarClaim claim;
  semantics::NumericsProfile profile;
};
/// Which claims make a rule true at `bits` or `finite`; nullopt when it is, for some types, about
/// more than single elements.
std::optional<std::vector<ScalarSubject>> scalar_subjects(const semantics::RewriteRule &rule);

} // namespace isamorph::verify
