#pragma once
// Bits of floating-point elements: loading them into the host's float or double (always exact), and
// storing a host value with one rounding to nearest even. NaN results get one pattern (quiet,
// positive, no payload), so that results do not depend on how the compiler ordered the operands of
// an instruction. The host's rounding mode is the default one.

#include "semantics/element_type.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace isamorph::semantics {

/// Elements as they lie in memory, one C++ type for each element type.
struct PredBits {
  std::uint8_t bits;
};
struct F16Bits {
  std::uint16_t bits;
};
struct BF16Bits {
  std::uint16_t bits;
};

template <class S>
inline constexpr bool is_float_storage =
    std::is_same_v<S, F16Bits> || std::is_same_v<S, BF16Bits> || std::is_same_v<S, float> ||
    std::is_same_v<S, double>;

/// Calls `f(S{})` with the storage type of an element type.
template <class F> decltype(auto) visit_storage(ElementType type, F &&f) {
  switch (type) {
  case ElementType::Pred:
    return f(PredBits{});
  case ElementType::S8:
    return f(std::int8_t{});
  case ElementType::U8:
    return f(std::uint8_t{});
  case ElementType::S16:
    return f(std::int16_t{});
  case ElementType::U16:
    return f(std::uint16_t{});
  case ElementType::S32:
    return f(std::int32_t{});
  case ElementType::U32:
    return f(std::uint32_t{});
  case ElementType::S64:
    return f(std::int64_t{});
  case ElementType::U64:
    return f(std::uint64_t{});
  case ElementType::F16:
    return f(F16Bits{});
  case ElementType::BF16:
    return f(BF16Bits{});
  case ElementType::F32:
    return f(float{});
  case ElementType::F64:
    break;
  }
  return f(double{});
}

inline float bf16_to_float(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

inline std::uint16_t float_to_bf16(float x) {
  auto u = std::bit_cast<std::uint32_t>(x);
  if ((u & 0x7fffffffu) > 0x7f800000u)
    return 0x7fc0;
  return static_cast<std::uint16_t>((u + 0x7fffu + ((u >> 16) & 1u)) >> 16);
}

inline float f16_to_float(std::uint16_t bits) {
  std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000u) << 16;
  std::uint32_t exponent = (bits >> 10) & 31u, mantissa = bits & 0x3ffu;
  if (exponent == 0) {
    float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(magnitude) | sign);
  }
  std::uint32_t wide = exponent == 31 ? 255u : exponent + 112u;
  return std::bit_cast<float>(sign | (wide << 23) | (mantissa << 13));
}

/// The nearest number (ties to even) with E exponent bits and M mantissa bits, as IEEE 754 encodes
/// it.
template <int E, int M> std::uint16_t round_to_16_bits(double x) {
  constexpr unsigned infinity = ((1u << E) - 1) << M;
  constexpr int smallest = 2 - (1 << (E - 1)); // exponent of the smallest normal number
  auto u = std::bit_cast<std::uint64_t>(x);
  auto sign = static_cast<unsigned>(u >> 63) << (E + M);
  u &= ~(std::uint64_t{1} << 63);
  if (u > 0x7ff0000000000000u)
    return infinity | (1u << (M - 1));
  if (u == 0x7ff0000000000000u)
    return static_cast<std::uint16_t>(sign | infinity);
  int exponent = static_cast<int>(u >> 52) - 1023;
  if (exponent > (1 << (E - 1)))
    return static_cast<std::uint16_t>(sign | infinity);
  int scale = (exponent < smallest ? smallest : exponent) - M;
  auto units = static_cast<unsigned>(std::nearbyint(std::ldexp(std::bit_cast<double>(u), -scale)));
  // A carry out of the mantissa runs into the exponent, which is what the encoding wants.
  unsigned bits = exponent < smallest
                      ? units
                      : (static_cast<unsigned>(exponent - smallest + 1) << M) + units - (1u << M);
  return static_cast<std::uint16_t>(sign | (bits < infinity ? bits : infinity));
}

/// The element's value; exact when C is wide enough for S.
template <class C, class S> C load(S x) {
  if constexpr (std::is_same_v<S, BF16Bits>)
    return static_cast<C>(bf16_to_float(x.bits));
  else if constexpr (std::is_same_v<S, F16Bits>)
    return static_cast<C>(f16_to_float(x.bits));
  else if constexpr (std::is_same_v<S, PredBits>)
    return static_cast<C>(x.bits != 0);
  else
    return static_cast<C>(x);
}

/// Rounds a float or double to a float storage type, once; NaN becomes the canonical one.
template <class S, class C> S store(C x) {
  static_assert(is_float_storage<S> && std::is_floating_point_v<C>);
  if constexpr (std::is_same_v<S, BF16Bits>) {
    if constexpr (std::is_same_v<C, float>)
      return {float_to_bf16(x)};
    else
      return {round_to_16_bits<8, 7>(x)};
  } else if constexpr (std::is_same_v<S, F16Bits>) {
    return {round_to_16_bits<5, 10>(x)};
  } else {
    return x == x ? static_cast<S>(x) : std::numeric_limits<S>::quiet_NaN();
  }
}

/// Denormals become zeros of the same sign.
template <class C> C flush_denormal(C x) {
  return std::fabs(x) < std::numeric_limits<C>::min() ? std::copysign(C{0}, x) : x;
}
inline BF16Bits flush_denormal(BF16Bits x) {
  return (x.bits & 0x7f80) ? x : BF16Bits{static_cast<std::uint16_t>(x.bits & 0x8000)};
}
inline F16Bits flush_denormal(F16Bits x) {
  return (x.bits & 0x7c00) ? x : F16Bits{static_cast<std::uint16_t>(x.bits & 0x8000)};
}

/// An integer as a double that rounds to any type of up to 51 bits of precision as the integer
/// itself would: exact, or rounded to the neighbour whose last bit is one ("round to odd").
template <class I> double integer_to_odd_double(I x) {
  constexpr std::uint64_t exact = std::uint64_t{1} << 53;
  bool negative = x < 0;
  auto magnitude = static_cast<std::uint64_t>(x);
  if (negative)
    magnitude = 0 - magnitude;
  if (magnitude > exact) {
    int shift = 11 - std::countl_zero(magnitude);
    if (std::uint64_t dropped = magnitude & ((std::uint64_t{1} << shift) - 1); dropped != 0)
      magnitude = (magnitude - dropped) | (std::uint64_t{1} << shift);
  }
  auto value = static_cast<double>(magnitude);
  return negative ? -value : value;
}

/// A float as an integer: truncated toward zero and saturated; NaN gives 0.
template <class I> I saturate_to_integer(double x) {
  if (x != x)
    return 0;
  constexpr double low = static_cast<double>(std::numeric_limits<I>::min());
  // 2^bits: the smallest double that is too large (max() itself may not be a double).
  constexpr double high = static_cast<double>(std::numeric_limits<I>::max() / 2 + 1) * 2;
  if (x <= low)
    return std::numeric_limits<I>::min();
  if (x >= high)
    return std::numeric_limits<I>::max();
  return static_cast<I>(x);
}

} // namespace isamorph::semantics
