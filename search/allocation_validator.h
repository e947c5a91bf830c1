#pragma once
// Checks a placement against its problem. Shares no code with the search: it compares items in
// pairs, as the problem is stated.

#include "search/allocation.h"

#include <span>

namespace isamorph::search {

/// Says what is wrong with `places` (one an item, in order), or returns an empty string. Throws
/// nothing: a problem that `check_problem` refuses is wrong with any places.
std::string check_placement(const AllocationProblem &problem, std::span<const Place> places);

} // namespace isamorph::search
