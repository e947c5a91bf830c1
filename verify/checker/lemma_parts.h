#pragma once
// The parts of a certificate that a solver decides: texts with their digests, obligations, and the
// scalar lemmas that they make up. Private to the checker.

#include "verify/checker/checker.h"
#include "verify/checker/json_part.h"

#include <set>

namespace isamorph::verify {

/// An embedded text ({"text", "sha256"} and, if so, other keys) whose digest fits.
semantics::SourceRef embedded(const Part &part);

/// The part's name, text, digest and file are the obligation's, and the solver proves it. Throws
/// Refused.
void check_obligation(const Part &part, const Obligation &expected, const CheckOptions &options);
/// The list is these obligations, in order, each proved. `of` names what they belong to.
void check_obligations(const Part &list, std::span<const Obligation> expected,
                       const std::string &of, const CheckOptions &options);

/// The scalar lemmas of a list, each once, each proved; their names.
std::set<std::string> check_lemmas(const Part &lemmas, const CheckOptions &options,
                                   CheckReport &report);

} // namespace isamorph::verify
