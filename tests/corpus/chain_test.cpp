// What synthesis says about how it found a kernel.
#include "corpus/offered_facts.h"
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

verify::CheckReport checked(const std::string &certificate) {
  verify::CheckOptions how;
  how.solver = [](const verify::Obligation &) {
    return verify::SmtResult{verify::SmtAnswer::Proved, {}, 0};
  };
  return verify::check_certificate(semantics::make_source("c.json", certificate), how);
}

Synthesized certified(const std::string &text, const std::string &isa,
                      semantics::Level level = semantics::Level::Bits) {
  corpus::SynthesisOptions options;
  options.certificate = true;
  options.level = level;
  corpus::Synthesis found = corpus::synthesize(
      semantics::parse_hlo(semantics::make_source("g.hlo", text)), spec::load_isa(isa), options);
  REQUIRE(found.outcome == corpus::Synthesis::Outcome::Found);
  Synthesized out{nlohmann::json::parse(found.certificate), {}};
  CHECK(out.json.contains("chain") == found.chain_absent.empty());
  out.report = checked(found.certificate);
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
                         Row{"gemmini", "product_32_words.hlo"}, Row{"amx", "product_16_32.hlo"},
                         Row{"amx", "product_32_tiled.hlo"}, Row{"qkv", "dot_256.hlo"},
                         Row{"qkv", "attention_128.hlo"}}) {
    INFO(row.isa << "/" << row.program);
    Synthesized found = certified(corpus_text(std::string(row.isa) + "/" + row.program), row.isa);
    CHECK(found.json.contains("chain"));
  }
}

TEST_CASE("facts are offered at real, to programs in which they occur") {
  const semantics::NumericsProfile profile = spec::load_isa("qkv").numerics;
  auto offered = [&](const char *path, semantics::Level level) {
    std::string out;
    for (const semantics::RewriteRule &rule : corpus::offered_facts(
             semantics::parse_hlo(semantics::make_source("g.hlo", corpus_text(path))), profile,
             level))
      out += rule.name;
    return out;
  };
  for (const char *path : {"qkv/attention.hlo", "qkv/softmax.hlo", "gemmini/product_32_words.hlo"})
    CHECK(offered(path, semantics::Level::Real).empty());
  CHECK(offered("qkv/attention_converted.hlo", semantics::Level::Real) == "narrow_widened");
  for (semantics::Level level : {semantics::Level::Bits, semantics::Level::Finite})
    CHECK(offered("qkv/attention_converted.hlo", level).empty());
}

TEST_CASE("a fact that was enumerated leads to a kernel, and its digest is counted again") {
  Synthesized found = certified("HloModule g\nENTRY g {\n  x = bf16[64,64] parameter(0)\n"
                                "  y = f32[64,64] convert(x)\n"
                                "  ROOT z = bf16[64,64] convert(y)\n}\n",
                                "qkv", semantics::Level::Real);
  std::size_t digests = 0;
  for (std::size_t r = 0; r < found.json.at("chain").at("rules").size(); ++r) {
    const nlohmann::json enumerations = found.json["chain"]["rules"][r]["lemma"]["enumerations"];
    for (std::size_t e = 0; e < enumerations.size(); ++e, ++digests) {
      nlohmann::json bad = found.json;
      std::string digest = enumerations[e]["sha256"];
      digest[5] = digest[5] == '0' ? '1' : '0';
      bad["chain"]["rules"][r]["lemma"]["enumerations"][e]["sha256"] = digest;
      verify::CheckReport report = checked(bad.dump());
      INFO(report.reason);
      CHECK_FALSE(report.accepted);
      CHECK(report.reason.find("the cases' digest is ") != std::string::npos);
    }
  }
  CHECK(digests > 0);
  CHECK(std::ranges::any_of(found.report.steps, [](const std::string &step) {
    return step.find(" enumerations") != std::string::npos;
  }));
}

TEST_CASE("a certificate without a chain says why, and check prints it") {
  Synthesized found = certified(product_of_rows("16384"), "qkv");
  std::string why = "the kernel executes 1025 instructions; kernels of more than 1024 have none";
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
