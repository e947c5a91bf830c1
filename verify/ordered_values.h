#pragma once
// The values of an element type, and tuples of them, from the plainest on: by reading_cost
// (checker/scalar_claim.h). Private to verify/.

#include "semantics/tensor.h"

#include <functional>
#include <span>

namespace isamorph::verify {

/// All values of a type of at most 16 bits; of a wider one those with few significant bits and
/// exponents near 0, signed zeros, infinities and NaN.
class OrderedValues {
public:
  static const OrderedValues &of(semantics::ElementType type);

  struct Group {
    std::uint64_t cost; ///< of each of its values; groups ascend by it
    std::vector<std::uint64_t> values;
  };
  const std::vector<Group> &groups() const { return groups_; }
  /// Every value that costs less is in a group.
  std::uint64_t complete_below() const { return complete_below_; }

private:
  explicit OrderedValues(semantics::ElementType type);

  std::vector<Group> groups_;
  std::uint64_t complete_below_;
};

/// A tuple's values, and the sum of their costs; true ends the enumeration.
using TupleVisitor = std::function<bool(std::uint64_t cost, std::span<const std::uint64_t>)>;

/// Calls the visitor for tuples of values of these types, costs ascending, until it returns true or
/// there are no more; with zeros, an element may be +0. Returns below which cost no tuple was left
/// out of those before the end.
std::uint64_t for_each_by_cost(std::span<const semantics::ElementType> types, bool zeros,
                               const TupleVisitor &visit);

} // namespace isamorph::verify
