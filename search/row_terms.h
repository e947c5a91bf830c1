#pragma once
// Parts of tensors as terms.

#include "search/tensor_egraph.h"

namespace isamorph::search {

/// Of a slice without gaps.
Attributes slice_attributes(std::span<const std::int64_t> starts,
                            std::span<const std::int64_t> sizes);

/// Two tensors one after the other along the first dimension; their other dimensions are the same.
ClassId concatenate_rows(TensorEGraph &egraph, ClassId first, ClassId second);

} // namespace isamorph::search
