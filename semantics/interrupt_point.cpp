#include "semantics/interrupt_point.h"

#include <cassert>

namespace isamorph::semantics {

std::atomic<const std::atomic<bool> *> g_interrupt_flag{nullptr};

InterruptScope::InterruptScope(const std::atomic<bool> &flag) {
  [[maybe_unused]] const auto *before = g_interrupt_flag.exchange(&flag);
  assert(!before);
}

InterruptScope::~InterruptScope() { g_interrupt_flag = nullptr; }

} // namespace isamorph::semantics
