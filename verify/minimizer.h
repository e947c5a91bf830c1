#pragma once
// Makes inputs that show something small: fewest elements that are not zero (delta debugging,
// Zeller and Hildebrandt 2002), then plain values, then exponents near zero and few significand
// bits. Private to verify/.

#include "semantics/tensor.h"

#include <functional>

namespace isamorph::verify {

struct MinimizingTest {
  std::function<bool(const std::vector<semantics::Tensor> &)> accepts; ///< still shows it
  std::function<bool()> spent;                                         ///< no more tests
};

/// The last inputs that the test accepted; `inputs` are taken to be accepted.
std::vector<semantics::Tensor> minimized(std::vector<semantics::Tensor> inputs,
                                         const MinimizingTest &test);

} // namespace isamorph::verify
