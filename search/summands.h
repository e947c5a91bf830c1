#pragma once
// Programs whose bounds are known (search/lower_bound.h): sums in which every element of every
// parameter shows in the result.

#include "semantics/graph.h"

#include <vector>

namespace isamorph::search {

/// A parameter, or a product of two.
struct ProgramSummand {
  semantics::NodeId lhs, rhs; ///< parameters; one and the same where it is no product, or a square
  std::int64_t multiplications = 0; ///< elementary ones; of a square 0
};

/// The program as a sum or difference of parameters and of products of two, where no two summands
/// have one in common, but for movements, repetitions, maxima and clamps that let what is positive
/// through and, for integers, a narrowing that keeps the elements of the parameters apart. Empty
/// where it is none.
std::vector<ProgramSummand> summands(const semantics::TensorGraph &graph);

} // namespace isamorph::search
