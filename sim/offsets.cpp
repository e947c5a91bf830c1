#include "sim/offsets.h"

#include <algorithm>

namespace isamorph::sim {

using semantics::Shape;

std::vector<std::size_t> offsets(const Shape &shape, std::span<const std::int64_t> dims) {
  std::vector<std::int64_t> strides = semantics::row_major_strides(shape.dims);
  std::vector<std::size_t> out{0};
  for (std::int64_t dim : dims) {
    auto d = static_cast<std::size_t>(dim);
    std::vector<std::size_t> next;
    next.reserve(out.size() * static_cast<std::size_t>(shape.dims[d]));
    for (std::size_t base : out)
      for (std::int64_t i = 0; i < shape.dims[d]; ++i)
        next.push_back(base + static_cast<std::size_t>(i * strides[d]));
    out = std::move(next);
  }
  return out;
}

std::vector<std::size_t> other_offsets(const Shape &shape, std::span<const std::int64_t> a,
                                       std::span<const std::int64_t> b) {
  std::vector<std::int64_t> rest;
  for (std::int64_t d = 0; d < static_cast<std::int64_t>(shape.rank()); ++d)
    if (std::find(a.begin(), a.end(), d) == a.end() && std::find(b.begin(), b.end(), d) == b.end())
      rest.push_back(d);
  return offsets(shape, rest);
}

bool consecutive(std::span<const std::size_t> offsets) {
  for (std::size_t i = 0; i < offsets.size(); ++i)
    if (offsets[i] != offsets[0] + i)
      return false;
  return true;
}

} // namespace isamorph::sim
