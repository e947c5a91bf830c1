#include "verify/buffer_contents.h"

namespace isamorph::verify {

using semantics::ElementType;

BufferContents::BufferContents(semantics::Tensor pool, const std::vector<std::uint64_t> &few)
    : pool_(std::move(pool)) {
  std::uint64_t random = 0x9e3779b97f4a7c15;
  for (std::int64_t i = 0; !few.empty() && i < pool_.elements(); ++i) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    pool_.set_bits(i, few[(random >> 33) % few.size()]);
  }
}

std::uint64_t BufferContents::operator()(const Element &element, ElementType type) const {
  if (zero_.count(element))
    return 0;
  constexpr std::size_t apart = 1048; // bytes between the beginnings of buffers in the pool
  std::uint64_t bits = 0;
  auto size = static_cast<std::size_t>(semantics::byte_size(type));
  std::size_t first = static_cast<std::size_t>(element.index) * size + element.buffer * apart;
  for (std::size_t b = 0; b < size; ++b)
    bits |= std::to_integer<std::uint64_t>(pool_.bytes()[(first + b) % pool_.bytes().size()])
            << (8 * b);
  return type == ElementType::Pred ? bits & 1 : bits;
}

std::vector<std::uint64_t> special_numbers(ElementType type) {
  std::vector<std::uint64_t> out;
  for (double value : {0.0, -0.0, 1.0, -1.0, 3.0, 0x1p8, 0x1p11, 0x1p24, 0x1p53, -1e300, 1e300})
    out.push_back(semantics::encode(type, value));
  return out;
}

} // namespace isamorph::verify
