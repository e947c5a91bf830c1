#include "verify/real_intervals.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace isamorph::verify {
namespace {

using semantics::CompareDirection;
using semantics::is_float;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr int kLibraryUlps = 8;

bool is_point(const Interval &x) { return x.low == x.high && std::isfinite(x.low); }

double down(double x, int ulps = 1) {
  for (int i = 0; i < ulps; ++i)
    x = std::nextafter(x, -kInfinity);
  return x;
}

double up(double x, int ulps = 1) { return -down(-x, ulps); }

/// Bounds moved outwards; anything undefined is all numbers.
Interval outward(double low, double high, int ulps = 1) {
  if (std::isnan(low) || std::isnan(high))
    return {};
  return {down(low, ulps), up(high, ulps)};
}

Interval hull(const Interval &a, const Interval &b) {
  return {std::min(a.low, b.low), std::max(a.high, b.high)};
}

Interval add(const Interval &a, const Interval &b) {
  return outward(a.low + b.low, a.high + b.high);
}

Interval negate(const Interval &a) { return {-a.high, -a.low}; }

Interval multiply(const Interval &a, const Interval &b) {
  if ((is_point(a) && a.low == 0) || (is_point(b) && b.low == 0))
    return Interval::point(0); // also where the other has no bound
  std::array<double, 4> products = {a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high};
  for (double p : products)
    if (std::isnan(p))
      return {};
  auto [low, high] = std::minmax_element(products.begin(), products.end());
  return outward(*low, *high);
}

Interval divide(const Interval &a, const Interval &b) {
  if (b.contains(0))
    return {};
  return multiply(a, outward(1 / b.high, 1 / b.low));
}

Interval maximum(const Interval &a, const Interval &b) {
  return {std::max(a.low, b.low), std::max(a.high, b.high)};
}

Interval minimum(const Interval &a, const Interval &b) {
  return {std::min(a.low, b.low), std::min(a.high, b.high)};
}

template <class F> Interval increasing(const Interval &x, F f) {
  return outward(f(x.low), f(x.high), kLibraryUlps);
}

/// Increasing on the numbers above `start` (below it has no value there).
template <class F> Interval increasing_from(const Interval &x, double start, F f) {
  return x.low < start ? Interval{} : increasing(x, f);
}

/// A wave: its slope is at most 1.
template <class F> Interval wave(const Interval &x, F f) {
  if (!(x.high - x.low < 2) || std::abs(x.high) > 1e15)
    return {-1, 1};
  double middle = x.low + (x.high - x.low) / 2, reach = up(x.high - x.low);
  Interval out = outward(f(middle) - reach, f(middle) + reach, kLibraryUlps);
  return {std::max(out.low, -1.0), std::min(out.high, 1.0)};
}

Interval absolute(const Interval &x) {
  if (x.contains(0))
    return {0, std::max(-x.low, x.high)};
  return x.low > 0 ? x : negate(x);
}

double sign(double x) { return x > 0 ? 1 : x < 0 ? -1 : 0; }
double logistic(double x) { return 1 / (1 + std::exp(-x)); }

Interval logarithm_of_power(const Interval &base, const Interval &exponent) {
  if (!(base.low > 0))
    return {};
  Interval log = increasing(base, [](double v) { return std::log(v); });
  return increasing(multiply(exponent, log), [](double v) { return std::exp(v); });
}

Interval unary(OpCode op, const Interval &x) {
  switch (op) {
  case OpCode::Copy:
  case OpCode::Convert:
    return x;
  case OpCode::Negate:
    return negate(x);
  case OpCode::Abs:
    return absolute(x);
  case OpCode::Sign:
    return {sign(x.low), sign(x.high)};
  case OpCode::Floor:
    return {std::floor(x.low), std::floor(x.high)};
  case OpCode::Ceil:
    return {std::ceil(x.low), std::ceil(x.high)};
  case OpCode::RoundNearestEven:
    return {std::nearbyint(x.low), std::nearbyint(x.high)};
  case OpCode::Exponential:
    return increasing(x, [](double v) { return std::exp(v); });
  case OpCode::ExponentialMinusOne:
    return increasing(x, [](double v) { return std::expm1(v); });
  case OpCode::Log:
    return x.low <= 0 ? Interval{} : increasing(x, [](double v) { return std::log(v); });
  case OpCode::LogPlusOne:
    return x.low <= -1 ? Interval{} : increasing(x, [](double v) { return std::log1p(v); });
  case OpCode::Logistic:
    return increasing(x, logistic);
  case OpCode::Tanh:
    return increasing(x, [](double v) { return std::tanh(v); });
  case OpCode::Erf:
    return increasing(x, [](double v) { return std::erf(v); });
  case OpCode::Sqrt:
    return increasing_from(x, 0, [](double v) { return std::sqrt(v); });
  case OpCode::Rsqrt:
    return x.low <= 0
               ? Interval{}
               : divide(Interval::point(1), increasing(x, [](double v) { return std::sqrt(v); }));
  case OpCode::Cbrt:
    return increasing(x, [](double v) { return std::cbrt(v); });
  case OpCode::Sine:
    return wave(x, [](double v) { return std::sin(v); });
  case OpCode::Cosine:
    return wave(x, [](double v) { return std::cos(v); });
  default:
    return {};
  }
}

Interval binary(OpCode op, const Interval &a, const Interval &b) {
  switch (op) {
  case OpCode::Add:
    return add(a, b);
  case OpCode::Subtract:
    return add(a, negate(b));
  case OpCode::Multiply:
    return multiply(a, b);
  case OpCode::Divide:
    return divide(a, b);
  case OpCode::Maximum:
    return maximum(a, b);
  case OpCode::Minimum:
    return minimum(a, b);
  case OpCode::Power:
    return logarithm_of_power(a, b);
  case OpCode::Remainder: // fmod is exact
    return is_point(a) && is_point(b) && b.low != 0 ? Interval::point(std::fmod(a.low, b.low))
                                                    : Interval{};
  default:
    return {};
  }
}

/// Whether a comparison holds, if the enclosures decide it.
std::optional<bool> decide(CompareDirection direction, const Interval &a, const Interval &b) {
  bool same = is_point(a) && is_point(b) && a.low == b.low;
  bool less = a.high < b.low, greater = b.high < a.low;
  bool at_most = a.high <= b.low, at_least = b.high <= a.low;
  auto answer = [](bool yes, bool no) {
    return yes ? std::optional<bool>(true) : no ? std::optional<bool>(false) : std::nullopt;
  };
  switch (direction) {
  case CompareDirection::EQ:
    return answer(same, less || greater);
  case CompareDirection::NE:
    return answer(less || greater, same);
  case CompareDirection::LT:
    return answer(less, at_least);
  case CompareDirection::LE:
    return answer(at_most, greater);
  case CompareDirection::GT:
    return answer(greater, at_most);
  default:
    return answer(at_least, less);
  }
}

/// A term's value: an enclosure, and the bits of an integer or of a float that was only moved,
/// when they are known.
struct Value {
  Interval real;
  std::optional<std::uint64_t> bits;
  int infinity = 0; ///< the sign of an infinite literal, from which a maximum or minimum begins
};

class Encloser {
public:
  Encloser(const TermGraph &terms, std::span<const semantics::Tensor> inputs)
      : terms_(terms), inputs_(inputs), values_(terms.size()) {}

  std::vector<Interval> run() {
    std::vector<Interval> out(terms_.size());
    for (std::uint32_t n = 0; n < terms_.size(); ++n) {
      terms_.poll();
      values_[n] = compute({n});
      out[n] = values_[n].real;
    }
    return out;
  }

private:
  const Value &at(TermId term) const { return values_[term.v]; }

  static Value real(Interval x) { return {x, std::nullopt}; }

  static Value extremum(OpCode op, const Value &a, const Value &b) {
    int least = op == OpCode::Maximum ? -1 : 1;
    if (a.infinity == least)
      return b;
    if (b.infinity == least)
      return a;
    return real(binary(op, a.real, b.real));
  }

  static int infinity_of(ElementType type, std::uint64_t bits) {
    double value = semantics::decode(type, bits);
    return value == kInfinity ? 1 : value == -kInfinity ? -1 : 0;
  }

  static Value exact(ElementType type, std::uint64_t bits) {
    if (is_float(type))
      return semantics::is_finite(type, bits)
                 ? Value{Interval::point(semantics::decode(type, bits)), bits}
                 : Value{{}, std::nullopt, infinity_of(type, bits)};
    double whole = semantics::decode(type, bits);
    bool rounded = std::abs(whole) >= 0x1p53;
    return {rounded ? outward(whole, whole) : Interval::point(whole), bits};
  }

  Value compute(TermId id) {
    const Term &t = terms_[id];
    switch (t.kind) {
    case TermKind::Input:
      return exact(t.type, inputs_[t.a].bits(t.b));
    case TermKind::Literal:
      return exact(t.type, t.bits);
    case TermKind::Extract: {
      const Value &v = at(terms_.operands(id)[0]);
      return v.bits ? exact(t.type, *v.bits >> (8 * t.detail) & 0xff) : Value{};
    }
    case TermKind::Join:
      return join(id);
    case TermKind::Op:
      return operation(id);
    case TermKind::Dot:
      return dot(t);
    default:
      return reduce(id);
    }
  }

  Value join(TermId id) const {
    std::uint64_t bits = 0;
    auto bytes = terms_.operands(id);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      if (!at(bytes[i]).bits)
        return {};
      bits |= *at(bytes[i]).bits << (8 * i);
    }
    return exact(terms_[id].type, bits);
  }

  Value scalar(OpCode op, std::uint8_t detail, ElementType result,
               std::span<const ElementType> types, std::span<const Value *const> operands) const {
    std::array<std::uint64_t, 3> bits{};
    for (std::size_t i = 0; i < operands.size(); ++i) {
      if (!operands[i]->bits)
        return {};
      bits[i] = *operands[i]->bits;
    }
    semantics::Attributes attributes;
    attributes.set(semantics::AttributeKey::Direction, {detail});
    return exact(result,
                 semantics::evaluate_scalar(op, attributes, types, {bits.data(), operands.size()},
                                            result, terms_.profile()));
  }

  Value operation(TermId id) const {
    const Term &t = terms_[id];
    auto operands = terms_.operands(id);
    std::array<const Value *, 3> v{};
    std::array<ElementType, 3> types{};
    for (std::size_t i = 0; i < operands.size(); ++i) {
      v[i] = &at(operands[i]);
      types[i] = terms_[operands[i]].type;
    }
    std::size_t count = operands.size();
    if (t.op == OpCode::Select) {
      if (v[0]->bits)
        return *v[*v[0]->bits ? 1 : 2];
      return is_float(t.type) ? real(hull(v[1]->real, v[2]->real)) : Value{};
    }
    if (t.op == OpCode::Compare && is_float(types[0])) {
      auto truth = decide(static_cast<CompareDirection>(t.detail), v[0]->real, v[1]->real);
      return truth ? exact(ElementType::Pred, *truth) : Value{{0, 1}, std::nullopt};
    }
    if (t.op == OpCode::Convert && is_float(types[0]) != is_float(t.type))
      return is_float(t.type) ? real(v[0]->real) : to_integer(t.type, v[0]->real);
    if (!is_float(t.type))
      return scalar(t.op, t.detail, t.type, {types.data(), count}, {v.data(), count});
    if (t.op == OpCode::Maximum || t.op == OpCode::Minimum)
      return extremum(t.op, *v[0], *v[1]);
    if (t.op == OpCode::Clamp)
      return real(minimum(maximum(v[0]->real, v[1]->real), v[2]->real));
    return real(count == 1 ? unary(t.op, v[0]->real) : binary(t.op, v[0]->real, v[1]->real));
  }

  /// Truncated; a value outside of the type's range is no business of the real numbers.
  static Value to_integer(ElementType type, const Interval &x) {
    double whole = std::trunc(x.low);
    constexpr double exact_below = 0x1p53;
    if (whole != std::trunc(x.high) || !(std::abs(whole) < exact_below))
      return {};
    std::uint64_t bits = semantics::encode_integer(type, static_cast<std::int64_t>(whole));
    return semantics::decode(type, bits) == whole ? exact(type, bits) : Value{};
  }

  Value fold(OpCode op, ElementType type, const Value &a, const Value &b) const {
    if (is_float(type) && (op == OpCode::Maximum || op == OpCode::Minimum))
      return extremum(op, a, b);
    if (is_float(type))
      return real(binary(op, a.real, b.real));
    std::array<ElementType, 2> types = {type, type};
    std::array<const Value *, 2> operands = {&a, &b};
    return scalar(op, 0, type, types, operands);
  }

  Value dot(const Term &t) const {
    auto a = terms_.elements({t.a}), b = terms_.elements({t.b});
    Value sum = exact(t.type, 0);
    for (std::size_t i = 0; i < a.size(); ++i)
      sum = fold(OpCode::Add, t.type, sum, fold(OpCode::Multiply, t.type, at(a[i]), at(b[i])));
    return sum;
  }

  Value reduce(TermId id) const {
    const Term &t = terms_[id];
    Value out = at(terms_.operands(id)[0]);
    for (TermId element : terms_.elements({t.a}))
      out = fold(t.op, t.type, out, at(element));
    return out;
  }

  const TermGraph &terms_;
  std::span<const semantics::Tensor> inputs_;
  std::vector<Value> values_;
};

} // namespace

std::vector<Interval> enclose_terms(const TermGraph &terms,
                                    std::span<const semantics::Tensor> inputs) {
  return Encloser(terms, inputs).run();
}

} // namespace isamorph::verify
