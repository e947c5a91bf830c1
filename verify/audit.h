#pragma once
// The audit of equalities between tensor expressions: for each one, and for each equivalence level,
// whether it holds, with the method of the proof and how far it reaches, or an input for which the
// two sides differ.
//
// A front end (verify/audit_taso.h reads one) gives each equality as pairs of tensor graphs over
// the same parameters, one pair for each choice of sizes, and, where the language of rules can say
// it, as a rewrite rule with symbolic sizes. An equality holds at a level when it does for all of
// its pairs, and fails when one pair shows it. At `bits` equal terms prove (verify/term.h) and the
// rule's proof, where there is one, carries that to all sizes; at `finite` equal normal forms
// (verify/normalize.h); at `real` equal polynomials (verify/real_polynomial.h). What holds at a
// level holds at every weaker one, and an input that refutes a level refutes every stronger one.

#include "semantics/numerics.h"
#include "verify/rule_witness.h"
#include "verify/verdict.h"

#include <array>
#include <atomic>
#include <functional>

namespace isamorph::verify {

/// Two graphs with the same parameters (order and shapes) and one result each.
struct RuleInstance {
  semantics::TensorGraph left, right;
};

/// An equality to audit. Element types are floats, the same one for all tensors.
struct RuleSubject {
  std::string rule;                    ///< its name, or its text
  std::vector<RuleInstance> instances; ///< smallest sizes first; counterexamples come from the
                                       ///< first that has one
  std::optional<semantics::RewriteRule> general; ///< the same equality for all sizes
};

/// The answer at one level. Outcome::Equivalent reads "holds", Different "does not hold".
struct LevelAnswer {
  Outcome outcome = Outcome::Unknown;
  std::string method; ///< "equal terms", "test inputs", "what holds at bits", ...
  std::string reach;  ///< of a proof: "all sizes", or "x f32[2,3], y f32[3,1]; x ..."
  std::string reason; ///< why unknown
  std::optional<RuleWitness> witness; ///< when it does not hold
};
std::string_view answer_text(Outcome outcome); ///< "holds", "does not hold", "unknown"

/// For how many sizes a proof was made: "all sizes", "3 sizes"; empty without a proof.
std::string sizes_text(const LevelAnswer &answer);

struct AuditRow {
  std::string rule;
  std::array<LevelAnswer, 3> levels; ///< by Level
  const LevelAnswer &at(Level level) const { return levels[static_cast<std::size_t>(level)]; }
  LevelAnswer &at(Level level) { return levels[static_cast<std::size_t>(level)]; }
};

struct AuditOptions {
  semantics::NumericsProfile profile;
  int jobs = 0; ///< 0: one a core
  std::uint64_t seed = 1;
  bool all_sizes = true; ///< try to carry proofs at `bits` to all sizes, by SMT
  bool use_cache = true; ///< of those proofs
  const std::atomic<bool> *interrupt = nullptr;           ///< set: what is left becomes unknown
  std::function<void(const std::string &)> progress = {}; ///< one line of text
};

/// One row a subject, in order, the same for any number of jobs.
std::vector<AuditRow> audit_rules(std::span<const RuleSubject> subjects,
                                  const AuditOptions &options);

/// The shapes of the parameters of an instance: "x bf16[2,3], y bf16[3,1]".
std::string shapes_text(const RuleInstance &instance);

/// What stands above the rows of one file: `about` is paragraphs of Markdown.
struct AuditHeading {
  std::string title, about;
};
/// One file's rows in RULES.md.
struct AuditSection {
  AuditHeading heading;
  std::span<const AuditRow> rows;
};
/// How many rows hold, do not hold, and are unknown at a level.
std::array<std::size_t, 3> count_outcomes(std::span<const AuditRow> rows, Level level);
/// The Markdown page that `isamorph rules audit FILE... --markdown` writes, whole: for each file
/// totals for each level, then a row a rule.
std::string markdown(std::span<const AuditSection> sections);

} // namespace isamorph::verify
