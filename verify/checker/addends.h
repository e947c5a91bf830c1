#pragma once
// What a program is the sum of, by the checker: so far as every element of every parameter shows in
// the result. Private to it, and written apart from the search's.

#include "semantics/graph.h"

#include <set>
#include <vector>

namespace isamorph::verify {

/// A summand of a value: the parameters, one or two, that it is or is the product of.
struct Addend {
  std::set<semantics::NodeId> factors;
  std::int64_t products = 0; ///< elementary ones
  int width = 0;             ///< bytes of the narrowest element since
  bool signs = false;        ///< in a difference: positive or negative
};

/// The program as a sum of parameters and of products of two, none in two of them, if it is one in
/// which every element of them matters; else empty.
std::vector<Addend> addends_of(const semantics::TensorGraph &graph);

} // namespace isamorph::verify
