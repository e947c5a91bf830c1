#pragma once
// Where the two sides of a rule are defined, as functions of real numbers.

#include "semantics/rules.h"

namespace isamorph::verify {

/// Whether a side has an operation that is not defined for all real operands, so that total
/// arithmetic could prove equal what is defined at different places: 0 * log(x) and 0. Symbols
/// stand for any operation. A division by a literal other than 0 is defined everywhere; one by
/// anything else counts as such when `where_defined`: nothing is claimed where a divisor is 0.
bool may_be_undefined(const semantics::RewriteRule &rule, bool where_defined);

/// Whether a side has conditions: its value may then not depend on what has to be defined, as that
/// of select(log(x) < 0, y, y) does not on log(x).
bool has_conditions(const semantics::RewriteRule &rule);

} // namespace isamorph::verify
