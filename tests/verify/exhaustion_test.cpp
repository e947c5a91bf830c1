// The checker's enumeration against the prover's: the same digests, counts and failures.
#include "verify/checker/exhaustion.h"
#include "verify/checker/scalar_subjects.h"
#include "verify/enumeration.h"

#include <catch2/catch.hpp>

using namespace isamorph;
using namespace isamorph::verify;
using semantics::Level;

namespace {

semantics::RewriteRule rule(const std::string &from, const std::string &to,
                            const std::string &types) {
  return semantics::parse_rules(
             semantics::make_source("r.rules", "rule r bits {\n type T in " + types +
                                                   "  shape s\n %x : T[*s]\n from {" + from +
                                                   "}\n to {" + to + "}\n}\n"))
      .at(0);
}

const std::string kDouble = "ROOT %y = T[*s] add(%x, %x)";
const std::string kTimesTwo = "%c = T[*s] constant(2)\n ROOT %y = T[*s] multiply(%x, %c)";
const std::string kPlusZero = "%c = T[*s] constant(0)\n ROOT %y = T[*s] add(%x, %c)";

} // namespace

TEST_CASE("both enumerations agree on what holds and on what fails") {
  for (const auto &r : {rule(kDouble, kTimesTwo, "bf16, f16, s8, u16"),
                        rule(kPlusZero, "ROOT %x", "bf16, f16, s16")}) {
    auto subjects = scalar_subjects(r);
    REQUIRE(subjects);
    for (const ScalarSubject &subject : *subjects)
      for (Level level : {Level::Bits, Level::Finite}) {
        INFO(subject.name);
        auto expected = enumerate(subject.claim, level, subject.profile);
        auto found = exhaust(subject.claim, level, subject.profile, nullptr);
        REQUIRE(expected);
        REQUIRE(found);
        CHECK(found->digest == expected->digest);
        CHECK(found->failures == expected->failures);
        CHECK(exhaustion_cases(subject.claim) == expected->cases);
      }
  }
}

TEST_CASE("two variables of eight bits are enumerated in the same order") {
  semantics::RewriteRule r =
      semantics::parse_rules(semantics::make_source("r.rules", R"(rule r bits {
  type T in s8, u8  shape s
  %x : T[*s]
  %y : T[*s]
  from { ROOT %z = T[*s] subtract(%x, %y) }
  to { ROOT %z = T[*s] subtract(%y, %x) }
})"))
          .at(0);
  auto subjects = scalar_subjects(r);
  REQUIRE(subjects);
  for (const ScalarSubject &subject : *subjects) {
    auto expected = enumerate(subject.claim, Level::Bits, subject.profile);
    auto found = exhaust(subject.claim, Level::Bits, subject.profile, nullptr);
    REQUIRE((expected && found));
    CHECK(found->digest == expected->digest);
    CHECK(found->failures == expected->failures);
    CHECK(found->failures > 0);
  }
}

TEST_CASE("what is too wide is not enumerated, and an interrupt ends it") {
  CHECK_FALSE(exhaustion_cases(scalar_subjects(rule(kDouble, kTimesTwo, "f32"))->at(0).claim));
  ScalarSubject subject = scalar_subjects(rule(kDouble, kTimesTwo, "bf16"))->at(0);
  std::atomic<bool> interrupt = true;
  CHECK_FALSE(exhaust(subject.claim, Level::Bits, subject.profile, &interrupt));
}

TEST_CASE("what a rule claims is counted out, for every type and way of rounding") {
  auto subjects = scalar_subjects(rule(kDouble, kTimesTwo, "bf16, s8"));
  REQUIRE(subjects);
  CHECK(subjects->size() == scalar_profiles().size() + 1);
  CHECK(subjects->back().name == "r, s8");
  CHECK_FALSE(
      scalar_subjects(semantics::parse_rules(semantics::make_source("r.rules", R"(rule t bits {
  type T  int m, n
  %x : T[m,n]
  from { ROOT %y = T[m,n] transpose(%x), dimensions={0,1} }
  to { ROOT %x }
})"))
                          .at(0)));
}
