#pragma once
// Rounding an exact value once, in any direction, to a binary floating-point format. Exact sums are
// handed around as doubles "rounded to odd": when the exact value is no double, its neighbour whose
// last bit is one. Such a double rounds to every format of at most 51 bits of precision as the
// exact value itself would, in every direction (Boldo and Melquiond 2008).

#include "semantics/element_type.h"

#include <array>
#include <bit>
#include <cstdint>
#include <span>
#include <string_view>

namespace isamorph::semantics {

enum class Rounding : std::uint8_t {
  NearestEven,
  NearestAway, ///< ties away from zero
  HalfUp,      ///< ties toward +infinity
  TowardZero,
  Down,
  Up,
  ToOdd, ///< truncated; the last bit becomes one when something was cut off
};
inline constexpr int kRoundingCount = 7;
/// In the order of the enumerators, as profiles write them.
inline constexpr std::array<std::string_view, kRoundingCount> kRoundingWords = {
    "nearest_even", "nearest_away", "half_up", "toward_zero", "down", "up", "to_odd"};

/// What becomes of results that are too small for a normal number.
enum class TinyResults : std::uint8_t {
  Keep,
  FlushBefore,  ///< the exact value lies below the smallest normal number
  FlushAfter,   ///< so does the value rounded as if exponents had no lower end (x86's meaning)
  FlushRounded, ///< the rounded result is a denormal
};

/// What becomes of results beyond the largest finite number.
enum class Overflow : std::uint8_t {
  Infinity, ///< whatever the direction
  Largest,  ///< whatever the direction
  Ieee,     ///< as IEEE 754-2019, 7.4, says for the direction
};

inline constexpr std::array<std::string_view, 3> kOverflowWords = {"infinity", "largest", "ieee"};

struct ResultRounding {
  Rounding mode = Rounding::NearestEven;
  Overflow overflow = Overflow::Infinity;
  bool operator==(const ResultRounding &) const = default;
};

/// How results of a unit are put into a format.
struct RoundingStep {
  Rounding mode = Rounding::NearestEven;
  TinyResults tiny = TinyResults::Keep;
  Overflow overflow = Overflow::Infinity;
  bool operator==(const RoundingStep &) const = default;
};

/// Overflow in this direction gives the largest finite number of the sign, not infinity.
bool overflows_to_largest(Overflow overflow, Rounding mode, bool negative);

/// The exponent of the smallest normal number (-126 for f32 and bf16), and the bits of precision
/// with the hidden one (24 for f32).
int least_exponent(ElementType type);
int precision(ElementType type);

/// The exponent e of a normal double of magnitude 1.m * 2^e. Every value of f32 and narrower, and
/// every product of two, is a normal double.
inline int binary_exponent(double x) {
  return static_cast<int>(std::bit_cast<std::uint64_t>(x) >> 52 & 0x7ff) - 1023;
}
/// x * 2^exponent for -1022 <= exponent <= 1023: exact when the result is a normal double.
inline double scaled(double x, int exponent) {
  return x * std::bit_cast<double>(static_cast<std::uint64_t>(exponent + 1023) << 52);
}

/// An integer-valued double next to x, |x| < 2^62.
double round_to_integer(double x, Rounding mode);

/// A value of f16, bf16 or f32, as a double. Infinities and NaN stay. Flushed results and zeros
/// keep their sign.
double round_to_type(double odd, ElementType type, const RoundingStep &step);

/// a + b rounded to odd. An exact zero is +0 unless both are -0.
double add_to_odd(double a, double b);
/// The sum of all terms rounded to odd. Infinite terms and NaN as IEEE 754 adds them.
double sum_to_odd(std::span<const double> terms);

} // namespace isamorph::semantics
