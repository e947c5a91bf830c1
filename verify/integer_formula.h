#pragma once
// Integer expressions as SMT-LIB terms over the unbounded integers. Every name gets the prefix
// "n_", so that no user's name can be a keyword or another symbol of the obligation.

#include "semantics/int_expr.h"

#include <set>
#include <stdexcept>
#include <string>

namespace isamorph::verify {

/// What the encoder cannot say; the claim is then neither proved nor refuted.
struct OutsideFragment : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Divisors that are no plain numbers: the terms mean the expressions only where these are
/// positive, which whoever asks for them has to prove.
using Divisors = std::set<std::string>;

/// A term of sort Int; comparisons and logic give 0 or 1. Without `divisors`, throws
/// OutsideFragment for a division by anything but a positive number.
std::string integer_term(const semantics::IntExpr &expression, Divisors *divisors = nullptr);
/// A formula: the expression is not 0.
std::string integer_formula(const semantics::IntExpr &expression, Divisors *divisors = nullptr);

} // namespace isamorph::verify
