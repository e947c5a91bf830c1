#pragma once
// Values that are the same function of other input elements. Private to the checker; it shares no
// code with verify/renaming.h.
//
// The pattern of two values lists what they are made of, depth first, each value where it is first
// met; later it is a reference. Of an input element it says the parameter and the type alone. Pairs
// of equal patterns become one another when input elements are exchanged for others, each by one
// of its own: what is proved of one of them for all inputs holds of the other.

#include "verify/checker/values.h"

namespace isamorph::verify {

class Instances {
public:
  /// Of the values that there are by now.
  explicit Instances(const Values &values);

  using Pattern = std::vector<std::uint64_t>;
  /// The operands of commutative operations and the sides of dots may be exchanged in it.
  Pattern pattern(ValueId a, ValueId b);

private:
  std::vector<ValueId> parts(ValueId id) const;

  const Values &values_;
  std::vector<ValueId> kinds_; ///< by value: one number for all that differ in input elements only
  std::vector<std::pair<std::uint64_t, std::uint64_t>> met_; ///< in which pattern, as which
  std::uint64_t patterns_ = 0;
};

} // namespace isamorph::verify
