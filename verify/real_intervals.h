#pragma once
// What terms denote over the real numbers (level `real`), enclosed in intervals: a program computes
// a number between `low` and `high` whatever rounding its floats would do. Two programs whose
// enclosures of one result are disjoint for some input are different functions; overlapping
// enclosures say nothing.
//
// Every bound is computed in double and moved outwards by one unit in the last place; elementary
// functions by kLibraryUlps, more than the errors that the GNU C library states for them (The GNU C
// Library Reference Manual, "Errors in Math Functions"). Integers keep their exact value, or none.

#include "verify/term.h"

#include <limits>

namespace isamorph::verify {

struct Interval {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();

  static Interval point(double x) { return {x, x}; }
  bool contains(double x) const { return low <= x && x <= high; }
};

/// No real number lies in both.
inline bool disjoint(const Interval &a, const Interval &b) {
  return a.high < b.low || b.high < a.low;
}

/// An enclosure for each term. Where a term has no value over the reals (a division by zero, bytes
/// of a float), or none is known, all numbers. Inputs must be finite.
std::vector<Interval> enclose_terms(const TermGraph &terms,
                                    std::span<const semantics::Tensor> inputs);

} // namespace isamorph::verify
