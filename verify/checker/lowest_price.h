#pragma once
// What an instruction costs at least for what it does. The values of its attributes, as one box,
// are halved along the range that is widest, as the ratio of its ends, until the amounts in a box
// differ by at most a thirty-second (or it is one value); the least is over the boxes, each with
// its least cost and greatest amount. Private to the checker.

#include "semantics/int_expr.h"

#include <span>

namespace isamorph::verify {

/// `cost` for each `amount`, in lowest terms; a cost of 0 is of amount 1.
struct Price {
  std::int64_t cost = 0, amount = 1;
  bool operator==(const Price &) const = default;
};
Price in_lowest_terms(std::int64_t cost, std::int64_t amount);
bool below(const Price &a, const Price &b);

/// The lowest price over all values of the variables that no condition on the variables of
/// `cost` and `amount` forbids; free of charge
/// where an expression has no interval, or there are more than a million boxes. nullopt when the
/// amount never is above 0.
std::optional<Price> lowest_price(const semantics::IntExpr &cost, const semantics::IntExpr &amount,
                                  std::span<const semantics::IntExpr> conditions,
                                  std::size_t variables);

} // namespace isamorph::verify
