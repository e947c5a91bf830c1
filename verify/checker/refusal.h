#pragma once
// How a certificate is refused: the first step that does not hold ends the check with its reason.

#include <string>

namespace isamorph::verify {

/// A certificate is refused.
struct Refused {
  std::string reason;
};
[[noreturn]] inline void refuse(std::string reason) { throw Refused{std::move(reason)}; }

} // namespace isamorph::verify
