#pragma once
// Independent work on several threads. Private to verify/.

#include <cstddef>
#include <functional>

namespace isamorph::verify {

/// Calls f(0) to f(count - 1), each once, on `jobs` threads; on one a core for 0.
void in_parallel(std::size_t count, int jobs, const std::function<void(std::size_t)> &f);

} // namespace isamorph::verify
