#pragma once
// Tensors put together of rectangles of others: what a value is that was computed, or is read, in
// pieces. As slices and concatenations of whole tensors it is a term that rules are about, however
// the bytes were moved.

#include "semantics/tensor_terms.h"

namespace isamorph::search {

/// Adds a tensor of `shape`, of rectangles of other tensors, or its memory image, that has the
/// bytes of a term: the pieces are next to each other along the first dimension, of matrices along
/// the second, too. False where there is none, as where pieces are of another element type.
bool add_whole(semantics::TensorTerms &terms, semantics::NodeId term,
               const semantics::Shape &shape);

/// The shape of a term's value, for a memory image that of the rows that lie in it: as those of the
/// tensor that its first byte comes from.
semantics::Shape rows_like_parts(const semantics::TensorTerms &terms, semantics::NodeId term);

} // namespace isamorph::search
