#include "verify/polynomial.h"

#include <algorithm>

namespace isamorph::verify {

using semantics::OpCode;

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
  case AtomKind::Bits:
  case AtomKind::Infinity:
    throw NotReal("no rational values");
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
