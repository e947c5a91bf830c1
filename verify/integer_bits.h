#pragma once
// The bits of integer types of w bits, in the low bits of a word, as numbers.

#include "semantics/element_type.h"

#include <cstdint>

namespace isamorph::verify {

using semantics::ElementType;

inline int width(ElementType type) { return 8 * semantics::byte_size(type); }

inline std::uint64_t mask(ElementType type) {
  return width(type) == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << width(type)) - 1;
}

/// The number of least magnitude that is `bits` modulo 2^w.
inline std::int64_t least(ElementType type, std::uint64_t bits) {
  int unused = 64 - width(type);
  return static_cast<std::int64_t>(bits << unused) >> unused;
}

/// By the numbers that the bits are.
inline bool less(ElementType type, std::uint64_t a, std::uint64_t b) {
  return semantics::is_signed_integer(type) ? least(type, a) < least(type, b) : a < b;
}

/// The largest number of a type, and the least.
inline std::uint64_t top(ElementType type) {
  return semantics::is_signed_integer(type) ? mask(type) >> 1 : mask(type);
}
inline std::uint64_t bottom(ElementType type) { return ~top(type) & mask(type); }

} // namespace isamorph::verify
