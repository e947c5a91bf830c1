#pragma once
// dot and reduce: ordered accumulation under a numerics profile. Private to semantics/.

#include "semantics/numerics.h"
#include "semantics/op.h"

namespace isamorph::semantics {

Tensor evaluate_dot(const Tensor &lhs, const Tensor &rhs, const Attributes &attributes,
                    const Shape &result, const NumericsProfile &profile);
Tensor evaluate_reduce(const Tensor &operand, const Tensor &init, const Attributes &attributes,
                       const Shape &result, const NumericsProfile &profile);

} // namespace isamorph::semantics
