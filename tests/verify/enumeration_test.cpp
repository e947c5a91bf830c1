#include "verify/enumeration.h"

#include "scalar_claims.h"
#include "verify/checker/digest.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <tbb/global_control.h>

using namespace isamorph;
using namespace isamorph::verify;
using semantics::ElementType;
using semantics::Level;

namespace {

ScalarClaim self_quotient(ElementType type) {
  return scalar_claim_of(type, kOne, "ROOT %a = T[] divide(%x, %x)", "ROOT %c = T[] constant(1)");
}

/// Every case one by one, by the definition.
void same_as_one_by_one(const ScalarClaim &claim, Level level,
                        const semantics::NumericsProfile &profile) {
  auto found = enumerate(claim, level, profile);
  REQUIRE(found);
  std::int64_t cases = 0, failures = 0;
  std::uint32_t least = 0;
  std::optional<ScalarWitness> best;
  std::vector<std::uint64_t> inputs(claim.variables.size(), 0);
  while (true) {
    ++cases;
    if (auto witness = refutes(claim, level, profile, inputs)) {
      ++failures;
      std::uint32_t cost = 0;
      for (std::size_t v = 0; v < inputs.size(); ++v)
        cost += reading_cost(claim.variables[v], inputs[v]);
      if (!best || cost < least) {
        best = witness;
        least = cost;
      }
    }
    std::size_t v = inputs.size();
    while (v > 0 && ++inputs[v - 1] == std::uint64_t{1}
                                           << (8 * semantics::byte_size(claim.variables[v - 1])))
      inputs[--v] = 0;
    if (v == 0)
      break;
  }
  CHECK(found->cases == cases);
  CHECK(found->failures == failures);
  CHECK(found->witness == best);
}

} // namespace

TEST_CASE("x / x is 1 but for 258 of the 65536 numbers of bf16") {
  auto all = enumerate(self_quotient(ElementType::BF16), Level::Bits, rounding(false));
  CHECK(all->cases == 65536);
  CHECK(all->failures == 258); // 254 NaN, two zeros, two infinities
  CHECK(all->witness->inputs == std::vector<std::uint64_t>{0});
  // Zeros become NaN, and denormals zeros.
  CHECK(enumerate(self_quotient(ElementType::BF16), Level::Bits, rounding(true))->failures ==
        258 + 254);
  for (bool flush : {false, true})
    CHECK(enumerate(self_quotient(ElementType::BF16), Level::Finite, rounding(flush))->failures ==
          0);
}

TEST_CASE("x / 3 is not x * (1 / 3)") {
  ScalarClaim claim =
      scalar_claim_of(ElementType::BF16, kOne, "%c = T[] constant(3) ROOT %a = T[] divide(%x, %c)",
                      "%o = T[] constant(1) %c = T[] constant(3) %r = T[] divide(%o, %c) "
                      "ROOT %a = T[] multiply(%x, %r)");
  CHECK(enumerate(claim, Level::Bits, rounding(false))->failures == 21254);
}

TEST_CASE("an enumeration is what its cases are one by one") {
  for (bool flush : {false, true})
    for (Level level : {Level::Bits, Level::Finite})
      for (ElementType type : {ElementType::BF16, ElementType::F16}) {
        same_as_one_by_one(self_quotient(type), level, rounding(flush));
        same_as_one_by_one(scalar_claim_of(type, kOne, "ROOT %x",
                                           "%c = T[] constant(1) ROOT %y = T[] multiply(%x, %c)"),
                           level, rounding(flush));
      }
  for (ElementType type : {ElementType::S8, ElementType::U8})
    same_as_one_by_one(scalar_claim_of(type, kTwo,
                                       "%a = T[] maximum(%x, %y) "
                                       "ROOT %b = T[] subtract(%a, %y)",
                                       "ROOT %a = T[] subtract(%x, %y)"),
                       Level::Bits, rounding(false));
}

TEST_CASE("an enumeration is the same for any number of threads") {
  ScalarClaim claim = scalar_claim_of(ElementType::S8, "%x : T[] %y : T[] %z : T[]",
                                      "%a = T[] add(%x, %y) ROOT %b = T[] multiply(%a, %z)",
                                      "%a = T[] multiply(%y, %z) ROOT %b = T[] add(%x, %a)");
  std::optional<Enumeration> first;
  for (std::size_t threads : {1, 2, 5}) {
    tbb::global_control limit(tbb::global_control::max_allowed_parallelism, threads);
    auto found = enumerate(claim, Level::Bits, rounding(false));
    CHECK(found->cases == 1 << 24);
    if (!first)
      first = found;
    CHECK(found->failures == first->failures);
    CHECK(found->digest == first->digest);
    CHECK(found->witness == first->witness);
  }
  CHECK(first->failures > 0);
}

TEST_CASE("the digest of one variable is that of the results in order") {
  std::string results(2 * 65536, '\0');
  for (std::uint32_t x = 0; x < 65536; ++x) {
    auto bits = static_cast<std::uint16_t>(
        semantics::encode(ElementType::BF16, std::sqrt(semantics::decode(ElementType::BF16, x))));
    std::memcpy(results.data() + std::size_t{2} * x, &bits, 2);
  }
  ScalarClaim claim =
      scalar_claim_of(ElementType::BF16, kOne, "ROOT %a = T[] sqrt(%x)", "ROOT %a = T[] sqrt(%x)");
  auto all = enumerate(claim, Level::Bits, rounding(false));
  CHECK(all->failures == 0);
  CHECK(all->digest == sha256(results));
}

TEST_CASE("what is too wide to enumerate is said to be") {
  CHECK(enumerable(self_quotient(ElementType::F16)));
  CHECK_FALSE(enumerable(self_quotient(ElementType::F32)));
  const char *sum = "%a = T[] add(%x, %y) ROOT %b = T[] add(%a, %z)";
  CHECK_FALSE(enumerable(scalar_claim_of(ElementType::BF16, kThree, sum, sum)));
  CHECK(enumerable(scalar_claim_of(ElementType::S8, kThree, sum, sum)));
}

TEST_CASE("an interrupted enumeration has no result") {
  std::atomic<bool> interrupt = true;
  CHECK_FALSE(
      enumerate(self_quotient(ElementType::BF16), Level::Bits, rounding(false), {&interrupt}));
}

TEST_CASE("how many of all pairs of bf16 break two laws", "[.exhaustive]") {
  ScalarClaim quotient = scalar_claim_of(
      ElementType::BF16, kTwo, "ROOT %a = T[] divide(%x, %y)",
      "%o = T[] constant(1) %r = T[] divide(%o, %y) ROOT %m = T[] multiply(%x, %r)");
  CHECK(enumerate(quotient, Level::Bits, rounding(false))->failures == 825'629'776);
  ScalarClaim scaled = scalar_claim_of(
      ElementType::BF16, kTwo,
      "%e = T[] constant(8) %u = T[] multiply(%e, %x) ROOT %a = T[] multiply(%u, %y)",
      "%e = T[] constant(8) %u = T[] multiply(%x, %y) ROOT %a = T[] multiply(%e, %u)");
  CHECK(enumerate(scaled, Level::Bits, rounding(false))->failures == 100'642'416);
}
