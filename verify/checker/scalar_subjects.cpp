#include "verify/checker/scalar_subjects.h"

#include <algorithm>

namespace isamorph::verify {

using semantics::ElementType;

namespace {

bool has_floats(const ScalarClaim &claim) {
  return std::ranges::any_of(claim.nodes,
                             [](const ScalarNode &n) { return semantics::is_float(n.type); });
}

} // namespace

std::vector<std::vector<ElementType>> type_choices(const semantics::RewriteRule &rule) {
  std::vector<std::vector<ElementType>> out = {{}};
  for (std::vector<ElementType> choices : rule.symbols.type_choices) {
    if (choices.empty())
      for (int t = 0; t < semantics::kElementTypeCount; ++t)
        choices.push_back(static_cast<ElementType>(t));
    std::vector<std::vector<ElementType>> longer;
    for (const auto &prefix : out)
      for (ElementType type : choices) {
        longer.push_back(prefix);
        longer.back().push_back(type);
      }
    out = std::move(longer);
  }
  return out;
}

std::string name_with_types(const semantics::RewriteRule &rule,
                            std::span<const ElementType> types) {
  std::string out = rule.name;
  for (ElementType type : types)
    out += ", " + std::string(semantics::name(type));
  return out;
}

std::vector<semantics::NumericsProfile>
profiles_that_matter(const ScalarClaim &claim, std::vector<semantics::NumericsProfile> ways) {
  if (!has_floats(claim))
    ways.resize(1);
  return ways;
}

std::string subject_name(const std::string &name, const ScalarClaim &claim,
                         const semantics::NumericsProfile &profile) {
  return has_floats(claim) ? name + ", " + profile.name : name;
}

std::optional<std::vector<ScalarSubject>> scalar_subjects(const semantics::RewriteRule &rule) {
  std::vector<ScalarSubject> out;
  for (const std::vector<ElementType> &types : type_choices(rule)) {
    auto claim = scalar_claim(rule, types);
    if (!claim)
      return std::nullopt;
    std::string name = name_with_types(rule, types);
    for (semantics::NumericsProfile &profile : profiles_that_matter(*claim, scalar_profiles())) {
      std::string subject = subject_name(name, *claim, profile);
      out.push_back({std::move(subject), *claim, std::move(profile)});
    }
  }
  return out;
}

} // namespace isamorph::verify
