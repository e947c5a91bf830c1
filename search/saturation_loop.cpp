#include "search/saturation_loop.h"

#include <array>

namespace isamorph::search {

std::string_view name(StopReason reason) {
  constexpr std::array<std::string_view, 7> names = {"saturated",  "node limit",  "iteration limit",
                                                     "time limit", "interrupted", "contradiction",
                                                     "goal"};
  return names[static_cast<std::size_t>(reason)];
}

} // namespace isamorph::search
