#pragma once
// Proves rewrite rules and scalar lemmas, in parallel, and remembers what was proved. The cache is
// keyed by the digest of the rule's or lemma's text, the ways of rounding, the encoder's version
// and the solver's version; it holds proved claims only, in $ISAMORPH_CACHE, else
// $XDG_CACHE_HOME/isamorph, else
// ~/.cache/isamorph. A damaged cache counts as empty.

#include "semantics/numerics.h"
#include "semantics/rules.h"
#include "verify/smt.h"

#include <functional>
#include <set>

namespace isamorph::verify {

struct ProveOptions {
  unsigned timeout_ms = 60'000; ///< an obligation
  bool use_cache = true;
  bool where_defined = false; ///< at `real`, claim nothing where a divisor is 0
  int jobs = 0;               ///< 0: one a core
  const std::atomic<bool> *interrupt = nullptr;
  std::function<void(const std::string &)> progress; ///< one line of text
  bool stronger_levels = false; ///< also decide the levels stronger than a rule's own
  bool count_failures = false;  ///< where a claim that fails can be enumerated, do
  bool tests = true;            ///< of a rule that is not proved: look for an input that refutes it
  /// Ways of rounding single elements for which a proof is to hold; none: all scalar_profiles()
  /// (verify/checker/scalar_circuit.h).
  std::vector<semantics::NumericsProfile> ways = {};
};

/// A proof or refutation by exhaustion (enumeration.h).
struct EnumerationRecord {
  std::string subject; ///< rule, types, profile
  std::int64_t cases = 0, failures = 0;
  std::string digest; ///< SHA-256
};

/// Whether a rule holds at a level that it does not claim.
struct StrongerLevel {
  semantics::Level level;
  SmtAnswer answer = SmtAnswer::Unknown;
  std::string detail; ///< the counterexample, with types and profile
};

struct ClaimProof {
  std::string name;
  SmtAnswer answer = SmtAnswer::Unknown;
  /// "index maps", "index maps and bit-vectors", "sums in any order", "enumeration", "circuit",
  /// "floating-point theory", "real arithmetic", "test inputs" ...; several joined by " and ".
  std::string method;
  std::set<std::string> methods;       ///< the parts of `method`, of a claim about single elements
  std::string reach;                   ///< for what a proof holds: "every shape", "every element"
  std::string detail;                  ///< the input that refutes, or why unknown
  std::vector<std::string> lemmas;     ///< of a rule: scalar lemmas that it rests on
  std::vector<std::string> laws;       ///< facts about functions over the reals that are assumed
  std::vector<Obligation> obligations; ///< empty when the answer came from the cache
  std::vector<EnumerationRecord> enumerations;
  std::vector<StrongerLevel> stronger; ///< strongest first, when asked for
  bool cached = false;
  double seconds = 0;
};

/// Results in the order given, whatever the number of jobs. A rule is proved when its obligations
/// and its lemmas are; the lemmas' own proofs go to `lemmas`, in order of their names.
std::vector<ClaimProof> prove_rules(std::span<const semantics::RewriteRule> rules,
                                    const ProveOptions &options,
                                    std::vector<ClaimProof> *lemmas = nullptr);
std::vector<ClaimProof> prove_lemmas(std::span<const std::string> names,
                                     const ProveOptions &options);

/// All obligations of a rule. Throws OutsideFragment (rule_encoder.h) when it cannot be encoded.
ClaimProof prove_rule(const semantics::RewriteRule &rule, const ProveOptions &options);

} // namespace isamorph::verify
