#include "verify/checker/product_lemma.h"

#include "semantics/soft_float.h"
#include "verify/checker/bitvector_circuit.h"

namespace isamorph::verify {
namespace {

constexpr int kFractionBits = 7, kProductFractionBits = 23, kExponentBits = 8;
/// Wide enough for sums of exponents.
constexpr int kWide = 12;

/// What a float is, but for its sign: significand * 2^(exponent - bias - fraction bits).
struct Parts {
  Wire field, significand, exponent;
};

Parts parts(const Wire &x, int fraction_bits) {
  Wire field = extract(x, fraction_bits + kExponentBits - 1, fraction_bits),
       normal = ~equal(field, literal(x, kExponentBits, 0)),
       least = choose(normal, field, literal(x, kExponentBits, 1));
  return {field, concat(normal, extract(x, fraction_bits - 1, 0)),
          concat(literal(x, kWide - kExponentBits, 0), least)};
}

Wire finite(const Parts &p) { return ~equal(p.field, literal(p.field, kExponentBits, 0xff)); }
Wire is_zero(const Parts &p, int fraction_bits) {
  return equal(p.significand, literal(p.significand, fraction_bits + 1, 0));
}

/// Where the product p of x and y is a normal number, its significand is that of x times that of y,
/// shifted to the left by as much as its exponent is less: nothing is lost. Where a factor is zero,
/// so is p.
Obligation exact(const std::string &name, semantics::Denormals denormals) {
  Circuit circuit;
  Wire x = circuit.variable("x", 16), y = circuit.variable("y", 16);
  auto widened = [](const Wire &bits) { return concat(bits, literal(bits, 16, 0)); };
  Wire p =
      semantics::SoftFloat<Wire>(semantics::kFormatF32, denormals).multiply(widened(x), widened(y));
  Parts a = parts(x, kFractionBits), b = parts(y, kFractionBits),
        c = parts(p, kProductFractionBits);
  auto factor = [](const Parts &f) {
    return concat(literal(f.significand, 2 * kFractionBits + 10, 0), f.significand);
  };
  Wire product = extract(factor(a) * factor(b), kProductFractionBits, 0);
  // 2^(a - 127 - 7) 2^(b - 127 - 7) = 2^(shift) 2^(c - 127 - 23)
  Wire shift = a.exponent + b.exponent - c.exponent - literal(x, kWide, 127 + 14 - 23);
  Wire same = equal(shift_left(product, concat(literal(x, 24 - kWide, 0), shift)), c.significand) &
              less(shift, literal(x, kWide, 24)) &
              equal(extract(p, 31, 31), extract(x, 15, 15) ^ extract(y, 15, 15));
  Wire normal = finite(c) & ~equal(c.field, literal(p, kExponentBits, 0)),
       zero = is_zero(a, kFractionBits) | is_zero(b, kFractionBits);
  Wire holds = (~normal | same) & (~zero | is_zero(c, kProductFractionBits));
  std::vector<Wire> assertions = {finite(a), finite(b), ~holds};
  return {name, "(set-logic QF_BV)\n" + circuit.smtlib(assertions) + "(check-sat)\n"};
}

} // namespace

std::vector<Obligation> exact_product(const std::string &name) {
  return {exact(name + ", denormals kept", {}),
          exact(name + ", denormals flushed", {true, semantics::Underflow::Rounded})};
}

} // namespace isamorph::verify
