#include "semantics/rules.h"

#include <catch2/catch.hpp>
#include <set>

using namespace isamorph::semantics;

namespace {

RewriteRule one(const std::string &text) {
  return parse_rules(make_source("test.rules", text)).at(0);
}

std::string message(const std::string &text) {
  try {
    parse_rules(make_source("test.rules", text));
  } catch (const InputError &error) {
    return error.what();
  }
  return "accepted";
}

} // namespace

TEST_CASE("the shipped rules are read, with the same parameters on both sides") {
  std::set<std::string> names;
  for (const RewriteRule &rule : shipped_rules()) {
    INFO(rule.name);
    CHECK(names.insert(rule.name).second);
    CHECK(rule.from.results.size() == 1);
    CHECK(rule.to.results.size() == 1);
    CHECK(rule.from.parameters.size() == rule.to.parameters.size());
    CHECK_FALSE(rule.text.empty());
  }
  CHECK(names.size() >= 40);
}

TEST_CASE("a rule's text for caches ignores spaces and comments, and nothing else") {
  const char *body =
      "{ type T shape s %x : T[*s] from { ROOT %y = T[*s] copy(%x) } to { ROOT %x } }";
  std::string a = one(std::string("rule r bits ") + body).text;
  CHECK(a == one(std::string("rule r // a comment\n  bits\n") + body).text);
  CHECK(a != one(std::string("rule r finite ") + body).text);
}

TEST_CASE("levels are ordered from strong to weak") {
  CHECK(implies(Level::Bits, Level::Real));
  CHECK(implies(Level::Finite, Level::Finite));
  CHECK_FALSE(implies(Level::Real, Level::Finite));
  for (Level l : {Level::Bits, Level::Finite, Level::Real})
    CHECK(level(name(l)) == l);
  CHECK_FALSE(level("exact"));
}

TEST_CASE("mistakes in rules are refused with a reason") {
  CHECK(message("rule r exact {}").find("unknown level 'exact'") != std::string::npos);
  CHECK(message("rule r bits { type T type T }").find("declared twice") != std::string::npos);
  CHECK(message("rule r bits { type T %x : T[] from { ROOT %x } }").find("needs both") !=
        std::string::npos);
  CHECK(message("rule r bits { type T %x : T[] %y : T[] from { ROOT %x } to { ROOT %y } }")
            .find("does not use") != std::string::npos);
  CHECK(message("rule r bits { type T in b16 }").find("unknown element type") != std::string::npos);
  CHECK(message("rule r bits { int n where n + q }").find("unknown name 'q'") != std::string::npos);
  CHECK(message("rule r bits { unary F type T %x : T[] from { %y = T[] F(%x, %x) ROOT %y } to { "
                "ROOT %x } }")
            .find("takes 1 operands") != std::string::npos);
  const std::string rule = "rule r bits { type T %x : T[] from { ROOT %x } to { ROOT %x } }";
  CHECK(message(rule + rule).find("declared twice") != std::string::npos);
  CHECK(message("rule r bits { from { ROOT %a = f32[] parameter(0) } to { ROOT %a = f32[] "
                "constant(1) } }")
            .find("parameters are declared before") != std::string::npos);
  CHECK(message("rule r bits {").find("expected") != std::string::npos);
}
