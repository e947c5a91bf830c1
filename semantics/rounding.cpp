#include "semantics/rounding.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

namespace isamorph::semantics {
namespace {

bool is_even(double x) { return (std::bit_cast<std::uint64_t>(x) & 1) == 0; }

/// The odd one of the two doubles around `nearest` + `error`, a sum that is no double.
double made_odd(double nearest, double error) {
  if (error == 0 || !is_even(nearest))
    return nearest;
  bool outward = (error > 0) == (nearest > 0); // the error of a rounded zero is zero
  return std::bit_cast<double>(std::bit_cast<std::uint64_t>(nearest) + (outward ? 1 : -1));
}

/// a + b - nearest, exactly.
double sum_error(double a, double b, double nearest) {
  double part = nearest - a;
  return (a - (nearest - part)) + (b - part);
}

double rounded_at(double x, int unit_exponent, Rounding mode) {
  return scaled(round_to_integer(scaled(x, -unit_exponent), mode), unit_exponent);
}

} // namespace

bool overflows_to_largest(Overflow overflow, Rounding mode, bool negative) {
  if (overflow != Overflow::Ieee)
    return overflow == Overflow::Largest;
  switch (mode) {
  case Rounding::TowardZero:
  case Rounding::ToOdd:
    return true;
  case Rounding::Down:
    return !negative;
  case Rounding::Up:
    return negative;
  default:
    return false;
  }
}

int least_exponent(ElementType type) {
  return type == ElementType::F16 ? -14 : type == ElementType::F64 ? -1022 : -126;
}

int precision(ElementType type) {
  switch (type) {
  case ElementType::F16:
    return 11;
  case ElementType::BF16:
    return 8;
  case ElementType::F32:
    return 24;
  default:
    return 53;
  }
}

double round_to_integer(double x, Rounding mode) {
  switch (mode) {
  case Rounding::NearestEven:
    return std::nearbyint(x);
  case Rounding::NearestAway:
    return std::round(x);
  case Rounding::HalfUp: {
    double below = std::floor(x);
    return x - below >= 0.5 ? below + 1 : below;
  }
  case Rounding::TowardZero:
    return std::trunc(x);
  case Rounding::Down:
    return std::floor(x);
  case Rounding::Up:
    return std::ceil(x);
  case Rounding::ToOdd:
    break;
  }
  double whole = std::trunc(x);
  if (whole == x || std::fmod(whole, 2) != 0)
    return whole;
  return whole + std::copysign(1.0, x);
}

double round_to_type(double odd, ElementType type, const RoundingStep &step) {
  if (odd == 0 || !std::isfinite(odd))
    return odd;
  int least = least_exponent(type), digits = precision(type) - 1, exponent = binary_exponent(odd);
  if (type == ElementType::F32 && exponent > least && exponent < 127) { // far from both ends
    if (step.mode == Rounding::NearestEven)
      return static_cast<float>(odd);
    if (step.mode == Rounding::TowardZero)
      return std::bit_cast<double>(std::bit_cast<std::uint64_t>(odd) >> 29 << 29);
  }
  double smallest = scaled(1.0, least);
  double zero = std::copysign(0.0, odd);
  if (step.tiny == TinyResults::FlushBefore && exponent < least)
    return zero;
  if (step.tiny == TinyResults::FlushAfter && exponent < least &&
      std::fabs(rounded_at(odd, exponent - digits, step.mode)) < smallest)
    return zero;
  double rounded = rounded_at(odd, std::max(exponent, least) - digits, step.mode);
  if (rounded == 0)
    return zero;
  if (step.tiny == TinyResults::FlushRounded && std::fabs(rounded) < smallest)
    return zero;
  double limit = scaled(1.0, type == ElementType::F16 ? 16 : 128);
  if (std::fabs(rounded) < limit)
    return rounded;
  double largest = limit - scaled(limit, -digits - 1);
  bool finite = overflows_to_largest(step.overflow, step.mode, odd < 0);
  return std::copysign(finite ? largest : std::numeric_limits<double>::infinity(), odd);
}

double add_to_odd(double a, double b) {
  double nearest = a + b;
  return std::isfinite(nearest) ? made_odd(nearest, sum_error(a, b, nearest)) : nearest;
}

double sum_to_odd(std::span<const double> terms) {
  // Partial sums that do not overlap, from the smallest up (Shewchuk 1997).
  static thread_local std::vector<double> partials;
  partials.clear();
  double plain = -0.0;
  for (double x : terms) {
    plain += x;
    std::size_t kept = 0;
    for (double y : partials) {
      double nearest = x + y, error = sum_error(x, y, nearest);
      if (error != 0)
        partials[kept++] = error;
      x = nearest;
    }
    partials.resize(kept);
    if (x != 0)
      partials.push_back(x);
  }
  if (!std::isfinite(plain) || partials.empty())
    return plain;
  double nearest = partials.back(), error = 0;
  partials.pop_back();
  while (!partials.empty() && error == 0) {
    double next = partials.back(), sum = nearest + next;
    error = sum_error(nearest, next, sum);
    nearest = sum;
    partials.pop_back();
  }
  return made_odd(nearest, error);
}

} // namespace isamorph::semantics
