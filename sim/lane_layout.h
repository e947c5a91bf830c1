#pragma once
// A dot as its kernels compute it: the right side gives the lanes. Private to sim/.

#include "semantics/fold_layout.h"
#include "sim/vector_target.h"

#include <span>

namespace isamorph::sim {

/// Offsets in elements.
struct LaneLayout : semantics::DotLayout {
  bool exchanged = false; ///< the left side is the operand rhs

  std::size_t rows() const { return left_rows.size(); }
  std::size_t columns() const { return right_columns.size(); }
  std::size_t terms() const { return left_terms.size(); }
  /// Of sixteen columns; the last one may have fewer.
  std::size_t panels() const { return (columns() + kLanes - 1) / kLanes; }
};

/// Sides are exchanged where few columns would leave lanes empty: products commute.
LaneLayout lane_layout(const semantics::Attributes &attributes, const semantics::Shape &lhs,
                       const semantics::Shape &rhs);

/// Each offset is the one before it plus one.
bool consecutive(std::span<const std::size_t> offsets);

} // namespace isamorph::sim
