#pragma once
// Bit-vectors of 1 to 128 bits as plain integers: the operations of SMT-LIB's QF_BV, by their
// definitions, as far as the soft-float (semantics/soft_float.h) and the circuits
// (verify/bitvector_circuit.h) need them. Bits above the width are zero.

#include <cassert>
#include <cstdint>

namespace isamorph::semantics {

__extension__ using Uint128 = unsigned __int128;

/// A value of `width` bits. Both operands of an operation have the same width.
struct BitWord {
  Uint128 value = 0;
  int width = 1;

  BitWord() = default;
  BitWord(int bits, Uint128 v) : value(v & mask(bits)), width(bits) {}
  static Uint128 mask(int bits) {
    assert(bits >= 1 && bits <= 128);
    return ~Uint128{0} >> (128 - bits);
  }
  bool operator==(const BitWord &) const = default;
};

inline int width(const BitWord &x) { return x.width; }
/// A constant of the same kind as `x`.
inline BitWord literal(const BitWord & /*x*/, int bits, std::uint64_t value) {
  return {bits, value};
}
inline BitWord extract(const BitWord &x, int high, int low) {
  return {high - low + 1, x.value >> low};
}
inline BitWord concat(const BitWord &high, const BitWord &low) {
  return {high.width + low.width, high.value << low.width | low.value};
}
inline BitWord operator+(const BitWord &x, const BitWord &y) {
  return {x.width, x.value + y.value};
}
inline BitWord operator-(const BitWord &x, const BitWord &y) {
  return {x.width, x.value - y.value};
}
inline BitWord operator*(const BitWord &x, const BitWord &y) {
  return {x.width, x.value * y.value};
}
inline BitWord operator&(const BitWord &x, const BitWord &y) {
  return {x.width, x.value & y.value};
}
inline BitWord operator|(const BitWord &x, const BitWord &y) {
  return {x.width, x.value | y.value};
}
inline BitWord operator^(const BitWord &x, const BitWord &y) {
  return {x.width, x.value ^ y.value};
}
inline BitWord operator~(const BitWord &x) { return {x.width, ~x.value}; }
/// By an amount at least as large as the width: zero.
inline BitWord shift_left(const BitWord &x, const BitWord &amount) {
  bool all = amount.value >= static_cast<Uint128>(x.width);
  return {x.width, all ? 0 : x.value << static_cast<int>(amount.value)};
}
inline BitWord shift_right(const BitWord &x, const BitWord &amount) {
  bool all = amount.value >= static_cast<Uint128>(x.width);
  return {x.width, all ? 0 : x.value >> static_cast<int>(amount.value)};
}
/// Unsigned division; by zero: all bits set, and the dividend as remainder.
inline BitWord quotient(const BitWord &x, const BitWord &y) {
  return {x.width, y.value ? x.value / y.value : ~Uint128{0}};
}
inline BitWord remainder(const BitWord &x, const BitWord &y) {
  return {x.width, y.value ? x.value % y.value : x.value};
}
/// One bit.
inline BitWord equal(const BitWord &x, const BitWord &y) { return {1, x.value == y.value}; }
inline BitWord less(const BitWord &x, const BitWord &y) { return {1, x.value < y.value}; }
inline BitWord choose(const BitWord &condition, const BitWord &x, const BitWord &y) {
  return condition.value ? x : y;
}

} // namespace isamorph::semantics
