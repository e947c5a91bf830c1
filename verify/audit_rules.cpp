#include "verify/audit_rules.h"

#include "verify/checker/scalar_circuit.h"
#include "verify/in_parallel.h"
#include "verify/profile_rules.h"
#include "verify/refutation.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <limits>
#include <sstream>

namespace isamorph::verify {
namespace {

using semantics::ElementType;
using semantics::RewriteRule;

constexpr std::array<Level, 3> kLevels = {Level::Bits, Level::Finite, Level::Real};

bool belongs(ElementType type, TypeClass types) {
  switch (types) {
  case TypeClass::Floats:
    return semantics::is_float(type);
  case TypeClass::Integers:
    return semantics::is_integer(type);
  case TypeClass::Truth:
    return type == ElementType::Pred;
  default:
    return true;
  }
}

/// The rule for one class of its first type symbol; nullopt when it allows none of them.
std::optional<RewriteRule> restricted(const RewriteRule &rule, TypeClass types) {
  bool fixed = rule.symbols.types.names.empty();
  if (fixed != (types == TypeClass::Fixed))
    return std::nullopt;
  RewriteRule out = rule;
  out.text += " // for " + std::string(name(types));
  if (fixed)
    return out;
  std::vector<ElementType> all = rule.symbols.type_choices[0];
  if (all.empty())
    for (int t = 0; t < semantics::kElementTypeCount; ++t)
      all.push_back(static_cast<ElementType>(t));
  std::erase_if(all, [&](ElementType type) { return !belongs(type, types); });
  out.symbols.type_choices[0] = all;
  return all.empty() ? std::nullopt : std::optional(out);
}

/// The comment lines directly above a rule, joined.
std::string statement_above(const semantics::Location &rule) {
  constexpr std::string_view comment = "// ", blank = " ";
  if (!rule.source)
    return {};
  std::string_view text = std::string_view(rule.source->text).substr(0, rule.offset);
  std::string out;
  for (std::size_t end = text.rfind('\n'); end != std::string_view::npos && end > 0;) {
    std::size_t before = text.rfind('\n', end - 1);
    std::size_t begin = before == std::string_view::npos ? 0 : before + 1;
    std::string_view line = text.substr(begin, end - begin);
    if (!line.starts_with(comment))
      break;
    out.insert(0, std::string(line.substr(comment.size())) + std::string(out.empty() ? "" : blank));
    end = before;
  }
  return out;
}

/// One rule of one class of types, on its way through the levels.
struct Subject {
  RewriteRule rule;
  RuleFileRow result;

  LevelAnswer &at(Level level) { return result.row.at(level); }
  bool exact() const { return !may_have_floats(rule); }
  bool open(Level level) const { return result.row.at(level).outcome == Outcome::Unknown; }
};

/// What refutes a level refutes the stronger ones.
void does_not_hold(Subject &subject, Level level, const LevelAnswer &answer) {
  for (Level stronger : kLevels)
    if (semantics::implies(stronger, level) && subject.open(stronger))
      subject.at(stronger) = answer;
  if (subject.exact())
    for (Level weaker : kLevels)
      subject.at(weaker) = answer;
}

/// What holds at a level holds at the weaker ones.
void holds(Subject &subject, Level level, const ClaimProof &proof) {
  for (Level weaker : kLevels)
    if (semantics::implies(level, weaker) && subject.open(weaker))
      subject.at(weaker) = {Outcome::Equivalent,
                            weaker == level ? proof.method
                                            : "holds at " + std::string(semantics::name(level)),
                            "all sizes",
                            {},
                            {}};
  auto &lemmas = subject.result.lemmas;
  lemmas.insert(lemmas.end(), proof.lemmas.begin(), proof.lemmas.end());
  auto &laws = subject.result.laws;
  laws.insert(laws.end(), proof.laws.begin(), proof.laws.end());
}

/// Looks for an input that shows a difference at a level. Throws Stopped.
void refute(Subject &subject, Level level, const RuleFileOptions &options, const StopToken &stop) {
  if (auto refuted = refute_by_tests(subject.rule, level, options.profile, options.seed, stop)) {
    LevelAnswer answer{Outcome::Different, "test inputs, " + refuted->symbols, {}, {}, {}};
    answer.witness = std::move(refuted->witness);
    does_not_hold(subject, level, answer);
  }
}

/// The proof is one for the profile's dots, whatever its unit does with their factors.
bool covers(const ClaimProof &proof, const RewriteRule &rule, Level level,
            const semantics::NumericsProfile &profile) {
  if (level == Level::Real)
    return true;
  auto under = rule_under(profile, rule, proof);
  return under && under->symbols.type_choices == rule.symbols.type_choices;
}

/// Proves what tests left open at a level.
void prove(std::vector<Subject> &subjects, Level level, const RuleFileOptions &options) {
  std::vector<std::size_t> owners;
  std::vector<RewriteRule> rules;
  for (std::size_t i = 0; i < subjects.size(); ++i)
    if (subjects[i].open(level) && (level == Level::Bits || !subjects[i].exact())) {
      owners.push_back(i);
      rules.push_back(subjects[i].rule);
      rules.back().level = level;
      rules.back().text += " at " + std::string(semantics::name(level));
    }
  ProveOptions how;
  how.timeout_ms = options.timeout_ms;
  how.use_cache = options.use_cache;
  how.where_defined = true;
  how.tests = false; // there were some
  how.jobs = options.jobs;
  how.interrupt = options.interrupt;
  how.progress = options.progress;
  how.ways = {scalar_profile(options.profile)};
  std::vector<ClaimProof> proofs = prove_rules(rules, how);
  for (std::size_t p = 0; p < proofs.size(); ++p) {
    Subject &subject = subjects[owners[p]];
    subject.result.seconds += proofs[p].seconds;
    if (proofs[p].answer != SmtAnswer::Proved)
      subject.at(level).reason = "tests show no difference; not proved: " + proofs[p].detail;
    else if (covers(proofs[p], subject.rule, level, options.profile))
      holds(subject, level, proofs[p]);
    else
      subject.at(level).reason = "tests show no difference; the proof is not one for the profile's "
                                 "unit";
  }
}

} // namespace

std::string_view name(TypeClass types) {
  constexpr std::array<std::string_view, 4> names = {"floats", "integers", "pred", "fixed"};
  return names[static_cast<std::size_t>(types)];
}

std::vector<RuleFileRow> audit_rule_file(std::span<const RewriteRule> rules,
                                         const RuleFileOptions &options) {
  std::vector<Subject> subjects;
  for (const RewriteRule &rule : rules)
    for (TypeClass types :
         {TypeClass::Floats, TypeClass::Integers, TypeClass::Truth, TypeClass::Fixed})
      if (auto one = restricted(rule, types)) {
        Subject subject{*one, {}};
        subject.result.types = types;
        subject.result.row.rule = rule.name;
        subject.result.statement = statement_above(rule.location);
        subjects.push_back(std::move(subject));
      }
  for (Level level : kLevels) {
    in_parallel(subjects.size(), options.jobs, [&](std::size_t i) {
      StopToken stop(options.interrupt, std::numeric_limits<double>::infinity());
      try {
        if (subjects[i].open(level))
          refute(subjects[i], level, options, stop);
      } catch (const Stopped &) { // the row stays open
      }
    });
    prove(subjects, level, options);
  }
  std::vector<RuleFileRow> out;
  for (Subject &subject : subjects) {
    if (subject.exact() && subject.open(Level::Bits))
      for (Level weaker : {Level::Finite, Level::Real})
        subject.at(weaker).reason = subject.at(Level::Bits).reason;
    out.push_back(std::move(subject.result));
  }
  return out;
}

namespace {

/// What a file of rules says of itself: the comment with which it begins, its paragraphs apart.
std::string opening_comment(const semantics::SourceText &source) {
  std::istringstream text(source.text);
  std::string out;
  for (std::string line; std::getline(text, line) && line.starts_with("//");) {
    line.erase(0, line.starts_with("// ") ? 3 : 2);
    bool apart = line.empty() || out.empty() || out.ends_with('\n');
    out += line.empty() ? "\n\n" : (apart ? "" : " ") + line;
  }
  return out;
}

} // namespace

AuditRow titled_row(const RuleFileRow &row) {
  AuditRow out = row.row;
  out.rule = fmt::format("{}{}{} ({})", row.statement, row.statement.empty() ? "" : ": ",
                         row.row.rule, name(row.types));
  return out;
}

AuditHeading rule_file_heading(const semantics::SourceText &file, std::size_t rules,
                               const semantics::NumericsProfile &profile) {
  return {std::filesystem::path(file.name).filename().string(),
          fmt::format("{} rule{}, each with the statement that it spells out and for the classes "
                      "of element types that it allows, under the numerics profile {}.\n\n{}",
                      rules, rules == 1 ? "" : "s", profile.name, opening_comment(file))};
}

} // namespace isamorph::verify
