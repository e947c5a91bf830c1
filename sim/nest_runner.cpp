#include "sim/nest_runner.h"

#include "spec/interval_set.h"

#include <tbb/parallel_for.h>

namespace isamorph::sim {

using Iteration = LoopNest::Iteration;

void NestRunner::run(const Memory &memory, Worker &worker) {
  Iteration iteration;
  run(nest_.top(), iteration, memory, worker);
}

void NestRunner::run(const std::vector<LoopNest::Item> &items, Iteration &iteration,
                     const Memory &memory, Worker &worker) {
  for (LoopNest::Item item : items)
    if (!item.loop)
      nest_.run(nest_.step(item.index), iteration, memory, worker);
    else if (most_shares_ > 1 && independent_[item.index])
      run_shared(item.index, iteration, memory);
    else
      run_iterations(item.index, 0, nest_.iterations(item.index), iteration, memory, worker);
}

void NestRunner::run_iterations(std::uint32_t loop, std::int64_t begin, std::int64_t end,
                                Iteration &iteration, const Memory &memory, Worker &worker) {
  if (nest_.innermost(loop))
    return nest_.run_innermost(loop, begin, end, iteration, memory, worker);
  iteration.push_back(begin);
  for (; iteration.back() < end; ++iteration.back())
    run(nest_.body(loop), iteration, memory, worker);
  iteration.pop_back();
}

/// On-chip, what iterations [begin, end) read, and bytes between.
void NestRunner::copy_read(std::uint32_t loop, std::int64_t begin, std::int64_t end,
                           const Iteration &iteration, const std::byte *from, std::byte *to) const {
  spec::IntervalSet bytes;
  footprints_.each_hull(LoopFootprints::Space::OnChip, loop, begin, end, iteration,
                        [&](const LoopFootprints::Hull &hull, const Footprint &,
                            std::span<const LoopFootprints::Range>) {
                          if (!hull.writes)
                            bytes.add(hull.begin, hull.end);
                        });
  bytes.for_each([&](std::int64_t first, std::int64_t last) {
    std::copy(from + first, from + last, to + first);
  });
}

/// On-chip, what iterations [begin, end) write.
void NestRunner::copy_written(std::uint32_t loop, std::int64_t begin, std::int64_t end,
                              Iteration &iteration, const std::byte *from, std::byte *to) const {
  spec::IntervalSet bytes;
  bool gaps = false;
  footprints_.each_hull(LoopFootprints::Space::OnChip, loop, begin, end, iteration,
                        [&](const LoopFootprints::Hull &hull, const Footprint &footprint,
                            std::span<const LoopFootprints::Range> ranges) {
                          if (hull.writes && LoopFootprints::fills(hull, footprint, ranges))
                            bytes.add(hull.begin, hull.end);
                          else
                            gaps |= hull.writes;
                        });
  auto note = [&](const LoopNest::AffineOperand &, const Footprint &footprint, bool writes,
                  std::size_t address) {
    for (std::size_t run : footprint.runs) {
      auto first = static_cast<std::int64_t>(address + run);
      if (writes)
        bytes.add(first, first + static_cast<std::int64_t>(footprint.run_bytes));
    }
    return true;
  };
  if (gaps)
    footprints_.each(LoopFootprints::Space::OnChip, loop, begin, end, iteration, note);
  bytes.for_each([&](std::int64_t first, std::int64_t last) {
    std::copy(from + first, from + last, to + first);
  });
}

/// Each share runs consecutive iterations on a copy of the on-chip bytes that they read; what they
/// wrote is put back in the order of the iterations.
void NestRunner::run_shared(std::uint32_t loop, Iteration &iteration, const Memory &memory) {
  std::int64_t iterations = nest_.iterations(loop);
  std::size_t count = std::min(static_cast<std::size_t>(iterations), most_shares_);
  while (shares_.size() < count)
    shares_.push_back(make_share_());
  auto first = [&](std::size_t share) {
    return iterations / static_cast<std::int64_t>(count) * static_cast<std::int64_t>(share) +
           std::min(iterations % static_cast<std::int64_t>(count),
                    static_cast<std::int64_t>(share));
  };
  tbb::parallel_for(std::size_t{0}, count, [&](std::size_t share) {
    Iteration own = iteration;
    Memory view = memory;
    view.on_chip = shares_[share].on_chip.data();
    copy_read(loop, first(share), first(share + 1), own, memory.on_chip, view.on_chip);
    run_iterations(loop, first(share), first(share + 1), own, view, shares_[share].worker);
  });
  bool varies = footprints_.varies(loop, LoopFootprints::Space::OnChip);
  for (std::size_t share = varies ? 0 : count - 1; share < count; ++share)
    copy_written(loop, first(share), first(share + 1), iteration, shares_[share].on_chip.data(),
                 memory.on_chip);
}

} // namespace isamorph::sim
