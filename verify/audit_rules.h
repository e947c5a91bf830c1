#pragma once
// The audit of a file of rewrite rules (semantics/rules.h): for each rule, for each class of
// element types that it allows, and for each level, a proof for all sizes or an input for which the
// two sides differ, under one numerics profile. The level written in the file is what the rule
// claims; the audit asks for all three. Integers and truth values are exact, so that their answers
// are the same at every level.
//
// At `real`, equality is claimed where no divisor is zero.

#include "semantics/rules.h"
#include "verify/audit.h"

namespace isamorph::verify {

/// Which element types an answer is about: those of the rule's first type symbol.
enum class TypeClass : std::uint8_t { Floats, Integers, Truth, Fixed };
/// "floats", "integers", "pred"; "fixed" for a rule without a type symbol.
std::string_view name(TypeClass types);

struct RuleFileRow {
  TypeClass types = TypeClass::Fixed;
  std::string statement; ///< the comment that stands directly above the rule, in one line
  AuditRow row; ///< named after the rule; a witness's values of the rule's symbols stand in
                ///< the method of the answer
  std::vector<std::string> lemmas, laws; ///< on which the proofs rest (prover.h)
  double seconds = 0;                    ///< of the proofs
};

struct RuleFileOptions {
  semantics::NumericsProfile profile; ///< denormals must be kept
  unsigned timeout_ms = 60'000;       ///< an obligation
  int jobs = 0;
  std::uint64_t seed = 1;
  bool use_cache = true;
  const std::atomic<bool> *interrupt = nullptr;
  std::function<void(const std::string &)> progress = {};
};

/// Rows in the order of the rules, then of the classes; the same for any number of jobs.
std::vector<RuleFileRow> audit_rule_file(std::span<const semantics::RewriteRule> rules,
                                         const RuleFileOptions &options);

/// The row, named after the statement, the rule and the class of types.
AuditRow titled_row(const RuleFileRow &row);
/// What stands above the rows of a file of so many rules in RULES.md: what the file says of itself.
AuditHeading rule_file_heading(const semantics::SourceText &file, std::size_t rules,
                               const semantics::NumericsProfile &profile);

} // namespace isamorph::verify
