// Logarithms of positive numbers (verify/checker/rational_function.h).
#include "verify/checker/rational_function.h"

#include <algorithm>

namespace isamorph::verify {

using What = RealAtom::What;

/// The greatest n for which exp(n log(x)) is x to the n.
constexpr int kMostPower = 4;

bool RationalFunctions::is_positive(const Powers &powers) const {
  return std::ranges::all_of(powers, [&](const auto &power) {
    const RealAtom &a = *atoms_[power.first];
    auto positive = [&](const Sum &argument) { return is_positive(argument); };
    switch (a.what) {
    case What::Exponential:
      return true;
    case What::Denominator:
      return positive(a.arguments[0]);
    case What::Greatest:
      return std::ranges::any_of(a.arguments, positive);
    default:
      return false;
    }
  });
}

bool RationalFunctions::is_positive(const Sum &sum) const {
  return !sum.empty() && std::ranges::all_of(sum, [&](const auto &product) {
    return product.second > 0 && is_positive(product.first);
  });
}

Sum RationalFunctions::logarithm_atom(const Sum &sum) {
  return sum == constant(1) ? Sum() : atom({What::Logarithm, {}, {sum}, false});
}

/// Of positive ones.
Sum RationalFunctions::logarithm(const Powers &powers) {
  Sum out;
  for (auto [id, exponent] : powers) {
    const RealAtom &a = *atoms_[id];
    Sum one = a.what == What::Exponential   ? a.arguments[0]
              : a.what == What::Denominator ? logarithm(Sum(a.arguments[0]))
                                            : logarithm_atom({{{{id, 1}}, 1}});
    add(out, one, exponent);
  }
  return out;
}

Sum RationalFunctions::logarithm(const Sum &sum) {
  Powers by;
  if (!laws_.logarithm || !is_positive(sum))
    return atom({What::Logarithm, {}, {sum}, false});
  Sum above = without_denominators(sum, by);
  if (!is_positive(above) || !is_positive(by))
    return atom({What::Logarithm, {}, {sum}, false});
  used_.logarithm = true;
  Parts of = parts(above);
  Sum out = of.shift;
  add(out, logarithm(of.powers), 1);
  add(out, logarithm(by), -1);
  add(out, logarithm_atom(constant(of.factor)), 1);
  add(out, logarithm_atom(of.rest), 1);
  return out;
}

/// exp(factor * part), where the part is the logarithm of something positive.
std::optional<Sum> RationalFunctions::inverted(const Powers &part, const Fraction &factor) {
  bool one = laws_.inverse && part.size() == 1 && part[0].second == 1 && denominator(factor) == 1 &&
             abs(factor) <= kMostPower;
  if (!one || atoms_[part[0].first]->what != What::Logarithm)
    return std::nullopt;
  Sum of = atoms_[part[0].first]->arguments[0];
  if (!is_positive(of))
    return std::nullopt;
  used_.inverse = true;
  used_.exponential = true;
  Sum base = factor > 0 ? of : reciprocal(of), out = base;
  for (int i = 1; i < abs(factor); ++i)
    out = product(out, base);
  return out;
}

} // namespace isamorph::verify
