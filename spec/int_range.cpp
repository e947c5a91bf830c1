#include "spec/int_range.h"

#include <algorithm>
#include <limits>

namespace isamorph::spec {
namespace {

using semantics::IntExpr;
using semantics::IntOp;
__extension__ using Wide = __int128;

std::optional<IntRange> fitting(Wide low, Wide high) {
  if (low < std::numeric_limits<std::int64_t>::min() ||
      high > std::numeric_limits<std::int64_t>::max())
    return std::nullopt;
  return IntRange{static_cast<std::int64_t>(low), static_cast<std::int64_t>(high)};
}

IntRange truth(bool always, bool never) { return {always ? 1 : 0, never ? 0 : 1}; }
bool always(const IntRange &x) { return x.low > 0 || x.high < 0; }
bool never(const IntRange &x) { return x.low == 0 && x.high == 0; }

std::optional<IntRange> product(const IntRange &a, const IntRange &b) {
  auto [low, high] = std::minmax(
      {Wide{a.low} * b.low, Wide{a.low} * b.high, Wide{a.high} * b.low, Wide{a.high} * b.high});
  return fitting(low, high);
}

std::int64_t floor_divide(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0); }

/// By one positive number.
std::optional<IntRange> quotient(IntOp op, const IntRange &a, const IntRange &b) {
  if (b.low != b.high || b.low <= 0)
    return std::nullopt;
  IntRange q{floor_divide(a.low, b.low), floor_divide(a.high, b.low)};
  if (op == IntOp::Divide)
    return q;
  return q.low == q.high ? IntRange{a.low - q.low * b.low, a.high - q.low * b.low}
                         : IntRange{0, b.low - 1};
}

} // namespace

std::optional<IntRange> range_of(const IntExpr &expression, std::span<const IntRange> variables) {
  if (expression.is_constant())
    return IntRange{expression.value(), expression.value()};
  if (expression.op() == IntOp::Variable)
    return variables[expression.variable_index()];
  std::vector<IntRange> in;
  for (const IntExpr &argument : expression.arguments()) {
    auto range = range_of(argument, variables);
    if (!range)
      return std::nullopt;
    in.push_back(*range);
  }
  const IntRange &a = in.front(), &b = in.back();
  switch (expression.op()) {
  case IntOp::Negate:
    return fitting(-Wide{a.high}, -Wide{a.low});
  case IntOp::Not:
    return truth(never(a), always(a));
  case IntOp::Add:
    return fitting(Wide{a.low} + b.low, Wide{a.high} + b.high);
  case IntOp::Subtract:
    return fitting(Wide{a.low} - b.high, Wide{a.high} - b.low);
  case IntOp::Multiply:
    return product(a, b);
  case IntOp::Divide:
  case IntOp::Modulo:
    return quotient(expression.op(), a, b);
  case IntOp::Min:
    return IntRange{std::min(a.low, b.low), std::min(a.high, b.high)};
  case IntOp::Max:
    return IntRange{std::max(a.low, b.low), std::max(a.high, b.high)};
  case IntOp::Equal:
    return truth(a.low == a.high && b.low == b.high && a.low == b.low,
                 a.high < b.low || b.high < a.low);
  case IntOp::NotEqual:
    return truth(a.high < b.low || b.high < a.low,
                 a.low == a.high && b.low == b.high && a.low == b.low);
  case IntOp::Less:
    return truth(a.high < b.low, a.low >= b.high);
  case IntOp::LessEqual:
    return truth(a.high <= b.low, a.low > b.high);
  case IntOp::And:
    return truth(always(a) && always(b), never(a) || never(b));
  case IntOp::Or:
    return truth(always(a) || always(b), never(a) && never(b));
  default:
    return std::nullopt;
  }
}

} // namespace isamorph::spec
