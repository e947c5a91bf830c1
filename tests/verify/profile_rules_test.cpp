// The rules that a search may use under its ISA's numerics profile.
#include "verify/profile_rules.h"

#include "verify/rule_instances.h"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace isamorph;
using namespace isamorph::verify;
using semantics::ElementType;
using semantics::RewriteRule;

namespace {

const RewriteRule &shipped(const std::string &name) {
  const std::vector<RewriteRule> &rules = semantics::shipped_rules();
  return *std::ranges::find(rules, name, &RewriteRule::name);
}

ClaimProof proof_of(const RewriteRule &rule) {
  ProveOptions options;
  options.use_cache = false;
  return prove_rules({&rule, 1}, options).at(0);
}

std::optional<RewriteRule> under(const semantics::NumericsProfile &profile,
                                 const std::string &rule) {
  return rule_under(profile, shipped(rule), proof_of(shipped(rule)));
}
std::optional<RewriteRule> under(const char *profile, const std::string &rule) {
  return under(semantics::numerics_profile(profile), rule);
}

/// Only floats: the profile matters to nothing else.
RewriteRule of_floats(RewriteRule rule) {
  for (std::vector<ElementType> &choices : rule.symbols.type_choices) {
    if (choices.empty())
      choices = {ElementType::BF16, ElementType::F16, ElementType::F32};
    std::erase_if(choices, [](ElementType type) {
      return !semantics::is_float(type) || type == ElementType::F64;
    });
  }
  return rule;
}

bool differs(const RewriteRule &rule, const semantics::NumericsProfile &profile) {
  std::mt19937_64 random(3);
  for (const SmallInstance &instance : small_instances(rule, 30, random))
    for (int i = 0; i < 8; ++i) {
      auto style = i % 2 ? InputStyle::Rounding : InputStyle::AnyBits;
      if (difference(instance, random_inputs(instance.from, style, random), rule.level, profile))
        return true;
    }
  return false;
}

} // namespace

TEST_CASE("a unit that treats its operands differently does not let them be exchanged") {
  CHECK(under("xla_cpu", "transpose_dot"));
  CHECK(under("xla_cpu", "transpose_dot")->symbols.type_choices ==
        shipped("transpose_dot").symbols.type_choices);
  auto tensix = under("tensix_lofi", "transpose_dot");
  REQUIRE(tensix); // integers
  for (ElementType type : tensix->symbols.type_choices[0])
    CHECK_FALSE(semantics::is_float(type));
  RewriteRule floats = of_floats(shipped("transpose_dot"));
  CHECK(differs(floats, semantics::numerics_profile("tensix_lofi")));
  CHECK_FALSE(differs(floats, semantics::numerics_profile("xla_cpu")));
}

TEST_CASE("a unit that cuts its factors gives no element back from a unit vector") {
  CHECK(under("xla_cpu", "dot_identity_right"));
  CHECK_FALSE(under("tensix_lofi", "dot_identity_right"));
  CHECK_FALSE(under("nvidia_ampere", "dot_identity_right"));
  semantics::NumericsProfile narrow = semantics::numerics_profile("nvidia_ampere");
  narrow.dot.unit->elements = {ElementType::BF16};
  auto f32 = under(narrow, "dot_identity_right");
  REQUIRE(f32);
  CHECK(f32->symbols.type_choices[0] == std::vector{ElementType::F32});
}

TEST_CASE("what is not proved holds under no profile") {
  ClaimProof unknown;
  CHECK_FALSE(rule_under(semantics::numerics_profile("xla_cpu"), shipped("copy"), unknown));
}

TEST_CASE("a profile's own way of rounding is among those of its rules") {
  semantics::NumericsProfile own = semantics::numerics_profile("xla_cpu");
  std::size_t usual = ways_with(own).size();
  own.compute = ElementType::F64;
  own.flush_narrowing = true;
  CHECK(ways_with(own).size() == usual + 1);
  for (const semantics::NumericsProfile &profile : semantics::shipped_numerics())
    CHECK(ways_with(profile).size() == usual + !profile.functions.empty());
}

TEST_CASE("proofs of other ways of rounding are other proofs") {
  auto rules = semantics::parse_rules(semantics::make_source(
      "test.rules",
      "rule one bits { type T in bf16 shape s %x : T[*s] from { %c = T[*s] constant(1) "
      "ROOT %y = T[*s] multiply(%x, %c) } to { ROOT %x } }"));
  ProveOptions options;
  options.use_cache = false;
  semantics::NumericsProfile kept;
  kept.compute = ElementType::F32;
  kept.name = "kept";
  options.ways = {kept};
  CHECK(prove_rules(rules, options)[0].answer == SmtAnswer::Proved);
  options.ways = {}; // some flush denormals
  CHECK(prove_rules(rules, options)[0].answer == SmtAnswer::Refuted);
}

TEST_CASE("no test refutes a shipped rule under a shipped profile where it may be used", "[slow]") {
  ProveOptions options;
  options.use_cache = false;
  const std::vector<RewriteRule> &rules = semantics::shipped_rules();
  std::vector<ClaimProof> proofs = prove_rules(rules, options);
  int used = 0, left_out = 0;
  for (const semantics::NumericsProfile &profile : semantics::shipped_numerics())
    for (std::size_t i = 0; i < rules.size(); ++i) {
      if (rules[i].level != semantics::Level::Bits || rules[i].symbols.types.names.empty())
        continue;
      RewriteRule floats = of_floats(rules[i]);
      if (std::ranges::any_of(floats.symbols.type_choices, &std::vector<ElementType>::empty))
        continue; // of integers
      auto rule = rule_under(profile, floats, proofs[i]);
      ++(rule ? used : left_out);
      INFO(rules[i].name << " under " << profile.name);
      if (rule)
        CHECK_FALSE(differs(*rule, profile));
    }
  CHECK(used > 100);
  CHECK(left_out > 0);
}
