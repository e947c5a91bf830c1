// The soft-float on integers against the machine's float and double, against MPFR for the formats
// that the machine has not, and against the evaluator.
#include "semantics/soft_float.h"

#include "semantics/bit_word.h"
#include "semantics/evaluator.h"
#include "semantics/float_format.h"
#include "semantics/soft_elementwise.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <mpfr.h>
#include <random>
#include <vector>

using namespace isamorph::semantics;

namespace {

using Soft = SoftFloat<BitWord>;
using Random = std::mt19937_64;

std::uint64_t bits_of(const BitWord &x) { return static_cast<std::uint64_t>(x.value); }

/// Bits of a format: specials, denormals, numbers near each other and near the ends of the range.
std::uint64_t some_bits(FloatFormat format, Random &random, std::uint64_t near) {
  int fraction = format.precision - 1;
  std::uint64_t exponents = (std::uint64_t{1} << format.exponent_bits) - 1,
                fractions = (std::uint64_t{1} << fraction) - 1, sign = random() & 1,
                exponent = random() & exponents, low = random() & fractions;
  switch (random() % 8) {
  case 0:
    exponent = random() % 2 ? 0 : exponents;
    break;
  case 1:
    low = random() % 4 ? (random() % 2 ? 0 : fractions) : std::uint64_t{1} << random() % fraction;
    break;
  case 2: // a partner close in exponent, so that sums cancel
    exponent = ((near >> fraction) + random() % 5 - 2) & exponents;
    break;
  case 3:
    low = near & fractions;
    break;
  case 4: // products near the smallest normal number
    exponent = (static_cast<std::uint64_t>(format.bias()) - (near >> fraction) + random() % 60) &
               exponents;
    break;
  case 5:
    low &= low << random() % fraction & fractions;
    break;
  default:
    break;
  }
  return sign << (format.width() - 1) | exponent << fraction | low;
}

template <class F> F host(std::uint64_t bits) {
  if constexpr (sizeof(F) == 4)
    return std::bit_cast<float>(static_cast<std::uint32_t>(bits));
  else
    return std::bit_cast<double>(bits);
}
template <class F> std::uint64_t canonical(F x) {
  if (x != x)
    x = std::numeric_limits<F>::quiet_NaN();
  if constexpr (sizeof(F) == 4)
    return std::bit_cast<std::uint32_t>(x);
  else
    return std::bit_cast<std::uint64_t>(x);
}

template <class F> void against_host(FloatFormat format, int cases, bool fused) {
  Soft soft(format);
  Random random(7);
  std::uint64_t near = 0;
  int wrong = 0;
  auto expect = [&](const char *what, const BitWord &found, F expected) {
    if (bits_of(found) == canonical(expected) || ++wrong > 5)
      return;
    UNSCOPED_INFO(what << ' ' << std::hex << bits_of(found) << " for " << canonical(expected));
    CHECK(bits_of(found) == canonical(expected));
  };
  for (int i = 0; i < cases; ++i) {
    std::uint64_t x = some_bits(format, random, near), y = some_bits(format, random, x),
                  z = some_bits(format, random, fused ? canonical(host<F>(x) * host<F>(y)) : y);
    near = y;
    F a = host<F>(x), b = host<F>(y), c = host<F>(z);
    BitWord u(format.width(), x), v(format.width(), y), w(format.width(), z);
    expect("add", soft.add(u, v), a + b);
    expect("subtract", soft.subtract(u, v), a - b);
    expect("multiply", soft.multiply(u, v), a * b);
    expect("divide", soft.divide(u, v), a / b);
    expect("sqrt", soft.square_root(u), std::sqrt(a));
    if (fused)
      expect("fma", soft.fused_multiply_add(u, v, w), std::fma(a, b, c));
    wrong += soft.less_than(u, v).value != (a < b);
    wrong += soft.equal_to(u, v).value != (a == b);
  }
  CHECK(wrong == 0);
}

/// Exact arithmetic by MPFR, rounded to a format of at most 16 bits by the project's own rounding.
class Exact {
public:
  Exact() { mpfr_inits2(400, a_, b_, c_, nullptr); }
  ~Exact() { mpfr_clears(a_, b_, c_, nullptr); }
  Exact(const Exact &) = delete;
  /// a * b + c, exactly, as a double that rounds as the number itself does ("round to odd").
  double product_sum(double a, double b, double c) {
    mpfr_set_d(a_, a, MPFR_RNDN);
    mpfr_mul_d(b_, a_, b, MPFR_RNDN);
    mpfr_add_d(c_, b_, c, MPFR_RNDN);
    double down = mpfr_get_d(c_, MPFR_RNDZ);
    if (mpfr_cmp_d(c_, down) != 0)
      down = std::bit_cast<double>(std::bit_cast<std::uint64_t>(down) | 1);
    return down;
  }

private:
  mpfr_t a_, b_, c_;
};

} // namespace

TEST_CASE("soft-float is the machine's float and double", "[slow]") {
  against_host<float>(kFormatF32, 60'000, true);
  against_host<double>(kFormatF64, 30'000, false);
}

TEST_CASE("fused multiply-add of 16-bit formats is rounded once") {
  Exact exact;
  Random random(3);
  for (ElementType type : {ElementType::BF16, ElementType::F16}) {
    FloatFormat format = float_format(type);
    Soft soft(format);
    std::uint64_t near = 0;
    for (int i = 0; i < 60'000; ++i) {
      std::uint64_t x = some_bits(format, random, near), y = some_bits(format, random, x);
      near = encode(type, decode(type, x) * decode(type, y));
      std::uint64_t z = some_bits(format, random, near);
      double a = decode(type, x), b = decode(type, y), c = decode(type, z);
      // Infinite and NaN operands do not round.
      bool finite = std::isfinite(a) && std::isfinite(b) && std::isfinite(c);
      double sum = finite && a * b + c != 0 ? exact.product_sum(a, b, c) : std::fma(a, b, c);
      std::uint64_t expected = encode(type, sum);
      std::uint64_t found =
          bits_of(soft.fused_multiply_add(BitWord(16, x), BitWord(16, y), BitWord(16, z)));
      INFO(std::hex << x << ' ' << y << ' ' << z << " gives " << found << " for " << expected);
      REQUIRE(found == expected);
    }
  }
}

TEST_CASE("fused multiply-add in f32 carries out rightly where a solver is known to err") {
  BitWord a(32, 0x437e0000), b(32, 0x407e0000), c(32, 0x41a697a2);
  CHECK(bits_of(Soft(kFormatF32).fused_multiply_add(a, b, c)) == 0x44809c5f);
}

TEST_CASE("every 16-bit number converts to and from f32 and f64 as the evaluator says") {
  for (ElementType type : {ElementType::BF16, ElementType::F16}) {
    FloatFormat format = float_format(type);
    for (std::uint64_t x = 0; x < 65536; ++x) {
      double value = decode(type, x);
      BitWord bits(16, x);
      REQUIRE(bits_of(Soft(kFormatF32).convert_from(bits, format)) ==
              canonical(static_cast<float>(value)));
      REQUIRE(bits_of(Soft(kFormatF64).convert_from(bits, format)) == canonical(value));
      REQUIRE(bits_of(Soft(format).convert_from(bits, format)) ==
              (is_nan(type, x) ? encode(type, NAN) : x));
    }
  }
}

TEST_CASE("wider formats round to narrower ones as the evaluator does") {
  Random random(11);
  std::uint64_t near = 0;
  for (int i = 0; i < 100'000; ++i) {
    std::uint64_t x = near = some_bits(kFormatF64, random, near);
    if (i % 2) // within reach of 16 bits
      x = canonical(host<float>(some_bits(kFormatF32, random, x)) * 1.0);
    BitWord bits(64, x);
    for (ElementType type : {ElementType::BF16, ElementType::F16, ElementType::F32})
      REQUIRE(bits_of(Soft(float_format(type)).convert_from(bits, kFormatF64)) ==
              encode(type, host<double>(x)));
  }
}

TEST_CASE("a result below the smallest normal number is flushed before or after rounding") {
  // 0x1.fffffep-127 * 1: rounds to 0x1p-126 as a denormal would, and to itself with an unbounded
  // exponent. 0x1.ffffffp-127 carries to 0x1p-126 in both.
  BitWord x(32, 0x00ffffff), half(32, 0x3f000000);
  auto product = [&](Underflow results) {
    return bits_of(Soft(kFormatF32, {false, results}).multiply(x, half));
  };
  CHECK(product(Underflow::Gradual) == 0x00800000);
  CHECK(product(Underflow::Rounded) == 0x00800000);
  CHECK(product(Underflow::Tiny) == 0);
  BitWord below(32, 0x80000001), one(32, 0x3f800000);
  CHECK(bits_of(Soft(kFormatF32, {true, Underflow::Tiny}).multiply(below, one)) == 0x80000000);
  CHECK(bits_of(Soft(kFormatF32, {false, Underflow::Rounded}).multiply(below, one)) == 0x80000000);
  CHECK(bits_of(Soft(kFormatF32).multiply(below, one)) == 0x80000001);
}

namespace {

/// A type to compute in, every way of losing denormals, by narrowing alone, and the exceptions of
/// XLA.
std::vector<NumericsProfile> scalar_profiles(std::optional<ElementType> compute) {
  NumericsProfile kept;
  kept.name = "test";
  kept.compute = compute;
  std::vector<NumericsProfile> out;
  for (int way = 0; way < kDenormalWayCount; ++way) {
    kept.denormals = static_cast<DenormalWay>(way);
    out.push_back(kept);
  }
  NumericsProfile narrowing = out[0], both = out[1], xla = numerics_profile("xla_cpu");
  narrowing.flush_narrowing = both.flush_narrowing = true;
  xla.compute = compute;
  out.insert(out.end(), {narrowing, both, xla});
  return out;
}

struct Operation {
  OpCode op;
  int arity;
  CompareDirection direction = CompareDirection::EQ;
};

std::vector<Operation> operations(ElementType type) {
  using enum OpCode;
  std::vector<Operation> out = {{Add, 2}, {Multiply, 2}, {Maximum, 2}, {Minimum, 2}, {Clamp, 3}};
  for (int d = 0; d < 6; ++d)
    out.push_back({Compare, 2, static_cast<CompareDirection>(d)});
  if (type != ElementType::Pred)
    out.insert(out.end(), {{Subtract, 2}, {Negate, 1}});
  if (is_float(type))
    out.insert(out.end(), {{Divide, 2}, {Abs, 1}, {Sign, 1}, {Sqrt, 1}});
  else
    out.insert(out.end(), {{And, 2}, {Or, 2}, {Xor, 2}, {Not, 1}});
  return out;
}

std::uint64_t some_element(ElementType type, Random &random, std::uint64_t near) {
  if (is_float(type))
    return some_bits(float_format(type), random, near);
  return random() & static_cast<std::uint64_t>(BitWord::mask(value_bits(type)));
}

void same_as_evaluator(ElementType type, const NumericsProfile &profile, int cases) {
  Random random(5);
  SoftElementwise<BitWord> soft(profile);
  for (const Operation &operation : operations(type)) {
    Attributes attributes;
    if (operation.op == OpCode::Compare)
      attributes.lists = {
          {AttributeKey::Direction, {static_cast<std::int64_t>(operation.direction)}}};
    ElementType result = operation.op == OpCode::Compare ? ElementType::Pred : type;
    std::vector<ElementType> types(static_cast<std::size_t>(operation.arity), type);
    for (int i = 0; i < cases; ++i) {
      std::vector<std::uint64_t> values;
      std::vector<BitWord> words;
      for (int a = 0; a < operation.arity; ++a) {
        values.push_back(some_element(type, random, a ? values.back() : 0));
        words.emplace_back(value_bits(type), values.back());
      }
      std::uint64_t expected =
          evaluate_scalar(operation.op, attributes, types, values, result, profile);
      auto found = soft.apply(operation.op, operation.direction, types, words, result);
      INFO(info(operation.op).name << ' ' << name(type) << std::hex << ' ' << values[0] << ' '
                                   << values.back());
      REQUIRE(found);
      REQUIRE(bits_of(*found) == expected);
    }
  }
}

} // namespace

TEST_CASE("element-wise operations on bits are the evaluator's, under every profile", "[slow]") {
  for (std::optional<ElementType> compute :
       {std::optional<ElementType>(), std::optional(ElementType::F32),
        std::optional(ElementType::F64)})
    for (const NumericsProfile &profile : scalar_profiles(compute))
      for (int t = 0; t < kElementTypeCount; ++t)
        same_as_evaluator(static_cast<ElementType>(t), profile, 400);
}

TEST_CASE("conversions on bits are the evaluator's") {
  Random random(9);
  int converted = 0;
  for (const NumericsProfile &profile : scalar_profiles(ElementType::F32)) {
    SoftElementwise<BitWord> soft(profile);
    for (int f = 0; f < kElementTypeCount; ++f)
      for (int t = 0; t < kElementTypeCount; ++t) {
        auto from = static_cast<ElementType>(f), to = static_cast<ElementType>(t);
        for (int i = 0; i < 200; ++i) {
          std::uint64_t x = some_element(from, random, 0);
          BitWord word(value_bits(from), x);
          auto found =
              soft.apply(OpCode::Convert, CompareDirection::EQ, {&from, 1}, {&word, 1}, to);
          CHECK(found.has_value() == (is_float(from) == is_float(to)));
          if (!found)
            continue;
          ++converted;
          INFO(name(from) << " to " << name(to) << ' ' << std::hex << x);
          REQUIRE(bits_of(*found) ==
                  evaluate_scalar(OpCode::Convert, {}, {&from, 1}, {&x, 1}, to, profile));
        }
      }
  }
  CHECK(converted == 9 * 200 * (4 * 4 + 9 * 9));
}
