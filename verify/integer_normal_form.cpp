#include "verify/integer_normal_form.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <iterator>

namespace isamorph::verify {
namespace {

using semantics::byte_size;
using semantics::is_integer;
__extension__ using Wide = __int128;

constexpr std::int64_t kMaxMonomials = std::int64_t{1} << 25;
/// Among more minima, those below others stay.
constexpr std::size_t kMaxClauses = 256;

int width(ElementType type) { return 8 * byte_size(type); }

std::uint64_t mask(ElementType type) {
  return width(type) == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << width(type)) - 1;
}

/// The number of least magnitude that is `bits` modulo 2^w.
std::int64_t least(ElementType type, std::uint64_t bits) {
  int unused = 64 - width(type);
  return static_cast<std::int64_t>(bits << unused) >> unused;
}

/// By the numbers that the bits are.
bool less(ElementType type, std::uint64_t a, std::uint64_t b) {
  return semantics::is_signed_integer(type) ? least(type, a) < least(type, b) : a < b;
}

bool is_extremum(OpCode op) { return op == OpCode::Maximum || op == OpCode::Minimum; }
bool is_bitwise(OpCode op) { return op == OpCode::And || op == OpCode::Or; }

/// The largest number of a type, and the least.
std::uint64_t top(ElementType type) {
  return semantics::is_signed_integer(type) ? mask(type) >> 1 : mask(type);
}
std::uint64_t bottom(ElementType type) { return ~top(type) & mask(type); }

} // namespace

bool has_integer_arithmetic(const TermGraph &terms) {
  for (std::uint32_t i = 0; i < terms.size(); ++i) {
    const Term &t = terms[{i}];
    bool computes = t.kind == TermKind::Op || t.kind == TermKind::Dot || t.kind == TermKind::Reduce;
    if (computes && is_integer(t.type))
      return true;
  }
  return false;
}

IntegerNormalizer::IntegerNormalizer(TermGraph &terms, std::size_t max_product)
    : terms_(terms), max_product_(max_product) {
  std::vector<std::uint32_t> uses(terms.size(), 0), users(terms.size(), 0);
  auto note = [&](std::span<const TermId> operands, std::uint32_t user) {
    for (TermId operand : operands) {
      ++uses[operand.v];
      users[operand.v] = user;
    }
  };
  for (std::uint32_t i = 0; i < terms.size(); ++i) {
    const Term &t = terms[{i}];
    note(terms.operands({i}), i);
    if (t.kind == TermKind::Dot || t.kind == TermKind::Reduce)
      note(terms.elements({t.a}), i);
    if (t.kind == TermKind::Dot)
      note(terms.elements({t.b}), i);
  }
  for (std::uint32_t i = 0; i < terms.size(); ++i) {
    bool once = uses[i] == 1 && is_sum(terms[{users[i]}]);
    part_.push_back(once && is_sum(terms[{i}]));
    dot_part_.push_back(once && terms[{i}].kind == TermKind::Dot && is_integer(terms[{i}].type));
  }
}

bool IntegerNormalizer::is_dot_part(TermId term) const {
  return term.v < dot_part_.size() && dot_part_[term.v];
}

bool IntegerNormalizer::is_sum(const Term &t) const {
  return t.kind == TermKind::Op && is_integer(t.type) &&
         (t.op == OpCode::Add || t.op == OpCode::Subtract || t.op == OpCode::Negate);
}

std::vector<std::pair<TermId, std::uint64_t>> IntegerNormalizer::addends(TermId sum) const {
  std::vector<std::pair<TermId, std::uint64_t>> out, open = {{sum, 1}};
  while (!open.empty()) {
    auto [term, factor] = open.back();
    open.pop_back();
    if (term != sum && !(term.v < part_.size() && part_[term.v])) {
      out.emplace_back(term, factor);
      continue;
    }
    auto in = terms_.operands(term);
    OpCode op = terms_[term].op;
    open.emplace_back(in[0], op == OpCode::Negate ? -factor : factor);
    if (op != OpCode::Negate)
      open.emplace_back(in[1], op == OpCode::Subtract ? -factor : factor);
  }
  return out;
}

/// Depth first with an own stack: a chain of operations may be long.
TermId IntegerNormalizer::normalize(TermId root) {
  std::vector<TermId> stack = {root};
  while (!stack.empty()) {
    TermId term = stack.back();
    std::size_t before = stack.size();
    auto need = [&](std::span<const TermId> operands) {
      for (TermId operand : operands)
        if (!known(operand))
          stack.push_back(operand);
    };
    const Term &t = terms_[term];
    if (!known(term)) {
      if (is_sum(t))
        for (auto [addend, factor] : addends(term))
          if (is_dot_part(addend)) {
            need(terms_.elements({terms_[addend].a}));
            need(terms_.elements({terms_[addend].b}));
          } else {
            need(std::span(&addend, 1));
          }
      else
        need(terms_.operands(term));
      if (t.kind == TermKind::Dot || t.kind == TermKind::Reduce)
        need(terms_.elements({t.a}));
      if (t.kind == TermKind::Dot)
        need(terms_.elements({t.b}));
      if (stack.size() != before)
        continue;
      TermId result = compute(term);
      if (normal_.size() <= term.v)
        normal_.resize(terms_.size(), 0);
      normal_[term.v] = result.v + 1;
    }
    stack.pop_back();
  }
  return {normal_[root.v] - 1};
}

std::vector<TermId> IntegerNormalizer::normals(std::span<const TermId> terms) const {
  std::vector<TermId> out;
  out.reserve(terms.size());
  for (TermId term : terms)
    out.push_back({normal_[term.v] - 1});
  return out;
}

TermId IntegerNormalizer::compute(TermId term) {
  terms_.poll();
  Term t = terms_[term];
  if (is_sum(t))
    return sum(term);
  std::vector<TermId> in = normals(terms_.operands(term));
  switch (t.kind) {
  case TermKind::Input:
  case TermKind::Literal:
    return term;
  case TermKind::Extract: // the one byte of an integer is that integer
    return terms_[in[0]].type == ElementType::S8 ? convert(in[0], ElementType::U8)
                                                 : terms_.extract(in[0], t.detail);
  case TermKind::Join:
    return join(t.type, in);
  case TermKind::Op: {
    auto result = arithmetic(t, in);
    return result ? *result : terms_.operation(t.op, t.detail, t.type, in);
  }
  case TermKind::Dot:
    return dot(t);
  default:
    return reduce(t, in[0]);
  }
}

TermId IntegerNormalizer::sum(TermId term) {
  ElementType type = terms_[term].type;
  Polynomial parts;
  for (auto [addend, factor] : addends(term)) {
    if (is_dot_part(addend)) {
      std::size_t before = parts.size();
      add_dot(parts, Term(terms_[addend]));
      for (std::size_t p = before; p < parts.size(); ++p)
        parts[p].coefficient *= factor;
      continue;
    }
    for (const Monomial &m : polynomial({normal_[addend.v] - 1}))
      parts.push_back({m.atoms, m.coefficient * factor});
  }
  return encode(type, collected(type, std::move(parts)));
}

TermId IntegerNormalizer::join(ElementType type, std::span<const TermId> bytes) {
  if (type == ElementType::S8)
    return convert(bytes[0], type);
  TermId joined = terms_.join(type, bytes);
  const Term &first = terms_[bytes[0]];
  if (terms_[joined].kind != TermKind::Join || first.kind != TermKind::Extract)
    return joined;
  TermId whole = terms_.operands(bytes[0])[0];
  ElementType from = terms_[whole].type;
  bool all = is_integer(from) && is_integer(type) && byte_size(from) == byte_size(type);
  for (std::size_t i = 0; all && i < bytes.size(); ++i)
    all = terms_[bytes[i]].kind == TermKind::Extract && terms_[bytes[i]].detail == i &&
          terms_.operands(bytes[i])[0] == whole;
  if (!all)
    return joined;
  lemmas_.insert("join extract");
  return convert(whole, type);
}

/// An operation on integers, but sums, of which something is known; nullopt for all others.
std::optional<TermId> IntegerNormalizer::arithmetic(const Term &t, std::span<const TermId> in) {
  if (!is_integer(t.type))
    return std::nullopt;
  ElementType type = t.type;
  auto scaled = [&](TermId term, std::uint64_t factor, std::uint64_t offset) {
    return encode(type, sum(type, constant(type, offset), polynomial(term), factor));
  };
  switch (t.op) {
  case OpCode::Not:
    return scaled(in[0], ~std::uint64_t{0}, ~std::uint64_t{0});
  case OpCode::Multiply:
    return product(type, in[0], in[1]);
  case OpCode::ShiftLeft: {
    const Term &amount = terms_[in[1]];
    if (amount.kind != TermKind::Literal || amount.bits >= static_cast<std::uint64_t>(width(type)))
      return std::nullopt;
    return scaled(in[0], std::uint64_t{1} << amount.bits, 0);
  }
  case OpCode::Clamp: {
    std::array<TermId, 2> raised = {in[1], in[0]};
    std::array<TermId, 2> cut = {extremum(OpCode::Maximum, type, raised), in[2]};
    return extremum(OpCode::Minimum, type, cut);
  }
  case OpCode::Convert:
    if (is_integer(terms_[in[0]].type))
      return convert(in[0], type);
    return std::nullopt;
  case OpCode::Maximum:
  case OpCode::Minimum:
    return extremum(t.op, type, in);
  default:
    return is_bitwise(t.op) ? std::optional(semilattice(t.op, type, in)) : std::nullopt;
  }
}

TermId IntegerNormalizer::dot(const Term &t) {
  if (!is_integer(t.type))
    return terms_.dot(t.type, terms_.vector(normals(terms_.elements({t.a}))),
                      terms_.vector(normals(terms_.elements({t.b}))));
  Polynomial parts;
  add_dot(parts, t);
  return encode(t.type, collected(t.type, std::move(parts)));
}

void IntegerNormalizer::add_dot(Polynomial &out, const Term &t) {
  std::vector<TermId> a = normals(terms_.elements({t.a})), b = normals(terms_.elements({t.b}));
  for (std::size_t i = 0; i < a.size(); ++i)
    add_product(out, t.type, a[i], b[i]);
}

TermId IntegerNormalizer::reduce(const Term &t, TermId init) {
  std::vector<TermId> elements = normals(terms_.elements({t.a}));
  bool known = is_integer(t.type) && (t.op == OpCode::Add || t.op == OpCode::Multiply ||
                                      is_extremum(t.op) || is_bitwise(t.op));
  if (!known)
    return terms_.reduce(t.op, t.type, init, terms_.vector(elements));
  if (t.op != OpCode::Add && t.op != OpCode::Multiply) {
    elements.push_back(init);
    return is_extremum(t.op) ? extremum(t.op, t.type, elements)
                             : semilattice(t.op, t.type, elements);
  }
  if (t.op == OpCode::Multiply) {
    TermId out = init;
    for (TermId element : elements)
      out = product(t.type, out, element);
    return out;
  }
  Polynomial parts = polynomial(init);
  for (TermId element : elements) {
    Polynomial more = polynomial(element);
    parts.insert(parts.end(), more.begin(), more.end());
  }
  return encode(t.type, collected(t.type, std::move(parts)));
}

TermId IntegerNormalizer::convert(TermId normal, ElementType to) {
  ElementType from = terms_[normal].type;
  if (from == to)
    return normal;
  Polynomial p = polynomial(normal);
  if (byte_size(to) > byte_size(from)) {
    auto values = range(from, p);
    Range typed = of_type(from);
    if (!values || values->low < typed.low || values->high > typed.high)
      p = {{terms_.vector(std::span(&normal, 1)), 1}};
    else
      for (Monomial &m : p)
        m.coefficient = static_cast<std::uint64_t>(least(from, m.coefficient));
  }
  lemmas_.insert("integer range");
  return encode(to, collected(to, std::move(p)));
}

/// The operands of nested operations of the same kind, sorted, each once, without literals, which
/// are gathered in `constant`.
std::vector<TermId> IntegerNormalizer::flattened(OpCode op, ElementType type,
                                                 std::span<const TermId> members,
                                                 TermId &constant) {
  std::vector<TermId> out;
  auto add = [&](TermId member) {
    if (terms_[member].kind == TermKind::Literal) {
      std::array<TermId, 2> both = {constant, member};
      constant = terms_.operation(op, 0, type, both);
    } else {
      out.push_back(member);
    }
  };
  for (TermId member : members) {
    Term t = terms_[member];
    if (t.kind != TermKind::Reduce || t.op != op || t.type != type) {
      add(member);
      continue;
    }
    auto view = terms_.elements({t.a});
    std::vector<TermId> inner(view.begin(), view.end());
    inner.push_back(terms_.operands(member)[0]);
    std::for_each(inner.begin(), inner.end(), add);
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

TermId IntegerNormalizer::semilattice(OpCode op, ElementType type,
                                      std::span<const TermId> members) {
  std::uint64_t neutral = op == OpCode::And ? mask(type) : 0, absorbing = ~neutral & mask(type);
  TermId constant = terms_.literal(type, neutral);
  std::vector<TermId> all = flattened(op, type, members, constant);
  lemmas_.insert("semilattice " + std::string(semantics::info(op).name) + " " +
                 std::string(semantics::name(type)));
  std::uint64_t bits = terms_[constant].bits;
  if (all.empty() || bits == absorbing)
    return constant;
  if (all.size() == 1 && bits == neutral)
    return all[0];
  return terms_.reduce(op, type, constant, terms_.vector(all));
}

IntegerNormalizer::Lattice IntegerNormalizer::clauses(TermId normal) {
  const Term &t = terms_[normal];
  if (t.kind == TermKind::Literal)
    return {{{}, t.bits}};
  auto found = lattices_.find(normal.v);
  return found != lattices_.end() ? found->second : Lattice{{{normal}, top(t.type)}};
}

TermId IntegerNormalizer::extremum(OpCode op, ElementType type, std::span<const TermId> members) {
  lemmas_.insert("lattice " + std::string(semantics::name(type)));
  Lattice all = clauses(members[0]);
  for (TermId member : members.subspan(1)) {
    Lattice more = clauses(member);
    if (op == OpCode::Minimum)
      all = met(type, std::move(all), std::move(more));
    else
      all.insert(all.end(), more.begin(), more.end());
  }
  return encode(type, std::move(all));
}

/// The minimum of two maxima, by distribution where that is small.
IntegerNormalizer::Lattice IntegerNormalizer::met(ElementType type, Lattice a, Lattice b) {
  if (a.size() * b.size() > kMaxClauses) {
    a = {{{encode(type, std::move(a))}, top(type)}};
    b = {{{encode(type, std::move(b))}, top(type)}};
  }
  Lattice out;
  for (const Clause &x : a)
    for (const Clause &y : b) {
      terms_.poll();
      Clause both{{}, less(type, x.bound, y.bound) ? x.bound : y.bound};
      std::set_union(x.atoms.begin(), x.atoms.end(), y.atoms.begin(), y.atoms.end(),
                     std::back_inserter(both.atoms));
      out.push_back(std::move(both));
    }
  monomials_ += static_cast<std::int64_t>(out.size());
  return out;
}

TermId IntegerNormalizer::encode(ElementType type, Lattice lattice) {
  std::sort(lattice.begin(), lattice.end());
  lattice.erase(std::unique(lattice.begin(), lattice.end()), lattice.end());
  auto below = [&](const Clause &x, const Clause &y) {
    return !less(type, y.bound, x.bound) &&
           std::includes(x.atoms.begin(), x.atoms.end(), y.atoms.begin(), y.atoms.end());
  };
  Clause nothing{{}, bottom(type)};
  Lattice kept;
  for (const Clause &x : lattice) {
    bool redundant = lattice.size() > 1 && x == nothing;
    redundant |= lattice.size() <= kMaxClauses &&
                 std::any_of(lattice.begin(), lattice.end(),
                             [&](const Clause &y) { return &x != &y && below(x, y); });
    if (!redundant)
      kept.push_back(x);
  }
  std::uint64_t least_value = bottom(type);
  std::vector<TermId> parts;
  for (const Clause &clause : kept)
    if (clause.atoms.empty())
      least_value = less(type, least_value, clause.bound) ? clause.bound : least_value;
    else if (clause.atoms.size() == 1 && clause.bound == top(type))
      parts.push_back(clause.atoms[0]);
    else
      parts.push_back(terms_.reduce(OpCode::Minimum, type, terms_.literal(type, clause.bound),
                                    terms_.vector(clause.atoms)));
  if (parts.empty())
    return terms_.literal(type, least_value);
  if (parts.size() == 1 && least_value == bottom(type) && kept[0].atoms.size() == 1 &&
      parts[0] == kept[0].atoms[0])
    return parts[0];
  TermId out = parts.size() == 1 && least_value == bottom(type)
                   ? parts[0]
                   : terms_.reduce(OpCode::Maximum, type, terms_.literal(type, least_value),
                                   terms_.vector(parts));
  if (ranges_.contains(out.v))
    return out;
  Range whole = bounds(type, kept[0]);
  for (const Clause &clause : kept) {
    Range one = bounds(type, clause);
    whole = {std::max(whole.low, one.low), std::max(whole.high, one.high)};
  }
  ranges_[out.v] = whole;
  lattices_[out.v] = std::move(kept);
  return out;
}

IntegerNormalizer::Range IntegerNormalizer::bounds(ElementType type, const Clause &clause) {
  Wide bound =
      semantics::is_signed_integer(type) ? Wide{least(type, clause.bound)} : Wide{clause.bound};
  Range out{bound, bound};
  for (TermId atom : clause.atoms) {
    Range one = bounds(atom);
    out = {std::min(out.low, one.low), std::min(out.high, one.high)};
  }
  return out;
}

/// Of the number that a normal form holds.
IntegerNormalizer::Range IntegerNormalizer::bounds(TermId normal) {
  ElementType type = terms_[normal].type;
  Range typed = of_type(type);
  auto values = range(type, polynomial(normal));
  return values && values->low >= typed.low && values->high <= typed.high ? *values : typed;
}

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
  assert(is_integer(type));
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
