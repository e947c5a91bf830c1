#pragma once
// Element-wise operations of the evaluator (semantics/evaluator.h) on bits of any kind
// (semantics/soft_float.h): the same roundings at the same places, under any numerics profile.
// What it knows: + - * / sqrt sign negate abs minimum maximum clamp compare select convert of
// floats; + - * negate minimum maximum clamp and or xor not compare select convert of integers and
// pred. Everything else (transcendental functions, remainders, shifts, division of integers,
// conversions between floats and integers ...) has no circuit.

#include "semantics/numerics.h"
#include "semantics/op.h"
#include "semantics/soft_float.h"

#include <span>

namespace isamorph::semantics {

inline FloatFormat float_format(ElementType type) {
  switch (type) {
  case ElementType::F16:
    return kFormatF16;
  case ElementType::BF16:
    return kFormatBF16;
  case ElementType::F32:
    return kFormatF32;
  default:
    return kFormatF64;
  }
}

/// An element's bits as a value: one for pred.
inline int value_bits(ElementType type) {
  return type == ElementType::Pred ? 1 : 8 * byte_size(type);
}

template <class B> class SoftElementwise {
public:
  explicit SoftElementwise(const NumericsProfile &profile) : profile_(profile) {}

  /// `direction` matters to compare only. nullopt: there is no circuit for it.
  std::optional<B> apply(OpCode op, CompareDirection direction, std::span<const ElementType> types,
                         std::span<const B> x, ElementType result) const {
    if (op == OpCode::Copy)
      return x[0];
    if (op == OpCode::Select)
      return choose(x[0], x[1], x[2]);
    if (op == OpCode::Compare)
      return compare(direction, types[0], x[0], x[1]);
    if (op == OpCode::Convert)
      return convert(types[0], x[0], result);
    if (op == OpCode::Clamp) {
      return clamp(result, x);
    }
    if (op == OpCode::Maximum || op == OpCode::Minimum)
      return extreme(op, op == OpCode::Minimum, result, x[0], x[1]);
    if (is_float(result))
      return float_operation(op, result, x);
    return result == ElementType::Pred ? pred_operation(op, x) : integer_operation(op, x);
  }

private:
  /// The type in which the evaluator's arithmetic is done, the host's where that is to nearest
  /// even, and in which a result that the profile wants in that type is flushed.
  ElementType working_type(ElementType type) const {
    ElementType compute = compute_type(profile_, type);
    bool nearest = profile_.elementwise.round == ResultRounding{};
    return byte_size(compute) == 2 && nearest ? ElementType::F32 : compute;
  }
  B widen(ElementType type, const B &x, bool flush) const {
    B operand = flush ? SoftFloat<B>(float_format(type)).flush(x) : x;
    ElementType wide = working_type(type);
    if (wide == type)
      return operand;
    return SoftFloat<B>(float_format(wide)).convert_from(operand, float_format(type));
  }
  B narrow(ElementType type, B x, const DenormalUse &use) const {
    ElementType wide = working_type(type);
    bool flush = use.results != TinyResults::Keep;
    bool narrowing = profile_.flush_narrowing && byte_size(type) < byte_size(wide);
    if ((flush || narrowing) && byte_size(compute_type(profile_, type)) > 2)
      x = SoftFloat<B>(float_format(wide)).flush(x);
    if (wide != type)
      x = SoftFloat<B>(float_format(type), {}, profile_.elementwise.round)
              .convert_from(x, float_format(wide));
    return flush ? SoftFloat<B>(float_format(type)).flush(x) : x;
  }

  std::optional<B> float_operation(OpCode op, ElementType type, std::span<const B> x) const {
    ElementType working = working_type(type);
    ResultRounding round = profile_.elementwise.round;
    SoftFloat<B> own(float_format(type)), wide(float_format(working), {}, round);
    DenormalUse use = denormal_use(profile_, op, type);
    // Of the five, only products and quotients can be tiny after rounding and then round to a
    // normal number.
    if (use.results == TinyResults::FlushAfter && (op == OpCode::Multiply || op == OpCode::Divide))
      wide = SoftFloat<B>(float_format(working), {false, Underflow::Tiny}, round);
    auto operand = [&](std::size_t i) {
      return widen(type, x[i], i + 1 == x.size() ? use.last_input : use.inputs);
    };
    auto result = [&](const B &value) { return narrow(type, value, use); };
    switch (op) {
    case OpCode::Negate:
      return own.negate(x[0]);
    case OpCode::Abs:
      return own.absolute(x[0]);
    case OpCode::Sign:
      return result(sign(wide, operand(0)));
    case OpCode::Sqrt:
      return result(wide.square_root(operand(0)));
    case OpCode::Add:
      return result(wide.add(operand(0), operand(1)));
    case OpCode::Subtract: // of the element itself, so that x - y and x + (-y) are one circuit
      return result(wide.add(operand(0), widen(type, own.opposite(x[1]), use.last_input)));
    case OpCode::Multiply:
      return result(wide.multiply(operand(0), operand(1)));
    case OpCode::Divide:
      return result(wide.divide(operand(0), operand(1)));
    default:
      return std::nullopt;
    }
  }
  static B sign(const SoftFloat<B> &arithmetic, const B &x) {
    FloatFormat format = arithmetic.format();
    B one =
        concat(sign_bit(x),
               concat(literal(x, format.exponent_bits, static_cast<std::uint64_t>(format.bias())),
                      literal(x, format.precision - 1, 0)));
    B out = choose(arithmetic.is_float_zero(x), x, one);
    return choose(arithmetic.is_nan(x), arithmetic.nan(x), out);
  }

  B extreme(OpCode op, bool smaller, ElementType type, const B &x, const B &y) const {
    if (is_float(type)) {
      DenormalUse use = denormal_use(profile_, op, type);
      return settle(type,
                    float_extreme(smaller, type, flushed(type, x, use.inputs),
                                  flushed(type, y, use.last_input)),
                    use);
    }
    B below = is_signed_integer(type) ? signed_less(x, y) : less(x, y);
    return smaller ? choose(below, x, y) : choose(below, y, x);
  }
  B float_extreme(bool smaller, ElementType type, const B &x, const B &y) const {
    SoftFloat<B> own(float_format(type));
    return smaller ? own.minimum(x, y) : own.maximum(x, y);
  }
  /// The bounds are read as the operand in the middle is.
  B clamp(ElementType type, std::span<const B> x) const {
    if (!is_float(type))
      return extreme(OpCode::Clamp, true, type, extreme(OpCode::Clamp, false, type, x[1], x[0]),
                     x[2]);
    DenormalUse use = denormal_use(profile_, OpCode::Clamp, type);
    auto operand = [&](std::size_t i) { return flushed(type, x[i], use.inputs); };
    B raised = float_extreme(false, type, operand(1), operand(0));
    return settle(type, float_extreme(true, type, raised, operand(2)), use);
  }

  B flushed(ElementType type, const B &x, bool flush) const {
    return flush ? SoftFloat<B>(float_format(type)).flush(x) : x;
  }
  /// What `narrow` makes of one of the operands: nothing rounds, so that the working type matters
  /// only where what is a denormal of it too is flushed on the way back.
  B settle(ElementType type, const B &x, const DenormalUse &use) const {
    ElementType working = working_type(type);
    bool narrowing = profile_.flush_narrowing && byte_size(type) < byte_size(working) &&
                     byte_size(compute_type(profile_, type)) > 2 &&
                     float_format(working).exponent_bits == float_format(type).exponent_bits;
    return flushed(type, x, narrowing || use.results != TinyResults::Keep);
  }

  B compare(CompareDirection direction, ElementType type, const B &x, const B &y) const {
    B below = x, same = x, above = x;
    if (is_float(type)) {
      SoftFloat<B> own(float_format(type));
      DenormalUse use = denormal_use(profile_, OpCode::Compare, type, ElementType::Pred);
      B a = use.inputs ? own.flush(x) : x, b = use.last_input ? own.flush(y) : y;
      below = own.less_than(a, b);
      same = own.equal_to(a, b);
      above = own.less_than(b, a);
    } else {
      below = is_signed_integer(type) ? signed_less(x, y) : less(x, y);
      same = equal(x, y);
      above = ~(below | same);
    }
    switch (direction) {
    case CompareDirection::EQ:
      return same;
    case CompareDirection::NE:
      return ~same;
    case CompareDirection::LT:
      return below;
    case CompareDirection::LE:
      return below | same;
    case CompareDirection::GT:
      return above;
    default:
      return above | same;
    }
  }

  std::optional<B> convert(ElementType from, const B &x, ElementType to) const {
    if (is_float(from) && is_float(to)) {
      DenormalUse use = denormal_use(profile_, OpCode::Convert, from, to);
      bool narrowing = profile_.flush_narrowing && byte_size(to) < byte_size(from);
      Denormals denormals{use.last_input || narrowing, use.results == TinyResults::Keep
                                                           ? Underflow::Gradual
                                                           : Underflow::Rounded};
      return SoftFloat<B>(float_format(to), denormals, profile_.conversion.round)
          .convert_from(x, float_format(from));
    }
    if (is_float(from) || is_float(to))
      return std::nullopt;
    if (to == ElementType::Pred)
      return ~is_zero(x);
    int bits = value_bits(to);
    if (bits <= width(x))
      return extract(x, bits - 1, 0);
    return is_signed_integer(from) ? sign_extend(x, bits) : zero_extend(x, bits);
  }

  static std::optional<B> integer_operation(OpCode op, std::span<const B> x) {
    switch (op) {
    case OpCode::Add:
      return x[0] + x[1];
    case OpCode::Subtract:
      return x[0] - x[1];
    case OpCode::Multiply:
      return x[0] * x[1];
    case OpCode::Negate:
      return literal(x[0], width(x[0]), 0) - x[0];
    case OpCode::And:
      return x[0] & x[1];
    case OpCode::Or:
      return x[0] | x[1];
    case OpCode::Xor:
      return x[0] ^ x[1];
    case OpCode::Not:
      return ~x[0];
    default:
      return std::nullopt;
    }
  }
  static std::optional<B> pred_operation(OpCode op, std::span<const B> x) {
    switch (op) {
    case OpCode::Add:
    case OpCode::Or:
      return x[0] | x[1];
    case OpCode::Multiply:
    case OpCode::And:
      return x[0] & x[1];
    case OpCode::Xor:
      return x[0] ^ x[1];
    case OpCode::Not:
      return ~x[0];
    default:
      return std::nullopt;
    }
  }

  const NumericsProfile &profile_;
};

} // namespace isamorph::semantics
