#include "verify/polynomial.h"

#include <algorithm>
#include <tuple>

namespace isamorph::verify {

using semantics::OpCode;

Polynomial single(Monomial monomial, const Rational &factor) {
  Polynomial out;
  if (factor != 0)
    out.emplace(std::move(monomial), factor);
  return out;
}

Polynomial constant(const Rational &value) { return single({}, value); }

bool is_constant(const Polynomial &p) {
  return p.empty() || (p.size() == 1 && p.begin()->first.empty());
}

Rational constant_value(const Polynomial &p) { return p.empty() ? Rational(0) : p.begin()->second; }

namespace {

void add_term(Polynomial &sum, Monomial monomial, const Rational &factor) {
  auto [entry, fresh] = sum.emplace(std::move(monomial), factor);
  if (fresh)
    return;
  entry->second += factor;
  if (entry->second == 0)
    sum.erase(entry);
}

/// The greatest rational of which all coefficients are integer multiples; 0 of none.
Rational content(const std::set<Polynomial> &all) {
  namespace mp = boost::multiprecision;
  mp::cpp_int numerator = 0, denominator = 1;
  for (const Polynomial &p : all)
    for (const auto &[monomial, factor] : p) {
      numerator = mp::gcd(numerator, mp::abs(mp::numerator(factor)));
      denominator = mp::lcm(denominator, mp::denominator(factor));
    }
  return {numerator, denominator};
}

} // namespace

void add_scaled(Polynomial &sum, const Polynomial &p, const Rational &factor) {
  if (factor != 0)
    for (const auto &[monomial, f] : p)
      add_term(sum, monomial, f * factor);
}

void add_product(Polynomial &sum, const Polynomial &a, const Polynomial &b) {
  for (const auto &[m, f] : a)
    for (const auto &[n, g] : b) {
      Monomial both(m.size() + n.size());
      std::merge(m.begin(), m.end(), n.begin(), n.end(), both.begin());
      add_term(sum, std::move(both), f * g);
    }
}

Polynomial scaled(const Polynomial &p, const Rational &factor) {
  Polynomial out;
  add_scaled(out, p, factor);
  return out;
}

bool Atom::operator<(const Atom &other) const {
  auto head = [](const Atom &a) {
    return std::tuple(a.kind, a.op, a.detail, a.parameter, a.element);
  };
  return head(*this) != head(other) ? head(*this) < head(other) : arguments < other.arguments;
}

AtomId Atoms::intern(Atom atom) {
  auto [entry, fresh] = ids_.emplace(std::move(atom), static_cast<AtomId>(atoms_.size()));
  if (fresh)
    atoms_.push_back(&entry->first);
  return entry->second;
}

Polynomial Atoms::input(std::uint32_t parameter, std::uint32_t element) {
  return single({intern({AtomKind::Input, OpCode::Copy, 0, parameter, element, {}})}, 1);
}

/// Takes a positive multiple of a maximum apart.
void Atoms::flatten(const Polynomial &p, std::set<Polynomial> &out) const {
  if (p.size() == 1 && p.begin()->first.size() == 1 && p.begin()->second > 0) {
    const Atom &atom = *atoms_[p.begin()->first.front()];
    if (atom.kind == AtomKind::Maximum) {
      for (const Polynomial &argument : atom.arguments)
        out.insert(scaled(argument, p.begin()->second));
      return;
    }
  }
  out.insert(p);
}

Polynomial Atoms::maximum(const std::vector<Polynomial> &of) {
  std::set<Polynomial> all;
  for (const Polynomial &p : of)
    flatten(p, all);
  auto dominated = [&](const Polynomial &p) {
    return std::any_of(all.begin(), all.end(), [&](const Polynomial &q) {
      Polynomial difference = q;
      add_scaled(difference, p, -1);
      return !difference.empty() && not_negative(difference);
    });
  };
  for (auto p = all.begin(); p != all.end();)
    p = dominated(*p) ? all.erase(p) : std::next(p);
  if (all.size() == 1)
    return *all.begin();
  Rational scale = content(all);
  Atom atom{AtomKind::Maximum};
  for (const Polynomial &p : all)
    atom.arguments.push_back(scaled(p, 1 / scale));
  return single({intern(std::move(atom))}, scale);
}

Polynomial Atoms::reciprocal(const Polynomial &p) {
  if (p.empty())
    throw NotReal("a division by zero");
  if (is_constant(p))
    return constant(1 / constant_value(p));
  Rational scale = p.begin()->second;
  Atom atom{AtomKind::Reciprocal};
  atom.arguments = {scaled(p, 1 / scale)};
  return single({intern(std::move(atom))}, 1 / scale);
}

Polynomial Atoms::function(OpCode op, std::uint8_t detail, std::vector<Polynomial> arguments) {
  Atom atom{AtomKind::Function, op, detail, 0, 0, std::move(arguments)};
  return single({intern(std::move(atom))}, 1);
}

bool Atoms::not_negative(AtomId id) const {
  const Atom &atom = *atoms_[id];
  if (atom.kind == AtomKind::Maximum)
    return std::any_of(atom.arguments.begin(), atom.arguments.end(),
                       [&](const Polynomial &p) { return not_negative(p); });
  return atom.kind == AtomKind::Function &&
         (atom.op == OpCode::Exponential || atom.op == OpCode::Logistic || atom.op == OpCode::Sqrt);
}

bool Atoms::not_negative(const Polynomial &p) const {
  return std::all_of(p.begin(), p.end(), [&](const auto &term) {
    const auto &[monomial, factor] = term;
    if (factor < 0)
      return false;
    for (std::size_t i = 0; i < monomial.size(); ++i)
      if (i + 1 < monomial.size() && monomial[i] == monomial[i + 1])
        ++i; // a square
      else if (!not_negative(monomial[i]))
        return false;
    return true;
  });
}

void Atoms::collect_inputs(const Monomial &monomial, std::set<AtomId> &out) const {
  for (AtomId id : monomial) {
    if (atoms_[id]->kind == AtomKind::Input)
      out.insert(id);
    for (const Polynomial &argument : atoms_[id]->arguments)
      for (const auto &[inner, factor] : argument)
        collect_inputs(inner, out);
  }
}

Rational PointEvaluator::evaluate(const Polynomial &p) {
  Rational sum = 0;
  for (const auto &[monomial, factor] : p) {
    Rational product = factor;
    for (AtomId id : monomial)
      product *= atom(id);
    sum += product;
  }
  return sum;
}

Rational PointEvaluator::atom(AtomId id) {
  if (auto known = values_.find(id); known != values_.end())
    return known->second;
  const Atom &a = atoms_[id];
  Rational value = 0;
  switch (a.kind) {
  case AtomKind::Input:
    break;
  case AtomKind::Maximum:
    value = evaluate(a.arguments[0]);
    for (const Polynomial &p : a.arguments)
      value = std::max(value, evaluate(p));
    break;
  case AtomKind::Reciprocal:
    value = evaluate(a.arguments[0]);
    if (value == 0)
      throw NotReal("a division by zero");
    value = 1 / value;
    break;
  case AtomKind::Function:
    value = function(a);
  }
  values_.emplace(id, value);
  return value;
}

Rational PointEvaluator::function(const Atom &a) {
  using semantics::CompareDirection;
  auto argument = [&](std::size_t i) { return evaluate(a.arguments[i]); };
  switch (a.op) {
  case OpCode::Sign: {
    Rational x = argument(0);
    return x.sign();
  }
  case OpCode::Select:
    return argument(0) != 0 ? argument(1) : argument(2);
  case OpCode::Compare: {
    Rational x = argument(0), y = argument(1);
    bool out[] = {x == y, x != y, x<y, x <= y, x> y, x >= y};
    return out[a.detail] ? 1 : 0;
  }
  default:
    throw NotReal("no rational values of '" + std::string(semantics::info(a.op).name) + "'");
  }
}

} // namespace isamorph::verify
