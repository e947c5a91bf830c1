// The facts of scalar arithmetic that `rules prove` shows, with what refutes them at stronger
// levels.
#include "semantics/rule_facts.h"
#include "verify/prover.h"
#include "verify/refutation.h"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace isamorph;
using namespace isamorph::verify;

TEST_CASE("facts of scalar arithmetic are proved at their levels, and refuted above", "[slow]") {
  ProveOptions options;
  options.use_cache = false;
  options.stronger_levels = true;
  const std::vector<semantics::RewriteRule> &facts = semantics::scalar_facts();
  std::vector<ClaimProof> proofs = prove_rules(facts, options);
  for (std::size_t i = 0; i < facts.size(); ++i) {
    INFO(facts[i].name << ": " << proofs[i].detail);
    CHECK(proofs[i].answer == SmtAnswer::Proved);
    REQUIRE(proofs[i].stronger.size() == static_cast<std::size_t>(facts[i].level));
    if (proofs[i].stronger.empty())
      continue;
    CHECK(proofs[i].stronger[0].answer == SmtAnswer::Refuted);
    CHECK(proofs[i].stronger[0].detail.find(" against ") != std::string::npos);
  }
}

TEST_CASE("no search uses a fact that is shown only") {
  for (const semantics::RewriteRule &fact : semantics::scalar_facts())
    CHECK(std::ranges::none_of(semantics::shipped_rules(),
                               [&](const auto &rule) { return rule.name == fact.name; }));
}

TEST_CASE("denormals that are flushed refute nothing at finite, other numbers do") {
  auto rule = [](const std::string &number) {
    return semantics::parse_rules(semantics::make_source(
        "facts.rules", "rule r finite {\n  type T in f32  shape s\n  %x : T[*s]\n  from {\n"
                       "    %c = T[*s] constant(" +
                           number +
                           ")\n    ROOT %y = T[*s] add(%x, %c)\n  }\n  to { ROOT %x }\n}\n"))[0];
  };
  semantics::NumericsProfile flushed = semantics::numerics_profile("xla_cpu");
  flushed.denormals = semantics::DenormalWay::Flush;
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    INFO("seed " << seed);
    CHECK_FALSE(refute_by_tests(rule("0"), semantics::Level::Finite, flushed, seed, {}));
    CHECK(refute_by_tests(rule("0"), semantics::Level::Bits, flushed, seed, {}));
    CHECK(refute_by_tests(rule("1"), semantics::Level::Finite, flushed, seed, {}));
  }
}
