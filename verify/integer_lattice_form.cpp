// Maximum and minimum, and, or: the normal forms of verify/integer_normal_form.h.
#include "verify/integer_bits.h"
#include "verify/integer_normal_form.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace isamorph::verify {
namespace {

__extension__ using Wide = __int128;

/// Among more minima, those below others stay.
constexpr std::size_t kMaxClauses = 256;

} // namespace

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

} // namespace isamorph::verify
