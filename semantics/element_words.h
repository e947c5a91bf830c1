#pragma once
// Elements as unsigned integers of their size: for code that moves or compares bits.

#include "semantics/element_type.h"

namespace isamorph::semantics {

/// Calls `f(T{})` with the unsigned integer as wide as an element.
template <class F> void with_word(ElementType type, F &&f) {
  switch (byte_size(type)) {
  case 1:
    return f(std::uint8_t{});
  case 2:
    return f(std::uint16_t{});
  case 4:
    return f(std::uint32_t{});
  default:
    return f(std::uint64_t{});
  }
}

} // namespace isamorph::semantics
