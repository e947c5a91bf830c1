#pragma once
// Where the value of an integer expression lies when its variables lie in intervals.

#include "semantics/int_expr.h"

#include <span>

namespace isamorph::spec {

struct IntRange {
  std::int64_t low, high;
};

/// Bounds on the value for all values of the variables, each taken alone; nullopt where it may have
/// no value, or where nothing is known.
std::optional<IntRange> range_of(const semantics::IntExpr &expression,
                                 std::span<const IntRange> variables);

} // namespace isamorph::spec
