#include "verify/integer_normal_form.h"

#include "verify/integer_bits.h"

#include <algorithm>
#include <array>

namespace isamorph::verify {
namespace {

using semantics::byte_size;
using semantics::is_integer;

bool is_extremum(OpCode op) { return op == OpCode::Maximum || op == OpCode::Minimum; }
bool is_bitwise(OpCode op) { return op == OpCode::And || op == OpCode::Or; }

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

} // namespace isamorph::verify
