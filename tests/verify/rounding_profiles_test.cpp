// Profiles that round single elements otherwise than to nearest even, or hand on NaNs by the place
// of operands: no fact that was proved for the others is used under them.
#include "verify/checker/finite_forms.h"
#include "verify/checker/scalar_circuit.h"
#include "verify/normalize.h"
#include "verify/profile_rules.h"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace isamorph;
using namespace isamorph::verify;
using semantics::NumericsProfile;

namespace {

NumericsProfile profile(const std::string &knobs) {
  return semantics::parse_numerics(
             semantics::make_source("test", "numerics p extends f32_sequential { " + knobs + " }"))
      .at(0);
}

bool exchanges(const NumericsProfile &numerics, ElementType type) {
  TermGraph terms(numerics);
  TermId x = terms.input(0, 0, type), y = terms.input(0, 1, type);
  bool terms_do = terms.operation(OpCode::Add, 0, type, std::array{x, y}) ==
                  terms.operation(OpCode::Add, 0, type, std::array{y, x});
  Values values(numerics, {"commutative add " + std::string(semantics::name(type))});
  ValueId a = values.input(0, 0, type), b = values.input(0, 1, type);
  bool checker_does = values.operation(OpCode::Add, 0, type, {a, b}) ==
                      values.operation(OpCode::Add, 0, type, {b, a});
  CHECK(terms_do == checker_does);
  return terms_do;
}

bool drops_one(const NumericsProfile &numerics) {
  constexpr ElementType type = ElementType::F32;
  constexpr std::uint64_t one = 0x3f800000;
  TermGraph terms(numerics);
  TermId x = terms.input(0, 0, type);
  TermId product =
      terms.operation(OpCode::Multiply, 0, type, std::array{x, terms.literal(type, one)});
  bool terms_do = Normalizer(terms).normalize(product) == x;
  Values values(numerics, {"multiply one f32"});
  ValueId a = values.input(0, 0, type),
          b = values.operation(OpCode::Multiply, 0, type, {a, values.literal(type, one)});
  CHECK(terms_do == FiniteForms(values).equal(a, b));
  return terms_do;
}

SmtAnswer answer(const std::string &rule, const std::vector<NumericsProfile> &ways) {
  auto rules = semantics::parse_rules(semantics::make_source(
      "test.rules", "rule r bits { type T in bf16 shape s %x : T[*s] " + rule + " }"));
  ProveOptions options;
  options.use_cache = false;
  options.ways = ways;
  return prove_rules(rules, options).at(0).answer;
}

} // namespace

TEST_CASE("lemmas about elements are for profiles that round plainly") {
  struct Case {
    const char *knobs;
    bool plain;
  };
  for (const Case &c :
       {Case{"", true}, Case{"elementwise nan f32 0xffc00000", true},
        Case{"convert nan propagate left", true}, Case{"functions xla_cpu", true},
        Case{"elementwise round down", false}, Case{"elementwise overflow largest", false},
        Case{"convert round to_odd", false}, Case{"elementwise nan propagate right left", false}}) {
    INFO(c.knobs);
    NumericsProfile numerics = profile(c.knobs);
    CHECK(semantics::rounds_plainly(numerics) == c.plain);
    CHECK(exchanges(numerics, ElementType::BF16) == c.plain);
    CHECK(exchanges(numerics, ElementType::S32));
    CHECK(drops_one(numerics) == c.plain);
  }
}

TEST_CASE("rules about float elements are not used where elements round in another direction") {
  const std::vector<semantics::RewriteRule> &rules = semantics::shipped_rules();
  const auto &add = *std::ranges::find(rules, "add_commutes", &semantics::RewriteRule::name);
  const auto &move = *std::ranges::find(rules, "transpose_binary", &semantics::RewriteRule::name);
  ProveOptions options;
  options.use_cache = false;
  std::vector<ClaimProof> proofs = prove_rules(std::array{add, move}, options);
  auto under = [&](const char *knobs) { return rule_under(profile(knobs), add, proofs[0]); };
  CHECK(under("")->symbols.type_choices == add.symbols.type_choices);
  auto left = under("elementwise round up");
  REQUIRE(left);
  for (ElementType type : left->symbols.type_choices.at(0))
    CHECK_FALSE(semantics::is_float(type));
  CHECK(rule_under(profile("elementwise round up"), move, proofs[1])->symbols.type_choices ==
        move.symbols.type_choices);
}

TEST_CASE("circuits and enumerations round in the profile's direction") {
  const std::string signs =
      "from { %c = T[*s] constant(3) %p = T[*s] multiply(%x, %c) ROOT %n = T[*s] negate(%p) } "
      "to { %c = T[*s] constant(3) %m = T[*s] negate(%x) ROOT %q = T[*s] multiply(%m, %c) }";
  auto under = [&](const char *knobs) { return answer(signs, {scalar_profile(profile(knobs))}); };
  CHECK(answer(signs, {}) == SmtAnswer::Proved);
  CHECK(under("elementwise round toward_zero, overflow ieee") == SmtAnswer::Proved);
  CHECK(under("elementwise round down") == SmtAnswer::Refuted);
  CHECK(under("elementwise overflow ieee, round up") == SmtAnswer::Refuted);
}
