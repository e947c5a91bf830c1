#include "verify/scalar_prover.h"

#include "verify/checker/scalar_subjects.h"
#include "verify/enumeration.h"
#include "verify/ordered_values.h"
#include "verify/scalar_real.h"

#include <algorithm>
#include <fmt/format.h>

namespace isamorph::verify {

using semantics::ElementType;
using semantics::Level;
using semantics::NumericsProfile;
using semantics::RewriteRule;

namespace {

/// A circuit of two 16-bit variables that takes longer is enumerated instead.
constexpr unsigned kCircuitBeforeEnumeration_ms = 5000;

bool stopped(const ProveOptions &options) { return options.interrupt && options.interrupt->load(); }

/// One claim under one profile.
struct Subject {
  const ScalarClaim &claim;
  Level level;
  const NumericsProfile &profile;
  std::string name; ///< "r, bf16, denormals flush"
};

std::string refutation(const Subject &subject, const ScalarWitness &witness) {
  return subject.name + ": " + text(subject.claim, witness);
}

/// Of the values for which the claim fails, plainer ones than the witness, if so many tuples of
/// them have any: the least of all reading costs, unless the tuples end before.
ScalarWitness plainest(const Subject &subject, ScalarWitness witness) {
  constexpr int most_tuples = 50'000;
  std::uint64_t cost = 0;
  for (std::size_t v = 0; v < witness.inputs.size(); ++v)
    cost += reading_cost(subject.claim.variables[v], witness.inputs[v]);
  int tuples = 0;
  for_each_by_cost(subject.claim.variables, true,
                   [&](std::uint64_t here, std::span<const std::uint64_t> values) {
                     if (here >= cost || ++tuples > most_tuples)
                       return true;
                     auto plainer = refutes(subject.claim, subject.level, subject.profile, values);
                     if (plainer)
                       witness = *std::move(plainer);
                     return plainer.has_value();
                   });
  return witness;
}

/// These three add to `out` what they did, and why a claim is not proved; the answer is theirs
/// alone.
SmtAnswer by_enumeration(const Subject &subject, const ProveOptions &options, ClaimProof &out) {
  auto all = enumerate(subject.claim, subject.level, subject.profile, {options.interrupt});
  if (!all) {
    out.detail = "interrupted";
    return SmtAnswer::Unknown;
  }
  out.methods.insert("enumeration");
  out.enumerations.push_back({subject.name, all->cases, all->failures, all->digest});
  if (!all->witness)
    return SmtAnswer::Proved;
  out.detail = refutation(subject, *all->witness) +
               fmt::format(" (fails for {} of {})", all->failures, all->cases);
  return SmtAnswer::Refuted;
}

/// The answer of the circuit; Unknown without a reason when there is none.
SmtAnswer by_circuit(const Subject &subject, unsigned timeout_ms, const ProveOptions &options,
                     ClaimProof &out) {
  auto obligation = circuit_obligation(subject.name, subject.claim, subject.level, subject.profile);
  if (!obligation) {
    out.detail = subject.name + ": an operation without a circuit";
    return SmtAnswer::Unknown;
  }
  out.obligations.push_back(*obligation);
  SmtResult result = check(*obligation, {timeout_ms, 0, options.interrupt});
  if (result.answer == SmtAnswer::Proved)
    out.methods.insert("circuit");
  if (result.answer != SmtAnswer::Refuted) {
    out.detail = subject.name + ": " + result.detail;
    return result.answer;
  }
  // A model is believed once the evaluator has confirmed it.
  auto values = model_values(subject.claim, result.detail);
  auto witness =
      values ? refutes(subject.claim, subject.level, subject.profile, *values) : std::nullopt;
  out.detail = witness ? refutation(subject, plainest(subject, *witness))
                       : subject.name + ": the solver's model does not refute the claim";
  return witness ? SmtAnswer::Refuted : SmtAnswer::Unknown;
}

/// At `bits` or `finite`.
SmtAnswer decide(const Subject &subject, const ProveOptions &options, ClaimProof &out) {
  bool all_cases = enumerable(subject.claim), one = subject.claim.variables.size() == 1;
  if (auto witness = boundary_witness(subject.claim, subject.level, subject.profile)) {
    if (all_cases && (options.count_failures || one))
      return by_enumeration(subject, options, out);
    out.detail = refutation(subject, plainest(subject, *std::move(witness)));
    return SmtAnswer::Refuted;
  }
  if (all_cases && one) { // the obligation is for other solvers
    if (auto circuit =
            circuit_obligation(subject.name, subject.claim, subject.level, subject.profile))
      out.obligations.push_back(std::move(*circuit));
    return by_enumeration(subject, options, out);
  }
  unsigned limit =
      all_cases ? std::min(kCircuitBeforeEnumeration_ms, options.timeout_ms) : options.timeout_ms;
  SmtAnswer answer = by_circuit(subject, limit, options, out);
  return answer == SmtAnswer::Unknown && all_cases && !stopped(options)
             ? by_enumeration(subject, options, out)
             : answer;
}

SmtAnswer over_reals(const std::string &name, const ScalarClaim &claim, const ProveOptions &options,
                     ClaimProof &out) {
  auto real = real_obligation(name, claim);
  if (!real) {
    out.detail = name + ": real arithmetic says nothing about integers";
    return SmtAnswer::Unknown;
  }
  out.obligations.push_back(real->obligation);
  SmtResult result = check(real->obligation, {options.timeout_ms, 0, options.interrupt});
  out.methods.insert("real arithmetic");
  if (result.answer != SmtAnswer::Proved)
    out.detail = name + ": " +
                 (result.answer == SmtAnswer::Refuted ? "the solver finds numbers where it fails"
                                                      : result.detail);
  // Of functions that are uninterpreted, a model says nothing.
  return result.answer == SmtAnswer::Refuted && !real->exact ? SmtAnswer::Unknown : result.answer;
}

/// Under every profile that can make a difference.
SmtAnswer decide_all_profiles(const std::string &name, const ScalarClaim &claim, Level level,
                              const ProveOptions &options, ClaimProof &out) {
  if (level == Level::Real)
    return over_reals(name, claim, options, out);
  for (const NumericsProfile &profile : profiles_that_matter(claim, ways_of_rounding(options))) {
    Subject subject{claim, level, profile, subject_name(name, claim, profile)};
    if (SmtAnswer answer = decide(subject, options, out); answer != SmtAnswer::Proved)
      return answer;
  }
  return SmtAnswer::Proved;
}

} // namespace

std::vector<NumericsProfile> ways_of_rounding(const ProveOptions &options) {
  return options.ways.empty() ? scalar_profiles() : options.ways;
}

std::optional<ClaimProof> prove_scalar_rule(const RewriteRule &rule, Level level,
                                            const ProveOptions &options) {
  ClaimProof out;
  out.name = rule.name;
  bool about_elements = false;
  std::string without_claim; ///< types for which the rule is no claim about single elements
  for (const std::vector<ElementType> &types : type_choices(rule)) {
    std::string name = name_with_types(rule, types);
    auto claim = scalar_claim(rule, types);
    about_elements |= claim.has_value();
    if (!claim) {
      without_claim = name;
      continue;
    }
    if (stopped(options)) {
      out.answer = SmtAnswer::Unknown;
      out.detail = "interrupted";
      return out;
    }
    out.answer = decide_all_profiles(name, *claim, level, options, out);
    if (out.answer != SmtAnswer::Proved)
      return out;
  }
  if (!about_elements)
    return std::nullopt;
  out.answer = without_claim.empty() ? SmtAnswer::Proved : SmtAnswer::Unknown;
  out.detail = without_claim.empty() ? "" : without_claim + ": no meaning for these types";
  return out;
}

std::vector<StrongerLevel> stronger_levels(const RewriteRule &rule, const ProveOptions &options) {
  std::vector<StrongerLevel> out;
  ProveOptions how = options;
  how.count_failures = false; // one counterexample will do
  for (Level level : {Level::Bits, Level::Finite}) {
    if (level >= rule.level)
      break;
    if (auto proof = prove_scalar_rule(rule, level, how))
      out.push_back({level, proof->answer, proof->detail});
  }
  return out;
}

} // namespace isamorph::verify
