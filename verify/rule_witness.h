#pragma once
// What shows that an equality does not hold.

#include "semantics/tensor.h"

#include <cstdint>
#include <string>
#include <vector>

namespace isamorph::verify {

/// An input for which the two sides differ at a level.
struct RuleWitness {
  std::vector<std::string> names; ///< of the inputs
  std::vector<semantics::Tensor> inputs;
  std::int64_t nonzero_inputs = 0;
  bool least = false;       ///< no smaller input of these shapes shows it (smallest.h)
  std::size_t instance = 0; ///< which of the subject's
  std::int64_t element = 0; ///< row-major index in the result
  std::string left, right;  ///< that element's values; rational numbers at `real`
};
/// The witness in a line: "x[0,1]=2 y[0]=0.5 else 0: 1.5 and 1".
std::string text(const RuleWitness &witness);

} // namespace isamorph::verify
