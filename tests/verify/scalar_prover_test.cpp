#include "verify/scalar_prover.h"

#include "scalar_claims.h"
#include "verify/checker/scalar_circuit.h"
#include "verify/scalar_real.h"

#include <catch2/catch.hpp>

using namespace isamorph;
using namespace isamorph::verify;
using semantics::Level;

namespace {

ClaimProof proof_of(const std::string &level, const std::string &types,
                    const std::string &variables, const std::string &from, const std::string &to) {
  ProveOptions options;
  options.use_cache = false;
  options.stronger_levels = true;
  return prove_rule(scalar_rule(level, types, variables, from, to), options);
}

const std::string kReciprocal =
    "%o = T[] constant(1) %r = T[] divide(%o, %y) ROOT %m = T[] multiply(%x, %r)";

} // namespace

TEST_CASE("facts of floats that hold bit for bit", "[slow]") {
  const char *all = "bf16, f16, f32", *narrow = "bf16, f16";
  struct Fact {
    const char *types, *variables, *from, *to;
  };
  for (const Fact &fact : std::vector<Fact>{
           {all, kTwo, "ROOT %a = T[] add(%x, %y)", "ROOT %a = T[] add(%y, %x)"},
           {all, kTwo, "ROOT %a = T[] multiply(%x, %y)", "ROOT %a = T[] multiply(%y, %x)"},
           {narrow, kOne, "%c = T[] constant(2) ROOT %a = T[] multiply(%x, %c)",
            "ROOT %a = T[] add(%x, %x)"},
           {narrow, kOne, "%c = T[] constant(256) ROOT %a = T[] divide(%x, %c)",
            "%c = T[] constant(0.00390625) ROOT %a = T[] multiply(%x, %c)"}}) {
    ClaimProof proof = proof_of("bits", fact.types, fact.variables, fact.from, fact.to);
    INFO(fact.from << ": " << proof.detail);
    CHECK(proof.answer == SmtAnswer::Proved);
    CHECK((!proof.obligations.empty() || !proof.enumerations.empty()));
    CHECK(proof.reach == "every element, every shape");
  }
}

TEST_CASE("x - y is x + (-y) bit for bit, in every float type and way of rounding", "[slow]") {
  for (auto type : {semantics::ElementType::BF16, semantics::ElementType::F16,
                    semantics::ElementType::F32, semantics::ElementType::F64}) {
    ScalarClaim claim = scalar_claim_of(type, kTwo, "ROOT %a = T[] subtract(%x, %y)",
                                        "%n = T[] negate(%y) ROOT %a = T[] add(%x, %n)");
    for (const semantics::NumericsProfile &way : scalar_profiles()) {
      INFO(semantics::name(type) << " " << way.name);
      auto obligation = circuit_obligation("difference", claim, Level::Bits, way);
      REQUIRE(obligation);
      CHECK(check(*obligation).answer == SmtAnswer::Proved);
      CHECK_FALSE(boundary_witness(claim, Level::Bits, way));
      ScalarClaim wrong = claim; // not negated
      wrong.nodes[wrong.right].operands = wrong.nodes[wrong.left].operands;
      CHECK(boundary_witness(wrong, Level::Bits, way));
    }
  }
}

TEST_CASE("a sign that does not matter is no part of the circuit") {
  for (auto type : {semantics::ElementType::F32, semantics::ElementType::F64}) {
    ScalarClaim claim =
        scalar_claim_of(type, kOne, "%a = T[] abs(%x) ROOT %b = T[] multiply(%a, %a)",
                        "ROOT %b = T[] multiply(%x, %x)");
    CHECK(check(*circuit_obligation("square", claim, Level::Bits, rounding(false))).answer ==
          SmtAnswer::Proved);
    ScalarClaim wrong =
        scalar_claim_of(type, kOne, "%a = T[] abs(%x) ROOT %b = T[] multiply(%a, %x)",
                        "ROOT %b = T[] multiply(%x, %x)");
    CHECK(boundary_witness(wrong, Level::Bits, rounding(false)));
  }
}

TEST_CASE("x + 0 is x up to the sign of zero, and not bit for bit") {
  ClaimProof proof = proof_of("finite", "bf16, f16", kOne,
                              "%c = T[] constant(0) ROOT %a = T[] add(%x, %c)", "ROOT %x");
  INFO(proof.detail);
  CHECK(proof.answer == SmtAnswer::Proved);
  CHECK(proof.method == "enumeration");
  REQUIRE(proof.stronger.size() == 1);
  CHECK(proof.stronger[0].answer == SmtAnswer::Refuted);
  CHECK(proof.stronger[0].detail.find("x = -0: 0 against -0") != std::string::npos);
  CHECK(proof.enumerations.size() >= 4); // two types, denormals kept and flushed
  for (const EnumerationRecord &record : proof.enumerations) {
    CHECK(record.cases == 65536);
    CHECK(record.failures == 0);
    CHECK(record.digest.size() == 64);
  }
}

TEST_CASE("laws of the reals alone come with a counterexample for every stronger level") {
  struct Fact {
    const char *variables;
    std::string from, to;
  };
  for (const Fact &fact : std::vector<Fact>{
           {kThree, "%a = T[] add(%x, %y) ROOT %b = T[] add(%a, %z)",
            "%a = T[] add(%y, %z) ROOT %b = T[] add(%x, %a)"},
           {kThree, "%a = T[] add(%y, %z) ROOT %b = T[] multiply(%x, %a)",
            "%a = T[] multiply(%x, %y) %c = T[] multiply(%x, %z) ROOT %b = T[] add(%a, %c)"},
           {kTwo, "ROOT %a = T[] divide(%x, %y)", kReciprocal}}) {
    ClaimProof proof = proof_of("real", "bf16, f32", fact.variables, fact.from, fact.to);
    INFO(fact.from << ": " << proof.detail);
    CHECK(proof.answer == SmtAnswer::Proved);
    REQUIRE(proof.stronger.size() == 2);
    for (const StrongerLevel &stronger : proof.stronger) {
      CHECK(stronger.answer == SmtAnswer::Refuted);
      CHECK(stronger.detail.find(" against ") != std::string::npos);
    }
  }
}

TEST_CASE("x / x is 1 on finite numbers, and over the reals only where x is not 0") {
  const char *quotient = "ROOT %a = T[] divide(%x, %x)", *one = "ROOT %c = T[] constant(1)";
  ClaimProof finite = proof_of("finite", "bf16", kOne, quotient, one);
  CHECK(finite.answer == SmtAnswer::Proved);
  CHECK(finite.stronger[0].detail.find("fails for 258 of 65536") != std::string::npos);
  CHECK(proof_of("real", "bf16", kOne, quotient, one).answer == SmtAnswer::Refuted);
  const char *guarded = "%n = T[] constant(0) %p = pred[] compare(%x, %n), direction=NE "
                        "%q = T[] divide(%x, %x) %c = T[] constant(1) "
                        "ROOT %r = T[] select(%p, %q, %c)";
  CHECK(proof_of("real", "bf16", kOne, guarded, one).answer == SmtAnswer::Proved);
}

TEST_CASE("a quotient multiplied back is not the dividend, even over the reals") {
  auto type = semantics::ElementType::F32;
  ScalarClaim claim = scalar_claim_of(
      type, kTwo, "%a = T[] divide(%x, %y) ROOT %b = T[] multiply(%a, %y)", "ROOT %x");
  CHECK(check(real_obligation("r", claim)->obligation).answer == SmtAnswer::Refuted);
}

TEST_CASE(
    "nothing is known of transcendental functions over the reals but that they are functions") {
  const char *tanh = "ROOT %a = T[] tanh(%x)", *one = "ROOT %c = T[] constant(1)",
             *odd = "%n = T[] negate(%x) %t = T[] tanh(%n) ROOT %a = T[] negate(%t)";
  CHECK(proof_of("real", "f32", kOne, tanh, odd).answer == SmtAnswer::Unknown);
  ClaimProof constant = proof_of("real", "f32", kOne, tanh, one);
  CHECK(constant.answer == SmtAnswer::Refuted);
  CHECK(constant.method == "test inputs");
}

TEST_CASE("a proof for one type is none for the next") {
  // Over the reals, pred is decided and integers are not.
  ClaimProof proof = proof_of("real", "pred, s8", kTwo, "ROOT %a = T[] add(%x, %y)",
                              "ROOT %a = T[] maximum(%x, %y)");
  CHECK(proof.answer == SmtAnswer::Refuted);
  CHECK(proof.detail.find("T=s8") != std::string::npos);
}

TEST_CASE("false claims at bits and finite are refuted with numbers") {
  auto detail = [](const char *level) {
    ClaimProof proof = proof_of(level, "bf16, f32", kTwo, "ROOT %a = T[] subtract(%x, %y)",
                                "ROOT %a = T[] subtract(%y, %x)");
    CHECK(proof.answer == SmtAnswer::Refuted);
    return proof.detail;
  };
  CHECK(detail("bits").ends_with("x = -0, y = 0: -0 against 0"));
  CHECK(detail("finite").ends_with("x = 1, y = 0: 1 against -1"));
}

TEST_CASE("a law that flushed denormals break is refuted") {
  // x * 1 moves denormals' bits only where they are kept.
  ClaimProof proof = proof_of("bits", "bf16", kOne,
                              "%c = T[] constant(1) ROOT %a = T[] multiply(%x, %c)", "ROOT %x");
  CHECK(proof.answer == SmtAnswer::Refuted);
  CHECK(proof.detail.find("denormals flushed") != std::string::npos);
}

TEST_CASE("rules about more than single elements are none of this") {
  ProveOptions options;
  auto about = [&](const std::string &text) {
    auto rules = semantics::parse_rules(semantics::make_source("test.rules", text));
    return prove_scalar_rule(rules[0], Level::Bits, options).has_value();
  };
  CHECK_FALSE(about("rule r bits { type T in f32 int m %x : T[m,m] from { ROOT %y = T[m,m] "
                    "transpose(%x), dimensions={1,0} } to { ROOT %x } }"));
  CHECK_FALSE(about("rule r bits { type T in f32 shape s unary F %x : T[*s] from { ROOT %y = T[*s] "
                    "F(%x) } to { ROOT %x } }"));
  CHECK_FALSE(about("rule r bits { type T in f32 int m, n %x : T[m] from { ROOT %y = T[m] "
                    "negate(%x) } to { ROOT %y = T[n] negate(%x) } }"));
  CHECK_FALSE(about("rule r bits { type T in f32 int m %x : T[m] where m >= 2, m <= 1 from { "
                    "ROOT %y = T[m] negate(%x) } to { ROOT %x } }"));
}
