#pragma once
// Type-checks an instruction set for all attribute values that its `where` conditions allow: every
// region fits its buffer, every written value has its region's shape, every operation of every body
// is well-typed, latencies and bytes are not negative, and the conditions can hold at all.
// Attributes are unbounded integers, addresses are at least 0, control state is in its range; each
// arm of an instruction is checked where it is taken. Each is an obligation for the
// solver; what it cannot decide is reported as unknown, never as fine.

#include "spec/isa.h"

#include <atomic>

namespace isamorph::verify {

struct IsaCheckOptions {
  unsigned timeout_ms = 10'000;                 ///< an obligation
  const std::atomic<bool> *interrupt = nullptr; ///< set: the obligation at hand is given up
};

enum class Severity : std::uint8_t { Error, Unknown, Warning };
std::string_view name(Severity severity);

/// An error says what is violated, and for which attribute values.
struct IsaFinding {
  Severity severity = Severity::Error;
  semantics::Location location;
  std::string message;
};

struct IsaCheck {
  std::vector<IsaFinding> findings; ///< in the order of the ISA's instructions
  std::size_t obligations = 0, proved = 0;
  double seconds = 0;
  bool has(Severity severity) const;
};

/// Each obligation is an interrupt point (semantics/interrupt_point.h).
IsaCheck check_isa(const spec::Isa &isa, const IsaCheckOptions &options = {});

} // namespace isamorph::verify
