#include "semantics/rounding.h"

#include "semantics/tensor.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <rapidcheck.h>

using namespace isamorph::semantics;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// A double of any exponent that matters to f32: denormals and overflow included.
double any_double() {
  double significand =
      1 + std::ldexp(static_cast<double>(*rc::gen::arbitrary<std::uint64_t>() >> 12), -52);
  if (*rc::gen::arbitrary<bool>()) // near a tie or a value of few bits
    significand =
        std::ldexp(std::round(std::ldexp(significand, *rc::gen::inRange(2, 27))), -26) + 1;
  int exponent = *rc::gen::weightedOneOf<int>({{2, rc::gen::inRange(-160, 140)},
                                               {1, rc::gen::inRange(-152, -120)},
                                               {1, rc::gen::inRange(120, 130)}});
  return std::ldexp(*rc::gen::arbitrary<bool>() ? -significand : significand, exponent);
}

double below(double x, ElementType type) { // the next smaller value of the type
  std::uint64_t bits = encode(type, x);
  std::uint64_t sign = type == ElementType::F32 ? 0x80000000u : 0x8000u;
  if (x == 0)
    return decode(type, sign | 1);
  return decode(type, (bits & sign) ? bits + 1 : bits - 1);
}

} // namespace

TEST_CASE("rounding to nearest even is the host's") {
  REQUIRE(rc::check([] {
    double x = any_double();
    RC_ASSERT(round_to_type(x, ElementType::F32, {}) == static_cast<double>(static_cast<float>(x)));
    for (ElementType type : {ElementType::BF16, ElementType::F16})
      RC_ASSERT(round_to_type(x, type, {}) == decode(type, encode(type, x)));
  }));
}

TEST_CASE("every direction gives the neighbour that its definition names") {
  REQUIRE(rc::check([] {
    auto type = *rc::gen::element(ElementType::F32, ElementType::BF16, ElementType::F16);
    double x = any_double(), largest = type == ElementType::F16 ? 65504.0 : 0x1.fp127;
    RC_PRE(std::fabs(x) < largest);
    auto round = [&](Rounding mode) { return round_to_type(x, type, {mode, {}, {}}); };
    double down = round(Rounding::Down), up = round(Rounding::Up);
    RC_ASSERT(down <= x);
    RC_ASSERT(x <= up);
    RC_ASSERT((down == up ? down == x : below(up, type) == down));
    RC_ASSERT(round(Rounding::TowardZero) == (x < 0 ? up : down));
    double nearest = x - down < up - x ? down : up; // differences of such neighbours are exact
    bool tie = x - down == up - x;
    RC_ASSERT(round(Rounding::HalfUp) == (tie ? up : nearest));
    RC_ASSERT(round(Rounding::NearestAway) == (tie ? (x < 0 ? down : up) : nearest));
    double odd = round(Rounding::ToOdd);
    if (down != up) {
      RC_ASSERT((odd == down || odd == up));
      RC_ASSERT(encode(type, odd) % 2 == 1);
    } else {
      RC_ASSERT(odd == x);
    }
  }));
}

TEST_CASE("tiny results are flushed before or after rounding") {
  double smallest = 0x1p-126;
  auto round = [&](double x, TinyResults tiny) {
    return round_to_type(x, ElementType::F32, {Rounding::NearestEven, tiny, {}});
  };
  double near = smallest - 0x1p-152;    // with 24 bits it rounds to the smallest normal number
  double further = smallest - 0x1p-150; // only as a denormal does it round there (a tie, to even)
  CHECK(round(near, TinyResults::FlushBefore) == 0);
  CHECK(round(near, TinyResults::FlushAfter) == smallest);
  CHECK(round(near, TinyResults::FlushRounded) == smallest);
  CHECK(round(further, TinyResults::FlushAfter) == 0);
  CHECK(round(further, TinyResults::FlushRounded) == smallest);
  CHECK(round(further, TinyResults::Keep) == smallest);
  for (TinyResults tiny :
       {TinyResults::FlushBefore, TinyResults::FlushAfter, TinyResults::FlushRounded}) {
    CHECK(std::signbit(round(-0x1p-140, tiny)));
    CHECK(round(-0x1p-140, tiny) == 0);
    CHECK(round(smallest, tiny) == smallest);
  }
}

TEST_CASE("overflow has one result in every direction") {
  double largest = 0x1.fffffep127;
  for (int mode = 0; mode < kRoundingCount; ++mode)
    for (double x : {0x1p128, -0x1p200}) {
      RoundingStep step{static_cast<Rounding>(mode), {}, Overflow::Infinity};
      CHECK(round_to_type(x, ElementType::F32, step) == std::copysign(kInfinity, x));
      step.overflow = Overflow::Largest;
      CHECK(round_to_type(x, ElementType::F32, step) == std::copysign(largest, x));
    }
  RoundingStep truncate{Rounding::TowardZero, {}, Overflow::Infinity};
  CHECK(round_to_type(0x1.ffffffp127, ElementType::F32, truncate) == largest);
}

TEST_CASE("sums rounded to odd round like the exact sum") {
  REQUIRE(rc::check([] {
    // Multiples of 2^-60 below 2^40, whose sums a 128-bit integer holds.
    auto count = *rc::gen::inRange<std::size_t>(1, 8);
    std::vector<double> terms;
    __int128 exact = 0;
    for (std::size_t i = 0; i < count; ++i) {
      std::int64_t significand = *rc::gen::inRange<std::int64_t>(-(1 << 24), 1 << 24);
      int shift = *rc::gen::inRange(0, 76);
      terms.push_back(std::ldexp(static_cast<double>(significand), shift - 60));
      exact += static_cast<__int128>(significand) << shift;
      if (*rc::gen::inRange(0, 3) == 0) { // cancel it later
        terms.push_back(-terms.back());
        exact -= static_cast<__int128>(significand) << shift;
      }
    }
    double odd = sum_to_odd(terms);
    bool negative = exact < 0;
    unsigned __int128 magnitude = negative ? -static_cast<unsigned __int128>(exact) : exact;
    int drop = 0;
    while (magnitude >> drop >> 53)
      ++drop;
    auto kept = static_cast<std::uint64_t>(magnitude >> drop);
    if (magnitude != static_cast<unsigned __int128>(kept) << drop)
      kept |= 1;
    double expected = std::ldexp(static_cast<double>(kept), drop - 60);
    RC_ASSERT(odd == (negative ? -expected : expected));
    if (count == 2 && terms.size() == 2)
      RC_ASSERT(add_to_odd(terms[0], terms[1]) == odd);
  }));
}

TEST_CASE("sums of infinite terms are those of the host") {
  CHECK(sum_to_odd(std::vector{1.0, kInfinity}) == kInfinity);
  CHECK(std::isnan(sum_to_odd(std::vector{-kInfinity, 3.0, kInfinity})));
  CHECK(std::isnan(add_to_odd(-kInfinity, kInfinity)));
  CHECK(std::signbit(sum_to_odd(std::vector{-0.0, -0.0})));
  CHECK_FALSE(std::signbit(sum_to_odd(std::vector{-1.0, 1.0})));
}
