#include "sim/memory.h"

#include <algorithm>
#include <fmt/format.h>
#include <new>

namespace isamorph::sim {
namespace {

constexpr std::align_val_t kAlignment{64};

bool leaves(std::int64_t start, std::int64_t extent, std::int64_t size) {
  return start < 0 || extent < 0 || extent > size || start > size - extent;
}

} // namespace

void Footprint::add_ranges(std::size_t first, std::vector<ByteRange> &ranges) const {
  for (std::size_t run : runs)
    ranges.push_back({first + run, first + run + run_bytes});
}

void Footprint::gather(const std::byte *first, std::byte *to) const {
  for (std::size_t run : runs)
    to = std::copy_n(first + run, run_bytes, to);
}

void Footprint::scatter(const std::byte *from, std::byte *first) const {
  for (std::size_t run : runs) {
    std::copy_n(from, run_bytes, first + run);
    from += run_bytes;
  }
}

MemoryMap::MemoryMap(const spec::Isa &isa, std::int64_t off_chip_bytes) : off_chip_(isa.off_chip) {
  auto place = [&](Space &space) {
    space.base = bytes_;
    std::size_t size = space.place_bytes;
    for (std::int64_t places : space.sizes)
      size *= static_cast<std::size_t>(places);
    bytes_ += (size + 63) / 64 * 64;
  };
  for (const spec::Buffer &buffer : isa.buffers) {
    Space space{buffer, buffer.addressed};
    if (buffer.off_chip)
      space.sizes = {off_chip_bytes};
    space.place_bytes =
        static_cast<std::size_t>(buffer.unit_elements() * semantics::byte_size(buffer.type));
    if (!buffer.off_chip)
      place(space);
    spaces_.push_back(std::move(space));
  }
  place(spaces_[off_chip_]);
}

bool MemoryMap::inside(const spec::ConcreteRegion &region) const {
  const Space &space = spaces_[region.buffer];
  if (region.starts.size() != space.sizes.size())
    return false;
  for (std::size_t d = 0; d < space.sizes.size(); ++d)
    if (leaves(region.starts[d], region.extents[d], space.sizes[d]))
      return false;
  return true;
}

std::vector<std::int64_t> MemoryMap::strides(std::uint32_t buffer) const {
  std::vector<std::int64_t> out = semantics::row_major_strides(spaces_[buffer].sizes);
  for (std::int64_t &stride : out)
    stride *= static_cast<std::int64_t>(spaces_[buffer].place_bytes);
  return out;
}

Footprint MemoryMap::footprint(const spec::ConcreteRegion &region) const {
  const Space &space = spaces_[region.buffer];
  Footprint out;
  out.shape = {space.buffer.type, region.extents};
  out.shape.dims.insert(out.shape.dims.end(), space.buffer.unit.begin(), space.buffer.unit.end());
  out.bytes = static_cast<std::size_t>(out.shape.bytes());
  if (out.bytes == 0)
    return out;
  // The inner dimensions that are covered whole make one run with the next one outwards.
  std::size_t rank = space.sizes.size(), outer = rank, stride = space.place_bytes;
  out.run_bytes = space.place_bytes;
  while (outer > 0) {
    --outer;
    bool whole = region.extents[outer] == space.sizes[outer];
    out.run_bytes *= static_cast<std::size_t>(region.extents[outer]);
    stride *= static_cast<std::size_t>(space.sizes[outer]);
    if (!whole)
      break;
  }
  out.runs = {0};
  for (std::size_t d = outer; d-- > 0;) {
    std::vector<std::size_t> next;
    for (std::int64_t i = 0; i < region.extents[d]; ++i)
      for (std::size_t run : out.runs)
        next.push_back(static_cast<std::size_t>(i) * stride + run);
    out.runs = std::move(next);
    stride *= static_cast<std::size_t>(space.sizes[d]);
  }
  return out;
}

std::size_t MemoryMap::address(std::uint32_t buffer, std::span<const std::int64_t> starts,
                               std::span<const std::int64_t> extents) const {
  const Space &space = spaces_[buffer];
  const std::string &name = space.buffer.name;
  if (starts.size() != space.sizes.size())
    throw semantics::InputError(fmt::format("{} has {} addressed dimensions, not {}", name,
                                            space.sizes.size(), starts.size()));
  std::int64_t place = 0;
  for (std::size_t d = 0; d < space.sizes.size(); ++d) {
    std::int64_t start = starts[d], extent = extents[d], size = space.sizes[d];
    if (leaves(start, extent, size))
      throw semantics::InputError(fmt::format("{}[{} : {}] leaves the buffer, which has {} places",
                                              name, start, extent, size));
    place = place * size + start;
  }
  return space.base + static_cast<std::size_t>(place) * space.place_bytes;
}

AlignedBytes::AlignedBytes(std::size_t size)
    : data_(static_cast<std::byte *>(::operator new(std::max<std::size_t>(size, 1), kAlignment))),
      size_(size) {}

void AlignedBytes::clear() { std::fill_n(data(), size_, std::byte{0}); }

void AlignedBytes::Delete::operator()(std::byte *bytes) const {
  ::operator delete(bytes, kAlignment);
}

} // namespace isamorph::sim
