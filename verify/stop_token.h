#pragma once
// When a proof is to end before it is done: Ctrl-C, or a time limit. Long work polls; the poll that
// finds it time to stop throws Stopped, which becomes the verdict `unknown` with its reason.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>
#include <stdexcept>

namespace isamorph::verify {

/// "interrupted while ...", "out of time after 3 s while ..."
struct Stopped : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Used by one thread at a time; what it is about must outlive it.
class StopToken {
public:
  /// Never stops.
  StopToken() = default;
  /// Stops when `interrupt`, which may be null, is set, and `seconds` from now.
  StopToken(const std::atomic<bool> *interrupt, double seconds)
      : interrupt_(interrupt), seconds_(seconds) {}
  /// Stops at the poll of that number: at the first one for 0. For tests.
  static StopToken at_poll(std::uint64_t number);

  /// What the work is doing from now on: "putting integers into normal form".
  void doing(const char *what) const { doing_ = what; }
  /// Throws Stopped when it is time to. Looks at the flag and the clock now and then only, and at
  /// first at once.
  void poll() const {
    if (polls_++ % kInterval == 0 || polls_ > last_poll_)
      look();
  }
  double seconds_left() const;

private:
  static constexpr std::uint64_t kInterval = 256;
  using Clock = std::chrono::steady_clock;

  void look() const;

  const std::atomic<bool> *interrupt_ = nullptr;
  double seconds_ = std::numeric_limits<double>::infinity();
  Clock::time_point start_ = Clock::now();
  std::uint64_t last_poll_ = std::numeric_limits<std::uint64_t>::max();
  mutable std::uint64_t polls_ = 0;
  mutable const char *doing_ = "proving";
};

} // namespace isamorph::verify
