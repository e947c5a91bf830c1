#include "verify/stop_token.h"

#include <fmt/format.h>

namespace isamorph::verify {

StopToken StopToken::at_poll(std::uint64_t number) {
  StopToken out;
  out.last_poll_ = number;
  return out;
}

double StopToken::seconds_left() const {
  return seconds_ - std::chrono::duration<double>(Clock::now() - start_).count();
}

void StopToken::look() const {
  if (polls_ > last_poll_ || (interrupt_ && interrupt_->load(std::memory_order_relaxed)))
    throw Stopped(fmt::format("interrupted while {}", doing_));
  if (seconds_left() <= 0)
    throw Stopped(fmt::format("out of time after {} s while {}", seconds_, doing_));
}

} // namespace isamorph::verify
