#include "verify/polynomial.h"

#include <algorithm>
#include <iterator>
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

constexpr const char *kExponentialOfSum = "exp(a+b)=exp(a)exp(b)", *kExponentialOfZero = "exp(0)=1",
                     *kNotNegative = "exp(x)>=0, logistic(x)>=0, sqrt(x)>=0";
/// Monomials that one comparison may add up: unequal sums of many fractions have too many.
constexpr std::int64_t kMostComparisonWork = std::int64_t{1} << 18;
/// Reciprocals that are remembered.
constexpr std::size_t kMostReciprocals = 1024;
/// Among more of which a greatest is sought, none is left out for being below another.
constexpr std::size_t kMostCompared = 16;

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
  if (fresh) {
    atoms_.push_back(&entry->first);
    special_.push_back(entry->first.kind == AtomKind::Reciprocal || is_exponential(entry->second));
  }
  return entry->second;
}

void Atoms::count(std::size_t monomials) {
  for (std::size_t m = 0; stop_ && m <= monomials; ++m) // the clock is looked at as work goes on
    stop_->poll();
  work_left_ -= static_cast<std::int64_t>(monomials);
  if (work_left_ < 0)
    throw TooLarge("the polynomials over the reals are too large");
}

bool Atoms::is_exponential(AtomId id) const {
  return laws_ && atoms_[id]->kind == AtomKind::Function && atoms_[id]->op == OpCode::Exponential;
}

/// Sorted; what cancels is left out.
Monomial Atoms::multiply(const Monomial &m, const Monomial &n) {
  Monomial both(m.size() + n.size());
  std::merge(m.begin(), m.end(), n.begin(), n.end(), both.begin());
  if (std::none_of(both.begin(), both.end(), [&](AtomId id) { return special_[id]; }))
    return both;
  for (std::size_t i = 0; i < both.size(); ++i) {
    const Atom &atom = *atoms_[both[i]];
    if (atom.kind != AtomKind::Reciprocal || atom.arguments[0].size() != 1)
      continue;
    auto base = std::find(both.begin(), both.end(), atom.arguments[0].begin()->first[0]);
    if (base == both.end())
      continue;
    auto at = static_cast<std::size_t>(base - both.begin());
    both.erase(both.begin() + static_cast<std::ptrdiff_t>(std::max(i, at)));
    both.erase(both.begin() + static_cast<std::ptrdiff_t>(std::min(i, at)));
    i -= 1 + (at < i ? 1 : 0); // wraps at 0, and ++i brings it back
  }
  return combine_exponentials(std::move(both));
}

/// exp(a) exp(b) = exp(a + b)
Monomial Atoms::combine_exponentials(Monomial monomial) {
  auto rest = std::stable_partition(monomial.begin(), monomial.end(),
                                    [&](AtomId id) { return !is_exponential(id); });
  if (monomial.end() - rest < 2) {
    std::sort(monomial.begin(), monomial.end());
    return monomial;
  }
  Polynomial exponent;
  for (auto e = rest; e != monomial.end(); ++e)
    add_scaled(exponent, atoms_[*e]->arguments[0], 1);
  monomial.erase(rest, monomial.end());
  note_exponential_law();
  count(exponent.size());
  Monomial combined = exponential_atoms(exponent);
  monomial.insert(monomial.end(), combined.begin(), combined.end());
  std::sort(monomial.begin(), monomial.end());
  return monomial;
}

/// Of which the exponential is the product. Each maximum that stands alone has its own.
Monomial Atoms::exponential_atoms(const Polynomial &exponent) {
  Monomial out;
  auto add = [&](Polynomial part) {
    out.push_back(intern({AtomKind::Function, OpCode::Exponential, 0, 0, 0, {std::move(part)}}));
  };
  Polynomial rest = exponent;
  for (const auto &[monomial, factor] : exponent)
    if (monomial.size() == 1 && atoms_[monomial[0]]->kind == AtomKind::Maximum) {
      rest.erase(monomial);
      add(single(monomial, factor));
    }
  if (!rest.empty())
    add(std::move(rest));
  if (out.size() != 1)
    note_exponential_law();
  std::sort(out.begin(), out.end());
  return out;
}

void Atoms::note_exponential_law() {
  note(kExponentialOfSum);
  note(kExponentialOfZero);
}

Polynomial Atoms::exponential(const Polynomial &p) {
  if (!laws_)
    return function(OpCode::Exponential, 0, {p});
  Polynomial rest = p, powers = constant(1);
  for (const auto &[monomial, factor] : p)
    if (auto power = without_logarithm(monomial, factor)) {
      rest.erase(monomial);
      powers = product(powers, *power);
    }
  return product(single(exponential_atoms(rest), 1), powers);
}

void Atoms::add_product(Polynomial &sum, const Polynomial &a, const Polynomial &b,
                        const Rational &factor) {
  for (const auto &[m, f] : a) {
    count(b.size());
    for (const auto &[n, g] : b)
      add_term(sum, multiply(m, n), f * g * factor);
  }
}

Polynomial Atoms::product(const Polynomial &a, const Polynomial &b) {
  Polynomial out;
  add_product(out, a, b);
  return out;
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
  note("real maximum");
  std::set<Polynomial> all;
  for (const Polynomial &p : of)
    flatten(p, all);
  auto dominated = [&](const Polynomial &p) {
    return std::any_of(all.begin(), all.end(), [&](const Polynomial &q) {
      Polynomial difference = q;
      add_scaled(difference, p, -1);
      bool by_law = false, below = !difference.empty() && not_negative(difference, by_law);
      if (below && by_law)
        note(kNotNegative);
      return below;
    });
  };
  for (auto p = all.begin(); all.size() <= kMostCompared && p != all.end();)
    p = dominated(*p) ? all.erase(p) : std::next(p);
  if (all.size() == 1)
    return *all.begin();
  Rational scale = content(all);
  Atom atom{AtomKind::Maximum};
  for (const Polynomial &p : all)
    atom.arguments.push_back(scaled(p, 1 / scale));
  return single({intern(std::move(atom))}, scale);
}

Polynomial Atoms::inverse(AtomId id) {
  const Atom &atom = *atoms_[id];
  if (atom.kind == AtomKind::Reciprocal)
    return atom.arguments[0];
  if (is_exponential(id)) { // exp(a) exp(-a) = exp(0)
    note_exponential_law();
    return exponential(scaled(atom.arguments[0], -1));
  }
  return single({intern({AtomKind::Reciprocal, OpCode::Copy, 0, 0, 0, {single({id}, 1)}})}, 1);
}

Polynomial Atoms::inverse(const Monomial &monomial) {
  Polynomial out = constant(1);
  for (AtomId id : monomial)
    out = product(out, inverse(id));
  return out;
}

/// Multiplied by the denominators of all monomials.
Atoms::Fraction Atoms::fraction(const Polynomial &p) {
  auto reciprocals = [&](const Monomial &monomial) {
    Monomial out;
    std::ranges::copy_if(monomial, std::back_inserter(out),
                         [&](AtomId id) { return atoms_[id]->kind == AtomKind::Reciprocal; });
    return out;
  };
  Fraction out;
  for (const auto &[monomial, factor] : p) {
    Monomial own = reciprocals(monomial), all;
    std::ranges::set_union(out.reciprocals, own, std::back_inserter(all));
    out.reciprocals = std::move(all);
  }
  if (out.reciprocals.empty()) {
    out.numerator = p;
    return out;
  }
  std::map<Monomial, Polynomial> factors; ///< by the reciprocals that a monomial lacks
  for (const auto &[monomial, factor] : p) {
    Monomial own = reciprocals(monomial), plain, lacking;
    std::ranges::set_difference(monomial, own, std::back_inserter(plain));
    std::ranges::set_difference(out.reciprocals, own, std::back_inserter(lacking));
    auto [entry, fresh] = factors.try_emplace(lacking);
    if (fresh)
      entry->second = inverse(lacking);
    add_product(out.numerator, single(plain, factor), entry->second);
  }
  return out;
}

/// What most monomials have in their exponents: of each part the factor that occurs most often, the
/// least of these. To exponents that all are moved by the same, this is moved by that.
Polynomial Atoms::common_exponent(const Polynomial &p) {
  std::map<Monomial, std::map<Rational, std::size_t>> factors; // of a part, and how often
  for (const auto &[monomial, factor] : p)
    for (AtomId id : monomial)
      if (is_exponential(id)) {
        count(atoms_[id]->arguments[0].size());
        for (const auto &[part, own] : atoms_[id]->arguments[0])
          if (part.size() != 1 || atoms_[part[0]]->kind != AtomKind::Maximum)
            ++factors[part][own];
      }
  Polynomial out;
  for (auto &[part, often] : factors) {
    std::size_t absent = p.size();
    for (const auto &[factor, times] : often)
      absent -= std::min(absent, times);
    if (absent > 0)
      often[0] += absent;
    auto most = std::max_element(often.begin(), often.end(),
                                 [](const auto &a, const auto &b) { return a.second < b.second; });
    if (most->first != 0)
      out.emplace(part, most->first);
  }
  return out;
}

/// Of what has no reciprocals in it.
Atoms::Factors Atoms::factors(const Polynomial &p) {
  Factors out;
  out.common = p.begin()->first;
  for (const auto &[monomial, factor] : p) {
    Monomial both;
    std::ranges::set_intersection(out.common, monomial, std::back_inserter(both));
    out.common = std::move(both);
  }
  for (const auto &[monomial, factor] : p) {
    Monomial left;
    std::ranges::set_difference(monomial, out.common, std::back_inserter(left));
    out.rest.emplace(std::move(left), factor);
  }
  if (Polynomial shift = common_exponent(out.rest); out.rest.size() > 1 && !shift.empty()) {
    note_exponential_law(); // by which this is not zero
    out.rest = product(out.rest, exponential(scaled(shift, -1)));
    out.shift = std::move(shift);
  }
  out.scale = out.rest.begin()->second;
  out.rest = scaled(out.rest, 1 / out.scale);
  return out;
}

Polynomial Atoms::reciprocal(const Polynomial &p) {
  if (auto known = reciprocals_.find(p); known != reciprocals_.end())
    return known->second;
  if (reciprocals_.size() >= kMostReciprocals)
    reciprocals_.clear();
  return reciprocals_.emplace(p, new_reciprocal(p)).first->second;
}

Polynomial Atoms::new_reciprocal(const Polynomial &p) {
  if (p.empty())
    throw NotReal("a division by zero");
  Fraction of = fraction(p);
  if (of.numerator.empty())
    throw NotReal("a division by zero");
  Factors by = factors(of.numerator);
  Polynomial out = product(inverse(of.reciprocals), inverse(by.common));
  if (!by.shift.empty())
    out = product(out, exponential(scaled(by.shift, -1)));
  if (!is_constant(by.rest))
    out =
        product(out, single({intern({AtomKind::Reciprocal, OpCode::Copy, 0, 0, 0, {by.rest}})}, 1));
  return scaled(out, 1 / by.scale);
}

Polynomial Atoms::function(OpCode op, std::uint8_t detail, std::vector<Polynomial> arguments,
                           std::uint32_t type) {
  return single({intern({AtomKind::Function, op, detail, type, 0, std::move(arguments)})}, 1);
}

bool Atoms::same(const Polynomial &a, const Polynomial &b) {
  if (a == b)
    return true;
  Polynomial difference = a;
  add_scaled(difference, b, -1);
  std::int64_t after = work_left_ - std::min(work_left_, kMostComparisonWork);
  work_left_ -= after;
  bool out = fraction(difference).numerator.empty();
  work_left_ += after;
  return out;
}

bool Atoms::not_negative(AtomId id, bool &by_law) const {
  const Atom &atom = *atoms_[id];
  if (atom.kind == AtomKind::Maximum)
    return std::any_of(atom.arguments.begin(), atom.arguments.end(),
                       [&](const Polynomial &p) { return not_negative(p, by_law); });
  bool known =
      laws_ && atom.kind == AtomKind::Function &&
      (atom.op == OpCode::Exponential || atom.op == OpCode::Logistic || atom.op == OpCode::Sqrt);
  by_law |= known;
  return known;
}

/// Known to be >= 0 for all inputs.
bool Atoms::not_negative(const Polynomial &p, bool &by_law) const {
  return std::all_of(p.begin(), p.end(), [&](const auto &term) {
    const auto &[monomial, factor] = term;
    if (factor < 0)
      return false;
    for (std::size_t i = 0; i < monomial.size(); ++i)
      if (i + 1 < monomial.size() && monomial[i] == monomial[i + 1])
        ++i; // a square
      else if (!not_negative(monomial[i], by_law))
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

} // namespace isamorph::verify
