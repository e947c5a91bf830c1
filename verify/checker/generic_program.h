#pragma once
// Elements of a program at affine positions, by the checker. Private to it.

#include "semantics/affine_index.h"
#include "verify/checker/values.h"

namespace isamorph::verify {

/// Elements of inputs at affine positions: equal values are equal positions.
class GenericElements {
public:
  GenericElements(Values &values, const semantics::TensorGraph &graph)
      : values_(values), graph_(graph) {}
  ValueId input(std::size_t parameter, const semantics::AffineIndex &position);
  /// The parameter and the position of what `input` gave.
  std::pair<std::size_t, semantics::AffineIndex> position(const Value &input) const;
  /// Whether all positions of a range are elements of a parameter.
  bool inside(std::size_t parameter, const semantics::IndexSpace::Range &range) const;

private:
  Values &values_;
  const semantics::TensorGraph &graph_;
  std::map<std::pair<std::size_t, semantics::AffineIndex>, std::uint64_t> numbers_;
  std::vector<semantics::AffineIndex> positions_; ///< by number
};

/// The literal that a constant has at a position: where that varies, it must be the same
/// everywhere. Throws Refused.
ValueId constant_element(Values &values, const semantics::Tensor &constant,
                         const semantics::AffineIndex &position);

/// The elements of one result at some positions inside. Throws Refused at an operation that takes
/// elements from positions that are not affine.
std::map<semantics::AffineIndex, ValueId>
generic_result(Values &values, const semantics::TensorGraph &graph, semantics::NodeId result,
               const std::set<semantics::AffineIndex> &positions, semantics::IndexSpace &space,
               GenericElements &elements);

} // namespace isamorph::verify
