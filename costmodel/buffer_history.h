#pragma once
// When the places of a buffer were last used, as far as later instructions may have to wait for it:
// the runs of places along the first addressed dimension that have been used alike, and for each
// the accesses that no later one stands for. Private to the cost model.

#include "spec/isa.h"

#include <map>

namespace isamorph::costmodel {

class BufferHistory {
public:
  /// When a read (or a write) of a region may begin, in cycles: a read when what was written there
  /// is, a write when all is over.
  std::int64_t ready(const spec::ConcreteRegion &region, bool write) const;
  /// An access that lasts until `end`.
  void add(const spec::ConcreteRegion &region, bool write, std::int64_t end);
  /// Forgets what ended at `time` or before: nothing that is still to begin waits for it.
  void forget(std::int64_t time);

private:
  struct Access {
    std::uint32_t box; ///< along the other dimensions: into boxes_
    std::int64_t end;
    bool write;
  };
  struct Run {
    std::int64_t end; ///< the place after the last one
    std::vector<Access> accesses;
  };
  /// Starts and extents, without the first ones.
  struct Box {
    std::vector<std::int64_t> starts, extents;
    auto operator<=>(const Box &) const = default;
    bool overlaps(const Box &other) const;
    bool covers(const Box &other) const;
  };

  void split(std::int64_t place);
  /// Adds an access to a run; those that whoever waits for them waits for less than for it are
  /// dropped.
  void add(Run &run, const Access &access) const;

  static constexpr std::size_t kLeast = 64;
  std::map<std::int64_t, Run> runs_; ///< by first place; places outside were never used
  std::vector<Box> boxes_;
  std::size_t checked_ = kLeast; ///< runs after the last time that some were forgotten
};

} // namespace isamorph::costmodel
