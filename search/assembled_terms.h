#pragma once
// Tensors put together of rectangles of others: what a value is that was computed, or is read, in
// pieces. As slices and concatenations of whole tensors it is a term that rules are about, however
// the bytes were moved.

#include "semantics/tensor_terms.h"

namespace isamorph::search {

/// Adds a tensor that has the bytes of a term, of rectangles of other tensors that lie next to each
/// other along the first dimension, of matrices along the second, too: of the term's shape, or for
/// a memory image, that of the rows that lie in it. Nothing where there is none, as where pieces
/// are of another element type.
void add_whole(semantics::TensorTerms &terms, semantics::NodeId term);

/// Adds the values that movement makes a result of, as a kernel that computes `computed` for this
/// result has them, in pieces. False where one of them has no such term.
bool add_values(semantics::TensorTerms &terms, semantics::NodeId result,
                semantics::NodeId computed);

} // namespace isamorph::search
