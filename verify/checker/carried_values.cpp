#include "verify/checker/carried_values.h"

namespace isamorph::verify {
namespace {

using Kind = Value::Kind;

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

} // namespace

std::optional<ValueId> Substitution::operator()(ValueId root) {
  std::set<ValueId> all; // parts have smaller numbers
  if (!made_.contains(root))
    all.insert(root);
  for (auto next = all.rbegin(); next != all.rend(); ++next)
    for (ValueId part : values_[*next].operands)
      if (!made_.contains(part))
        all.insert(part);
  for (ValueId id : all)
    made_[id] = made(id);
  return made_.at(root);
}

std::optional<ValueId> Substitution::made(ValueId id) {
  if (values_[id].kind == Kind::Input)
    return leaf_(id);
  std::vector<ValueId> parts;
  for (ValueId part : values_[id].operands)
    if (auto other = made_.at(part))
      parts.push_back(*other);
    else
      return std::nullopt;
  return remade(values_, id, std::move(parts));
}

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
  Substitution earlier = moving(variable, -1, false), first = in_iteration(variable, 0);
  for (bool news = true; news;) {
    std::map<ValueId, ValueId> found;
    Substitution replaced = replacing(solved, open);
    for (const CarriedCell &value : values) {
      if (!open.contains(value.symbol) || !value.after)
        continue;
      auto after = replaced(*value.after);
      auto before = after ? earlier(*after) : std::nullopt;
      if (before && first(*before) == value.before)
        found.emplace(value.symbol, *before);
    }
    for (const auto &[symbol, value] : found)
      open.erase(symbol);
    news = !found.empty();
    solved.merge(found);
  }
  return solved;
}

Substitution CarriedValues::replacing(const std::map<ValueId, ValueId> &by,
                                      const std::set<ValueId> &unknown) {
  return {values_, [&](ValueId input) -> std::optional<ValueId> {
            if (unknown.contains(input))
              return std::nullopt;
            auto other = by.find(input);
            return other == by.end() ? input : other->second;
          }};
}

Substitution CarriedValues::in_iteration(std::size_t variable, std::int64_t number) {
  return moving(variable, number, true);
}

/// Positions `by` iterations later, or where the variable is `by`.
Substitution CarriedValues::moving(std::size_t variable, std::int64_t by, bool fix) {
  return {values_, [this, variable, by, fix](ValueId input) -> std::optional<ValueId> {
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
          }};
}

} // namespace isamorph::verify
