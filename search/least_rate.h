#pragma once
// The least that an instruction costs for what it does, whatever its attributes are: branch and
// bound over their values, with intervals. Boxes of values are halved along the range that is
// widest, as the ratio of its ends, until the amounts in one differ by at most a thirty-second.

#include "semantics/int_expr.h"

#include <span>

namespace isamorph::search {

/// Not below `cost` for each `amount`.
struct Rate {
  std::int64_t cost = 0, amount = 1; ///< amount > 0
  bool operator==(const Rate &) const = default;
  /// What `work` costs at least: rounded up.
  std::int64_t of(std::int64_t work) const;
};

/// Whether a is a lower price than b.
bool cheaper(const Rate &a, const Rate &b);

/// A rate that none is below, over all values of `variables` variables for which no condition is
/// zero (of conditions on the variables of `cost` and `amount`); costs below zero count as nothing.
/// In lowest terms; nothing is known, a cost of 0, where an expression has no interval or the boxes
/// are too many. nullopt when the amount never is above 0.
std::optional<Rate> least_rate(const semantics::IntExpr &cost, const semantics::IntExpr &amount,
                               std::span<const semantics::IntExpr> conditions,
                               std::size_t variables);

} // namespace isamorph::search
