#include "sim/lane_layout.h"

#include <utility>

namespace isamorph::sim {

LaneLayout lane_layout(const semantics::Attributes &attributes, const semantics::Shape &lhs,
                       const semantics::Shape &rhs) {
  LaneLayout out{semantics::dot_layout(attributes, lhs, rhs)};
  if (out.columns() < out.rows() && out.columns() < kLanes) {
    std::swap(out.left_batch, out.right_batch);
    std::swap(out.left_rows, out.right_columns);
    std::swap(out.left_terms, out.right_terms);
    std::swap(out.result_row, out.result_column);
    out.exchanged = true;
  }
  return out;
}

bool consecutive(std::span<const std::size_t> offsets) {
  for (std::size_t i = 0; i < offsets.size(); ++i)
    if (offsets[i] != offsets[0] + i)
      return false;
  return true;
}

} // namespace isamorph::sim
