#pragma once
// Proves rewrite rules and scalar lemmas, in parallel, and remembers what was proved. The cache is
// keyed by the digest of the rule's or lemma's text, the encoder's version and the solver's
// version; it holds proved claims only, in $ISAMORPH_CACHE, else $XDG_CACHE_HOME/isamorph, else
// ~/.cache/isamorph. A damaged cache counts as empty.

#include "semantics/rules.h"
#include "verify/smt.h"

#include <functional>

namespace isamorph::verify {

struct ProveOptions {
  unsigned timeout_ms = 60'000; ///< an obligation
  bool use_cache = true;
  bool where_defined = false; ///< at `real`, claim nothing where a divisor is 0
  int jobs = 0;               ///< 0: one a core
  const std::atomic<bool> *interrupt = nullptr;
  std::function<void(const std::string &)> progress; ///< one line of text
};

struct ClaimProof {
  std::string name;
  SmtAnswer answer = SmtAnswer::Unknown;
  std::string method; ///< "index maps", "sums in any order", "arithmetic of each type", ...
  std::string detail; ///< the model that refutes, or why unknown
  std::vector<std::string> lemmas;     ///< of a rule: scalar lemmas that it rests on
  std::vector<std::string> laws;       ///< facts about functions over the reals that are assumed
  std::vector<Obligation> obligations; ///< empty when the answer came from the cache
  bool cached = false;
  double seconds = 0;
};

/// Results in the order given, whatever the number of jobs. A rule is proved when its obligations
/// and its lemmas are.
std::vector<ClaimProof> prove_rules(std::span<const semantics::RewriteRule> rules,
                                    const ProveOptions &options);
std::vector<ClaimProof> prove_lemmas(std::span<const std::string> names,
                                     const ProveOptions &options);

/// All obligations of a rule. Throws OutsideFragment (rule_encoder.h) when it cannot be encoded.
ClaimProof prove_rule(const semantics::RewriteRule &rule, const ProveOptions &options);

} // namespace isamorph::verify
