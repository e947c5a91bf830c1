#pragma once
// Under AddressSanitizer a test takes ten to twenty times as long. Tests that repeat one thing
// hundreds of times do less of it there; the optimized build, which runs in the same `./dev test`,
// does all of it.

#include <cstddef>

namespace isamorph::effort {

/// One in so many repetitions is made.
#ifdef __SANITIZE_ADDRESS__
constexpr std::size_t kEvery = 8;
#else
constexpr std::size_t kEvery = 1;
#endif

/// The number of repetitions in place of `full`.
constexpr std::size_t repetitions(std::size_t full) { return full / kEvery; }

} // namespace isamorph::effort
