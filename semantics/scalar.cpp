#include "semantics/scalar.h"

#include "semantics/evaluator.h"

#include <bit>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace isamorph::semantics {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// NaN if either is; -0 is below +0, so that the order of operands does not matter.
double maximum(double a, double b) {
  if (std::isnan(a) || std::isnan(b))
    return kNan;
  if (a == b)
    return std::signbit(a) ? b : a;
  return a > b ? a : b;
}

double minimum(double a, double b) { return -maximum(-a, -b); }

double sign(double a) { return std::isnan(a) || a == 0 ? a : a < 0 ? -1.0 : 1.0; }

/// In double; what is not exactly rounded there (transcendental functions) is as good as the C
/// library makes it.
double real_op(OpCode op, double a, double b) {
  switch (op) {
  case OpCode::Add:
    return a + b;
  case OpCode::Subtract:
    return a - b;
  case OpCode::Multiply:
    return a * b;
  case OpCode::Divide:
    return a / b;
  case OpCode::Remainder:
    return std::fmod(a, b);
  case OpCode::Maximum:
    return maximum(a, b);
  case OpCode::Minimum:
    return minimum(a, b);
  case OpCode::Power:
    return std::pow(a, b);
  case OpCode::Sign:
    return sign(a);
  case OpCode::Floor:
    return std::floor(a);
  case OpCode::Ceil:
    return std::ceil(a);
  case OpCode::RoundNearestEven:
    return std::nearbyint(a);
  case OpCode::Exponential:
    return std::exp(a);
  case OpCode::ExponentialMinusOne:
    return std::expm1(a);
  case OpCode::Log:
    return std::log(a);
  case OpCode::LogPlusOne:
    return std::log1p(a);
  case OpCode::Logistic:
    return 1 / (1 + std::exp(-a));
  case OpCode::Tanh:
    return std::tanh(a);
  case OpCode::Erf:
    return std::erf(a);
  case OpCode::Sqrt:
    return std::sqrt(a);
  case OpCode::Rsqrt:
    return 1 / std::sqrt(a);
  case OpCode::Cbrt:
    return std::cbrt(a);
  case OpCode::Sine:
    return std::sin(a);
  case OpCode::Cosine:
    return std::cos(a);
  default:
    throw std::logic_error(std::string(info(op).name) + " is no float operation");
  }
}

std::uint64_t width_mask(ElementType type) {
  int bits = type == ElementType::Pred ? 1 : 8 * byte_size(type);
  return bits == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits) - 1;
}

std::int64_t as_signed(ElementType type, std::uint64_t bits) {
  int shift = 64 - 8 * byte_size(type);
  return static_cast<std::int64_t>(bits << shift) >> shift;
}

std::uint64_t divide(ElementType type, std::uint64_t a, std::uint64_t b, bool remainder) {
  if (b == 0)
    return remainder ? a : width_mask(type);
  if (!is_signed_integer(type))
    return remainder ? a % b : a / b;
  std::int64_t x = as_signed(type, a), y = as_signed(type, b);
  if (y == -1) // also the most negative number, whose quotient wraps to itself
    return remainder ? 0 : 0 - a;
  return static_cast<std::uint64_t>(remainder ? x % y : x / y);
}

std::uint64_t shift(OpCode op, ElementType type, std::uint64_t a, std::uint64_t by) {
  auto bits = static_cast<std::uint64_t>(8 * byte_size(type));
  if (op == OpCode::ShiftLeft)
    return by >= bits ? 0 : a << by;
  if (op == OpCode::ShiftRightLogical)
    return by >= bits ? 0 : a >> by;
  int shift = 64 - static_cast<int>(bits);
  auto wide = static_cast<std::int64_t>(a << shift) >> shift;
  return static_cast<std::uint64_t>(wide >> (by >= bits ? 63 : static_cast<int>(by)));
}

std::uint64_t power(ElementType type, std::uint64_t a, std::uint64_t b) {
  if (is_signed_integer(type) && as_signed(type, b) < 0) {
    std::int64_t base = as_signed(type, a);
    if (base == 1)
      return 1;
    return base == -1 ? (b & 1 ? ~std::uint64_t{0} : 1) : 0;
  }
  std::uint64_t result = 1;
  for (; b; b >>= 1, a *= a)
    if (b & 1)
      result *= a;
  return result;
}

/// A 64-bit integer as a double; integers beyond 53 bits are rounded to odd, so that rounding once
/// more to a narrower float is right.
double integer_to_double(ElementType from, std::uint64_t bits) {
  bool negative = is_signed_integer(from) && as_signed(from, bits) < 0;
  std::uint64_t magnitude = negative ? 0 - static_cast<std::uint64_t>(as_signed(from, bits)) : bits;
  if (int excess = std::bit_width(magnitude) - 53; excess > 0) {
    std::uint64_t low = magnitude & ((std::uint64_t{1} << excess) - 1);
    magnitude = (magnitude >> excess | (low != 0)) << excess;
  }
  double value = static_cast<double>(magnitude);
  return negative ? -value : value;
}

bool compare(CompareDirection direction, ElementType type, std::uint64_t a, std::uint64_t b) {
  auto test = [&](auto x, auto y) {
    switch (direction) {
    case CompareDirection::EQ:
      return x == y;
    case CompareDirection::NE:
      return x != y;
    case CompareDirection::LT:
      return x < y;
    case CompareDirection::LE:
      return x <= y;
    case CompareDirection::GT:
      return x > y;
    default:
      return x >= y;
    }
  };
  if (is_float(type))
    return test(decode(type, a), decode(type, b));
  return is_signed_integer(type) ? test(as_signed(type, a), as_signed(type, b)) : test(a, b);
}

} // namespace

std::uint64_t flush(ElementType type, std::uint64_t bits) {
  if (!is_float(type))
    return bits;
  int fraction = type == ElementType::F16    ? 10
                 : type == ElementType::BF16 ? 7
                 : type == ElementType::F32  ? 23
                                             : 52;
  std::uint64_t sign = std::uint64_t{1} << (8 * byte_size(type) - 1);
  bool tiny = ((bits & ~sign) >> fraction) == 0;
  return tiny ? bits & sign : bits;
}

std::uint64_t float_op(OpCode op, ElementType type, ElementType work, std::uint64_t a,
                       std::uint64_t b) {
  std::uint64_t sign_bit = std::uint64_t{1} << (8 * byte_size(type) - 1);
  if (op == OpCode::Negate)
    return is_nan(type, a) ? encode(type, kNan) : a ^ sign_bit;
  if (op == OpCode::Abs)
    return is_nan(type, a) ? encode(type, kNan) : a & ~sign_bit;
  std::uint64_t wide = encode(work, real_op(op, decode(type, a), decode(type, b)));
  return work == type ? wide : encode(type, decode(work, wide));
}

std::uint64_t integer_op(OpCode op, ElementType type, std::uint64_t a, std::uint64_t b) {
  std::uint64_t out = 0;
  bool less = is_signed_integer(type) ? as_signed(type, a) < as_signed(type, b) : a < b;
  switch (op) {
  case OpCode::Add: // of pred: or, as XLA has it
    out = type == ElementType::Pred ? a | b : a + b;
    break;
  case OpCode::Subtract:
    out = a - b;
    break;
  case OpCode::Multiply:
    out = a * b;
    break;
  case OpCode::Divide:
    out = divide(type, a, b, false);
    break;
  case OpCode::Remainder:
    out = divide(type, a, b, true);
    break;
  case OpCode::Maximum:
    out = less ? b : a;
    break;
  case OpCode::Minimum:
    out = less ? a : b;
    break;
  case OpCode::Power:
    out = power(type, a, b);
    break;
  case OpCode::Negate:
    out = 0 - a;
    break;
  case OpCode::Abs:
    out = is_signed_integer(type) && as_signed(type, a) < 0 ? 0 - a : a;
    break;
  case OpCode::Sign:
    out = a == 0 ? 0 : is_signed_integer(type) && as_signed(type, a) < 0 ? ~std::uint64_t{0} : 1;
    break;
  case OpCode::And:
    out = a & b;
    break;
  case OpCode::Or:
    out = a | b;
    break;
  case OpCode::Xor:
    out = a ^ b;
    break;
  case OpCode::Not:
    out = ~a;
    break;
  case OpCode::ShiftLeft:
  case OpCode::ShiftRightArithmetic:
  case OpCode::ShiftRightLogical:
    out = shift(op, type, a, b);
    break;
  default:
    throw std::logic_error(std::string(info(op).name) + " is no integer operation");
  }
  return out & width_mask(type);
}

std::uint64_t convert_element(ElementType from, ElementType to, std::uint64_t bits) {
  if (from == to)
    return bits;
  if (to == ElementType::Pred)
    return is_float(from) ? decode(from, bits) != 0 : bits != 0;
  if (is_float(from))
    return encode(to, decode(from, bits));
  if (is_float(to))
    return to == ElementType::F64 && is_signed_integer(from)
               ? std::bit_cast<std::uint64_t>(static_cast<double>(as_signed(from, bits)))
           : to == ElementType::F64 ? std::bit_cast<std::uint64_t>(static_cast<double>(bits))
                                    : encode(to, integer_to_double(from, bits));
  std::uint64_t wide =
      is_signed_integer(from) ? static_cast<std::uint64_t>(as_signed(from, bits)) : bits;
  return wide & width_mask(to);
}

ElementType work_type(ElementType type, const NumericsProfile &profile) {
  return profile.compute && byte_size(*profile.compute) > byte_size(type) ? *profile.compute : type;
}

std::uint64_t evaluate_scalar(OpCode op, const Attributes &attributes,
                              std::span<const ElementType> types,
                              std::span<const std::uint64_t> operands, ElementType result,
                              const NumericsProfile &profile) {
  auto in = [&](std::size_t i) {
    return profile.flush_denormals && is_float(types[i]) ? flush(types[i], operands[i])
                                                         : operands[i];
  };
  auto out = [&](std::uint64_t bits) {
    return profile.flush_denormals ? flush(result, bits) : bits;
  };
  auto binary = [&](OpCode code, std::uint64_t a, std::uint64_t b) {
    return is_float(result) ? out(float_op(code, result, work_type(result, profile), a, b))
                            : integer_op(code, result, a, b);
  };
  switch (op) {
  case OpCode::Convert:
    return types[0] == result ? operands[0] : out(convert_element(types[0], result, in(0)));
  case OpCode::Compare:
    return compare(static_cast<CompareDirection>(attributes.get_one(AttributeKey::Direction)),
                   types[0], in(0), in(1));
  case OpCode::Select:
    return operands[0] ? operands[1] : operands[2];
  case OpCode::Clamp:
    return binary(OpCode::Minimum, binary(OpCode::Maximum, in(1), in(0)), in(2));
  case OpCode::Negate:
  case OpCode::Abs:
    return is_float(result) ? float_op(op, result, result, operands[0], 0)
                            : integer_op(op, result, operands[0], 0);
  default:
    return binary(op, in(0), operands.size() > 1 ? in(1) : 0);
  }
}

} // namespace isamorph::semantics
