// Shipped facts of single elements, proved by enumeration: circuits agree with it, what is false is
// refuted by it, and a certificate that rests on one is counted again.
#include "chained_product.h"

#include "semantics/rule_facts.h"
#include "verify/checker/scalar_circuit.h"
#include "verify/checker/scalar_subjects.h"
#include "verify/enumeration.h"
#include "verify/scalar_prover.h"

using namespace isamorph;
using namespace isamorph::verify;

namespace {

const semantics::RewriteRule &fact(const std::string &name) {
  return *std::ranges::find(semantics::scalar_facts(), name, &semantics::RewriteRule::name);
}

/// Of one operand of bf16.
semantics::RewriteRule rule(const std::string &from, const std::string &to) {
  return semantics::parse_rules(
             semantics::make_source("r.rules", "rule r bits {\n type T in bf16\n shape s\n "
                                               "%x : T[*s]\n from {" +
                                                   from + "}\n to {" + to + "}\n}\n"))
      .at(0);
}

std::string twice(const std::string &op) {
  return "%y = T[*s] " + op + "(%x)\n ROOT %z = T[*s] " + op + "(%y)";
}

} // namespace

TEST_CASE("circuits and enumeration agree on facts of bf16") {
  int circuits = 0;
  for (const char *name : {"negate_negate", "maximum_same", "divide_by_8", "add_to_itself"}) {
    auto subjects = scalar_subjects(fact(name));
    REQUIRE(subjects);
    subjects->resize(1); // what is computed in f64 is too much for the solver
    for (const ScalarSubject &subject : *subjects) {
      semantics::Level level = fact(name).level;
      auto circuit = circuit_obligation(subject.name, subject.claim, level, subject.profile);
      if (!circuit || !enumerable(subject.claim))
        continue;
      INFO(subject.name);
      CHECK(verify::check(*circuit).answer == SmtAnswer::Proved);
      CHECK(enumerate(subject.claim, level, subject.profile)->failures == 0);
      ++circuits;
    }
  }
  CHECK(circuits == 4);
}

TEST_CASE("what is false of single elements is refuted by enumeration, with its smallest case") {
  struct False {
    std::string from, to, counterexample;
  };
  for (const False &f : std::vector<False>{
           {"%y = T[*s] sqrt(%x)\n ROOT %z = T[*s] multiply(%y, %y)", "ROOT %x", "x = -0"},
           {twice("negate"), "ROOT %y = T[*s] abs(%x)", "x = -0"},
           {"%y = T[*s] exponential(%x)\n ROOT %z = T[*s] log(%y)", "ROOT %x", "x = "},
           {"%c = T[*s] constant(3)\n ROOT %z = T[*s] divide(%x, %c)",
            "%c = T[*s] constant(0.333333)\n ROOT %z = T[*s] multiply(%x, %c)", "x = "}}) {
    INFO(f.from);
    auto proof = prove_scalar_rule(rule(f.from, f.to), semantics::Level::Bits, {});
    REQUIRE(proof);
    CHECK(proof->answer == SmtAnswer::Refuted);
    CHECK(proof->detail.find(f.counterexample) != std::string::npos);
    REQUIRE(proof->enumerations.size() == 1);
    CHECK(proof->enumerations[0].failures > 0);
  }
}

TEST_CASE("the digest of a shipped fact in a certificate is counted again") {
  semantics::RewriteChain chain = test::chain_of(test::doubled());
  test::add_detour(chain, fact("add_to_itself"), false);
  nlohmann::json json = nlohmann::json::parse(test::certificate_text(test::doubled(), chain));
  CheckOptions options;
  options.prove_rule = test::remembered_proof;
  CHECK(test::outcome(json, options) == "accepted");
  nlohmann::json &lemma = json["chain"]["rules"].back()["lemma"];
  REQUIRE(lemma["enumerations"].size() > 5);
  std::string digest = lemma["enumerations"][5]["sha256"];
  std::swap(digest.front(), digest.back());
  lemma["enumerations"][5]["sha256"] = digest;
  test::fit_digests(json);
  CHECK(test::outcome(json, options).find("the cases' digest is ") != std::string::npos);
}
