#include "verify/profile_rules.h"

#include "verify/checker/scalar_circuit.h"
#include "verify/normalize.h"

#include <algorithm>

namespace isamorph::verify {
namespace {

using semantics::ElementType;
using semantics::NumericsProfile;
using semantics::RewriteRule;

bool rests_on(const ClaimProof &proof, std::string_view stem) {
  return std::ranges::any_of(proof.lemmas,
                             [&](const std::string &lemma) { return lemma.starts_with(stem); });
}

/// What a proof takes for granted of dots.
struct DotFacts {
  bool exchanged, unit_vectors;

  explicit DotFacts(const ClaimProof &proof)
      : exchanged(rests_on(proof, "commutative multiply ")),
        unit_vectors(rests_on(proof, "unit vector dot ")) {}

  bool hold(const NumericsProfile &profile, ElementType type) const {
    return !semantics::is_float(type) ||
           ((!exchanged || semantics::factors_commute(profile.dot, type)) &&
            (!unit_vectors || has_unit_vectors(profile, type)));
  }
};

/// It was proved for single elements: by circuits of float arithmetic, or by evaluating it.
bool computes(const ClaimProof &proof) {
  return proof.methods.contains("circuit") || proof.methods.contains("enumeration");
}

/// The float types that the rule's text names.
std::vector<ElementType> fixed_types(const RewriteRule &rule) {
  std::vector<ElementType> out;
  for (const semantics::GraphTemplate *side : {&rule.from, &rule.to})
    for (const semantics::TemplateNode &node : side->nodes)
      if (const auto *type = std::get_if<ElementType>(&node.shape.type))
        out.push_back(*type);
  return out;
}

} // namespace

std::vector<NumericsProfile> ways_with(const NumericsProfile &profile) {
  std::vector<NumericsProfile> out = scalar_profiles();
  NumericsProfile own = scalar_profile(profile);
  if (std::ranges::find(out, own) == out.end())
    out.push_back(std::move(own));
  return out;
}

std::optional<RewriteRule> rule_under(const NumericsProfile &profile, const RewriteRule &rule,
                                      const ClaimProof &proof) {
  if (proof.answer != SmtAnswer::Proved)
    return std::nullopt;
  DotFacts facts(proof);
  // What the checker of certificates counts out are the shipped profiles' ways alone.
  bool integers_only = computes(proof) && !semantics::rounds_plainly(profile);
  auto hold = [&](ElementType type) {
    return facts.hold(profile, type) && !(integers_only && semantics::is_float(type));
  };
  if (!std::ranges::all_of(fixed_types(rule), hold))
    return std::nullopt;
  RewriteRule out = rule;
  for (std::vector<ElementType> &choices : out.symbols.type_choices) {
    std::vector<ElementType> all = choices;
    for (int t = 0; choices.empty() && t < semantics::kElementTypeCount; ++t)
      all.push_back(static_cast<ElementType>(t));
    if (std::ranges::all_of(all, hold))
      continue;
    std::erase_if(all, [&](ElementType type) { return !hold(type); });
    if (all.empty())
      return std::nullopt;
    choices = std::move(all);
  }
  return out;
}

} // namespace isamorph::verify
