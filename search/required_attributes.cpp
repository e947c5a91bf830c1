#include "search/required_attributes.h"

#include "semantics/rewrite_chain.h"

#include <algorithm>
#include <limits>

namespace isamorph::search {

using semantics::Bindings;
using semantics::IntExpr;
using semantics::IntOp;
using semantics::SymbolValues;

namespace {

struct Range : AttributeRange {
  void at_least(std::int64_t v) { low = low ? std::max(*low, v) : v; }
  void at_most(std::int64_t v) { high = high ? std::min(*high, v) : v; }
};

std::int64_t floor_divide(std::int64_t a, std::int64_t b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

/// What a condition says about the one unbound variable `x`.
void narrow(const IntExpr &condition, const Bindings &bindings, std::uint32_t x, Range &range) {
  if (condition.op() == IntOp::And) {
    for (const IntExpr &part : condition.arguments())
      narrow(part, bindings, x, range);
    return;
  }
  if (condition.op() != IntOp::Less && condition.op() != IntOp::LessEqual &&
      condition.op() != IntOp::Equal)
    return;
  auto arguments = condition.arguments();
  auto line = semantics::linear_form(IntExpr::make(IntOp::Subtract, {arguments[0], arguments[1]}),
                                     bindings);
  if (!line || line->variable != x || line->factor == 0)
    return;
  // factor * x + offset <= limit, and >= 0 too for an equation
  std::int64_t limit = condition.op() == IntOp::Less ? -1 : 0;
  std::int64_t f = line->factor, room = limit - line->offset;
  bool equation = condition.op() == IntOp::Equal;
  if (f > 0 || equation)
    f > 0 ? range.at_most(floor_divide(room, f)) : range.at_most(floor_divide(-room, -f));
  if (f < 0 || equation)
    f < 0 ? range.at_least(-floor_divide(room, -f)) : range.at_least(-floor_divide(-room, f));
}

bool hold(std::span<const IntExpr> conditions, const Bindings &bindings) {
  for (const IntExpr &condition : conditions) {
    bool complete = true;
    condition.for_each_variable([&](std::uint32_t v) { complete &= bindings[v].has_value(); });
    if (!complete)
      continue;
    auto value = condition.evaluate(bindings);
    if (!value || *value == 0)
      return false;
  }
  return true;
}

bool contains(const std::vector<std::uint32_t> &list, std::uint32_t x) {
  return std::find(list.begin(), list.end(), x) != list.end();
}

/// Binds attributes one after the other; those that are indifferent last.
class Completion {
public:
  Completion(const RequiredAttributes &required, std::span<const IntExpr> conditions,
             const std::function<void(const SymbolValues &)> &found)
      : required_(required), conditions_(conditions), found_(found) {
    required.cost.for_each_variable(
        [&](std::uint32_t v) { cost_differs_ |= contains(required.indifferent, v); });
  }

  void enumerate(const SymbolValues &values) {
    if (!hold(conditions_, values.integers))
      return;
    std::optional<std::uint32_t> left;
    for (std::uint32_t x : required_.list) {
      if (values.integers[x] || contains(required_.indifferent, x))
        continue;
      Range range = range_of(values, x);
      if (!range.low || !range.high || *range.high - *range.low >= kMaxEnumerated) {
        left = x; // another attribute may determine this one
        continue;
      }
      SymbolValues next = values;
      for (std::int64_t v = *range.low; v <= *range.high; ++v) {
        next.integers[x] = v;
        enumerate(next);
      }
      return;
    }
    if (left)
      leave_open(*left);
    else
      choose(values);
  }

  std::optional<std::uint32_t> open() const { return open_; }

private:
  Range range_of(const SymbolValues &values, std::uint32_t x) const {
    Range range;
    for (const IntExpr &condition : conditions_)
      narrow(condition, values.integers, x, range);
    return range;
  }

  void leave_open(std::uint32_t x) {
    if (!open_ && !contains(required_.distances, x))
      open_ = x;
  }

  /// Indifferent attributes.
  void choose(const SymbolValues &values) {
    best_.reset();
    compared_ = 0;
    all_compared_ = true;
    SymbolValues next = values;
    compare(next, 0);
    if (best_ && all_compared_)
      found_(*best_);
  }

  /// Of those from `i` on. False when no more need be tried.
  bool compare(SymbolValues &values, std::size_t i) {
    if (!hold(conditions_, values.integers))
      return true;
    if (i == required_.indifferent.size())
      return take(values);
    std::uint32_t x = required_.indifferent[i];
    if (values.integers[x])
      return compare(values, i + 1);
    Range range = range_of(values, x);
    std::int64_t low = range.low.value_or(std::min<std::int64_t>(0, range.high.value_or(0))),
                 high = range.high.value_or(std::numeric_limits<std::int64_t>::max());
    bool all = range.low && range.high, more = true;
    for (std::int64_t v = low; more && v <= high; ++v) {
      if (++compared_ > kMaxCompared) {
        all = false;
        break;
      }
      values.integers[x] = v;
      more = compare(values, i + 1);
    }
    values.integers[x].reset();
    if (more && !all) {
      all_compared_ = false;
      leave_open(x);
    }
    return more;
  }

  bool take(const SymbolValues &values) {
    auto cost = required_.cost.evaluate(values.integers);
    if (!best_ || (cost && cost < best_cost_)) {
      best_ = values;
      best_cost_ = cost.value_or(std::numeric_limits<std::int64_t>::max());
    }
    return cost_differs_;
  }

  const RequiredAttributes &required_;
  std::span<const IntExpr> conditions_;
  const std::function<void(const SymbolValues &)> &found_;
  bool cost_differs_ = false, all_compared_ = true;
  std::optional<std::uint32_t> open_;
  std::optional<SymbolValues> best_;
  std::int64_t best_cost_ = 0, compared_ = 0;
};

/// Where an instruction mentions its variables.
class Uses {
public:
  explicit Uses(const spec::Instruction &instruction)
      : starts(instruction.symbols.integers.names.size(), 0), distances(starts), others(starts) {
    for (const spec::Read &read : instruction.reads)
      region(read.region);
    for (const spec::Write &write : instruction.writes)
      region(write.region);
    body(instruction.body);
    mark(others, instruction.cost.bytes);
    mark(others, instruction.guard);
    for (const auto *updates : {&instruction.before, &instruction.after})
      for (const spec::Update &update : *updates)
        mark(others, update.value);
    for (const IntExpr &condition : instruction.constraints)
      with_addresses(condition, instruction.computational);
    with_addresses(instruction.cost.latency, instruction.computational);
  }

  std::vector<char> starts, distances, others;

private:
  static void mark(std::vector<char> &in, const IntExpr &expression) {
    expression.for_each_variable([&](std::uint32_t v) { in[v] = 1; });
  }
  /// Variables are of use to an expression that mentions addresses or state.
  void with_addresses(const IntExpr &expression, std::uint32_t computational) {
    bool addresses = false;
    expression.for_each_variable([&](std::uint32_t v) { addresses |= v >= computational; });
    if (addresses)
      mark(others, expression);
  }
  void region(const spec::Region &region) {
    for (const IntExpr &start : region.starts)
      mark(starts, start);
    for (const IntExpr &extent : region.extents)
      mark(others, extent);
    if (region.steps) {
      mark(others, region.steps->count);
      mark(distances, region.steps->distance);
    }
  }
  void body(const semantics::GraphTemplate &body) {
    for (const semantics::TemplateNode &node : body.nodes) {
      for (const IntExpr &dimension : node.shape.dims)
        mark(others, dimension);
      for (const auto &[key, values] : node.attributes)
        for (const IntExpr &value : values)
          mark(others, value);
      if (node.literal_value)
        mark(others, *node.literal_value);
    }
  }
};

} // namespace

std::optional<std::uint32_t> complete(const SymbolValues &values,
                                      const RequiredAttributes &required,
                                      std::span<const IntExpr> conditions,
                                      const std::function<void(const SymbolValues &)> &found) {
  Completion completion(required, conditions, found);
  completion.enumerate(values);
  return completion.open();
}

AttributeRange attribute_range(const spec::Instruction &instruction, std::uint32_t attribute) {
  Range range;
  for (const IntExpr &condition : instruction.constraints)
    narrow(condition, instruction.symbols.integers.unbound(), attribute, range);
  return range;
}

RequiredAttributes required_attributes(const spec::Instruction &instruction) {
  Uses uses(instruction);
  std::vector<char> taken = uses.starts; // where it goes says which address it is
  for (const spec::Update &update : instruction.after)
    if (update.value.op() == IntOp::Variable)
      taken[update.value.variable_index()] = 1;
  RequiredAttributes out;
  out.cost = instruction.cost.latency;
  for (std::uint32_t i = 0; i < instruction.attribute_count(); ++i) {
    if (i >= instruction.computational && taken[i])
      continue;
    out.list.push_back(i);
    if (uses.distances[i])
      out.distances.push_back(i);
    else if (i < instruction.computational && !uses.starts[i] && !uses.others[i])
      out.indifferent.push_back(i);
  }
  return out;
}

} // namespace isamorph::search
