#include "verify/checker/rule_lemma.h"

#include "verify/checker/exhaustion.h"
#include "verify/checker/lemma_parts.h"
#include "verify/checker/scalar_subjects.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <map>

namespace isamorph::verify {
namespace {

using semantics::RewriteRule;

/// More cases than this are enumerated anew on request.
constexpr std::int64_t kQuickCases = 65536;

void check_enumeration(const Part &part, const ScalarSubject &subject, semantics::Level level,
                       const CheckOptions &options, RuleLemmas &done) {
  auto cases = exhaustion_cases(subject.claim);
  if (!cases)
    part.refuse("'" + subject.name + "' has too many cases to be enumerated");
  if (part.at("cases").integer() != *cases)
    part.at("cases").refuse(fmt::format("'{}' has {} cases", subject.name, *cases));
  const std::string &digest = part.at("sha256").text();
  if (digest.size() != 64)
    part.at("sha256").refuse("a SHA-256 has 64 digits");
  ++done.enumerations;
  if (*cases > kQuickCases && !options.exhaustive) {
    ++done.not_recomputed;
    return;
  }
  auto all = exhaust(subject.claim, level, subject.profile, options.interrupt);
  if (!all)
    part.leave_undecided("interrupted");
  if (all->failures > 0)
    part.refuse(fmt::format("'{}' fails for {} of {} cases", subject.name, all->failures, *cases));
  if (all->digest != digest)
    part.at("sha256").refuse("the cases' digest is " + all->digest);
}

bool is_about_floats(const ScalarSubject &subject) {
  return std::ranges::any_of(subject.claim.nodes,
                             [](const ScalarNode &node) { return semantics::is_float(node.type); });
}

/// Every claim of the rule is either enumerated or proved by its circuit, and nothing else listed.
void check_single_elements(const Part &lemma, const RewriteRule &rule,
                           const semantics::NumericsProfile &profile, const CheckOptions &options,
                           RuleLemmas &done) {
  auto subjects = scalar_subjects(rule);
  if (!subjects || rule.level == semantics::Level::Real)
    lemma.at("method").refuse("rule '" + rule.name + "' is about more than bits of elements");
  if (!semantics::rounds_plainly(profile) && std::ranges::any_of(*subjects, is_about_floats))
    lemma.at("method").refuse("rule '" + rule.name +
                              "' is proved for rounding to nearest even, and profile '" +
                              profile.name + "' rounds or propagates NaNs otherwise");
  std::map<std::string, Part> enumerated;
  for (const Part &part : lemma.at("enumerations").elements()) {
    part.only({"subject", "cases", "sha256"});
    if (!enumerated.emplace(part.at("subject").text(), part).second)
      part.at("subject").refuse("'" + part.at("subject").text() + "' is enumerated twice");
  }
  std::vector<Obligation> circuits;
  for (const ScalarSubject &subject : *subjects) {
    auto found = enumerated.extract(subject.name);
    if (!found.empty()) {
      check_enumeration(found.mapped(), subject, rule.level, options, done);
      continue;
    }
    auto circuit = circuit_obligation(subject.name, subject.claim, rule.level, subject.profile);
    if (!circuit)
      lemma.at("enumerations").refuse("'" + subject.name + "' is neither enumerated nor a circuit");
    circuits.push_back(*std::move(circuit));
  }
  if (!enumerated.empty())
    enumerated.begin()->second.at("subject").refuse("the rule makes no claim '" +
                                                    enumerated.begin()->first + "'");
  for (const char *list : {"lemmas", "laws"})
    if (!lemma.at(list).elements().empty())
      lemma.at(list).refuse("a rule about single elements rests on none");
  check_obligations(lemma.at("obligations"), circuits, "rule '" + rule.name + "'", options);
  done.obligations += circuits.size();
}

void check_names(const Part &list, const std::vector<std::string> &expected) {
  if (list.texts() != expected)
    list.refuse(fmt::format("the rule's proof rests on [{}]", fmt::join(expected, ", ")));
}

void check_encoded(const Part &lemma, const RewriteRule &rule, const CheckOptions &options,
                   RuleLemmas &done) {
  if (!lemma.at("enumerations").elements().empty())
    lemma.at("enumerations").refuse("only claims about single elements are enumerated");
  const Part list = lemma.at("obligations");
  RuleProof expected;
  if (options.prove_rule) {
    expected = options.prove_rule(rule);
    check_names(lemma.at("lemmas"), expected.lemmas);
    check_names(lemma.at("laws"), expected.laws);
  } else {
    for (const Part &part : list.elements())
      expected.obligations.push_back({part.at("name").text(), part.at("smtlib").text()});
  }
  if (expected.obligations.empty())
    list.refuse("no obligation proves rule '" + rule.name + "'");
  auto subjects = scalar_subjects(rule);
  for (std::size_t s = 0; subjects && s < subjects->size(); ++s)
    for (const Obligation &obligation : expected.obligations)
      if (obligation.name == (*subjects)[s].name) // and hold for some profiles only
        lemma.at("method").refuse("'" + obligation.name + "' is a circuit of single elements");
  check_obligations(list, expected.obligations, "rule '" + rule.name + "'", options);
  done.obligations += expected.obligations.size();
  done.encoded += 1;
}

} // namespace

void check_rule_lemma(const Part &lemma, const RewriteRule &rule,
                      const semantics::NumericsProfile &profile, const CheckOptions &options,
                      RuleLemmas &done) {
  lemma.only({"method", "obligations", "enumerations", "lemmas", "laws"});
  const std::string &method = lemma.at("method").text();
  if (method == kSingleElements)
    check_single_elements(lemma, rule, profile, options, done);
  else if (method == "smt")
    check_encoded(lemma, rule, options, done);
  else
    lemma.at("method").refuse("unknown method '" + method + "'");
  for (const std::string &name : lemma.at("lemmas").texts())
    done.scalar.insert(name);
  for (const std::string &law : lemma.at("laws").texts())
    done.laws.insert(law);
}

} // namespace isamorph::verify
