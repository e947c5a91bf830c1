#include "search/row_terms.h"

namespace isamorph::search {

using semantics::AttributeKey;

Attributes slice_attributes(std::span<const std::int64_t> starts,
                            std::span<const std::int64_t> sizes) {
  std::vector<std::int64_t> from(starts.begin(), starts.end()), to = from;
  for (std::size_t d = 0; d < to.size(); ++d)
    to[d] += sizes[d];
  Attributes out;
  out.set(AttributeKey::SliceStrides, std::vector<std::int64_t>(from.size(), 1));
  out.set(AttributeKey::SliceStarts, std::move(from));
  out.set(AttributeKey::SliceLimits, std::move(to));
  return out;
}

ClassId concatenate_rows(TensorEGraph &egraph, ClassId first, ClassId second) {
  Shape shape = egraph.shape(first);
  shape.dims[0] += egraph.shape(second).dims[0];
  Attributes rows;
  rows.set(AttributeKey::Dimensions, {0});
  return *egraph.add(OpCode::Concatenate, std::array{first, second}, rows, shape);
}

} // namespace isamorph::search
