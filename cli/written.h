#pragma once
// Which elements of a place a kernel has written so far (what memory holds elsewhere is no value),
// and the place as text and as JSON.

#include "cli/common.h"
#include "spec/kernel.h"

#include <cstdint>
#include <vector>

namespace isamorph::cli {

class WrittenPlaces {
public:
  /// Nothing of the region is written but the kernel's inputs and constants.
  WrittenPlaces(const spec::ConcreteRegion &region, const spec::Isa &isa,
                const spec::Kernel &kernel);

  void mark(const spec::ConcreteRegion &write);
  /// `element` counts as in the region's tensor.
  bool written(std::int64_t element) const {
    return places_[static_cast<std::size_t>(element / unit_elements_)];
  }
  /// How many elements are not.
  std::int64_t missing() const;

private:
  spec::ConcreteRegion region_;
  std::int64_t unit_elements_;
  std::vector<bool> places_;
};

/// None where everything counts as written: of state variables.
using Written = std::optional<WrittenPlaces>;

/// A line for each index of the outer dimensions, its first elements; "-" for what was never
/// written.
std::string tensor_text(const semantics::Tensor &tensor, const Written &written);
/// " (8 of 64 elements were never written)"; empty when all were.
std::string missing_text(const semantics::Tensor &tensor, const Written &written);
/// All elements as text; null for what was never written.
Json values_json(const semantics::Tensor &tensor, const Written &written);

} // namespace isamorph::cli
