#include "verify/verdict.h"

#include <fmt/format.h>

#include <array>

namespace isamorph::verify {

std::string_view name(Outcome outcome) {
  constexpr std::array<std::string_view, 3> names = {"equivalent", "different", "unknown"};
  return names[static_cast<std::size_t>(outcome)];
}

std::string to_string(const UlpHistogram &histogram) {
  std::string out;
  for (std::size_t k = 0; k < histogram.counts.size(); ++k) {
    if (!histogram.counts[k])
      continue;
    std::uint64_t low = k == 0 ? 0 : std::uint64_t{1} << (k - 1);
    std::uint64_t high = k == 0 ? 0 : low + (low - 1);
    std::string range = low == high ? std::to_string(low) : fmt::format("{}-{}", low, high);
    out += fmt::format("{}{} ulp: {}", out.empty() ? "" : ", ", range, histogram.counts[k]);
  }
  return out;
}

} // namespace isamorph::verify
