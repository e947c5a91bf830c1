// Rules that put sums over parts together: each is proved, and no variation of it that is wrong.
#include "semantics/sum_rules.h"
#include "verify/prover.h"

#include <catch2/catch.hpp>

using namespace isamorph;
using namespace isamorph::verify;

namespace {

ClaimProof prove(const semantics::RewriteRule &rule) {
  ProveOptions options;
  options.use_cache = false;
  return prove_rule(rule, options);
}

/// The rule with every occurrence of `from` in its right side, or in all of it, replaced; nullopt
/// where there is none.
std::optional<semantics::RewriteRule> changed(const semantics::RewriteRule &rule,
                                              const std::string &from, const std::string &to,
                                              bool everywhere) {
  std::string text = rule.text;
  std::size_t at = everywhere ? 0 : text.find(" to {");
  REQUIRE(at != std::string::npos);
  std::size_t count = 0;
  for (; (at = text.find(from, at)) != std::string::npos; at += to.size(), ++count)
    text.replace(at, from.size(), to);
  if (count == 0)
    return std::nullopt;
  return semantics::parse_rules(semantics::make_source("changed.rules", text)).at(0);
}

} // namespace

TEST_CASE("the rules about sums over parts are proved for all sizes", "[slow]") {
  for (const semantics::RewriteRule &rule : semantics::sum_rules()) {
    ClaimProof proof = prove(rule);
    INFO(rule.name << ": " << proof.detail);
    CHECK(proof.answer == SmtAnswer::Proved);
    CHECK(proof.reach == "every shape");
    bool floats = !semantics::is_integer(rule.symbols.type_choices.at(0).at(0));
    CHECK(rule.level == (floats ? semantics::Level::Real : semantics::Level::Bits));
  }
}

TEST_CASE("rules about sums over parts that are wrong are not proved, and nearly all refuted",
          "[slow]") {
  struct Change {
    const char *what, *from, *to;
    bool everywhere;
  };
  const Change changes[] = {
      {"the left factors in the other order", "concatenate(%a, %c)", "concatenate(%c, %a)", false},
      {"the right factors in the other order", "concatenate(%b, %d)", "concatenate(%d, %b)", false},
      {"one part twice", "concatenate(%x, %y)", "concatenate(%x, %x)", false},
      {"another operation between the parts", "add(%p, %q)", "subtract(%p, %q)", true},
      {"a difference of row sums", "add(%u, %v)", "subtract(%u, %v)", true},
      {"the other extremum", "maximum(%u, %v)", "minimum(%u, %v)", true},
      {"the other extremum", "minimum(%u, %v)", "maximum(%u, %v)", true},
      {"sums from one", "constant(0)", "constant(1)", true},
      {"floats bit for bit", " real {", " bits {", true},
  };
  int refuted = 0;
  for (const semantics::RewriteRule &rule : semantics::sum_rules())
    for (const Change &change : changes) {
      auto wrong = changed(rule, change.from, change.to, change.everywhere);
      if (!wrong)
        continue;
      ClaimProof proof = prove(*wrong);
      INFO(rule.name << ", " << change.what << ": " << proof.detail);
      CHECK(proof.answer != SmtAnswer::Proved);
      refuted += proof.answer == SmtAnswer::Refuted;
    }
  CHECK(refuted == 22);
}
