#include "verify/real_normal_form.h"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace isamorph::verify {
namespace {

using semantics::is_float;
using semantics::is_integer;

/// Values of terms are computed anew rather than kept beyond so many monomials.
constexpr std::size_t kMostHeld = std::size_t{1} << 20;

/// Whether every number of one integer type, or pred, is one of the other.
bool holds_all(ElementType to, ElementType from) {
  if (from == ElementType::Pred || to == from)
    return true;
  bool from_sign = semantics::is_signed_integer(from), to_sign = semantics::is_signed_integer(to);
  return semantics::byte_size(to) > semantics::byte_size(from) && (to_sign || !from_sign);
}

} // namespace

RealValue real_value(ElementType type, std::uint64_t bits) {
  if (semantics::is_nan(type, bits))
    throw NotReal("NaN is no real number");
  if (semantics::is_unsigned_integer(type) || type == ElementType::Pred)
    return {constant(Rational(bits)), 0};
  if (is_integer(type)) {
    int unused = 64 - 8 * semantics::byte_size(type);
    return {constant(Rational(static_cast<std::int64_t>(bits << unused) >> unused)), 0};
  }
  double number = semantics::decode(type, bits);
  if (std::isinf(number))
    return {{}, number < 0 ? -1 : 1};
  return {constant(Rational(number)), 0};
}

RealNormalizer::RealNormalizer(const TermGraph &terms, Atoms &atoms, Options options)
    : terms_(terms), options_(std::move(options)), atoms_(atoms) {
  atoms_.note("real ring");
}

bool RealNormalizer::equal(TermId a, TermId b) {
  if (a == b)
    return true;
  try {
    RealValue left = value(a);
    const RealValue &right = value(b);
    return left.infinity == right.infinity && atoms_.same(left.polynomial, right.polynomial);
  } catch (const NotReal &) {
    return false;
  }
}

/// Depth first with an own stack: a chain of operations may be long.
const RealValue &RealNormalizer::value(TermId root) {
  forget_much();
  std::vector<TermId> stack = {root};
  while (!stack.empty()) {
    TermId term = stack.back();
    if (values_.count(term.v)) {
      stack.pop_back();
      continue;
    }
    std::size_t before = stack.size();
    for (TermId operand : needed(term))
      if (!values_.count(operand.v))
        stack.push_back(operand);
    if (stack.size() != before)
      continue;
    stack.pop_back();
    RealValue result = compute(term);
    for (std::size_t m = 0; options_.stop && m < result.polynomial.size(); ++m)
      options_.stop->poll();
    held_ += 1 + result.polynomial.size();
    values_.emplace(term.v, std::move(result));
  }
  return values_.at(root.v);
}

void RealNormalizer::forget_much() {
  if (held_ <= kMostHeld)
    return;
  values_.clear();
  held_ = 0;
}

std::vector<TermId> RealNormalizer::needed(TermId term) const {
  const Term &t = terms_[term];
  bool bits = t.kind == TermKind::Extract && is_float(terms_[terms_.operands(term)[0]].type);
  if (closed(term) || bits)
    return {};
  auto operands = terms_.operands(term);
  std::vector<TermId> out(operands.begin(), operands.end());
  auto add = [&](std::uint32_t vector) {
    auto elements = terms_.elements({vector});
    out.insert(out.end(), elements.begin(), elements.end());
  };
  if (t.kind == TermKind::Dot || t.kind == TermKind::Reduce)
    add(t.a);
  if (t.kind == TermKind::Dot)
    add(t.b);
  return out;
}

RealValue RealNormalizer::compute(TermId term) {
  if (options_.stop)
    options_.stop->poll();
  const Term &t = terms_[term];
  if (t.kind == TermKind::Literal)
    return real_value(t.type, t.bits);
  if (t.kind == TermKind::Input) {
    auto given = inputs_.find({t.a, t.b});
    return given != inputs_.end() ? given->second : RealValue{atoms_.input(t.a, t.b), 0};
  }
  bool bits = t.kind == TermKind::Extract && is_float(terms_[terms_.operands(term)[0]].type);
  if (closed(term) || bits)
    return opaque(term);
  if (t.kind == TermKind::Op && t.op == OpCode::Convert)
    return number_as(t, terms_.operands(term)[0]);
  if (t.kind == TermKind::Op && t.op == OpCode::Copy)
    return at(terms_.operands(term)[0]);
  if (t.kind == TermKind::Op && t.op == OpCode::Select &&
      terms_[terms_.operands(term)[0]].kind == TermKind::Literal)
    return at(terms_.operands(term)[terms_[terms_.operands(term)[0]].bits ? 1 : 2]);
  if (!is_float(t.type) && !(t.kind == TermKind::Op && t.op == OpCode::Select))
    return function(term);
  switch (t.kind) {
  case TermKind::Op:
    return operation(term);
  case TermKind::Dot:
    return dot(t);
  case TermKind::Reduce:
    return reduce(term);
  default:
    return function(term);
  }
}

RealValue RealNormalizer::opaque(TermId term) {
  return {single({atoms_.intern({AtomKind::Bits, OpCode::Copy, 0, term.v, 0, {}})}, 1), 0};
}

Polynomial RealNormalizer::argument(TermId term) {
  const RealValue &value = at(term);
  if (value.infinity == 0)
    return value.polynomial;
  return single({atoms_.intern({AtomKind::Infinity})}, value.infinity);
}

bool RealNormalizer::finite(std::span<const TermId> terms) const {
  return std::ranges::all_of(terms, [&](TermId term) { return at(term).infinity == 0; });
}

/// Told apart by all that decides its value: kind, operation, detail, operands, and the type of an
/// integer.
RealValue RealNormalizer::function(TermId term) {
  const Term &t = terms_[term];
  std::vector<Polynomial> arguments;
  for (TermId operand : needed(term))
    arguments.push_back(argument(operand));
  OpCode op = t.kind == TermKind::Dot ? OpCode::Dot : t.op;
  if (t.kind == TermKind::Op && semantics::info(op).commutative)
    std::sort(arguments.begin(), arguments.end());
  constexpr std::uint32_t types = 32;
  std::uint32_t what = is_float(t.type) ? 0 : 1 + static_cast<std::uint32_t>(t.type);
  if (t.kind != TermKind::Op)
    what += types * (1 + static_cast<std::uint32_t>(t.kind));
  return {atoms_.function(op, t.detail, std::move(arguments), what), 0};
}

/// A conversion: of a number to a type that holds it, the number.
RealValue RealNormalizer::number_as(const Term &t, TermId operand) {
  ElementType from = terms_[operand].type;
  if (is_float(t.type) || (is_integer(t.type) && !is_float(from) && holds_all(t.type, from)))
    return at(operand);
  auto what = 1 + static_cast<std::uint32_t>(t.type);
  return {atoms_.function(OpCode::Convert, 0, {argument(operand)}, what), 0};
}

RealValue RealNormalizer::operation(TermId term) {
  const Term &t = terms_[term];
  auto in = terms_.operands(term);
  if (t.op == OpCode::Maximum || t.op == OpCode::Minimum)
    return extremum(in, t.op == OpCode::Maximum ? 1 : -1);
  if (t.op == OpCode::Select) {
    const RealValue &yes = at(in[1]), &no = at(in[2]);
    bool same = yes.infinity == no.infinity && yes.polynomial == no.polynomial;
    return same ? yes : function(term);
  }
  return finite(in) ? arithmetic(term) : function(term);
}

/// Of finite numbers.
RealValue RealNormalizer::arithmetic(TermId term) {
  const Term &t = terms_[term];
  auto in = terms_.operands(term);
  auto x = [&](std::size_t i) -> const Polynomial & { return at(in[i]).polynomial; };
  switch (t.op) {
  case OpCode::Add:
  case OpCode::Subtract: {
    Polynomial out = x(0);
    add_scaled(out, x(1), t.op == OpCode::Add ? 1 : -1);
    return {std::move(out), 0};
  }
  case OpCode::Negate:
    return {scaled(x(0), -1), 0};
  case OpCode::Multiply:
    return {atoms_.product(x(0), x(1)), 0};
  case OpCode::Divide:
    atoms_.note("real division");
    return {atoms_.product(x(0), atoms_.reciprocal(x(1))), 0};
  case OpCode::Abs:
    return {atoms_.maximum({x(0), scaled(x(0), -1)}), 0};
  case OpCode::Clamp: { // min(max(x, low), high)
    Polynomial raised = scaled(atoms_.maximum({x(1), x(0)}), -1);
    return {scaled(atoms_.maximum({raised, scaled(x(2), -1)}), -1), 0};
  }
  default:
    if (in.size() == 1 && atoms_.laws())
      if (auto known = by_law(t.op, x(0)))
        return {*std::move(known), 0};
    return function(term);
  }
}

/// What functions are in terms of others.
std::optional<Polynomial> RealNormalizer::by_law(OpCode op, const Polynomial &x) {
  auto plus = [](Polynomial p, int number) {
    add_scaled(p, constant(number), 1);
    return p;
  };
  auto law = [&](const char *name, Polynomial is) {
    atoms_.note(name);
    return is;
  };
  auto reciprocal = [&](const Polynomial &p) {
    atoms_.note("real division");
    return atoms_.reciprocal(p);
  };
  switch (op) {
  case OpCode::Exponential:
    return atoms_.exponential(x);
  case OpCode::ExponentialMinusOne:
    return law("exponential-minus-one(x)=exp(x)-1", plus(atoms_.exponential(x), -1));
  case OpCode::LogPlusOne:
    return law("log-plus-one(x)=log(1+x)", atoms_.logarithm(plus(x, 1)));
  case OpCode::Log:
    return atoms_.logarithm(x);
  case OpCode::Rsqrt:
    return law("rsqrt(x)=1/sqrt(x)", reciprocal(atoms_.function(OpCode::Sqrt, 0, {x})));
  case OpCode::Logistic:
    return law("logistic(x)=1/(1+exp(-x))", reciprocal(plus(atoms_.exponential(scaled(x, -1)), 1)));
  case OpCode::Tanh:
    return law("tanh(x)=1-2/(exp(2x)+1)",
               plus(scaled(reciprocal(plus(atoms_.exponential(scaled(x, 2)), 1)), -2), 1));
  default:
    return std::nullopt;
  }
}

RealValue RealNormalizer::sum(std::span<const TermId> terms) {
  RealValue out;
  for (TermId term : terms)
    add_scaled(out.polynomial, at(term).polynomial, 1);
  return out;
}

RealValue RealNormalizer::product_of(std::span<const TermId> terms) {
  RealValue out{constant(1), 0};
  for (TermId term : terms)
    out.polynomial = atoms_.product(out.polynomial, at(term).polynomial);
  return out;
}

RealValue RealNormalizer::dot(const Term &t) {
  auto a = terms_.elements({t.a}), b = terms_.elements({t.b});
  if (!finite(a) || !finite(b))
    throw NotReal("a dot with an infinity");
  RealValue out;
  for (std::size_t i = 0; i < a.size(); ++i)
    atoms_.add_product(out.polynomial, at(a[i]).polynomial, at(b[i]).polynomial);
  return out;
}

RealValue RealNormalizer::reduce(TermId term) {
  const Term &t = terms_[term];
  std::vector<TermId> parts = needed(term);
  if (t.op == OpCode::Maximum || t.op == OpCode::Minimum)
    return extremum(parts, t.op == OpCode::Maximum ? 1 : -1);
  if (!finite(parts))
    throw NotReal("a sum or product with an infinity");
  if (t.op == OpCode::Add)
    return sum(parts);
  return t.op == OpCode::Multiply ? product_of(parts) : function(term);
}

/// The greatest of sign * part, times sign.
RealValue RealNormalizer::extremum(std::span<const TermId> terms, int sign) {
  std::vector<Polynomial> all;
  for (TermId term : terms) {
    const RealValue &value = at(term);
    if (value.infinity * sign > 0)
      return {{}, sign};
    if (value.infinity == 0)
      all.push_back(scaled(value.polynomial, sign));
  }
  if (all.empty())
    return {{}, -sign};
  return {scaled(atoms_.maximum(all), sign), 0};
}

std::vector<char> shared_terms(const TermGraph &terms, std::span<const TermId> left,
                               std::span<const TermId> right) {
  auto reached = [&](std::span<const TermId> roots) {
    std::vector<char> out(terms.size(), 0);
    for (TermId root : roots)
      out[root.v] = 1;
    for (auto t = static_cast<std::uint32_t>(terms.size()); t-- > 0;) { // operands come first
      if (!out[t])
        continue;
      auto mark = [&](std::span<const TermId> operands) {
        for (TermId operand : operands)
          out[operand.v] = 1;
      };
      mark(terms.operands({t}));
      const Term &term = terms[{t}];
      if (term.kind == TermKind::Dot || term.kind == TermKind::Reduce)
        mark(terms.elements({term.a}));
      if (term.kind == TermKind::Dot)
        mark(terms.elements({term.b}));
    }
    return out;
  };
  std::vector<char> out = reached(left), other = reached(right);
  for (std::size_t t = 0; t < out.size(); ++t)
    out[t] = out[t] && other[t] && terms[{static_cast<std::uint32_t>(t)}].kind != TermKind::Literal;
  return out;
}

} // namespace isamorph::verify
