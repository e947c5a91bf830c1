#pragma once
// The elements of a region of a buffer. Private to verify/.

#include "spec/isa.h"

namespace isamorph::verify {

/// Calls f(element) for each element of a region, in row-major order: its number in the buffer.
template <class F>
void for_each_element(const spec::Buffer &buffer, const spec::ConcreteRegion &region, F f) {
  std::int64_t unit = buffer.unit_elements();
  std::size_t rank = region.starts.size();
  std::vector<std::int64_t> index(rank, 0);
  std::int64_t places = 1;
  for (std::int64_t extent : region.extents)
    places *= extent;
  for (std::int64_t p = 0; p < places; ++p) {
    std::int64_t place = 0;
    for (std::size_t d = 0; d < rank;
         ++d) // the off-chip buffer's one dimension has no fixed size, and needs none
      place = (d ? place * buffer.addressed[d] : 0) + region.starts[d] + index[d];
    for (std::int64_t u = 0; u < unit; ++u)
      f(place * unit + u);
    for (std::size_t d = rank; d-- > 0;) {
      if (++index[d] < region.extents[d])
        break;
      index[d] = 0;
    }
  }
}

} // namespace isamorph::verify
