#pragma once
// How a certificate is refused: the first step that does not hold ends the check with its reason.

#include <string>

namespace isamorph::verify {

/// A certificate is refused, or not decided: nothing in it is known to be wrong, but a solver gave
/// no answer or time was up.
struct Refused {
  std::string reason;
  bool undecided = false;
};
[[noreturn]] inline void refuse(std::string reason) { throw Refused{std::move(reason)}; }

} // namespace isamorph::verify
