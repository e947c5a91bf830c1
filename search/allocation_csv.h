#pragma once
// Live ranges as comma-separated values, in MiniMalloc's format: a line of column names, then a
// line for each item. `id`, `lower`, `upper` and `size` are required, `alignment` may be there, in
// any order; times are half-open [lower, upper). Lines end with LF or CRLF, blank ones are skipped.

#include "search/allocation.h"
#include "semantics/source.h"

#include <span>

namespace isamorph::search {

/// One buffer with the given capacity. Throws InputError at the place of a mistake.
AllocationProblem parse_allocation_csv(const semantics::SourceRef &source, std::int64_t capacity);

/// The items, which have one live interval each, with a column `offset`; a column `alignment` only
/// if one differs from 1.
std::string print_allocation_csv(const AllocationProblem &problem, std::span<const Place> places);

} // namespace isamorph::search
