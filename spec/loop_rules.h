#pragma once
// Which rules of a kernel's instructions hold in all iterations of the loops around them, by ranges
// alone: those iterations need not be walked. Private to spec/.

#include "spec/int_range.h"
#include "spec/interval_set.h"
#include "spec/unroll.h"

#include <set>

namespace isamorph::spec {

/// For kernels without control. Places that were written stay written. So a read holds in all
/// iterations when all that it can read was written before the outermost loop; and what a write
/// covers in all of them can be noted there when it has no gaps and no other rule depends on when
/// its places were written.
class LoopRules {
public:
  /// `written`: by buffer, row-major places (bytes of off-chip memory).
  LoopRules(const Kernel &kernel, const Isa &isa, std::vector<IntervalSet> &written);

  /// To be called before what an instance demands is checked, in the order of execution: what its
  /// outermost loop writes for certain is noted when it begins.
  void reach(std::uint32_t instruction);
  /// Of loops that were reached.
  const LoopFlags &dependences() const { return flags_; }

private:
  /// The places of a region, gaps included, in all iterations.
  struct Hull {
    std::uint32_t buffer;
    std::int64_t begin, end;
  };
  struct Ranged;

  void enter(const Loop &loop);
  Ranged ranged(std::uint32_t instruction) const;
  std::vector<std::int64_t> sizes(const Region &region) const;
  std::optional<Hull> hull(const Region &region, std::span<const IntRange> ranges) const;
  bool is_written(const Hull &hull) const;
  bool fills(const Hull &hull, const Region &region, const Ranged &ranged) const;

  const Kernel &kernel_;
  const Isa &isa_;
  std::vector<IntervalSet> &written_;
  std::vector<std::vector<std::uint32_t>> around_;
  LoopFlags flags_;
  std::size_t next_ = 0; ///< the outermost loop that comes next
};

} // namespace isamorph::spec
