#pragma once
// All buffers of an accelerator in one block of bytes, and the regions that instructions name in
// it. Private to sim/ (observers see sim/observer.h).

#include "spec/isa.h"

#include <cstddef>
#include <memory>
#include <span>

namespace isamorph::sim {

/// Bytes [begin, end) of memory.
struct ByteRange {
  std::size_t begin, end;
};

/// Which bytes a region covers, from its first byte: equally long runs, in the order of the
/// region's tensor. The same for all starts.
struct Footprint {
  semantics::Shape shape; ///< of the region as a tensor
  std::size_t bytes = 0;
  std::size_t run_bytes = 0;
  std::vector<std::size_t> runs; ///< offsets, ascending; empty when the region is

  bool dense() const { return runs.size() <= 1; }
  std::size_t hull() const { return runs.empty() ? 0 : runs.back() + run_bytes; }
  void add_ranges(std::size_t first, std::vector<ByteRange> &ranges) const;
  void gather(const std::byte *first, std::byte *to) const;
  void scatter(const std::byte *from, std::byte *first) const;
};

/// Where the buffers lie: off-chip memory comes last. Bases are aligned for vectors.
class MemoryMap {
public:
  MemoryMap(const spec::Isa &isa, std::int64_t off_chip_bytes);

  std::size_t bytes() const { return bytes_; }
  /// Also the bytes of the buffers before it.
  std::size_t off_chip_base() const { return spaces_[off_chip_].base; }

  Footprint footprint(const spec::ConcreteRegion &region) const;
  /// The offset in memory of the region's first byte. Throws InputError when the region leaves its
  /// buffer or has another rank.
  std::size_t address(const spec::ConcreteRegion &region) const {
    return address(region.buffer, region.starts, region.extents);
  }
  std::size_t address(std::uint32_t buffer, std::span<const std::int64_t> starts,
                      std::span<const std::int64_t> extents) const;
  bool inside(const spec::ConcreteRegion &region) const;
  /// How many bytes lie between neighbours in each addressed dimension of a buffer.
  std::vector<std::int64_t> strides(std::uint32_t buffer) const;

private:
  struct Space {
    spec::Buffer buffer;
    std::vector<std::int64_t> sizes; ///< of the addressed dimensions
    std::size_t place_bytes = 0, base = 0;
  };
  std::vector<Space> spaces_;
  std::uint32_t off_chip_;
  std::size_t bytes_ = 0;
};

/// The memory that an instruction sees: offsets in a map are addresses in it. On-chip buffers may
/// be a thread's own.
struct Memory {
  std::byte *on_chip, *off_chip;
  std::size_t off_chip_base; ///< the map's
  std::byte *at(std::size_t offset) const {
    return offset < off_chip_base ? on_chip + offset : off_chip + (offset - off_chip_base);
  }
};

/// Bytes aligned for vectors, of any value at first.
class AlignedBytes {
public:
  explicit AlignedBytes(std::size_t size);
  std::byte *data() { return data_.get(); }
  const std::byte *data() const { return data_.get(); }
  void clear();

private:
  struct Delete {
    void operator()(std::byte *bytes) const;
  };
  std::unique_ptr<std::byte, Delete> data_;
  std::size_t size_;
};

} // namespace isamorph::sim
