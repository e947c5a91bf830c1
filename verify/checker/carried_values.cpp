#include "verify/checker/carried_values.h"

#include <functional>

namespace isamorph::verify {
namespace {

using Kind = Value::Kind;
using Leaf = std::function<std::optional<ValueId>(ValueId)>;

/// Inputs of this parameter are symbols.
constexpr std::int64_t kSymbols = -1;

/// A value of other parts, which are in the order of its own.
std::optional<ValueId> remade(Values &values, ValueId id, std::vector<ValueId> parts) {
  const Value value = values[id];
  switch (value.kind) {
  case Kind::Literal:
    return id;
  case Kind::Op:
    return values.operation(value.op, value.detail, value.type, std::move(parts));
  case Kind::Byte:
    return values.byte(parts.at(0), value.detail);
  case Kind::Joined:
    return values.joined(value.type, parts);
  case Kind::List:
    return values.list(std::move(parts));
  case Kind::Dot:
    return values.dot(value.type, parts.at(0), parts.at(1));
  case Kind::Reduce:
    return values.reduce(value.op, value.type, parts.at(0), parts.at(1));
  default: // normal forms come later
    return std::nullopt;
  }
}

/// A value with other values for its inputs; none where one of them has none.
std::optional<ValueId> substituted(Values &values, ValueId root, const Leaf &leaf) {
  std::set<ValueId> all = {root};
  for (auto next = all.rbegin(); next != all.rend(); ++next)
    all.insert(values[*next].operands.begin(), values[*next].operands.end());
  std::map<ValueId, ValueId> made; // parts have smaller numbers
  for (ValueId id : all) {
    std::vector<ValueId> parts;
    for (ValueId part : values[id].operands)
      parts.push_back(made.at(part));
    auto other = values[id].kind == Kind::Input ? leaf(id) : remade(values, id, std::move(parts));
    if (!other)
      return std::nullopt;
    made[id] = *other;
  }
  return made.at(root);
}

} // namespace

ValueId CarriedValues::symbol(semantics::ElementType type, semantics::SlopeId slope) {
  symbols_.push_back(slope);
  return values_.input(kSymbols, symbols_.size() - 1, type);
}

bool CarriedValues::is_symbol(ValueId value) const {
  return values_[value].kind == Kind::Input && values_[value].detail == kSymbols;
}

std::map<ValueId, ValueId> CarriedValues::solve(std::size_t variable,
                                                const std::vector<CarriedCell> &values) {
  std::map<ValueId, ValueId> solved;
  std::set<ValueId> open;
  for (const CarriedCell &value : values)
    open.insert(value.symbol);
  for (bool news = true; news;) {
    news = false;
    for (const CarriedCell &value : values) {
      if (!open.contains(value.symbol) || !value.after)
        continue;
      auto after = replaced(*value.after, solved, open);
      auto found = after ? moved(variable, -1, false, *after) : std::nullopt;
      if (!found || in_iteration(variable, 0, *found) != value.before)
        continue;
      solved[value.symbol] = *found;
      open.erase(value.symbol);
      news = true;
    }
  }
  return solved;
}

std::optional<ValueId> CarriedValues::replaced(ValueId value, const std::map<ValueId, ValueId> &by,
                                               const std::set<ValueId> &unknown) {
  return substituted(values_, value, [&](ValueId input) -> std::optional<ValueId> {
    if (unknown.contains(input))
      return std::nullopt;
    auto other = by.find(input);
    return other == by.end() ? input : other->second;
  });
}

std::optional<ValueId> CarriedValues::in_iteration(std::size_t variable, std::int64_t number,
                                                   ValueId value) {
  return moved(variable, number, true, value);
}

/// Positions `by` iterations later, or where the variable is `by`.
std::optional<ValueId> CarriedValues::moved(std::size_t variable, std::int64_t by, bool fix,
                                            ValueId value) {
  return substituted(values_, value, [&](ValueId input) -> std::optional<ValueId> {
    if (is_symbol(input)) { // of a loop around this one
      semantics::SlopeId slope = symbols_.at(values_[input].bits);
      return space_.factors(slope)[variable] == 0 ? std::optional(input) : std::nullopt;
    }
    auto [parameter, position] = elements_.position(values_[input]);
    std::vector<std::int64_t> factors = space_.factors(position.slope);
    position.offset += by * factors[variable];
    if (fix)
      factors[variable] = 0;
    auto slope = space_.slope(factors);
    if (!slope)
      return std::nullopt;
    position.slope = *slope;
    return elements_.inside(parameter, space_.range(position))
               ? std::optional(elements_.input(parameter, position))
               : std::nullopt;
  });
}

} // namespace isamorph::verify
