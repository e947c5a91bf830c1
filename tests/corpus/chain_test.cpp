// What synthesis says about how it found a kernel.
#include "corpus/synthesis.h"
#include "semantics/hlo.h"
#include "verify/certificate.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace isamorph;

TEST_CASE("the certificate of a synthesized kernel has a chain, which is re-checked") {
  semantics::TensorGraph graph = semantics::parse_hlo(
      semantics::read_source(std::string(ISAMORPH_SOURCE_DIR) + "/corpus/qkv/attention.hlo"));
  corpus::SynthesisOptions options;
  options.certificate = true;
  corpus::Synthesis found = corpus::synthesize(graph, spec::load_isa("qkv"), options);
  REQUIRE(found.outcome == corpus::Synthesis::Outcome::Found);
  nlohmann::json json = nlohmann::json::parse(found.certificate);
  REQUIRE(json.contains("chain"));
  CHECK(json["chain"]["outputs"].at(0)["steps"].size() > 0);
  for (const auto &rule : json["chain"]["rules"])
    CHECK_FALSE(rule["lemma"]["obligations"].empty());
  verify::CheckOptions how;
  how.solver = [](const verify::Obligation &) {
    return verify::SmtResult{verify::SmtAnswer::Proved, {}, 0};
  };
  verify::CheckReport report =
      verify::check_certificate(semantics::make_source("c.json", found.certificate), how);
  INFO(report.reason);
  CHECK(report.accepted);
}

TEST_CASE("without time nothing is handed out, with the reason") {
  semantics::TensorGraph graph = semantics::parse_hlo(
      semantics::read_source(std::string(ISAMORPH_SOURCE_DIR) + "/corpus/qkv/identity.hlo"));
  corpus::SynthesisOptions options;
  corpus::Synthesis found = corpus::synthesize(graph, spec::load_isa("qkv"), options);
  CHECK(found.outcome == corpus::Synthesis::Outcome::Found);
  options.time_limit_seconds = 0;
  found = corpus::synthesize(graph, spec::load_isa("qkv"), options);
  CHECK(found.outcome != corpus::Synthesis::Outcome::Found);
  CHECK_FALSE(found.reason.empty());
}
