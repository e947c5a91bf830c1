#include "verify/normalize.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <tuple>

namespace isamorph::verify {
namespace {

using semantics::is_float;

/// One 1 and otherwise zeros; the position of the 1.
std::optional<std::size_t> unit_position(const TermGraph &terms, VectorId vector) {
  std::optional<std::size_t> position;
  auto elements = terms.elements(vector);
  for (std::size_t i = 0; i < elements.size(); ++i) {
    const Term &t = terms[elements[i]];
    if (t.kind != TermKind::Literal)
      return std::nullopt;
    double value = semantics::decode(t.type, t.bits);
    if (value == 1 && !position)
      position = i;
    else if (value != 0)
      return std::nullopt;
  }
  return position;
}

/// The unit flushes its results, and rounding them to the element type makes no denormal of them.
bool writes_no_denormals(const semantics::FoldNumerics &fold, ElementType type) {
  const semantics::StepProgram *unit = semantics::unit_for(fold, type);
  return unit && unit->round.tiny != semantics::TinyResults::Keep &&
         semantics::least_exponent(semantics::accumulator_type(fold, type)) ==
             semantics::least_exponent(type);
}

bool flushes_results(const semantics::NumericsProfile &profile, OpCode op, ElementType operand,
                     ElementType result) {
  return semantics::denormal_use(profile, op, operand, result).results !=
         semantics::TinyResults::Keep;
}

} // namespace

bool has_unit_vectors(const semantics::NumericsProfile &profile, ElementType type) {
  const semantics::StepProgram *unit = semantics::unit_for(profile.dot, type);
  return is_float(type) && (!unit || semantics::keeps_unit_vectors(*unit));
}

bool one_product_is_multiplied(const semantics::NumericsProfile &profile, ElementType type) {
  return is_float(type) && semantics::rounds_plainly(profile) &&
         !semantics::flushes(profile, type) && !semantics::unit_for(profile.dot, type) &&
         semantics::accumulator_type(profile.dot, type) == semantics::compute_type(profile, type);
}

Normalizer::Entry &Normalizer::entry(TermId term) {
  if (entries_.size() <= term.v)
    entries_.resize(std::max<std::size_t>(term.v + 1, terms_.size()));
  return entries_[term.v];
}

bool Normalizer::blocked(TermId original) const { return entries_[original.v].blocked; }

/// Depth first with an own stack: a chain of operations may be long.
TermId Normalizer::normalize(TermId root) {
  std::vector<TermId> stack = {root};
  while (!stack.empty()) {
    TermId term = stack.back();
    if (known(term)) {
      stack.pop_back();
      continue;
    }
    std::size_t before = stack.size();
    auto need = [&](TermId operand) {
      if (!known(operand))
        stack.push_back(operand);
    };
    const Term &t = terms_[term];
    for (TermId operand : terms_.operands(term))
      need(operand);
    if (t.kind == TermKind::Dot || t.kind == TermKind::Reduce)
      for (TermId operand : terms_.elements({t.a}))
        need(operand);
    if (t.kind == TermKind::Dot)
      for (TermId operand : terms_.elements({t.b}))
        need(operand);
    if (stack.size() != before)
      continue;
    stack.pop_back();
    Entry result = compute(term);
    result.known = true;
    result.settled = settled(term);
    entry(term) = result;
  }
  return entries_[root.v].normal;
}

void Normalizer::inherit(Entry &e, TermId operand) const {
  e.tainted |= entries_[operand.v].tainted;
  e.blocked |= entries_[operand.v].blocked;
}

VectorId Normalizer::vector(VectorId original, Entry &e) {
  std::vector<TermId> elements;
  auto old = terms_.elements(original);
  std::vector<TermId> copy(old.begin(), old.end());
  for (TermId element : copy) {
    inherit(e, element);
    elements.push_back(entries_[element.v].normal);
  }
  return terms_.vector(elements);
}

/// Of a term whose operands are known.
bool Normalizer::settled(TermId term) const {
  const Term &t = terms_[term];
  const semantics::NumericsProfile &profile = terms_.profile();
  auto operands = terms_.operands(term);
  switch (t.kind) {
  case TermKind::Literal:
    return !is_denormal(t.type, t.bits);
  case TermKind::Op:
    if (t.op == OpCode::Negate || t.op == OpCode::Abs || t.op == OpCode::Copy)
      return entries_[operands[0].v].settled;
    if (t.op == OpCode::Select)
      return entries_[operands[1].v].settled && entries_[operands[2].v].settled;
    if (flushes_results(profile, t.op, terms_[operands[0]].type, t.type))
      return true;
    return t.op == OpCode::Convert && settled_by_conversion(term);
  case TermKind::Dot:
    return flushes_results(profile, OpCode::Dot, t.type, t.type) ||
           writes_no_denormals(profile.dot, t.type);
  case TermKind::Reduce:
    return flushes_results(profile, OpCode::Reduce, t.type, t.type);
  default: // the level has no denormals among the inputs of types of which any are flushed
    return t.kind == TermKind::Input && semantics::flushes(profile, t.type);
  }
}

/// Of a conversion that flushes nothing. An integer is zero or at least one; a float stays normal
/// in a type whose normal numbers reach as far down.
bool Normalizer::settled_by_conversion(TermId term) const {
  TermId operand = terms_.operands(term)[0];
  ElementType from = terms_[operand].type, to = terms_[term].type;
  if (!is_float(from) || !is_float(to))
    return true;
  int least = semantics::least_exponent(from);
  return least - (semantics::precision(from) - 1) >= semantics::least_exponent(to) ||
         (least >= semantics::least_exponent(to) && entries_[operand.v].settled);
}

bool Normalizer::survives(OpCode op, ElementType type, TermId original) const {
  const semantics::NumericsProfile &profile = terms_.profile();
  if (op != OpCode::Dot && !semantics::rounds_plainly(profile))
    return false;
  const semantics::StepProgram *unit =
      op == OpCode::Dot ? semantics::unit_for(profile.dot, type) : nullptr;
  bool kept = !profile.flush_narrowing && !(unit && unit->flushes()) &&
              semantics::denormal_use(profile, op, type) == semantics::DenormalUse{};
  return kept || entries_[original.v].settled;
}

bool Normalizer::is_literal(TermId term, double value) const {
  const Term &t = terms_[term];
  return t.kind == TermKind::Literal && is_float(t.type) &&
         semantics::decode(t.type, t.bits) == value;
}

Normalizer::Entry Normalizer::compute(TermId term) {
  terms_.poll();
  Term t = terms_[term];
  Entry out{term};
  switch (t.kind) {
  case TermKind::Input:
  case TermKind::Literal:
    return out;
  case TermKind::Extract: {
    TermId operand = terms_.operands(term)[0];
    inherit(out, operand);
    if (out.tainted) // the normal form may even have another element type
      out.blocked = true;
    else
      out.normal = terms_.extract(entries_[operand.v].normal, t.detail);
    return out;
  }
  case TermKind::Join: {
    auto operands = terms_.operands(term);
    std::vector<TermId> bytes(operands.begin(), operands.end());
    for (TermId &byte : bytes) {
      inherit(out, byte);
      byte = entries_[byte.v].normal;
    }
    out.normal = terms_.join(t.type, bytes);
    return out;
  }
  case TermKind::Op:
    return operation(term);
  case TermKind::Dot:
    return dot(term);
  default:
    return reduce(term);
  }
}

Normalizer::Entry Normalizer::operation(TermId term) {
  Term t = terms_[term];
  Entry out{term};
  auto old = terms_.operands(term);
  std::vector<TermId> in(old.begin(), old.end()), original = in;
  for (TermId &operand : in) {
    inherit(out, operand);
    operand = entries_[operand.v].normal;
  }
  if (!is_float(t.type)) {
    out.normal = terms_.operation(t.op, t.detail, t.type, in);
    return out;
  }
  auto drop = [&](const char *lemma, TermId kept) {
    lemmas_.insert(std::string(lemma) + " " + std::string(semantics::name(t.type)));
    out.tainted = true;
    out.normal = kept;
    return out;
  };
  if (in.size() == 2) {
    bool add = t.op == OpCode::Add, multiply = t.op == OpCode::Multiply;
    bool first = survives(t.op, t.type, original[0]), second = survives(t.op, t.type, original[1]);
    if (add && first && is_literal(in[1], 0))
      return drop("add zero", in[0]);
    if (add && second && is_literal(in[0], 0))
      return drop("add zero", in[1]);
    if (t.op == OpCode::Subtract && first && is_literal(in[1], 0))
      return drop("subtract zero", in[0]);
    if (multiply && first && is_literal(in[1], 1))
      return drop("multiply one", in[0]);
    if (multiply && second && is_literal(in[0], 1))
      return drop("multiply one", in[1]);
    if (t.op == OpCode::Divide && first && is_literal(in[1], 1))
      return drop("divide one", in[0]);
    if (multiply && (is_literal(in[0], 0) || is_literal(in[1], 0)))
      return drop("multiply zero", terms_.literal(t.type, 0));
  }
  out.normal = terms_.operation(t.op, t.detail, t.type, in);
  return out;
}

Normalizer::Entry Normalizer::dot(TermId term) {
  Term t = terms_[term];
  Entry out{term};
  VectorId a = vector({t.a}, out), b = vector({t.b}, out);
  const semantics::NumericsProfile &profile = terms_.profile();
  ElementType accumulator = semantics::accumulator_type(profile.dot, t.type);
  bool exact = has_unit_vectors(profile, t.type);
  for (auto [unit, other, original] : {std::tuple(a, b, t.b), std::tuple(b, a, t.a)})
    if (auto position = exact ? unit_position(terms_, unit) : std::nullopt;
        position && survives(OpCode::Dot, t.type, terms_.elements({original})[*position])) {
      lemmas_.insert("unit vector dot " + std::string(semantics::name(t.type)) + " in " +
                     std::string(semantics::name(accumulator)));
      out.tainted = true;
      out.normal = terms_.elements(other)[*position];
      return out;
    }
  if (is_float(t.type))
    drop_zero_products(t.type, a, b, out);
  if (out.tainted && terms_.elements(a).empty())
    out.normal = terms_.literal(t.type, 0);
  else if (out.tainted && one_product(t.type, a)) {
    note_zero_products(t.type);
    out.normal =
        terms_.operation(OpCode::Multiply, 0, t.type,
                         std::array{terms_.elements(a).front(), terms_.elements(b).front()});
  } else
    out.normal = terms_.dot(t.type, a, b);
  return out;
}

/// That zero is added first changes nothing.
bool Normalizer::one_product(ElementType type, VectorId vector) const {
  return terms_.elements(vector).size() == 1 && one_product_is_multiplied(terms_.profile(), type);
}

void Normalizer::note_zero_products(ElementType type) {
  ElementType accumulator = semantics::accumulator_type(terms_.profile().dot, type);
  lemmas_.insert("zero products " + std::string(semantics::name(type)) + " in " +
                 std::string(semantics::name(accumulator)));
}

/// Of a dot whose products are added one after the other; in other orders, and in units that take
/// several at a time, the sums that are left would be grouped differently.
void Normalizer::drop_zero_products(ElementType type, VectorId &a, VectorId &b, Entry &e) {
  using Kind = semantics::OrderDescriptor::Kind;
  const semantics::FoldNumerics &fold = terms_.profile().dot;
  auto length = static_cast<std::int64_t>(terms_.elements(a).size());
  if (semantics::unit_for(fold, type))
    return;
  if (fold.order.kind != Kind::Sequential &&
      (fold.order.kind != Kind::Blocks || length > fold.order.width))
    return;
  std::vector<TermId> left, right;
  for (std::size_t i = 0; i < terms_.elements(a).size(); ++i) {
    TermId x = terms_.elements(a)[i], y = terms_.elements(b)[i];
    if (is_literal(x, 0) || is_literal(y, 0))
      continue;
    left.push_back(x);
    right.push_back(y);
  }
  if (left.size() == terms_.elements(a).size())
    return;
  note_zero_products(type);
  e.tainted = true;
  a = terms_.vector(left);
  b = terms_.vector(right);
}

Normalizer::Entry Normalizer::reduce(TermId term) {
  Term t = terms_[term];
  Entry out{term};
  TermId init = terms_.operands(term)[0];
  inherit(out, init);
  init = entries_[init.v].normal;
  VectorId elements = vector({t.a}, out);
  out.normal = terms_.reduce(t.op, t.type, init, elements);
  return out;
}

} // namespace isamorph::verify
