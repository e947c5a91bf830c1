#pragma once
// Equality at level `finite`, by the lemmas that a certificate lists. Private to the checker.
//
// Equal up to the sign of zero, for finite inputs for which neither side meets infinity
// or NaN. A value is replaced by one that is equal in this sense (x + 0, x - 0, x * 1, x / 1 by x;
// x * 0 by 0; a dot with a unit vector by the element at its 1; a dot without its products by
// zero); such a value is `loose`. Float operations keep looseness harmless (a zero's sign shows
// only as a zero's sign, or as an infinity or NaN, which the level excludes); bytes do not, so a
// byte of a loose value makes all above it `spoilt`, and spoilt values are equal to nothing. Where
// denormals are flushed, only values that cannot be denormals are replaced.

#include "semantics/rules.h"
#include "verify/checker/values.h"

namespace isamorph::verify {

/// The form of every value there is; may add values and use lemmas.
class FiniteForms {
public:
  explicit FiniteForms(Values &values);

  /// Whether two of the values that there were are equal at the level.
  bool equal(ValueId a, ValueId b) const;

private:
  struct Form {
    ValueId value = 0;
    bool loose = false, spoilt = false;
    bool no_denormal = false; ///< never a denormal, for inputs of the level
  };
  Form form_of(ValueId id);
  void of_operation(const Value &value, std::vector<ValueId> in, Form &form);
  bool neutral(const Value &value, const std::vector<ValueId> &in, Form &form);
  void of_dot(const Value &value, const std::vector<ValueId> &in, Form &form);
  bool without_zeros(const Value &value, const std::vector<ValueId> &in, Form &form);
  bool no_denormal(ValueId id) const;
  bool converted_no_denormal(const Value &v) const;
  /// Whether arithmetic of a type that is exact but for denormals gives back the value.
  bool survives(semantics::OpCode op, semantics::ElementType type, ValueId original) const;
  bool is_number(ValueId id, double number) const;

  Values &values_;
  std::vector<Form> forms_;
};

} // namespace isamorph::verify
