#include "verify/verdict.h"

#include <array>

namespace isamorph::verify {

std::string_view name(Outcome outcome) {
  constexpr std::array<std::string_view, 3> names = {"equivalent", "different", "unknown"};
  return names[static_cast<std::size_t>(outcome)];
}

} // namespace isamorph::verify
