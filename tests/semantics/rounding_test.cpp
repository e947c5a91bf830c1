// The evaluator against MPFR: which results are the correctly rounded ones.

#include "semantics/evaluator.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <mpfr.h>
#include <random>

using namespace isamorph::semantics;

namespace {

/// A number of MPFR with its life time.
class Real {
public:
  explicit Real(mpfr_prec_t precision) { mpfr_init2(value_, precision); }
  ~Real() { mpfr_clear(value_); }
  Real(const Real &) = delete;
  Real &operator=(const Real &) = delete;
  operator mpfr_ptr() { return value_; }

private:
  mpfr_t value_;
};

struct Format {
  ElementType type;
  mpfr_prec_t precision;
  mpfr_exp_t smallest, largest; ///< exponents in MPFR's convention: 0.1xxx * 2^e
};
constexpr Format kBf16{ElementType::BF16, 8, -132, 128}, kF16{ElementType::F16, 11, -23, 16},
    kF32{ElementType::F32, 24, -148, 128};

/// Rounds a result that has many more digits to the format: nearest even, gradual underflow.
std::uint64_t round_to(const Format &format, mpfr_ptr exact) {
  mpfr_exp_t emin = mpfr_get_emin(), emax = mpfr_get_emax();
  Real rounded(format.precision);
  mpfr_set_emin(format.smallest);
  mpfr_set_emax(format.largest);
  int inexact = mpfr_set(rounded, exact, MPFR_RNDN);
  inexact = mpfr_check_range(rounded, inexact, MPFR_RNDN);
  mpfr_subnormalize(rounded, inexact, MPFR_RNDN);
  mpfr_set_emin(emin);
  mpfr_set_emax(emax);
  return encode(format.type,
                mpfr_get_d(rounded, MPFR_RNDN)); // exact: the value is one of the format
}

using Function = std::function<void(mpfr_ptr, mpfr_ptr)>;
#define ISAMORPH_MPFR(f) [](mpfr_ptr y, mpfr_ptr x) { f(y, x, MPFR_RNDN); }

void logistic(mpfr_ptr y, mpfr_ptr x) {
  mpfr_neg(y, x, MPFR_RNDN);
  mpfr_exp(y, y, MPFR_RNDN);
  mpfr_add_ui(y, y, 1, MPFR_RNDN);
  mpfr_ui_div(y, 1, y, MPFR_RNDN);
}

void rsqrt(mpfr_ptr y, mpfr_ptr x) {
  bool minus_zero = mpfr_zero_p(x) && mpfr_signbit(x);
  mpfr_rec_sqrt(y, x, MPFR_RNDN);
  if (minus_zero) // IEEE 754 says -inf, MPFR +inf
    mpfr_set_inf(y, -1);
}

/// In f32 and then rounded, a result that lies very close to a tie may become the tie first. For
/// bf16 that never happens.
struct Case {
  OpCode op;
  Function function;
  int bf16_misrounded,
      f16_misrounded; ///< inputs whose result is the neighbour of the correctly rounded one
};

std::vector<Case> cases() {
  using enum OpCode;
  return {
      {Sqrt, ISAMORPH_MPFR(mpfr_sqrt), 0, 0},
      {Floor, [](mpfr_ptr y, mpfr_ptr x) { mpfr_floor(y, x); }, 0, 0},
      {Ceil, [](mpfr_ptr y, mpfr_ptr x) { mpfr_ceil(y, x); }, 0, 0},
      {RoundNearestEven, [](mpfr_ptr y, mpfr_ptr x) { mpfr_roundeven(y, x); }, 0, 0},
      {Exponential, ISAMORPH_MPFR(mpfr_exp), 0, 2},
      {ExponentialMinusOne, ISAMORPH_MPFR(mpfr_expm1), 0, 1},
      {Log, ISAMORPH_MPFR(mpfr_log), 0, 1},
      {LogPlusOne, ISAMORPH_MPFR(mpfr_log1p), 0, 2},
      {Logistic, logistic, 0, 7},
      {Tanh, ISAMORPH_MPFR(mpfr_tanh), 0, 0},
      {Erf, ISAMORPH_MPFR(mpfr_erf), 0, 2},
      {Rsqrt, rsqrt, 0, 0},
      {Cbrt, ISAMORPH_MPFR(mpfr_cbrt), 0, 20},
      {Sine, ISAMORPH_MPFR(mpfr_sin), 0, 4},
      {Cosine, ISAMORPH_MPFR(mpfr_cos), 0, 2},
  };
}

/// How many of all inputs do not give the correctly rounded result; those that are off by more than
/// one step fail.
int misrounded(const Case &c, const Format &format, const NumericsProfile &profile) {
  auto table = unary_table(c.op, format.type, profile);
  int count = 0;
  Real x(64), y(320);
  for (std::uint64_t bits = 0; bits < 65536; ++bits) {
    mpfr_set_d(x, decode(format.type, bits), MPFR_RNDN);
    c.function(y, x);
    std::uint64_t expected = round_to(format, y), actual = table[bits];
    if (is_nan(format.type, expected) != is_nan(format.type, actual))
      FAIL(info(c.op).name << " of " << bits << " is " << actual << ", not " << expected);
    if (is_nan(format.type, expected) || expected == actual)
      continue;
    if (expected + 1 != actual && actual + 1 != expected)
      FAIL(info(c.op).name << " of " << bits << " is " << actual << ", not " << expected);
    ++count;
  }
  return count;
}

} // namespace

TEST_CASE("unary functions of 16-bit types are correctly rounded, but for a known few inputs",
          "[slow]") {
  const NumericsProfile &xla = numerics_profile("f32_sequential");
  for (const Case &c : cases()) {
    CAPTURE(info(c.op).name);
    CHECK(misrounded(c, kBf16, xla) == c.bf16_misrounded);
    CHECK(misrounded(c, kF16, xla) == c.f16_misrounded);
  }
}

TEST_CASE("computed in the element type, unary functions of 16-bit types are correctly rounded",
          "[slow]") {
  NumericsProfile plain = parse_numerics(make_source("plain", "numerics plain { }")).at(0);
  for (const Case &c : cases()) {
    CAPTURE(info(c.op).name);
    CHECK(misrounded(c, kBf16, plain) == 0);
    CHECK(misrounded(c, kF16, plain) == 0);
  }
}

TEST_CASE("basic operations are correctly rounded") {
  using Binary = int (*)(mpfr_ptr, mpfr_srcptr, mpfr_srcptr, mpfr_rnd_t);
  const std::vector<std::pair<OpCode, Binary>> operations = {{OpCode::Add, mpfr_add},
                                                             {OpCode::Subtract, mpfr_sub},
                                                             {OpCode::Multiply, mpfr_mul},
                                                             {OpCode::Divide, mpfr_div},
                                                             {OpCode::Remainder, mpfr_fmod}};
  std::mt19937_64 random(1);
  Real x(64), y(64), z(700);
  for (const Format &format : {kBf16, kF16, kF32}) {
    std::array<ElementType, 2> types{format.type, format.type};
    std::uint64_t mask = format.type == ElementType::F32 ? 0xffffffff : 0xffff;
    for (auto [op, function] : operations) {
      int wrong = 0;
      for (int i = 0; i < 20000; ++i) {
        // Half of the pairs have nearby exponents, where sums cancel and round.
        std::array<std::uint64_t, 2> bits{random() & mask, random() & mask};
        if (i % 2)
          bits[1] = bits[0] ^ (random() & (mask >> 5));
        mpfr_set_d(x, decode(format.type, bits[0]), MPFR_RNDN);
        mpfr_set_d(y, decode(format.type, bits[1]), MPFR_RNDN);
        function(z, x, y, MPFR_RNDN);
        std::uint64_t expected = round_to(format, z);
        std::uint64_t actual =
            evaluate_scalar(op, {}, types, bits, format.type, numerics_profile("f32_sequential"));
        wrong += is_nan(format.type, expected) ? !is_nan(format.type, actual) : expected != actual;
      }
      CAPTURE(name(format.type), info(op).name);
      CHECK(wrong == 0);
    }
  }
}

TEST_CASE("doubles round once to narrower types") {
  std::mt19937_64 random(2);
  Real x(64);
  for (const Format &format : {kBf16, kF16, kF32})
    for (int i = 0; i < 20000; ++i) {
      // Exponents around the format's range; many mantissas just beside a tie.
      std::uint64_t mantissa = random() >> 12;
      if (i % 2)
        mantissa = (mantissa & ~((std::uint64_t{1} << (53 - format.precision)) - 1)) |
                   ((std::uint64_t{1} << (52 - format.precision)) + random() % 3 - 1);
      double value = std::ldexp(1 + static_cast<double>(mantissa) * 0x1p-52,
                                static_cast<int>(random() % 300) - 160);
      mpfr_set_d(x, value, MPFR_RNDN);
      if (encode(format.type, value) != round_to(format, x))
        FAIL(name(format.type) << " of " << value);
    }
}
