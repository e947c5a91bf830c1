#pragma once
// Floating-point arithmetic on bits, written once for every kind of bits: plain integers
// (semantics/bit_word.h) for evaluation, and terms of bit-vector logic
// (verify/bitvector_circuit.h) for proofs, so that the two cannot disagree.
//
// Formats are those of IEEE 754-2019, section 3.4: sign, biased exponent, fraction with a hidden
// bit; denormals, infinities, NaN. Results are rounded once, as `ResultRounding` says: to nearest,
// ties to even, unless another direction is given. Every NaN result is the canonical one (quiet,
// positive, no payload). `Denormals` says what arithmetic does with denormal operands and results.
//
// A kind of bits B gives width, literal, extract, concat, + - * & | ^ ~, shift_left, shift_right,
// quotient, remainder, equal, less and choose, with the meaning of SMT-LIB's QF_BV. Control flow
// depends on widths only, never on values.

#include "semantics/rounding.h"

#include <algorithm>
#include <bit>
#include <cstdint>

namespace isamorph::semantics {

/// An interchange format. Widths in bits; `precision` counts the hidden bit.
struct FloatFormat {
  int exponent_bits = 8, precision = 24;
  int width() const { return exponent_bits + precision; }
  int bias() const { return (1 << (exponent_bits - 1)) - 1; }
  /// Exponent of the smallest normal number, and of the largest.
  int smallest() const { return 1 - bias(); }
  int largest() const { return bias(); }
  bool operator==(const FloatFormat &) const = default;
};
inline constexpr FloatFormat kFormatF16{5, 11}, kFormatBF16{8, 8}, kFormatF32{8, 24},
    kFormatF64{11, 53};

/// What becomes of a result too small for a normal number. `Rounded`: rounded to a denormal, and
/// then a zero of its sign if it is one. `Tiny`: a zero if it lies below the smallest normal number
/// after rounding with an unbounded exponent (flush to zero of x86).
enum class Underflow : std::uint8_t { Gradual, Rounded, Tiny };

struct Denormals {
  bool flush_operands = false; ///< a denormal operand is read as a zero of its sign
  Underflow results = Underflow::Gradual;
};

// Helpers on bits

template <class B> B zero_extend(const B &x, int bits) {
  return width(x) == bits ? x : concat(literal(x, bits - width(x), 0), x);
}
template <class B> B sign_bit(const B &x) { return extract(x, width(x) - 1, width(x) - 1); }
template <class B> B sign_extend(const B &x, int bits) {
  if (width(x) == bits)
    return x;
  int more = bits - width(x);
  return concat(choose(sign_bit(x), ~literal(x, more, 0), literal(x, more, 0)), x);
}
/// x followed by zeros, `bits` in all.
template <class B> B pad_right(const B &x, int bits) {
  return width(x) == bits ? x : concat(x, literal(x, bits - width(x), 0));
}
template <class B> B is_zero(const B &x) { return equal(x, literal(x, width(x), 0)); }
template <class B> B all_ones(const B &x) { return equal(x, ~literal(x, width(x), 0)); }
/// A number in two's complement.
template <class B> B signed_literal(const B &x, int bits, std::int64_t value) {
  return value >= 0 ? literal(x, bits, static_cast<std::uint64_t>(value))
                    : literal(x, bits, 0) - literal(x, bits, static_cast<std::uint64_t>(-value));
}
template <class B> B signed_less(const B &x, const B &y) {
  B sx = sign_bit(x), sy = sign_bit(y);
  return choose(sx ^ sy, sx, less(x, y));
}

/// Shifted right; the last bit is set if any bit fell out. `amount` is unsigned, of any width.
template <class B> B shift_right_sticky(const B &x, const B &amount) {
  int bits = width(x), wide = std::max(width(amount), bits);
  B limit = literal(x, wide, static_cast<std::uint64_t>(bits)), all = zero_extend(amount, wide);
  B by = extract(choose(less(all, limit), all, limit), bits - 1, 0);
  B out = shift_right(x, by);
  B lost = ~equal(shift_left(out, by), x);
  return out | zero_extend(lost, bits);
}

/// Shifts zeros out at the left; `count`, of `count_bits`, receives how many. Zero stays zero.
template <class B> B normalize(B x, int count_bits, B &count) {
  count = literal(x, count_bits, 0);
  for (int step = static_cast<int>(std::bit_floor(static_cast<unsigned>(width(x) - 1))); step >= 1;
       step /= 2) {
    B clear = is_zero(extract(x, width(x) - 1, width(x) - step));
    x = choose(clear, pad_right(extract(x, width(x) - 1 - step, 0), width(x)), x);
    count = choose(clear, count + literal(x, count_bits, static_cast<std::uint64_t>(step)), count);
  }
  return x;
}

/// Arithmetic in one format.
template <class B> class SoftFloat {
public:
  explicit SoftFloat(FloatFormat format, Denormals denormals = {}, ResultRounding rounding = {})
      : format_(format), denormals_(denormals), rounding_(rounding) {}

  FloatFormat format() const { return format_; }

  // One bit each; operands are taken as they are.
  B is_nan(const B &x) const { return all_ones(exponent_field(x)) & ~is_zero(fraction(x)); }
  B is_infinite(const B &x) const { return all_ones(exponent_field(x)) & is_zero(fraction(x)); }
  B is_finite(const B &x) const { return ~all_ones(exponent_field(x)); }
  B is_float_zero(const B &x) const { return is_zero(magnitude(x)); }
  B is_denormal(const B &x) const { return is_zero(exponent_field(x)) & ~is_zero(fraction(x)); }

  B nan(const B &like) const {
    return concat(literal(like, 1, 0),
                  concat(~literal(like, format_.exponent_bits + 1, 0), zero_fraction(like, 1)));
  }
  B infinity(const B &sign) const {
    return concat(sign, concat(~literal(sign, format_.exponent_bits, 0), zero_fraction(sign, 0)));
  }
  B zero(const B &sign) const { return concat(sign, literal(sign, format_.width() - 1, 0)); }

  /// A denormal becomes a zero of its sign.
  B flush(const B &x) const { return choose(is_denormal(x), zero(sign_bit(x)), x); }

  /// With the other sign, or without: NaN stays some NaN.
  B opposite(const B &x) const { return concat(~sign_bit(x), magnitude(x)); }
  B unsigned_value(const B &x) const { return concat(literal(x, 1, 0), magnitude(x)); }

  /// Of the sign alone: denormals stay.
  B negate(const B &x) const { return choose(is_nan(x), nan(x), opposite(x)); }
  B absolute(const B &x) const { return choose(is_nan(x), nan(x), unsigned_value(x)); }

  B add(const B &a, const B &b) const {
    B x = operand(a), y = operand(b);
    B sum = add_exactly(unpacked(x), unpacked(y), zero_sum_sign(sign_bit(x), sign_bit(y)));
    return add_specials(is_nan(x) | is_nan(y), is_infinite(x), sign_bit(x), is_infinite(y),
                        sign_bit(y), sum);
  }
  B subtract(const B &a, const B &b) const { return add(a, opposite(b)); }

  B multiply(const B &a, const B &b) const {
    B x = operand(a), y = operand(b), sign = sign_bit(x) ^ sign_bit(y);
    Number product = exact_product(normalized(x), normalized(y));
    B zero_factor = is_float_zero(x) | is_float_zero(y), inf = is_infinite(x) | is_infinite(y);
    B out = choose(zero_factor, zero(sign), rounded(product));
    out = choose(inf, infinity(sign), out);
    return choose(is_nan(x) | is_nan(y) | (inf & zero_factor), nan(x), out);
  }

  B divide(const B &a, const B &b) const {
    B x = operand(a), y = operand(b), sign = sign_bit(x) ^ sign_bit(y);
    Number n = normalized(x), d = normalized(y);
    int p = format_.precision, bits = 2 * p + 2;
    B dividend = pad_right(n.significand, bits), divisor = zero_extend(d.significand, bits);
    B digits = extract(quotient(dividend, divisor), p + 2, 0);
    B rest = ~is_zero(remainder(dividend, divisor));
    B out = rounded({sign, n.exponent - d.exponent, concat(digits, rest)});
    out = choose(is_float_zero(x) | is_infinite(y), zero(sign), out);
    out = choose(is_infinite(x) | is_float_zero(y), infinity(sign), out);
    B invalid = (is_float_zero(x) & is_float_zero(y)) | (is_infinite(x) & is_infinite(y));
    return choose(is_nan(x) | is_nan(y) | invalid, nan(x), out);
  }

  /// a * b + c, rounded once. 2 * precision + 4 bits wide inside.
  B fused_multiply_add(const B &a, const B &b, const B &c) const {
    B x = operand(a), y = operand(b), z = operand(c), sign = sign_bit(x) ^ sign_bit(y);
    B zero_factor = is_float_zero(x) | is_float_zero(y), inf = is_infinite(x) | is_infinite(y);
    Number product = exact_product(normalized(x), normalized(y)), addend = normalized(z);
    product = left_aligned(product);
    product.significand =
        choose(zero_factor, literal(x, width(product.significand), 0), product.significand);
    product.exponent = choose(zero_factor, lowest(x, width(product.exponent)), product.exponent);
    addend.significand = pad_right(addend.significand, width(product.significand));
    addend.exponent = choose(is_float_zero(z), lowest(x, width(addend.exponent)), addend.exponent);
    B sum = add_exactly(product, addend, zero_sum_sign(sign, sign_bit(z)));
    B invalid = is_nan(x) | is_nan(y) | is_nan(z) | (inf & zero_factor);
    return add_specials(invalid, inf, sign, is_infinite(z), sign_bit(z), sum);
  }

  B square_root(const B &a) const {
    B x = operand(a);
    Number n = normalized(x);
    // An even exponent: significand * 2^(exponent mod 2), in two bits a digit of the root.
    int digits = format_.precision + 2, bits = 2 * digits;
    B odd = extract(n.exponent, 0, 0);
    B wide = zero_extend(n.significand, bits);
    B radicand = shift_left(
        wide, literal(x, bits, static_cast<std::uint64_t>(bits - format_.precision - 1)));
    radicand = choose(odd, shift_left(radicand, literal(x, bits, 1)), radicand);
    B root = literal(x, bits, 0), rest = radicand;
    for (int d = digits - 1; d >= 0; --d) {
      // (root + 2^d)^2 = root^2 + 2^(d+1) root + 2^2d; `rest` is the radicand less root^2.
      B step = shift_left(root, literal(x, bits, static_cast<std::uint64_t>(d + 1))) |
               shift_left(literal(x, bits, 1), literal(x, bits, static_cast<std::uint64_t>(2 * d)));
      B fits = ~less(rest, step);
      rest = choose(fits, rest - step, rest);
      root = choose(
          fits,
          root | shift_left(literal(x, bits, 1), literal(x, bits, static_cast<std::uint64_t>(d))),
          root);
    }
    B half = sign_extend(extract(n.exponent, width(n.exponent) - 1, 1), width(n.exponent));
    B significand = concat(extract(root, digits - 1, 0), ~is_zero(rest));
    B out = rounded({sign_bit(x), half, significand});
    out = choose(is_infinite(x), x, out);
    out = choose(is_nan(x) | sign_bit(x), nan(x), out);
    return choose(is_float_zero(x), x, choose(is_nan(x), nan(x), out));
  }

  /// One bit; false when either is NaN.
  B less_than(const B &a, const B &b) const {
    B x = operand(a), y = operand(b), sx = sign_bit(x), sy = sign_bit(y);
    B both_zero = is_float_zero(x) & is_float_zero(y);
    B same_sign = choose(sx, less(magnitude(y), magnitude(x)), less(magnitude(x), magnitude(y)));
    return choose(sx ^ sy, sx, same_sign) & ~both_zero & ~is_nan(x) & ~is_nan(y);
  }
  B equal_to(const B &a, const B &b) const {
    B x = operand(a), y = operand(b);
    B both_zero = is_float_zero(x) & is_float_zero(y);
    return (equal(x, y) | both_zero) & ~is_nan(x) & ~is_nan(y);
  }

  /// NaN if either is; -0 below +0.
  B maximum(const B &a, const B &b) const { return extreme(a, b, false); }
  B minimum(const B &a, const B &b) const { return extreme(a, b, true); }

  /// A value of format `from`, rounded to this one.
  B convert_from(const B &a, FloatFormat from) const {
    SoftFloat<B> source(from, denormals_);
    B x = source.operand(a);
    if (from.exponent_bits == format_.exponent_bits && denormals_.results != Underflow::Tiny) {
      B out = same_range(x, from);
      if (rounding_.overflow != Overflow::Infinity) // rounded up to infinity, of a finite number
        out = choose(is_infinite(out) & ~source.is_infinite(x), overflowed(sign_bit(x)), out);
      return choose(source.is_nan(x), nan(x), out);
    }
    Number n = source.normalized(x);
    B out = choose(source.is_float_zero(x), zero(sign_bit(x)),
                   rounded({n.sign, n.exponent, n.significand}));
    out = choose(source.is_infinite(x), infinity(sign_bit(x)), out);
    return choose(source.is_nan(x), nan(x), out);
  }

  /// The integer of this sign and magnitude, rounded; zero is +0.
  B from_integer(const B &sign, const B &amount) const {
    int bits = width(amount), exponent_bits = std::max(exponent_width(), 8);
    B exponent = literal(amount, exponent_bits, static_cast<std::uint64_t>(bits - 1));
    return choose(is_zero(amount), zero(literal(sign, 1, 0)), rounded({sign, exponent, amount}));
  }

private:
  template <class> friend class SoftFloat;

  /// (-1)^sign * significand * 2^(exponent + 1 - width(significand)): the significand's first bit
  /// stands for 2^exponent. The exponent is in two's complement.
  struct Number {
    B sign, exponent, significand;
  };

  int exponent_width() const {
    return format_.exponent_bits +
           static_cast<int>(std::bit_width(static_cast<unsigned>(format_.precision))) + 2;
  }
  B exponent_field(const B &x) const {
    return extract(x, format_.width() - 2, format_.precision - 1);
  }
  B fraction(const B &x) const { return extract(x, format_.precision - 2, 0); }
  B magnitude(const B &x) const { return extract(x, format_.width() - 2, 0); }
  B zero_fraction(const B &like, int less_bits) const {
    return literal(like, format_.precision - 1 - less_bits, 0);
  }
  B operand(const B &x) const { return denormals_.flush_operands ? flush(x) : x; }
  /// A number of a format with the same exponents: only the fraction's length changes.
  B same_range(const B &x, FloatFormat from) const {
    int less = from.precision - format_.precision;
    if (less <= 0)
      return tiny_flushed(pad_right(x, format_.width()));
    B kept = extract(x, from.width() - 1, less), guard = extract(x, less - 1, less - 1);
    B rest = less > 1 ? ~is_zero(extract(x, less - 2, 0)) : literal(x, 1, 0);
    B up = rounds_up(sign_bit(x), extract(kept, 0, 0), guard, rest);
    // A carry runs into the exponent, at the end of the range to infinity; never into the sign.
    B out = kept + zero_extend(up, width(kept));
    return tiny_flushed(out);
  }
  B tiny_flushed(const B &x) const {
    return denormals_.results == Underflow::Rounded ? flush(x) : x;
  }
  /// An exponent below every other.
  B lowest(const B &like, int bits) const {
    return concat(literal(like, 1, 1), literal(like, bits - 1, 0));
  }

  /// Of a finite number; a denormal's significand starts with zeros.
  Number unpacked(const B &x) const {
    B field = exponent_field(x), hidden = ~is_zero(field);
    int bits = exponent_width();
    B biased = zero_extend(field, bits) | zero_extend(~hidden, bits);
    return {sign_bit(x), biased - signed_literal(x, bits, format_.bias()),
            concat(hidden, fraction(x))};
  }
  /// Of a finite number; only zero's significand starts with a zero.
  Number normalized(const B &x) const {
    Number n = unpacked(x);
    B count = n.exponent;
    n.significand = normalize(n.significand, exponent_width(), count);
    n.exponent = n.exponent - count;
    return n;
  }

  /// Exact, of twice the precision.
  Number exact_product(const Number &x, const Number &y) const {
    int bits = 2 * format_.precision;
    return {x.sign ^ y.sign, x.exponent + y.exponent + literal(x.exponent, exponent_width(), 1),
            zero_extend(x.significand, bits) * zero_extend(y.significand, bits)};
  }
  /// The product of two normalized significands, without the zero it may start with.
  Number left_aligned(const Number &product) const {
    const B &s = product.significand;
    B clear = ~sign_bit(s);
    return {product.sign,
            choose(clear, product.exponent - literal(s, exponent_width(), 1), product.exponent),
            choose(clear, shift_left(s, literal(s, width(s), 1)), s)};
  }

  /// x + y of numbers with significands of one width, at least one normalized unless both have the
  /// same exponent, rounded. A sum of zero has sign `zero_sign`.
  B add_exactly(const Number &x, const Number &y, const B &zero_sign) const {
    // The exponent with its sign bit inverted orders as an unsigned number.
    int exponent_bits = width(x.exponent), digits = width(x.significand);
    auto key = [&](const Number &n) {
      B sign = sign_bit(n.exponent);
      return concat(concat(~sign, extract(n.exponent, exponent_bits - 2, 0)), n.significand);
    };
    B key_x = key(x), key_y = key(y);
    Pair pair = sorted(key_x, concat(x.sign, concat(x.exponent, x.significand)), key_y,
                       concat(y.sign, concat(y.exponent, y.significand)));
    auto exponent_of = [&](const B &packed) {
      return extract(packed, exponent_bits + digits - 1, digits);
    };
    B sign = sign_bit(pair.large), exponent = exponent_of(pair.large);
    B distance = exponent - exponent_of(pair.small);
    // Three bits more: guard, round and sticky.
    int bits = digits + 4;
    auto widened = [&](const B &packed) {
      return concat(literal(packed, 1, 0), pad_right(extract(packed, digits - 1, 0), bits - 1));
    };
    B large = widened(pair.large), small = shift_right_sticky(widened(pair.small), distance);
    B sum = choose(x.sign ^ y.sign, large - small, large + small);
    B out = rounded({sign, exponent + literal(sign, width(exponent), 1), sum});
    return choose(is_zero(sum), zero(zero_sign), out);
  }
  B add_specials(const B &invalid, const B &x_infinite, const B &x_sign, const B &y_infinite,
                 const B &y_sign, const B &sum) const {
    B sign = (x_infinite & x_sign) | (y_infinite & y_sign);
    B out = choose(x_infinite | y_infinite, infinity(sign), sum);
    return choose(invalid | ((x_infinite & y_infinite) & (x_sign ^ y_sign)), nan(sum), out);
  }

  /// Unsigned numbers in the order of the floats, -0 below +0.
  B order_key(const B &x) const {
    B sign = sign_bit(x);
    return choose(sign, ~x, concat(literal(x, 1, 1), magnitude(x)));
  }
  B extreme(const B &a, const B &b, bool smaller) const {
    B x = operand(a), y = operand(b);
    Pair pair = sorted(order_key(x), x, order_key(y), y);
    return choose(is_nan(x) | is_nan(y), nan(x), smaller ? pair.small : pair.large);
  }

  /// Two values by their keys; `large` = `small` = x & y where the keys are equal. Symmetric in
  /// every gate, so that in a circuit the exchanged operands give the same terms.
  struct Pair {
    B large, small;
  };
  static Pair sorted(const B &key_x, const B &x, const B &key_y, const B &y) {
    B below = less(key_x, key_y), above = less(key_y, key_x), neither = ~(below | above);
    auto where = [&](const B &condition, const B &value) {
      B none = literal(value, width(value), 0);
      return choose(condition, ~none, none) & value;
    };
    B both = where(neither, x & y);
    return {(where(above, x) | where(below, y)) | both, (where(below, x) | where(above, y)) | both};
  }

  /// Rounds a number that is not zero.
  B rounded(Number n) const {
    int p = format_.precision;
    if (width(n.significand) < p + 2)
      n.significand = pad_right(n.significand, p + 2);
    int bits = width(n.significand), count_bits = std::bit_width(static_cast<unsigned>(bits));
    int wide = std::max({width(n.exponent), exponent_width(), count_bits + 1}) + 1;
    B count = n.exponent;
    B significand = normalize(n.significand, wide, count);
    B exponent = sign_extend(n.exponent, wide) - count;
    B smallest = signed_literal(exponent, wide, format_.smallest());
    B tiny = signed_less(exponent, smallest);
    B kept = choose(tiny, shift_right_sticky(significand, smallest - exponent), significand);
    B digits = extract(kept, bits - 1, bits - p);
    B up = rounds_up(n.sign, kept);
    B biased = exponent + signed_literal(exponent, wide, format_.bias());
    B field = choose(tiny, literal(exponent, format_.exponent_bits, 0),
                     extract(biased, format_.exponent_bits - 1, 0));
    // A carry out of the fraction runs into the exponent, which is what the encoding wants.
    B encoded = concat(field, extract(digits, p - 2, 0));
    encoded = encoded + zero_extend(up, width(encoded));
    B out = concat(n.sign, encoded);
    B too_large = signed_less(signed_literal(exponent, wide, format_.largest()), exponent);
    if (rounding_.overflow == Overflow::Infinity)
      out = choose(too_large, infinity(n.sign), out);
    else
      out = choose(too_large | is_infinite(out), overflowed(n.sign), out);
    if (denormals_.results == Underflow::Rounded)
      out = flush(out);
    if (denormals_.results == Underflow::Tiny) {
      B below = equal(exponent, signed_literal(exponent, wide, format_.smallest() - 1));
      B carries = below & all_ones(extract(significand, bits - 1, bits - p)) &
                  rounds_up(n.sign, significand);
      out = choose(tiny & ~carries, zero(n.sign), out);
    }
    return out;
  }
  /// Whether the first `precision` bits round up in magnitude, given those that follow.
  B rounds_up(const B &sign, const B &significand) const {
    int bits = width(significand), p = format_.precision;
    B last = extract(significand, bits - p, bits - p),
      guard = extract(significand, bits - p - 1, bits - p - 1);
    return rounds_up(sign, last, guard, ~is_zero(extract(significand, bits - p - 2, 0)));
  }
  /// Given the last bit that is kept, the first that is not, and whether any after that is set.
  B rounds_up(const B &sign, const B &last, const B &guard, const B &rest) const {
    switch (rounding_.mode) {
    case Rounding::NearestEven:
      return guard & (rest | last);
    case Rounding::NearestAway:
      return guard;
    case Rounding::HalfUp:
      return guard & (rest | ~sign);
    case Rounding::TowardZero:
      return literal(guard, 1, 0);
    case Rounding::Down:
      return sign & (guard | rest);
    case Rounding::Up:
      return ~sign & (guard | rest);
    case Rounding::ToOdd:
      break;
    }
    return (guard | rest) & ~last;
  }
  /// Infinity or the largest finite number.
  B overflowed(const B &sign) const {
    auto result = [&](bool negative) {
      B magnitude = ~literal(sign, format_.exponent_bits, 0);
      B infinite = concat(magnitude, literal(sign, format_.precision - 1, 0));
      bool finite = overflows_to_largest(rounding_.overflow, rounding_.mode, negative);
      return infinite - literal(sign, width(infinite), finite);
    };
    return concat(sign, choose(sign, result(true), result(false)));
  }
  /// IEEE 754-2019, 6.3: of a sum that is exactly zero.
  B zero_sum_sign(const B &x, const B &y) const {
    return rounding_.mode == Rounding::Down ? x | y : x & y;
  }

  FloatFormat format_;
  Denormals denormals_;
  ResultRounding rounding_;
};

} // namespace isamorph::semantics
