#pragma once
// Tensors put together of rows, as terms.

#include "search/tensor_egraph.h"

namespace isamorph::search {

/// Two tensors one after the other along the first dimension; their other dimensions are the same.
ClassId concatenate_rows(TensorEGraph &egraph, ClassId first, ClassId second);

} // namespace isamorph::search
