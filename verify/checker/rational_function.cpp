#include "verify/checker/rational_function.h"

#include "verify/checker/refusal.h"

#include <algorithm>
#include <set>

namespace isamorph::verify {
namespace {

namespace mp = boost::multiprecision;
using What = RealAtom::What;

/// Products that may be added up.
constexpr std::int64_t kMostWork = std::int64_t{1} << 25;
/// Of more, none is left out for being below another.
constexpr std::size_t kMostCompared = 16;

void add_product(Sum &to, const Powers &powers, const Fraction &factor) {
  Fraction &place = to[powers];
  place += factor;
  if (place == 0)
    to.erase(powers);
}

bool is_constant(const Sum &sum) {
  return sum.empty() || (sum.size() == 1 && sum.begin()->first.empty());
}

Powers inverse(Powers powers) {
  for (auto &[atom, exponent] : powers)
    exponent = -exponent;
  return powers;
}

/// For each atom of any product the least exponent, 0 where it is absent from one.
Powers least_exponents(const Sum &sum) {
  std::map<std::uint32_t, std::pair<int, std::size_t>> least; // and in how many products
  for (const auto &[powers, factor] : sum)
    for (auto [atom, exponent] : powers) {
      auto [entry, fresh] = least.try_emplace(atom, exponent, 0);
      entry->second.first = std::min(entry->second.first, exponent);
      ++entry->second.second;
    }
  Powers out;
  for (const auto &[atom, found] : least) {
    int exponent = found.second == sum.size() ? found.first : std::min(found.first, 0);
    if (exponent != 0)
      out.emplace_back(atom, exponent);
  }
  return out;
}

/// The greatest positive number of which all factors are integer multiples.
Fraction common_factor(const std::set<Sum> &sums) {
  mp::cpp_int above = 0, below = 1;
  for (const Sum &sum : sums)
    for (const auto &[powers, factor] : sum) {
      above = mp::gcd(above, mp::abs(mp::numerator(factor)));
      below = mp::lcm(below, mp::denominator(factor));
    }
  return {above, below};
}

} // namespace

std::uint32_t RationalFunctions::number(RealAtom atom) {
  auto [place, fresh] =
      numbers_.try_emplace(std::move(atom), static_cast<std::uint32_t>(atoms_.size()));
  if (fresh)
    atoms_.push_back(&place->first);
  return place->second;
}

Sum RationalFunctions::constant(const Fraction &value) {
  return value == 0 ? Sum{} : Sum{{{}, value}};
}

Sum RationalFunctions::atom(RealAtom atom) { return {{{{number(std::move(atom)), 1}}, 1}}; }

void RationalFunctions::add(Sum &to, const Sum &sum, const Fraction &factor) {
  for (const auto &[powers, own] : sum)
    add_product(to, powers, own * factor);
}

Sum RationalFunctions::times(const Sum &sum, const Fraction &factor) {
  Sum out;
  add(out, sum, factor);
  return out;
}

void RationalFunctions::count(std::size_t products) {
  work_ += static_cast<std::int64_t>(products);
  if (work_ > kMostWork)
    refuse("the polynomials over the real numbers are too large");
}

Powers RationalFunctions::joined(const Powers &a, const Powers &b) {
  Powers out;
  bool exponential = false;
  auto x = a.begin(), y = b.begin();
  while (x != a.end() || y != b.end()) {
    bool left = y == b.end() || (x != a.end() && x->first <= y->first),
         right = x == a.end() || (y != b.end() && y->first <= x->first);
    std::uint32_t atom = left ? x->first : y->first;
    int exponent = (left ? x->second : 0) + (right ? y->second : 0);
    x += left;
    y += right;
    if (exponent != 0)
      out.emplace_back(atom, exponent);
    exponential |= exponent != 0 && atoms_[atom]->what == What::Exponential;
  }
  return exponential && laws_.exponential ? one_exponential(std::move(out)) : out;
}

/// Exponentials as one of the sum of their exponents.
Powers RationalFunctions::one_exponential(Powers powers) {
  Sum exponent;
  int exponentials = 0;
  Powers out;
  for (auto [atom, power] : powers)
    if (atoms_[atom]->what == What::Exponential) {
      add(exponent, atoms_[atom]->arguments[0], power);
      exponentials += power == 1 ? 1 : 2; // a power is to be taken into the exponent
    } else {
      out.emplace_back(atom, power);
    }
  if (exponentials < 2)
    return powers;
  used_.exponential = true;
  for (auto power : exponential_powers(exponent))
    out.push_back(power);
  std::sort(out.begin(), out.end());
  return out;
}

Powers RationalFunctions::exponential_powers(const Sum &exponent) {
  Powers out;
  Sum rest;
  auto of = [&](const Sum &part) { out.emplace_back(number({What::Exponential, {}, {part}}), 1); };
  for (const auto &[powers, factor] : exponent)
    if (powers.size() == 1 && powers[0].second == 1 &&
        atoms_[powers[0].first]->what == What::Greatest)
      of({{powers, factor}});
    else
      rest.emplace(powers, factor);
  if (!rest.empty())
    of(rest);
  used_.exponential |= out.size() != 1;
  std::sort(out.begin(), out.end());
  return out;
}

Sum RationalFunctions::exponential(const Sum &exponent) {
  if (!laws_.exponential)
    return atom({What::Exponential, {}, {exponent}});
  Sum rest, powers = constant(1);
  for (const auto &[part, factor] : exponent)
    if (auto power = inverted(part, factor))
      powers = product(powers, *power);
    else
      rest.emplace(part, factor);
  return product({{exponential_powers(rest), 1}}, powers);
}

Sum RationalFunctions::product(const Sum &a, const Sum &b) {
  count(a.size() * b.size());
  Sum out;
  for (const auto &[p, f] : a)
    for (const auto &[q, g] : b)
      add_product(out, joined(p, q), f * g);
  return out;
}

/// Sums with positive exponents multiplied out.
Sum RationalFunctions::expanded(const Powers &powers) {
  Sum out = constant(1);
  for (auto [atom, exponent] : powers) {
    bool sum = atoms_[atom]->what == What::Denominator && exponent > 0;
    for (int i = 0; sum && i < exponent; ++i)
      out = product(out, Sum(atoms_[atom]->arguments[0]));
    if (!sum)
      out = product(out, {{{{atom, exponent}}, 1}});
  }
  return out;
}

Sum RationalFunctions::without_denominators(const Sum &sum, Powers &by) {
  by.clear();
  for (auto [atom, exponent] : least_exponents(sum))
    if (exponent < 0)
      by.emplace_back(atom, -exponent);
  if (by.empty())
    return sum;
  std::map<Powers, Sum> of; // what has the same sums left is multiplied by them once
  for (const auto &[powers, factor] : sum) {
    Powers plain, sums;
    for (auto power : joined(powers, by))
      (atoms_[power.first]->what == What::Denominator ? sums : plain).push_back(power);
    add_product(of[sums], plain, factor);
  }
  Sum out;
  for (const auto &[sums, rest] : of)
    add(out, product(rest, expanded(sums)), 1);
  return out;
}

/// For each part of the exponents the factor that most products have, of several the least.
Sum RationalFunctions::usual_exponent(const Sum &sum) const {
  std::map<Powers, std::vector<Fraction>> factors;
  for (const auto &[powers, ignored] : sum) {
    Sum exponent;
    for (auto [atom, power] : powers)
      if (atoms_[atom]->what == What::Exponential)
        add(exponent, atoms_[atom]->arguments[0], power);
    for (const auto &[part, factor] : exponent)
      if (part.size() != 1 || atoms_[part[0].first]->what != What::Greatest)
        factors[part].push_back(factor);
  }
  Sum out;
  for (auto &[part, all] : factors) {
    all.resize(sum.size()); // 0 where it is absent
    std::sort(all.begin(), all.end());
    std::size_t most = 0;
    Fraction usual = 0;
    for (auto at = all.begin(); at != all.end();) {
      auto end = std::upper_bound(at, all.end(), *at);
      if (static_cast<std::size_t>(end - at) > most) {
        most = static_cast<std::size_t>(end - at);
        usual = *at;
      }
      at = end;
    }
    if (usual != 0)
      out.emplace(part, usual);
  }
  return out;
}

RationalFunctions::Parts RationalFunctions::parts(const Sum &sum) {
  Parts out;
  out.powers = least_exponents(sum);
  for (const auto &[powers, factor] : sum)
    add_product(out.rest, joined(powers, inverse(out.powers)), factor);
  if (Sum shift;
      laws_.exponential && out.rest.size() > 1 && !(shift = usual_exponent(out.rest)).empty()) {
    used_.exponential = true; // as the law says that it is not 0
    out.rest = product(out.rest, exponential(times(shift, -1)));
    out.shift = std::move(shift);
  }
  out.factor = out.rest.begin()->second;
  out.rest = times(out.rest, 1 / out.factor);
  return out;
}

Sum RationalFunctions::reciprocal(const Sum &sum) {
  Powers denominators;
  Sum above = without_denominators(sum, denominators);
  if (above.empty())
    refuse("the proof divides by zero");
  Parts of = parts(above);
  Sum out = product(expanded(denominators), {{joined({}, inverse(of.powers)), 1 / of.factor}});
  if (!of.shift.empty())
    out = product(out, exponential(times(of.shift, -1)));
  if (!is_constant(of.rest))
    out = product(out, {{{{number({What::Denominator, {}, {of.rest}}), -1}}, 1}});
  return out;
}

bool RationalFunctions::same(const Sum &a, const Sum &b) {
  if (a == b)
    return true;
  Sum difference = a;
  add(difference, b, -1);
  Powers by;
  return without_denominators(difference, by).empty();
}

bool RationalFunctions::is_never_negative(std::uint32_t atom, bool &by_law) const {
  const RealAtom &a = *atoms_[atom];
  if (laws_.signs && (a.what == What::Exponential || a.never_negative)) {
    by_law = true;
    return true;
  }
  return a.what == What::Greatest && std::ranges::any_of(a.arguments, [&](const Sum &s) {
           return is_never_negative(s, by_law);
         });
}

bool RationalFunctions::is_never_negative(const Sum &sum, bool &by_law) const {
  return std::ranges::all_of(sum, [&](const auto &entry) {
    return entry.second > 0 && std::ranges::all_of(entry.first, [&](const auto &power) {
             return power.second % 2 == 0 || is_never_negative(power.first, by_law);
           });
  });
}

/// In greatest ones of greatest ones the inner ones are taken apart; a positive factor that all
/// have in common is taken out; what is below another is left out.
Sum RationalFunctions::greatest(const std::vector<Sum> &of) {
  std::set<Sum> all;
  for (const Sum &sum : of) {
    bool one = sum.size() == 1 && sum.begin()->second > 0 && sum.begin()->first.size() == 1 &&
               sum.begin()->first[0].second == 1;
    const RealAtom *inner = one ? atoms_[sum.begin()->first[0].first] : nullptr;
    if (!inner || inner->what != What::Greatest) {
      all.insert(sum);
      continue;
    }
    for (const Sum &part : inner->arguments)
      all.insert(times(part, sum.begin()->second));
  }
  auto below_another = [&](const Sum &sum) {
    return std::ranges::any_of(all, [&](const Sum &other) {
      Sum difference = other;
      add(difference, sum, -1);
      bool by_law = false, below = !difference.empty() && is_never_negative(difference, by_law);
      used_.signs |= below && by_law;
      return below;
    });
  };
  if (all.size() <= kMostCompared)
    std::erase_if(all, below_another);
  if (all.size() == 1)
    return *all.begin();
  Fraction factor = common_factor(all);
  RealAtom out{What::Greatest, {}, {}, false};
  for (const Sum &sum : all)
    out.arguments.push_back(times(sum, 1 / factor));
  return times(atom(std::move(out)), factor);
}

} // namespace isamorph::verify
