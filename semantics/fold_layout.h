#pragma once
// Where the rows and terms of folds lie. Not an interface, as semantics/evaluator_kernels.h.

#include "semantics/op.h"

#include <cstddef>
#include <vector>

namespace isamorph::semantics {

/// The offsets of a reduction: of each result's row, and of the terms within a row.
struct ReduceLayout {
  std::vector<std::size_t> rows, terms;
};
ReduceLayout reduce_layout(const Attributes &attributes, const Shape &input);

/// A dot as matrix products: for each batch, `result[i,j] = sum over k of left[i,k] * right[k,j]`.
struct DotLayout {
  std::vector<std::size_t> left_batch, right_batch, left_rows, right_columns, left_terms,
      right_terms;
  std::size_t result_row, result_column; ///< strides in the result
};
DotLayout dot_layout(const Attributes &attributes, const Shape &lhs, const Shape &rhs);

} // namespace isamorph::semantics
