#include "verify/term.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>

namespace isamorph::verify {
namespace {

constexpr std::size_t kInitialTable = 1 << 12;

std::uint64_t mix(std::uint64_t h, std::uint64_t v) {
  h ^= v + 0x9e3779b97f4a7c15 + (h << 6) + (h >> 2);
  return h * 0xff51afd7ed558ccd;
}

std::uint64_t hash_of(const Term &t, std::span<const TermId> operands) {
  std::uint64_t h = static_cast<std::uint64_t>(t.kind) | static_cast<std::uint64_t>(t.type) << 8 |
                    static_cast<std::uint64_t>(t.op) << 16 |
                    static_cast<std::uint64_t>(t.detail) << 24;
  h = mix(h, static_cast<std::uint64_t>(t.a) << 32 | t.b);
  h = mix(h, t.bits);
  for (TermId o : operands)
    h = mix(h, o.v);
  return h ^ h >> 31;
}

bool same(const Term &x, const Term &y) {
  return x.kind == y.kind && x.type == y.type && x.op == y.op && x.detail == y.detail &&
         x.a == y.a && x.b == y.b && x.bits == y.bits && x.count == y.count;
}

/// f64 operands keep their order: no solver at hand proves that its circuits commute.
bool commutes(ElementType type) { return type != ElementType::F64; }

/// The lemma is one for profiles that round plainly.
bool commutes(const semantics::NumericsProfile &profile, ElementType type) {
  return commutes(type) && (!semantics::is_float(type) || semantics::rounds_plainly(profile));
}

} // namespace

bool is_denormal(ElementType type, std::uint64_t bits) {
  if (!semantics::is_float(type) || !semantics::is_finite(type, bits))
    return false;
  int least = type == ElementType::F16 ? -14 : type == ElementType::F64 ? -1022 : -126;
  double value = semantics::decode(type, bits);
  return value != 0 && std::fabs(value) < std::ldexp(1, least);
}

TermGraph::TermGraph(const semantics::NumericsProfile &profile, bool commute)
    : profile_(profile), commute_(commute), term_table_(kInitialTable, 0),
      vector_table_(kInitialTable, 0),
      commuted_(static_cast<std::size_t>(semantics::kOpCodeCount * semantics::kElementTypeCount),
                0) {}

void TermGraph::grow_terms() {
  std::vector<std::uint32_t> table(term_table_.size() * 2, 0);
  for (std::uint32_t id = 0; id < terms_.size(); ++id) {
    std::size_t slot = term_hashes_[id] & (table.size() - 1);
    while (table[slot])
      slot = (slot + 1) & (table.size() - 1);
    table[slot] = id + 1;
  }
  term_table_ = std::move(table);
}

void TermGraph::grow_vectors() {
  std::vector<std::uint32_t> table(vector_table_.size() * 2, 0);
  for (std::uint32_t id = 0; id < vectors_.size(); ++id) {
    std::size_t slot = vector_hashes_[id] & (table.size() - 1);
    while (table[slot])
      slot = (slot + 1) & (table.size() - 1);
    table[slot] = id + 1;
  }
  vector_table_ = std::move(table);
}

TermId TermGraph::intern(Term term, std::span<const TermId> operands) {
  assert(operands.size() < 256);
  term.count = static_cast<std::uint8_t>(operands.size());
  std::uint64_t hash = hash_of(term, operands);
  std::size_t slot = hash & (term_table_.size() - 1);
  while (std::uint32_t entry = term_table_[slot]) {
    TermId id{entry - 1};
    if (term_hashes_[id.v] == hash && same(terms_[id.v], term) &&
        std::ranges::equal(this->operands(id), operands))
      return id;
    slot = (slot + 1) & (term_table_.size() - 1);
  }
  poll();
  TermId id{static_cast<std::uint32_t>(terms_.size())};
  term_table_[slot] = id.v + 1;
  std::vector<TermId> copy(operands.begin(), operands.end()); // the span may point into operands_
  term.first = static_cast<std::uint32_t>(operands_.size());
  operands_.insert(operands_.end(), copy.begin(), copy.end());
  terms_.push_back(term);
  term_hashes_.push_back(hash);
  if (terms_.size() * 2 > term_table_.size())
    grow_terms();
  return id;
}

TermId TermGraph::input(std::uint32_t parameter, std::uint32_t element, ElementType type) {
  Term t{TermKind::Input, type};
  t.a = parameter;
  t.b = element;
  return intern(t, {});
}

TermId TermGraph::literal(ElementType type, std::uint64_t bits) {
  Term t{TermKind::Literal, type};
  t.bits = bits;
  return intern(t, {});
}

void TermGraph::note_commuted(OpCode op, ElementType type) {
  auto &noted = commuted_[static_cast<std::size_t>(op) * semantics::kElementTypeCount +
                          static_cast<std::size_t>(type)];
  if (!noted)
    lemmas_.insert("commutative " + std::string(semantics::info(op).name) + " " +
                   std::string(semantics::name(type)));
  noted = 1;
}

TermId TermGraph::operation(OpCode op, std::uint8_t detail, ElementType result,
                            std::span<const TermId> operands) {
  std::array<TermId, 3> sorted{};
  assert(operands.size() <= sorted.size());
  std::copy(operands.begin(), operands.end(), sorted.begin());
  std::span<const TermId> in(sorted.data(), operands.size());
  bool constant = std::all_of(in.begin(), in.end(),
                              [&](TermId t) { return terms_[t.v].kind == TermKind::Literal; });
  if (constant) {
    std::array<ElementType, 3> types{};
    std::array<std::uint64_t, 3> bits{};
    for (std::size_t i = 0; i < in.size(); ++i) {
      types[i] = terms_[in[i].v].type;
      bits[i] = terms_[in[i].v].bits;
    }
    semantics::Attributes attributes;
    if (op == OpCode::Compare)
      attributes.set(semantics::AttributeKey::Direction, {detail});
    return literal(result, semantics::evaluate_scalar(op, attributes, {types.data(), in.size()},
                                                      {bits.data(), in.size()}, result, profile_));
  }
  if (commute_ && semantics::info(op).commutative && sorted[1] < sorted[0] &&
      commutes(profile_, terms_[sorted[0].v].type)) {
    std::swap(sorted[0], sorted[1]);
    note_commuted(op, terms_[sorted[0].v].type);
  }
  Term t{TermKind::Op, result, op, detail};
  return intern(t, in);
}

TermId TermGraph::extract(TermId term, std::uint8_t byte) {
  const Term &t = terms_[term.v];
  if (semantics::byte_size(t.type) == 1 && t.type == ElementType::U8)
    return term;
  if (t.kind == TermKind::Literal)
    return literal(ElementType::U8, t.bits >> (8 * byte) & 0xff);
  if (t.kind == TermKind::Join)
    return operands(term)[byte];
  Term out{TermKind::Extract, ElementType::U8, OpCode::Copy, byte};
  return intern(out, std::span(&term, 1));
}

TermId TermGraph::join(ElementType type, std::span<const TermId> bytes) {
  assert(bytes.size() == static_cast<std::size_t>(semantics::byte_size(type)));
  if (type == ElementType::U8)
    return bytes[0];
  // All bytes of one term of this type, in order: the term itself.
  const Term &first = terms_[bytes[0].v];
  if (first.kind == TermKind::Extract && terms_[operands(bytes[0])[0].v].type == type) {
    TermId whole = operands(bytes[0])[0];
    bool all = true;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      const Term &b = terms_[bytes[i].v];
      all &= b.kind == TermKind::Extract && b.detail == i && operands(bytes[i])[0] == whole;
    }
    if (all)
      return whole;
  }
  bool constant = true;
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const Term &b = terms_[bytes[i].v];
    constant &= b.kind == TermKind::Literal;
    bits |= b.bits << (8 * i);
  }
  if (constant)
    return literal(type, bits);
  Term t{TermKind::Join, type};
  return intern(t, bytes);
}

VectorId TermGraph::vector(std::span<const TermId> terms) {
  std::uint64_t hash = terms.size();
  for (TermId t : terms)
    hash = mix(hash, t.v);
  hash ^= hash >> 31;
  std::size_t slot = hash & (vector_table_.size() - 1);
  while (std::uint32_t entry = vector_table_[slot]) {
    VectorId id{entry - 1};
    if (vector_hashes_[id.v] == hash && std::ranges::equal(elements(id), terms))
      return id;
    slot = (slot + 1) & (vector_table_.size() - 1);
  }
  poll();
  VectorId id{static_cast<std::uint32_t>(vectors_.size())};
  vector_table_[slot] = id.v + 1;
  vectors_.push_back(
      {static_cast<std::uint32_t>(vector_terms_.size()), static_cast<std::uint32_t>(terms.size())});
  vector_terms_.insert(vector_terms_.end(), terms.begin(), terms.end());
  vector_hashes_.push_back(hash);
  if (vectors_.size() * 2 > vector_table_.size())
    grow_vectors();
  return id;
}

TermId TermGraph::dot(ElementType type, VectorId a, VectorId b) {
  ElementType factors = semantics::accumulator_type(profile_.dot, type);
  if (commute_ && b < a && commutes(factors) && semantics::factors_commute(profile_.dot, type)) {
    std::swap(a, b);
    note_commuted(OpCode::Multiply, factors);
  }
  Term t{TermKind::Dot, type};
  t.a = a.v;
  t.b = b.v;
  return intern(t, {});
}

TermId TermGraph::reduce(OpCode op, ElementType type, TermId init, VectorId terms) {
  Term t{TermKind::Reduce, type, op};
  t.a = terms.v;
  return intern(t, std::span(&init, 1));
}

std::string TermGraph::to_string(TermId id, int depth) const {
  const Term &t = terms_[id.v];
  if (depth == 0 && t.kind != TermKind::Input && t.kind != TermKind::Literal)
    return "...";
  auto list = [&](std::span<const TermId> terms, std::size_t most) {
    std::string out;
    for (std::size_t i = 0; i < terms.size() && i < most; ++i)
      out += (i ? ", " : "") + to_string(terms[i], depth - 1);
    return out + (terms.size() > most ? ", ..." : "");
  };
  switch (t.kind) {
  case TermKind::Input:
    return "input" + std::to_string(t.a) + "[" + std::to_string(t.b) + "]";
  case TermKind::Literal:
    return semantics::element_text(t.type, t.bits);
  case TermKind::Op:
    return std::string(semantics::info(t.op).name) + "(" + list(operands(id), 3) + ")";
  case TermKind::Extract:
    return "byte" + std::to_string(t.detail) + "(" + list(operands(id), 1) + ")";
  case TermKind::Join:
    return std::string(semantics::name(t.type)) + "(" + list(operands(id), 8) + ")";
  case TermKind::Dot:
    return "dot([" + list(elements({t.a}), 2) + "], [" + list(elements({t.b}), 2) + "])";
  default:
    return "reduce_" + std::string(semantics::info(t.op).name) + "(" + list(operands(id), 1) +
           "; " + list(elements({t.a}), 2) + ")";
  }
}

} // namespace isamorph::verify
