#include "verify/term_columns.h"

#include "semantics/evaluator.h"

#include <array>

namespace isamorph::verify {

using semantics::AttributeKey;
using semantics::Attributes;
using semantics::Tensor;

void TermColumns::evaluate(std::span<const TermId> which, std::span<const Tensor> inputs,
                           std::int64_t count) {
  count_ = count;
  values_.resize(terms_.size());
  for (TermId id : which)
    values_[id.v] = column(id, inputs);
}

Tensor TermColumns::column(TermId id, std::span<const Tensor> inputs) const {
  const Term &term = terms_[id];
  switch (term.kind) {
  case TermKind::Input:
    return inputs[term.a];
  case TermKind::Literal: {
    Tensor out({term.type, {count_}});
    for (std::int64_t i = 0; i < count_; ++i)
      out.set_bits(i, term.bits);
    return out;
  }
  case TermKind::Op:
    return operation(id);
  case TermKind::Dot:
  case TermKind::Reduce:
    return fold(id);
  default:
    return bytes(id);
  }
}

Tensor TermColumns::operation(TermId id) const {
  const Term &term = terms_[id];
  std::vector<const Tensor *> operands;
  for (TermId operand : terms_.operands(id))
    operands.push_back(&values_[operand.v]);
  Attributes attributes;
  if (term.op == OpCode::Compare)
    attributes.set(AttributeKey::Direction, {term.detail});
  return semantics::evaluate_op(term.op, attributes, operands, {term.type, {count_}},
                                terms_.profile());
}

Tensor TermColumns::fold(TermId id) const {
  const Term &term = terms_[id];
  auto length = static_cast<std::int64_t>(terms_.elements({term.a}).size());
  Attributes attributes;
  if (term.kind == TermKind::Dot) {
    Tensor a = rows(term.type, {term.a}, {count_, 1, length}),
           b = rows(term.type, {term.b}, {count_, length, 1});
    attributes.set(AttributeKey::LhsBatch, {0});
    attributes.set(AttributeKey::RhsBatch, {0});
    attributes.set(AttributeKey::LhsContracting, {2});
    attributes.set(AttributeKey::RhsContracting, {1});
    std::array<const Tensor *, 2> both = {&a, &b};
    Tensor out = semantics::evaluate_op(OpCode::Dot, attributes, both, {term.type, {count_, 1, 1}},
                                        terms_.profile());
    return {{term.type, {count_}}, {out.bytes().begin(), out.bytes().end()}};
  }
  TermId init = terms_.operands(id)[0];
  attributes.set(AttributeKey::Reducer, {static_cast<std::int64_t>(term.op)});
  Tensor from = rows(term.type, {term.a}, {count_, length}), first({term.type, {}});
  if (terms_[init].kind == TermKind::Literal) {
    attributes.set(AttributeKey::Dimensions, {1});
    first.set_bits(0, terms_[init].bits);
    std::array<const Tensor *, 2> both = {&from, &first};
    return semantics::evaluate_op(OpCode::Reduce, attributes, both, {term.type, {count_}},
                                  terms_.profile());
  }
  attributes.set(AttributeKey::Dimensions, {0});
  Tensor out({term.type, {count_}}), row({term.type, {length}});
  for (std::int64_t i = 0; i < count_; ++i) { // each begins with another value
    for (std::int64_t e = 0; e < length; ++e)
      row.set_bits(e, from.bits(i * length + e));
    first.set_bits(0, values_[init.v].bits(i));
    std::array<const Tensor *, 2> both = {&row, &first};
    out.set_bits(i, semantics::evaluate_op(OpCode::Reduce, attributes, both, {term.type, {}},
                                           terms_.profile())
                        .bits(0));
  }
  return out;
}

Tensor TermColumns::bytes(TermId id) const {
  const Term &term = terms_[id];
  Tensor out({term.type, {count_}});
  auto operands = terms_.operands(id);
  for (std::int64_t i = 0; i < count_; ++i) {
    std::uint64_t value = 0;
    if (term.kind == TermKind::Extract)
      value = values_[operands[0].v].bits(i) >> (8 * term.detail) & 0xff;
    else
      for (std::size_t b = 0; b < operands.size(); ++b)
        value |= values_[operands[b].v].bits(i) << (8 * b);
    out.set_bits(i, value);
  }
  return out;
}

namespace {

template <class T>
void interleave(const Tensor &from, std::int64_t first, std::int64_t stride, Tensor &to) {
  std::span<const T> in = from.as<T>();
  std::span<T> out = to.as<T>();
  for (std::size_t i = 0; i < in.size(); ++i)
    out[i * static_cast<std::size_t>(stride) + static_cast<std::size_t>(first)] = in[i];
}

} // namespace

/// The elements of a vector, one row for each input.
Tensor TermColumns::rows(ElementType type, VectorId vector, std::vector<std::int64_t> dims) const {
  Tensor out({type, std::move(dims)});
  auto elements = terms_.elements(vector);
  auto length = static_cast<std::int64_t>(elements.size());
  for (std::int64_t e = 0; e < length; ++e) {
    const Tensor &from = values_[elements[static_cast<std::size_t>(e)].v];
    switch (semantics::byte_size(type)) {
    case 1:
      interleave<std::uint8_t>(from, e, length, out);
      break;
    case 2:
      interleave<std::uint16_t>(from, e, length, out);
      break;
    case 4:
      interleave<std::uint32_t>(from, e, length, out);
      break;
    default:
      interleave<std::uint64_t>(from, e, length, out);
    }
  }
  return out;
}

} // namespace isamorph::verify
