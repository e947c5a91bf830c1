#pragma once
// Which operations of a graph are one product of narrow integers (sim/narrow_dot.h): a dot, the
// conversions that widened its operands, and the addition to it. Private to sim/.

#include "semantics/graph.h"

#include <array>

namespace isamorph::sim {

/// A dot of `operands`, which have the elements of `shapes` in that order; element types are those
/// of the operands.
struct FusedProduct {
  semantics::NodeId dot;
  std::array<semantics::NodeId, 2> operands;
  std::array<semantics::Shape, 2> shapes;
  std::optional<semantics::NodeId> addend; ///< has the elements of the result in their order

  std::vector<semantics::NodeId> inputs() const;
};

/// By the node that it computes: a dot, or the addition that is its only use.
std::vector<std::optional<FusedProduct>> fused_products(const semantics::TensorGraph &graph);

} // namespace isamorph::sim
