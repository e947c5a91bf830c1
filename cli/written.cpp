#include "cli/written.h"

#include "sim/place.h"

#include <algorithm>
#include <fmt/format.h>
#include <functional>
#include <numeric>

namespace isamorph::cli {
namespace {

constexpr std::int64_t kShownElements = 8;

bool is_written(const Written &written, std::int64_t element) {
  return !written || written->written(element);
}

/// The elements of one row, the first ones; "-" for what was never written.
std::string row_text(const semantics::Tensor &tensor, const Written &written, std::int64_t row,
                     std::int64_t length) {
  std::string out;
  for (std::int64_t i = 0; i < std::min(length, kShownElements); ++i) {
    std::int64_t element = row * length + i;
    out += i ? ", " : "";
    out += is_written(written, element)
               ? semantics::element_text(tensor.shape().type, tensor.bits(element))
               : "-";
  }
  return out + (length > kShownElements ? ", ..." : "");
}

} // namespace

WrittenPlaces::WrittenPlaces(const spec::ConcreteRegion &region, const spec::Isa &isa,
                             const spec::Kernel &kernel)
    : region_(region), unit_elements_(isa.buffer(region.buffer).unit_elements()),
      places_(static_cast<std::size_t>(std::accumulate(region.extents.begin(), region.extents.end(),
                                                       std::int64_t{1}, std::multiplies<>()))) {
  for (const auto *placed : {&kernel.inputs, &kernel.constants})
    for (const spec::Placed &p : *placed)
      mark({isa.off_chip, {p.address}, {p.shape.bytes()}});
}

void WrittenPlaces::mark(const spec::ConcreteRegion &write) {
  if (!sim::overlap(write, region_))
    return;
  std::vector<std::int64_t> at = region_.starts;
  for (std::size_t place = 0; place < places_.size(); ++place) {
    bool inside = true;
    for (std::size_t d = 0; d < at.size(); ++d)
      inside &= write.starts[d] <= at[d] && at[d] < write.starts[d] + write.extents[d];
    if (inside)
      places_[place] = true;
    for (std::size_t d = at.size(); d-- > 0;) {
      if (++at[d] < region_.starts[d] + region_.extents[d])
        break;
      at[d] = region_.starts[d];
    }
  }
}

std::int64_t WrittenPlaces::missing() const {
  return std::count(places_.begin(), places_.end(), false) * unit_elements_;
}

std::string missing_text(const semantics::Tensor &tensor, const Written &written) {
  std::int64_t missing = written ? written->missing() : 0;
  return missing == 0
             ? ""
             : fmt::format(" ({} of {} elements were never written)", missing, tensor.elements());
}

Json values_json(const semantics::Tensor &tensor, const Written &written) {
  Json out = Json::array();
  for (std::int64_t i = 0; i < tensor.elements(); ++i)
    out.push_back(is_written(written, i)
                      ? Json(semantics::element_text(tensor.shape().type, tensor.bits(i)))
                      : Json());
  return out;
}

std::string tensor_text(const semantics::Tensor &tensor, const Written &written) {
  if (tensor.elements() == 0)
    return "  (empty)\n";
  std::int64_t length = tensor.shape().dims.empty() ? 1 : tensor.shape().dims.back();
  std::string out;
  for (std::int64_t row = 0; row < tensor.elements() / length; ++row)
    out += fmt::format("  {}\n", row_text(tensor, written, row, length));
  return out;
}

} // namespace isamorph::cli
