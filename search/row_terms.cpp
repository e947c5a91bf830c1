#include "search/row_terms.h"

namespace isamorph::search {

using semantics::AttributeKey;

ClassId concatenate_rows(TensorEGraph &egraph, ClassId first, ClassId second) {
  Shape shape = egraph.shape(first);
  shape.dims[0] += egraph.shape(second).dims[0];
  Attributes rows;
  rows.set(AttributeKey::Dimensions, {0});
  return *egraph.add(OpCode::Concatenate, std::array{first, second}, rows, shape);
}

} // namespace isamorph::search
