#include "verify/checker/values.h"

#include <algorithm>

namespace isamorph::verify {

using semantics::ElementType;
using semantics::OpCode;
using Kind = Value::Kind;

ValueId Values::number(Value value) {
  auto [place, fresh] =
      numbers_.try_emplace(std::move(value), static_cast<ValueId>(by_number_.size()));
  if (fresh)
    by_number_.push_back(&place->first);
  return place->second;
}

bool Values::may_use(const std::string &lemma) {
  if (!lemmas_.count(lemma))
    return false;
  used_.insert(lemma);
  return true;
}

ValueId Values::input(std::int64_t parameter, std::uint64_t element, ElementType type) {
  return number({Kind::Input, type, OpCode::Parameter, parameter, element, {}});
}

ValueId Values::literal(ElementType type, std::uint64_t bits) {
  return number({Kind::Literal, type, OpCode::Constant, 0, bits, {}});
}

void Values::exchange(OpCode op, ElementType type, std::vector<ValueId> &two) {
  if (two[1] != two[0] && may_use("commutative " + std::string(semantics::info(op).name) + " " +
                                  std::string(semantics::name(type))))
    std::sort(two.begin(), two.end());
}

ValueId Values::operation(OpCode op, std::int64_t direction, ElementType result,
                          std::vector<ValueId> operands) {
  std::vector<ElementType> types;
  std::vector<std::uint64_t> bits;
  for (ValueId operand : operands)
    if (is_literal(operand)) {
      types.push_back((*this)[operand].type);
      bits.push_back((*this)[operand].bits);
    }
  if (bits.size() == operands.size()) {
    semantics::Attributes attributes;
    if (op == OpCode::Compare)
      attributes.set(semantics::AttributeKey::Direction, {direction});
    return literal(result,
                   semantics::evaluate_scalar(op, attributes, types, bits, result, profile_));
  }
  ElementType type = (*this)[operands[0]].type;
  if (semantics::info(op).commutative &&
      (!semantics::is_float(type) || semantics::rounds_plainly(profile_)))
    exchange(op, type, operands);
  return number({Kind::Op, result, op, direction, 0, std::move(operands)});
}

ValueId Values::byte(ValueId value, std::int64_t position) {
  const Value &v = (*this)[value];
  if (v.type == ElementType::U8)
    return value;
  if (v.kind == Kind::Literal)
    return literal(ElementType::U8, v.bits >> (8 * position) & 0xff);
  if (v.kind == Kind::Joined)
    return v.operands[static_cast<std::size_t>(position)];
  return number({Kind::Byte, ElementType::U8, OpCode::Copy, position, 0, {value}});
}

ValueId Values::joined(ElementType type, const std::vector<ValueId> &bytes) {
  if (type == ElementType::U8)
    return bytes[0];
  std::uint64_t bits = 0;
  bool literals = true;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    literals = literals && is_literal(bytes[i]);
    bits |= (*this)[bytes[i]].bits << (8 * i);
  }
  if (literals)
    return literal(type, bits);
  const Value &first = (*this)[bytes[0]];
  if (first.kind == Kind::Byte && (*this)[first.operands[0]].type == type) {
    bool all = true;
    for (std::size_t i = 0; i < bytes.size(); ++i)
      all = all && bytes[i] == byte(first.operands[0], static_cast<std::int64_t>(i));
    if (all)
      return first.operands[0];
  }
  return number({Kind::Joined, type, OpCode::Copy, 0, 0, bytes});
}

ValueId Values::list(std::vector<ValueId> elements) {
  return number({Kind::List, ElementType::U8, OpCode::Copy, 0, 0, std::move(elements)});
}

/// Exchanging the lists exchanges the factors of each product and leaves the order of the sum;
/// there are units that treat the two differently.
ValueId Values::dot(ElementType type, ValueId left, ValueId right) {
  // A unit whose sides differ must not come to be exchanged unseen: a member that is added to the
  // numerics of folds does not compile until it has been thought of here.
  [[maybe_unused]] const auto &[accumulator, order, unit, nan] = profile_.dot;
  std::vector<ValueId> lists = {left, right};
  if (semantics::factors_commute(profile_.dot, type))
    exchange(OpCode::Multiply, semantics::accumulator_type(profile_.dot, type), lists);
  return number({Kind::Dot, type, OpCode::Dot, 0, 0, std::move(lists)});
}

ValueId Values::reduce(OpCode op, ElementType type, ValueId init, ValueId list) {
  return number({Kind::Reduce, type, op, 0, 0, {init, list}});
}

} // namespace isamorph::verify
