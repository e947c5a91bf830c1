// The law "the remainder of floats is exact" (verify/RULES.md), which rules about remainders take
// for granted: of the evaluator, for pairs of 16-bit floats, against integers.
#include "semantics/evaluator.h"
#include "semantics/float_format.h"

#include <array>
#include <catch2/catch.hpp>
#include <cmath>
#include <vector>

using namespace isamorph;
using semantics::ElementType;
using semantics::Tensor;

namespace {

/// A finite float: significand * 2^exponent.
struct Number {
  std::int64_t significand = 0;
  int exponent = 0;
};

class RemainderLaw {
public:
  explicit RemainderLaw(ElementType type)
      : type_(type), precision_(semantics::precision(type)),
        least_(semantics::least_exponent(type) - (precision_ - 1)), x_({type, {kAll}}) {
    for (std::int64_t bits = 0; bits < kAll; ++bits)
      x_.set_bits(bits, static_cast<std::uint64_t>(bits));
  }

  /// For how many values of x the remainder by the divisor with these bits is not the number that
  /// it is over the reals, or not NaN where there is none.
  std::int64_t failures(std::uint64_t divisor) {
    Tensor y({type_, {kAll}});
    for (std::int64_t i = 0; i < kAll; ++i)
      y.set_bits(i, divisor);
    std::array<const Tensor *, 2> operands = {&x_, &y};
    Tensor found =
        semantics::evaluate_op(semantics::OpCode::Remainder, {}, operands, {type_, {kAll}},
                               semantics::numerics_profile("xla_cpu_ieee"));
    bool none = semantics::is_nan(type_, divisor) || magnitude(divisor) == 0,
         infinite = !none && !semantics::is_finite(type_, divisor);
    prepare(divisor);
    std::int64_t out = 0;
    for (std::uint64_t x = 0; x < kAll; ++x) {
      std::uint64_t bits = found.bits(static_cast<std::int64_t>(x));
      if (none || !semantics::is_finite(type_, x))
        out += !semantics::is_nan(type_, bits);
      else
        out += bits != (infinite ? x : expected(x));
    }
    return out;
  }

private:
  static constexpr std::int64_t kAll = 65536;

  std::uint64_t magnitude(std::uint64_t bits) const { return bits & 0x7fff; }
  Number number(std::uint64_t bits) const {
    auto fraction = static_cast<std::int64_t>(magnitude(bits) & ((1U << (precision_ - 1)) - 1));
    auto field = static_cast<int>(magnitude(bits) >> (precision_ - 1));
    return field == 0
               ? Number{fraction, least_}
               : Number{fraction + (std::int64_t{1} << (precision_ - 1)), least_ + field - 1};
  }
  /// The powers of two modulo the divisor's significand.
  void prepare(std::uint64_t divisor) {
    divisor_ = number(divisor);
    powers_.assign(300, 0);
    std::int64_t power = 1;
    for (std::int64_t &p : powers_) {
      p = divisor_.significand ? power % divisor_.significand : 0;
      power = 2 * p;
    }
  }
  /// x - n y, of the sign of x.
  std::uint64_t expected(std::uint64_t bits) const {
    Number x = number(bits);
    int above = x.exponent - divisor_.exponent;
    double rest = 0;
    if (above >= 0) {
      std::int64_t r =
          x.significand * powers_[static_cast<std::size_t>(above)] % divisor_.significand;
      rest = std::ldexp(static_cast<double>(r), divisor_.exponent);
    } else if (-above > precision_) { // a significand more is larger
      return bits;
    } else {
      std::int64_t r = x.significand % (divisor_.significand << -above);
      rest = std::ldexp(static_cast<double>(r), x.exponent);
    }
    std::uint64_t out = semantics::encode(type_, rest);
    return semantics::decode(type_, out) == rest ? out | (bits & 0x8000) : ~bits;
  }

  ElementType type_;
  int precision_, least_; ///< the exponent of denormals' last bit
  Tensor x_;
  Number divisor_;
  std::vector<std::int64_t> powers_;
};

std::int64_t failures(std::uint64_t step) {
  std::int64_t out = 0;
  for (ElementType type : {ElementType::BF16, ElementType::F16}) {
    RemainderLaw law(type);
    for (std::uint64_t divisor = 0; divisor < 65536; divisor += step)
      out += law.failures(divisor);
  }
  return out;
}

} // namespace

TEST_CASE("the remainder of 16-bit floats is exact for some divisors", "[slow]") {
  CHECK(failures(211) == 0);
}

TEST_CASE("the remainder of 16-bit floats is exact for every pair", "[.exhaustive]") {
  CHECK(failures(1) == 0);
}
