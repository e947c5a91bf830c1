#include "spec/nesting.h"

namespace isamorph::spec {

Nesting::Nesting(const Kernel &kernel) : bodies_(kernel.loops.size() + 1) {
  std::vector<std::uint32_t> open = {static_cast<std::uint32_t>(kernel.loops.size())};
  std::uint32_t next = 0;
  for (std::uint32_t i = 0; i < kernel.instructions.size(); ++i) {
    while (open.size() > 1 && kernel.loops[open.back()].last <= i)
      open.pop_back();
    for (; next < kernel.loops.size() && kernel.loops[next].first == i; ++next) {
      bodies_[open.back()].push_back({next, true});
      open.push_back(next);
    }
    bodies_[open.back()].push_back({i, false});
  }
}

} // namespace isamorph::spec
