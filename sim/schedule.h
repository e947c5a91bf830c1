#pragma once
// Which instructions may run side by side: levels, such that an instruction comes after all earlier
// ones that wrote what it reads or writes, or read what it writes. Private to sim/.

#include "sim/memory.h"

#include <map>

namespace isamorph::sim {

/// Takes instructions in program order.
class LevelAssigner {
public:
  /// The least level that respects the instructions before.
  std::uint32_t next(std::span<const ByteRange> reads, std::span<const ByteRange> writes);

private:
  /// The first levels at which these bytes may be read, and written.
  struct Segment {
    std::size_t end;
    std::uint32_t readable, writable;
  };
  template <class F> void each_segment(ByteRange range, F f);
  void split(std::size_t at);

  std::map<std::size_t, Segment> segments_; ///< by their first byte, disjoint
};

} // namespace isamorph::sim
