#pragma once
// Re-checks a certificate from its text alone. Nothing of search/ is used: the program and the
// kernel are read from the certificate and executed symbolically again, obligations are made anew
// from the lemmas' names and solved again, and the landmarks are checked by reachability. The first
// step that fails is the reason of the refusal.

#include "semantics/source.h"
#include "verify/smt.h"

namespace isamorph::verify {

struct CheckOptions {
  SmtOptions smt;
  /// A solver's command line (its input file is appended) to ask instead of the built-in one; ""
  /// for the latter.
  std::string solver;
};

struct CheckReport {
  bool accepted = false;
  std::string reason;             ///< of the refusal
  std::vector<std::string> steps; ///< what was re-checked, for people
  std::string level;
  std::int64_t cost = 0, bound = 0;
  bool has_bound = false;
};

/// Throws InputError when the text is no JSON or lacks a part of the schema.
CheckReport check_certificate(const semantics::SourceRef &source, const CheckOptions &options = {});

} // namespace isamorph::verify
