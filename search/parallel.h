#pragma once
// Independent pieces of work on several threads.

#include <cstddef>
#include <functional>

namespace isamorph::search {

/// Calls body(0), ..., body(count - 1), on up to `jobs` threads at once; returns when all are done.
void parallel_for(int jobs, std::size_t count, const std::function<void(std::size_t)> &body);

} // namespace isamorph::search
