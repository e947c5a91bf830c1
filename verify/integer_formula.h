#pragma once
// Integer expressions as SMT-LIB terms over the unbounded integers. Every name gets the prefix
// "n_", so that no user's name can be a keyword or another symbol of the obligation.

#include "semantics/int_expr.h"

#include <stdexcept>

namespace isamorph::verify {

/// What the encoder cannot say; the claim is then neither proved nor refuted.
struct OutsideFragment : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A term of sort Int; comparisons and logic give 0 or 1. Throws OutsideFragment for a division by
/// anything but a positive number.
std::string integer_term(const semantics::IntExpr &expression);
/// A formula: the expression is not 0.
std::string integer_formula(const semantics::IntExpr &expression);

} // namespace isamorph::verify
