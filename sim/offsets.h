#pragma once
// Where the elements of some dimensions of a dense tensor lie. Private to sim/.

#include "semantics/element_type.h"

#include <cstddef>
#include <span>

namespace isamorph::sim {

/// Offsets in elements of all index tuples over the listed dimensions, row-major.
std::vector<std::size_t> offsets(const semantics::Shape &shape, std::span<const std::int64_t> dims);
/// The same over the dimensions that are in neither list, in order.
std::vector<std::size_t> other_offsets(const semantics::Shape &shape,
                                       std::span<const std::int64_t> a,
                                       std::span<const std::int64_t> b = {});
/// Each offset is the one before it plus one.
bool consecutive(std::span<const std::size_t> offsets);

} // namespace isamorph::sim
