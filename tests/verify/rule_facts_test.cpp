// The facts of scalar arithmetic that `rules prove` shows, with what refutes them at stronger
// levels.
#include "semantics/rule_facts.h"
#include "verify/prover.h"

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
