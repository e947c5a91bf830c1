#include "cli/written.h"

#include "sim/place.h"

#include <algorithm>
#include <functional>
#include <numeric>

namespace isamorph::cli {

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

} // namespace isamorph::cli
