// Logarithms of what is known to be positive (verify/polynomial.h).
#include "verify/polynomial.h"

#include <algorithm>

namespace isamorph::verify {

using semantics::OpCode;

namespace {

constexpr const char *kPositive = "exp(x)>0", *kLogarithmOfExponential = "log(exp(x))=x",
                     *kLogarithmOfProduct = "log(a*b)=log(a)+log(b) where a>0 and b>0",
                     *kExponentialOfLogarithm = "exp(log(x))=x where x>0";
/// The greatest n for which exp(n log(x)) is multiplied out.
constexpr int kMostPower = 4;

} // namespace

/// Known to be > 0 wherever it is defined.
bool Atoms::positive(AtomId id) const {
  const Atom &atom = *atoms_[id];
  if (atom.kind == AtomKind::Reciprocal)
    return positive(atom.arguments[0]);
  if (atom.kind == AtomKind::Maximum)
    return std::ranges::any_of(atom.arguments, [&](const Polynomial &p) { return positive(p); });
  return is_exponential(id);
}

bool Atoms::positive(const Monomial &monomial) const {
  return std::ranges::all_of(monomial, [&](AtomId id) { return positive(id); });
}

bool Atoms::positive(const Polynomial &p) const {
  return !p.empty() && std::ranges::all_of(p, [&](const auto &term) {
    return term.second > 0 && positive(term.first);
  });
}

Polynomial Atoms::plain_logarithm(const Polynomial &p) {
  return p == constant(1) ? Polynomial() : function(OpCode::Log, 0, {p});
}

/// Of a positive one.
Polynomial Atoms::logarithm(AtomId id) {
  const Atom &atom = *atoms_[id];
  if (is_exponential(id))
    return atom.arguments[0];
  if (atom.kind == AtomKind::Reciprocal)
    return scaled(logarithm(atom.arguments[0]), -1);
  return plain_logarithm(single({id}, 1));
}

Polynomial Atoms::logarithm(const Polynomial &p) {
  if (!laws_ || !positive(p))
    return function(OpCode::Log, 0, {p});
  Fraction of = fraction(p);
  if (!positive(of.numerator) || !positive(of.reciprocals))
    return function(OpCode::Log, 0, {p});
  for (const char *law : {kPositive, kLogarithmOfExponential, kLogarithmOfProduct})
    note(law);
  Factors by = factors(of.numerator);
  Polynomial out = by.shift;
  for (const Monomial *monomial : {&of.reciprocals, &by.common})
    for (AtomId id : *monomial)
      add_scaled(out, logarithm(id), 1);
  add_scaled(out, plain_logarithm(constant(by.scale)), 1);
  add_scaled(out, plain_logarithm(by.rest), 1);
  return out;
}

/// exp(factor * monomial), where that is a power of what the monomial is the logarithm of.
std::optional<Polynomial> Atoms::without_logarithm(const Monomial &monomial,
                                                   const Rational &factor) {
  if (monomial.size() != 1 || denominator(factor) != 1 || abs(factor) > kMostPower)
    return std::nullopt;
  const Atom &atom = *atoms_[monomial[0]];
  if (atom.kind != AtomKind::Function || atom.op != OpCode::Log || !positive(atom.arguments[0]))
    return std::nullopt;
  for (const char *law : {kPositive, kExponentialOfLogarithm})
    note(law);
  note_exponential_law();
  Polynomial base = factor > 0 ? atom.arguments[0] : reciprocal(atom.arguments[0]), out = base;
  for (int i = 1; i < abs(factor); ++i)
    out = product(out, base);
  return out;
}

} // namespace isamorph::verify
