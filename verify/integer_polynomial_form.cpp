// Polynomials over atoms: the normal forms of verify/integer_normal_form.h.
#include "verify/integer_bits.h"
#include "verify/integer_normal_form.h"

#include <algorithm>
#include <array>
#include <cassert>

namespace isamorph::verify {
namespace {

__extension__ using Wide = __int128;

constexpr std::int64_t kMaxMonomials = std::int64_t{1} << 25;

} // namespace

IntegerNormalizer::Polynomial IntegerNormalizer::constant(ElementType type, std::uint64_t value) {
  if ((value & mask(type)) == 0)
    return {};
  return {{terms_.vector({}), value & mask(type)}};
}

IntegerNormalizer::Polynomial IntegerNormalizer::polynomial(TermId normal) {
  const Term &t = terms_[normal];
  if (t.kind == TermKind::Literal)
    return constant(t.type, t.bits);
  auto found = polynomials_.find(normal.v);
  if (found != polynomials_.end())
    return found->second;
  return {{terms_.vector(std::span(&normal, 1)), 1}};
}

TermId IntegerNormalizer::encode(ElementType type, Polynomial p) {
  VectorId none = terms_.vector({});
  std::uint64_t offset = 0;
  std::vector<TermId> parts;
  for (const Monomial &m : p) {
    if (m.atoms == none) {
      offset = m.coefficient;
      continue;
    }
    auto atoms = terms_.elements(m.atoms);
    if (atoms.size() == 1 && m.coefficient == 1 && terms_[atoms[0]].type == type)
      parts.push_back(atoms[0]);
    else
      parts.push_back(
          terms_.reduce(OpCode::Multiply, type, terms_.literal(type, m.coefficient), m.atoms));
  }
  if (parts.empty())
    return terms_.literal(type, offset);
  TermId out =
      parts.size() == 1 && offset == 0
          ? parts[0]
          : terms_.reduce(OpCode::Add, type, terms_.literal(type, offset), terms_.vector(parts));
  bool atom = p.size() == 1 && p[0].coefficient == 1 && terms_.elements(p[0].atoms).size() == 1 &&
              terms_.elements(p[0].atoms)[0] == out;
  if (!atom)
    polynomials_.try_emplace(out.v, std::move(p));
  return out;
}

IntegerNormalizer::Polynomial IntegerNormalizer::collected(ElementType type, Polynomial parts) {
  monomials_ += static_cast<std::int64_t>(parts.size());
  if (monomials_ > kMaxMonomials)
    throw TooMuchWork("the normal form of the integers has more than " +
                      std::to_string(kMaxMonomials) + " monomials");
  lemmas_.insert("integer ring");
  terms_.poll();
  std::sort(parts.begin(), parts.end());
  Polynomial out;
  for (const Monomial &m : parts)
    if (!out.empty() && out.back().atoms == m.atoms)
      out.back().coefficient += m.coefficient;
    else
      out.push_back(m);
  for (Monomial &m : out)
    m.coefficient &= mask(type);
  std::erase_if(out, [](const Monomial &m) { return m.coefficient == 0; });
  return out;
}

IntegerNormalizer::Polynomial IntegerNormalizer::sum(ElementType type, const Polynomial &a,
                                                     const Polynomial &b, std::uint64_t factor) {
  Polynomial parts = a;
  for (const Monomial &m : b)
    parts.push_back({m.atoms, m.coefficient * factor});
  return collected(type, std::move(parts));
}

void IntegerNormalizer::add_product(Polynomial &out, ElementType type, TermId a, TermId b) {
  Polynomial p = polynomial(a), q = polynomial(b);
  if (p.size() * q.size() > max_product_) {
    p = {{terms_.vector(std::span(&a, 1)), 1}};
    q = {{terms_.vector(std::span(&b, 1)), 1}};
  }
  std::vector<TermId> atoms;
  for (const Monomial &x : p)
    for (const Monomial &y : q) {
      auto left = terms_.elements(x.atoms), right = terms_.elements(y.atoms);
      atoms.assign(left.begin(), left.end());
      atoms.insert(atoms.end(), right.begin(), right.end());
      std::sort(atoms.begin(), atoms.end());
      out.push_back({terms_.vector(atoms), x.coefficient * y.coefficient & mask(type)});
    }
}

TermId IntegerNormalizer::product(ElementType type, TermId a, TermId b) {
  Polynomial parts;
  add_product(parts, type, a, b);
  return encode(type, collected(type, std::move(parts)));
}

IntegerNormalizer::Range IntegerNormalizer::of_type(ElementType type) {
  assert(semantics::is_integer(type));
  std::uint64_t all = mask(type);
  if (semantics::is_signed_integer(type))
    return {-static_cast<Wide>(all >> 1) - 1, all >> 1};
  return {0, all};
}

IntegerNormalizer::Range IntegerNormalizer::range(TermId atom) const {
  auto found = ranges_.find(atom.v);
  if (found != ranges_.end())
    return found->second;
  return of_type(terms_[atom].type);
}

/// Of the polynomial over the unbounded integers, its coefficients those of least magnitude;
/// nullopt where the bounds do not fit 128 bits.
std::optional<IntegerNormalizer::Range>
IntegerNormalizer::range(ElementType type, const Polynomial &polynomial) const {
  Range total{0, 0};
  bool overflow = false;
  for (const Monomial &m : polynomial) {
    Range part{least(type, m.coefficient), least(type, m.coefficient)};
    for (TermId atom : terms_.elements(m.atoms)) {
      Range factor = range(atom);
      std::array<Wide, 4> corners{};
      overflow |= __builtin_mul_overflow(part.low, factor.low, corners.data());
      overflow |= __builtin_mul_overflow(part.low, factor.high, &corners[1]);
      overflow |= __builtin_mul_overflow(part.high, factor.low, &corners[2]);
      overflow |= __builtin_mul_overflow(part.high, factor.high, &corners[3]);
      auto [low, high] = std::minmax_element(corners.begin(), corners.end());
      part = {*low, *high};
    }
    overflow |= __builtin_add_overflow(total.low, part.low, &total.low);
    overflow |= __builtin_add_overflow(total.high, part.high, &total.high);
  }
  return overflow ? std::nullopt : std::optional(total);
}

} // namespace isamorph::verify
