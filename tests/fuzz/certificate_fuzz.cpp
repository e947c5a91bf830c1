// Certificates and rewrite proofs: accepted or refused. Digests are made to fit the embedded texts,
// so that damage to these is not refused at once. The solver gets no time worth speaking of.
#include "tests/fuzz/readers.h"
#include "verify/checker/checker.h"
#include "verify/checker/digest.h"

#include <nlohmann/json.hpp>

namespace isamorph::fuzz {
namespace {

using Json = nlohmann::json;

/// Makes the digests of texts fit, however deep they lie.
void fit_texts(Json &json) {
  if (json.is_object() && json.contains("text") && json["text"].is_string())
    json["sha256"] = verify::sha256(json["text"].get<std::string>());
  if (json.is_structured())
    for (Json &part : json)
      fit_texts(part);
}

void fit_digests(Json &json) {
  fit_texts(json);
  if (json.erase("sha256"))
    json["sha256"] = verify::sha256(json.dump());
}

void check(const semantics::SourceRef &source) {
  verify::CheckOptions options;
  options.solver = [](const verify::Obligation &) {
    return verify::SmtResult{verify::SmtAnswer::Unknown, "not asked", 0};
  };
  verify::CheckReport report = verify::check_certificate(source, options);
  require(report.accepted == report.reason.empty(), "a refusal without a reason");
}

} // namespace

void certificate(const semantics::SourceRef &source) {
  check(source);
  Json json = Json::parse(source->text, nullptr, false);
  if (!json.is_object())
    return;
  fit_digests(json);
  check(semantics::make_source(source->name, json.dump()));
}

} // namespace isamorph::fuzz
