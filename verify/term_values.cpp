#include "verify/term_values.h"

#include <array>

namespace isamorph::verify {

using semantics::Shape;
using semantics::Tensor;

void evaluate_terms(const TermGraph &terms, std::span<const TermId> which,
                    std::span<const Tensor> inputs, std::vector<std::uint64_t> &values) {
  values.resize(terms.size());
  const semantics::NumericsProfile &profile = terms.profile();
  auto row = [&](ElementType type, VectorId id, Shape shape) {
    auto elements = terms.elements(id);
    shape.type = type;
    Tensor out(std::move(shape));
    for (std::size_t i = 0; i < elements.size(); ++i)
      out.set_bits(static_cast<std::int64_t>(i), values[elements[i].v]);
    return out;
  };
  for (TermId id : which) {
    const Term &t = terms[id];
    auto operands = terms.operands(id);
    std::uint64_t &value = values[id.v];
    semantics::Attributes attributes;
    switch (t.kind) {
    case TermKind::Input:
      value = inputs[t.a].bits(t.b);
      break;
    case TermKind::Literal:
      value = t.bits;
      break;
    case TermKind::Extract:
      value = values[operands[0].v] >> (8 * t.detail) & 0xff;
      break;
    case TermKind::Join:
      value = 0;
      for (std::size_t i = 0; i < operands.size(); ++i)
        value |= values[operands[i].v] << (8 * i);
      break;
    case TermKind::Op: {
      std::array<ElementType, 3> types{};
      std::array<std::uint64_t, 3> bits{};
      for (std::size_t i = 0; i < operands.size(); ++i) {
        types[i] = terms[operands[i]].type;
        bits[i] = values[operands[i].v];
      }
      if (t.op == OpCode::Compare)
        attributes.set(semantics::AttributeKey::Direction, {t.detail});
      value = semantics::evaluate_scalar(t.op, attributes, {types.data(), operands.size()},
                                         {bits.data(), operands.size()}, t.type, profile);
      break;
    }
    case TermKind::Dot: {
      auto length = static_cast<std::int64_t>(terms.elements({t.a}).size());
      Tensor a = row(t.type, {t.a}, {t.type, {1, length}}),
             b = row(t.type, {t.b}, {t.type, {length, 1}});
      attributes.set(semantics::AttributeKey::LhsContracting, {1});
      attributes.set(semantics::AttributeKey::RhsContracting, {0});
      std::array<const Tensor *, 2> both = {&a, &b};
      value =
          semantics::evaluate_op(OpCode::Dot, attributes, both, {t.type, {1, 1}}, profile).bits(0);
      break;
    }
    case TermKind::Reduce: {
      auto length = static_cast<std::int64_t>(terms.elements({t.a}).size());
      Tensor a = row(t.type, {t.a}, {t.type, {length}}), init(Shape{t.type, {}});
      init.set_bits(0, values[operands[0].v]);
      attributes.set(semantics::AttributeKey::Dimensions, {0});
      attributes.set(semantics::AttributeKey::Reducer, {static_cast<std::int64_t>(t.op)});
      std::array<const Tensor *, 2> both = {&a, &init};
      value =
          semantics::evaluate_op(OpCode::Reduce, attributes, both, {t.type, {}}, profile).bits(0);
      break;
    }
    }
  }
}

std::vector<std::uint64_t> evaluate_terms(const TermGraph &terms, std::span<const TermId> which,
                                          std::span<const Tensor> inputs) {
  std::vector<std::uint64_t> values;
  evaluate_terms(terms, which, inputs, values);
  return values;
}

std::vector<std::uint64_t> evaluate_terms(const TermGraph &terms, std::span<const Tensor> inputs) {
  std::vector<TermId> all;
  for (std::uint32_t n = 0; n < terms.size(); ++n)
    all.push_back({n});
  return evaluate_terms(terms, all, inputs);
}

std::vector<TermId> cone_of(const TermGraph &terms, std::span<const TermId> roots) {
  std::vector<char> in(terms.size(), 0);
  for (TermId root : roots)
    in[root.v] = 1;
  std::vector<TermId> out;
  for (std::uint32_t n = static_cast<std::uint32_t>(terms.size()); n-- > 0;) {
    if (!in[n])
      continue;
    for_each_part(terms, {n}, [&](TermId part) { in[part.v] = 1; });
    out.push_back({n});
  }
  return {out.rbegin(), out.rend()};
}

namespace {

/// Terms made anew of other terms, by the number of the old one.
class Substitution {
public:
  explicit Substitution(TermGraph &terms) : terms_(terms), to_(terms.size()) {}

  void set(TermId from, TermId to) { to_[from.v] = to; }
  TermId operator[](TermId from) const { return to_[from.v]; }

  /// Of a term whose parts are made anew.
  TermId remake(TermId id) {
    const Term term = terms_[id];
    std::vector<TermId> parts = mapped(terms_.operands(id));
    switch (term.kind) {
    case TermKind::Op:
      return terms_.operation(term.op, term.detail, term.type, parts);
    case TermKind::Extract:
      return terms_.extract(parts[0], term.detail);
    case TermKind::Join:
      return terms_.join(term.type, parts);
    case TermKind::Dot: {
      VectorId a = vector({term.a}), b = vector({term.b});
      return terms_.dot(term.type, a, b);
    }
    case TermKind::Reduce:
      return terms_.reduce(term.op, term.type, parts[0], vector({term.a}));
    default:
      return id;
    }
  }

private:
  std::vector<TermId> mapped(std::span<const TermId> parts) const {
    std::vector<TermId> out;
    for (TermId part : parts)
      out.push_back(to_[part.v]);
    return out;
  }
  VectorId vector(VectorId id) { return terms_.vector(mapped(terms_.elements(id))); }

  TermGraph &terms_;
  std::vector<TermId> to_;
};

} // namespace

std::vector<TermId> substituted(TermGraph &terms, std::span<const TermId> roots,
                                const std::function<TermId(TermId input)> &by,
                                const std::function<TermId(TermId made)> &then) {
  Substitution made(terms);
  for (TermId id : cone_of(terms, roots)) {
    bool input = terms[id].kind == TermKind::Input;
    TermId to = input ? by(id) : made.remake(id);
    made.set(id, input || !then ? to : then(to));
  }
  std::vector<TermId> out;
  for (TermId root : roots)
    out.push_back(made[root]);
  return out;
}

} // namespace isamorph::verify
