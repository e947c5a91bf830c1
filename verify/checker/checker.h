#pragma once
// Re-checks a certificate from its text alone (schema and trusted base: verify/CERTIFICATES.md).
// This folder uses semantics/, spec/ and costmodel/ and nothing else of the project: neither the
// search nor what finds proofs. Program and kernel are read from the certificate and executed again
// by code of its own, obligations are made anew from the lemmas' names, and the landmarks are
// checked by reachability. No solver is linked: whoever calls brings one.

#include "semantics/rules.h"
#include "verify/checker/obligation.h"

#include <atomic>
#include <vector>

namespace isamorph::verify {

/// The certificates that are understood.
inline constexpr int kCertificateVersion = 4;
inline constexpr int kRewriteProofVersion = 1;

/// What proves a rewrite rule that is about more than single elements.
struct RuleProof {
  std::vector<Obligation> obligations;
  std::vector<std::string> lemmas; ///< scalar lemmas that it rests on
  std::vector<std::string> laws;   ///< facts about functions over the reals that it assumes
};

struct CheckOptions {
  /// Asked for every obligation. Without one, a certificate that rests on lemmas is refused.
  Solver solver = {};
  /// The folder of the obligations as files; those that are in it must be the certificate's. Empty:
  /// not looked at.
  std::string obligations_folder = {};
  /// The proof of a rule, made anew. Without it, the obligations of a certificate are put to the
  /// solver as they are written there, and the report says so.
  std::function<RuleProof(const semantics::RewriteRule &)> prove_rule = {};
  /// Enumerate more than 65536 cases anew too: it takes minutes.
  bool exhaustive = false;
  const std::atomic<bool> *interrupt = nullptr; ///< set: an enumeration ends undecided, soon
};

struct CheckReport {
  bool accepted = false;
  /// Not accepted, but not known to be wrong either: no solver decided an obligation, or an
  /// interrupt came.
  bool undecided = false;
  std::string reason;             ///< why it is not accepted
  std::vector<std::string> steps; ///< what was re-checked, for people
  std::string level;
  std::int64_t cost = 0, bound = 0;
  bool has_bound = false;
};

/// The first step that fails is the reason of the refusal. Throws InputError, naming line and
/// column or the JSON path, when the text is no JSON or lacks a part of the schema.
CheckReport check_certificate(const semantics::SourceRef &source, const CheckOptions &options = {});

} // namespace isamorph::verify
