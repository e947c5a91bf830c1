#pragma once
// + - * / of bf16 in integers alone: exact, then rounded once to nearest, ties to even. Nothing
// here knows of host floats, of MPFR or of the evaluator; it is fast enough for all 2^32 pairs.

#include <bit>
#include <cstdint>
#include <optional>
#include <utility>

namespace isamorph::semantics::test {

inline constexpr std::uint16_t kBf16Nan = 0x7fc0, kBf16Infinity = 0x7f80;

/// significand * 2^exponent; the significand of a normal number has eight bits.
struct ExactBf16 {
  bool negative;
  std::uint64_t significand;
  int exponent;
};

inline bool bf16_is_nan(std::uint16_t x) { return (x & 0x7fff) > kBf16Infinity; }
inline bool bf16_is_infinite(std::uint16_t x) { return (x & 0x7fff) == kBf16Infinity; }

/// Of a finite number.
inline ExactBf16 exact_bf16(std::uint16_t x) {
  int field = x >> 7 & 0xff;
  std::uint64_t fraction = x & 0x7f;
  return {x >> 15 != 0, field ? fraction | 0x80 : fraction, (field ? field : 1) - 134};
}

/// `x` is not zero.
inline std::uint16_t round_bf16(const ExactBf16 &x) {
  int top = x.exponent + static_cast<int>(std::bit_width(x.significand)) - 1;
  int unit = top - 7 > -133 ? top - 7 : -133, cut = unit - x.exponent;
  std::uint64_t kept = 0;
  if (cut <= 0) {
    kept = x.significand << -cut;
  } else if (cut < 64) {
    kept = x.significand >> cut;
    std::uint64_t rest = x.significand & ((std::uint64_t{1} << cut) - 1),
                  half = std::uint64_t{1} << (cut - 1);
    kept += rest > half || (rest == half && (kept & 1));
  }
  // A carry out of the fraction runs into the exponent.
  std::uint64_t bits = (static_cast<std::uint64_t>(unit + 133) << 7) + kept;
  if (bits > kBf16Infinity)
    bits = kBf16Infinity;
  return static_cast<std::uint16_t>(bits | (x.negative ? 0x8000 : 0));
}

inline std::uint16_t signed_bf16(bool negative, std::uint16_t magnitude) {
  return static_cast<std::uint16_t>(magnitude | (negative ? 0x8000 : 0));
}

inline std::uint16_t exact_add(std::uint16_t x, std::uint16_t y) {
  if (bf16_is_nan(x) || bf16_is_nan(y))
    return kBf16Nan;
  if (bf16_is_infinite(x))
    return bf16_is_infinite(y) && x != y ? kBf16Nan : x;
  if (bf16_is_infinite(y))
    return y;
  ExactBf16 a = exact_bf16(x), b = exact_bf16(y);
  if (a.exponent < b.exponent)
    std::swap(a, b);
  int distance = a.exponent - b.exponent;
  if (a.significand == 0 || b.significand == 0) {
    if (a.significand == 0 && b.significand == 0)
      return x & y & 0x8000;
    return a.significand ? round_bf16(a) : round_bf16(b);
  }
  constexpr int most = 40; // a term that is further below only breaks ties
  std::uint64_t left = a.significand << (distance < most ? distance : most),
                right = distance < most ? b.significand : 1;
  ExactBf16 sum{a.negative, 0, distance < most ? b.exponent : a.exponent - most};
  if (a.negative == b.negative) {
    sum.significand = left + right;
  } else if (left == right) {
    return 0;
  } else {
    sum.negative = left > right ? a.negative : b.negative;
    sum.significand = left > right ? left - right : right - left;
  }
  return round_bf16(sum);
}

inline std::uint16_t exact_subtract(std::uint16_t x, std::uint16_t y) {
  return exact_add(x, static_cast<std::uint16_t>(y ^ 0x8000));
}

inline std::uint16_t exact_multiply(std::uint16_t x, std::uint16_t y) {
  bool negative = (x ^ y) >> 15 != 0, zero = (x & 0x7fff) == 0 || (y & 0x7fff) == 0,
       infinite = bf16_is_infinite(x) || bf16_is_infinite(y);
  if (bf16_is_nan(x) || bf16_is_nan(y) || (zero && infinite))
    return kBf16Nan;
  if (zero || infinite)
    return signed_bf16(negative, zero ? 0 : kBf16Infinity);
  ExactBf16 a = exact_bf16(x), b = exact_bf16(y);
  return round_bf16({negative, a.significand * b.significand, a.exponent + b.exponent});
}

inline std::uint16_t exact_divide(std::uint16_t x, std::uint16_t y) {
  bool negative = (x ^ y) >> 15 != 0, zero = (x & 0x7fff) == 0, by_zero = (y & 0x7fff) == 0,
       infinite = bf16_is_infinite(x), by_infinity = bf16_is_infinite(y);
  if (bf16_is_nan(x) || bf16_is_nan(y) || (zero && by_zero) || (infinite && by_infinity))
    return kBf16Nan;
  if (zero || by_infinity)
    return signed_bf16(negative, 0);
  if (infinite || by_zero)
    return signed_bf16(negative, kBf16Infinity);
  constexpr int shift = 40; // far more digits than are kept; the last one stands for the rest
  ExactBf16 a = exact_bf16(x), b = exact_bf16(y);
  std::uint64_t dividend = a.significand << shift, quotient = dividend / b.significand;
  return round_bf16({negative, quotient << 1 | (quotient * b.significand != dividend),
                     a.exponent - b.exponent - shift - 1});
}

} // namespace isamorph::semantics::test
