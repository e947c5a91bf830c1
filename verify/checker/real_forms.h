#pragma once
// Equality at level `real`, by the lemmas that a certificate lists: values as rational functions
// (rational_function.h) of input elements, where both sides are defined. Private to the checker.
//
// By "real ring": literals are the exact numbers of their bits, conversions between floats and from
// integers are the identity, and sums, products, dots are sums of products. By "real division"
// x / y is x times a reciprocal that cancels. By "real maximum" minima, absolute values and clamps
// are maxima, whose members are a set. By a law (lemmas.h) a function is another one. An operation
// without its lemma, and one that has none, is a function of its operands' values; an integer's
// tells its type apart. A byte of a float is equal to nothing but itself, since a real number has
// no bytes. Infinities are members of maxima and operands of functions only.

#include "verify/checker/rational_function.h"
#include "verify/checker/values.h"

#include <optional>
#include <set>
#include <unordered_map>

namespace isamorph::verify {

class RealForms {
public:
  /// `closed`: values that are not looked into.
  RealForms(Values &values, std::set<ValueId> closed);

  /// Refuses what is too large.
  bool equal(ValueId a, ValueId b);

private:
  struct Form {
    Sum sum;
    int infinity = 0; ///< its sign, or 0
  };
  const Form *form(ValueId id); ///< null where there is none: NaN, a division by zero
  std::vector<ValueId> parts(ValueId id) const;
  std::optional<Form> compute(ValueId id);
  Form converted(const Value &value);
  std::optional<Form> operation(ValueId id);
  std::optional<Form> finite_operation(ValueId id);
  std::optional<Sum> by_law(const Value &value, const Sum &x);
  std::optional<Form> fold(ValueId id);
  Form function(ValueId id);
  Form extremum(const std::vector<ValueId> &members, int sign);
  std::optional<Sum> divided(const Sum &above, const Sum &below);
  Sum argument(ValueId id);
  bool byte_of_float(const Value &value) const;
  const Form &at(ValueId id) const { return *forms_.at(id); }

  Values &values_;
  std::set<ValueId> closed_;
  RationalFunctions functions_;
  bool ring_;
  std::unordered_map<ValueId, std::optional<Form>> forms_;
  std::size_t held_ = 0; ///< products in `forms_`
};

/// Values on which members of both sides of some pairs rest.
std::set<ValueId> common_values(const Values &values,
                                const std::set<std::pair<ValueId, ValueId>> &pairs);

} // namespace isamorph::verify
