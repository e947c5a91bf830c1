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

namespace {

/// The report of the check of a synthesized kernel's certificate, with rules believed.
struct Synthesized {
  nlohmann::json json;
  verify::CheckReport report;
};

Synthesized certified(const std::string &text, const std::string &isa) {
  corpus::SynthesisOptions options;
  options.certificate = true;
  corpus::Synthesis found = corpus::synthesize(
      semantics::parse_hlo(semantics::make_source("g.hlo", text)), spec::load_isa(isa), options);
  REQUIRE(found.outcome == corpus::Synthesis::Outcome::Found);
  Synthesized out{nlohmann::json::parse(found.certificate), {}};
  CHECK(out.json.contains("chain") == found.chain_absent.empty());
  verify::CheckOptions how;
  how.solver = [](const verify::Obligation &) {
    return verify::SmtResult{verify::SmtAnswer::Proved, {}, 0};
  };
  out.report = verify::check_certificate(semantics::make_source("c.json", found.certificate), how);
  INFO(out.report.reason);
  CHECK(out.report.accepted);
  return out;
}

std::string corpus_text(const std::string &path) {
  return semantics::read_source(std::string(ISAMORPH_SOURCE_DIR) + "/corpus/" + path)->text;
}

/// A product of so many rows on the attention accelerator, in tiles of 64 rows.
std::string product_of_rows(const std::string &rows) {
  return "HloModule p\nENTRY p {\n  a = bf16[" + rows + ",64] parameter(0)\n" +
         "  b = bf16[64,64] parameter(1)\n  ROOT c = bf16[" + rows +
         ",64] dot(a, b), lhs_contracting_dims={1}, rhs_contracting_dims={0}\n}\n";
}

} // namespace

TEST_CASE("kernels with joint moves, of tiles and with loops have a chain", "[slow]") {
  struct Row {
    const char *isa, *program;
  };
  for (const Row &row : {Row{"gemmini", "add_2.hlo"}, Row{"gemmini", "product_3_add.hlo"},
                         Row{"amx", "product_16_32.hlo"}, Row{"amx", "product_32_tiled.hlo"},
                         Row{"qkv", "dot_256.hlo"}, Row{"qkv", "attention_128.hlo"}}) {
    INFO(row.isa << "/" << row.program);
    Synthesized found = certified(corpus_text(std::string(row.isa) + "/" + row.program), row.isa);
    CHECK(found.json.contains("chain"));
  }
}

TEST_CASE("a certificate without a chain says why, and check prints it") {
  Synthesized found = certified(product_of_rows("4096"), "qkv");
  std::string why = "the kernel executes 257 instructions; kernels of more than 256 have none";
  CHECK_FALSE(found.json.contains("chain"));
  CHECK(found.json["chain_absent"] == why);
  CHECK(std::ranges::count(found.report.steps, "no chain of rewriting; it says why: " + why) == 1);
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
