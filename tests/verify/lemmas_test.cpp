#include "verify/checker/lemmas.h"
#include "verify/prover.h"

#include "semantics/bit_word.h"
#include "semantics/soft_float.h"

#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <random>

using namespace isamorph;
using namespace isamorph::verify;

namespace {

ProveOptions afresh() {
  ProveOptions options;
  options.use_cache = false;
  return options;
}

void all_proved(const std::vector<std::string> &names) {
  for (const ClaimProof &proof : prove_lemmas(names, afresh())) {
    INFO(proof.name << ": " << proof.detail);
    CHECK(proof.answer == SmtAnswer::Proved);
    CHECK_FALSE(proof.obligations.empty());
    for (const Obligation &obligation : proof.obligations)
      CHECK(obligation.smtlib.find("fp.fma") == std::string::npos);
  }
}

} // namespace

TEST_CASE("the quick lemmas are proved") {
  all_proved({"join extract", "real ring", "real division", "real maximum", "commutative add s8",
              "commutative multiply pred", "commutative add s32", "commutative maximum f16",
              "commutative minimum bf16", "commutative xor u16", "add zero bf16",
              "subtract zero f32", "multiply one bf16", "divide one bf16",
              "unit vector dot bf16 in bf16", "multiply zero bf16", "zero products bf16 in bf16"});
}

TEST_CASE("the slow lemmas are proved", "[slow]") {
  all_proved({"commutative add f32", "commutative multiply f32", "unit vector dot bf16 in f32",
              "unit vector dot f32 in f32", "zero products bf16 in f32"});
  all_proved(shipped_lemmas());
}

TEST_CASE("products of bf16 numbers are exact in f32 but for overflow and underflow: all pairs",
          "[slow]") {
  // Signs do not matter, and products commute. Hence fma(x, y, z) is x*y + z where the product is
  // neither infinite nor below 2^-126: each rounds once, in the same way, the sum of the same two
  // numbers. Where denormals are flushed the product is the same one, or a zero.
  auto value = [](std::uint32_t bits) { return std::bit_cast<float>(bits << 16); };
  constexpr std::uint32_t infinity = 0x7f80;
  std::int64_t inexact_normal = 0, inexact = 0;
  for (std::uint32_t x = 0; x < infinity; ++x)
    for (std::uint32_t y = 0; y <= x; ++y) {
      float product = value(x) * value(y);
      bool different = static_cast<double>(product) != static_cast<double>(value(x)) * value(y);
      inexact += different;
      inexact_normal += different & (product >= 0x1p-126F) & (product < HUGE_VALF);
    }
  CHECK(inexact_normal == 0);
  CHECK(inexact > 0);
}

namespace {

using Soft = semantics::SoftFloat<semantics::BitWord>;

/// x * y + z in f32 of bf16 x and y: rounded once, rounded twice, and the product between.
struct Sums {
  std::uint32_t fused, separate, product;
};

Sums sums(bool flush, float x, float y, float z) {
  Soft soft(semantics::kFormatF32,
            {flush, flush ? semantics::Underflow::Rounded : semantics::Underflow::Gradual});
  auto word = [](float value) {
    return semantics::BitWord(32, std::bit_cast<std::uint32_t>(value));
  };
  auto bits = [](const semantics::BitWord &w) { return static_cast<std::uint32_t>(w.value); };
  semantics::BitWord product = soft.multiply(word(x), word(y));
  return {bits(soft.fused_multiply_add(word(x), word(y), word(z))),
          bits(soft.add(product, word(z))), bits(product)};
}

} // namespace

TEST_CASE("fma(x, y, z) of bf16 x and y is x*y + z in f32 but for overflow and underflow of x*y") {
  std::mt19937_64 random(1);
  int normal = 0, outside = 0;
  for (int i = 0; i < 30'000; ++i) {
    auto element = [&] {
      return std::bit_cast<float>(static_cast<std::uint32_t>(random()) & 0xffff0000);
    };
    float x = element(), y = element();
    // Sums that cancel, sums of any numbers, and sums that round.
    float z = i % 3 == 0   ? -x * y * (1 + static_cast<float>(random() % 8) * 0x1p-23F)
              : i % 3 == 1 ? std::bit_cast<float>(static_cast<std::uint32_t>(random()))
                           : x * y *
                                 std::ldexp(1.0F + static_cast<float>(random() % 256) * 0x1p-8F,
                                            static_cast<int>(random() % 50) - 25);
    for (bool flush : {false, true}) {
      Sums s = sums(flush, x, y, z);
      std::uint32_t magnitude = s.product & 0x7fffffff;
      bool exact = (magnitude >= 0x00800000 && magnitude < 0x7f800000) || x == 0 || y == 0;
      ++(exact ? normal : outside);
      INFO(x << " " << y << " " << z << (flush ? " flushed" : ""));
      if (exact)
        REQUIRE(s.fused == s.separate);
    }
  }
  CHECK(normal > 10'000);
  CHECK(outside > 1000);
}

TEST_CASE("fma and x*y + z differ where the product overflows or underflows") {
  for (bool flush : {false, true}) {
    Sums overflow = sums(flush, 0x1p127F, 2, -0x1p127F); // 2^127 against infinity
    CHECK(overflow.fused == 0x7f000000);
    CHECK(overflow.separate == 0x7f800000);
  }
  // 1.5 * 2^-150 rounds to the least denormal, which makes a tie of a sum that is none.
  Sums underflow = sums(false, 0x1.8p-75F, 0x1p-75F, 0x1.000002p-125F);
  CHECK(underflow.fused == 0x01000001);
  CHECK(underflow.separate == 0x01000002);
  Sums flushed = sums(true, 0x1p-70F, 0x1p-60F, 0x1p-125F); // 2^-130, flushed or added
  CHECK(flushed.fused != flushed.separate);
}

TEST_CASE("there is no lemma of a name that is none") {
  for (const char *name :
       {"", "commutative", "commutative subtract f32", "commutative add f33", "commutative and f32",
        "unit vector dot s32 in s32", "zero products bf16 in", "zero products s8 in s32",
        "unit vector dot bf16 in", "add one f32", "divide zero f32", "real quotient"}) {
    INFO(name);
    CHECK_FALSE(lemma_obligations(name).has_value());
  }
  std::vector<std::string> names = {"commutative divide f32"};
  CHECK(prove_lemmas(names, afresh())[0].answer == SmtAnswer::Unknown);
}
