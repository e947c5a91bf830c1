#pragma once
// The parts of a certificate that carry lemmas and the chain of rewriting, as JSON (schema:
// verify/CERTIFICATES.md). Private to the writer of certificates.

#include "verify/certificate.h"

#include <nlohmann/json.hpp>

namespace isamorph::verify {

/// {"text", "sha256"}
nlohmann::ordered_json text_json(const std::string &text);

/// Numbers the files that obligations are written to.
class LemmaPrinter {
public:
  nlohmann::ordered_json lemmas(std::span<const std::string> names);
  nlohmann::ordered_json obligations(std::span<const Obligation> list);

private:
  std::size_t files_ = 0;
};

nlohmann::ordered_json chain_json(const ChainClaim &claim, LemmaPrinter &lemmas);

/// Every obligation of a certificate: {"name", "file", "smtlib", "sha256"}.
std::vector<nlohmann::ordered_json> all_obligations(const nlohmann::ordered_json &certificate);

} // namespace isamorph::verify
