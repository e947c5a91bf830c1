#include "sim/independent_loops.h"

#include "spec/interval_set.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace isamorph::sim {
namespace {

using Space = LoopFootprints::Space;
using AffineOperand = LoopNest::AffineOperand;

/// How many runs of bytes are looked at, for all loops of a kernel together.
constexpr std::size_t kMostRuns = std::size_t{1} << 22;
constexpr ByteRange kEverywhere{0, std::numeric_limits<std::size_t>::max()};

class Finder {
public:
  Finder(const LoopNest &nest, const LoopFootprints &footprints, std::size_t least_work)
      : nest_(nest), footprints_(footprints), least_work_(least_work),
        found_(nest.loop_count(), 0) {}

  std::vector<char> run() {
    std::vector<std::uint32_t> around;
    choose(nest_.top(), around);
    return std::move(found_);
  }

private:
  void choose(const std::vector<LoopNest::Item> &items, std::vector<std::uint32_t> &around) {
    for (LoopNest::Item item : items) {
      if (!item.loop || nest_.work(item.index) < least_work_)
        continue;
      LoopNest::Iteration iteration;
      found_[item.index] =
          nest_.iterations(item.index) > 1 && for_all_around(item.index, around, iteration);
      if (found_[item.index])
        continue;
      around.push_back(item.index);
      choose(nest_.body(item.index), around);
      around.pop_back();
    }
  }

  /// Whether the loop is independent in all iterations of the loops around it that matter.
  bool for_all_around(std::uint32_t loop, std::span<const std::uint32_t> around,
                      LoopNest::Iteration &iteration) {
    std::size_t depth = iteration.size();
    if (depth == around.size())
      return (lies_apart(Space::OnChip, loop, iteration) || independent_on_chip(loop, iteration)) &&
             (lies_apart(Space::OffChip, loop, iteration) || independent_off_chip(loop, iteration));
    std::int64_t count = footprints_.depends(loop, depth) ? nest_.iterations(around[depth]) : 1;
    bool independent = true;
    iteration.push_back(0);
    for (; independent && iteration.back() < count; ++iteration.back())
      independent = for_all_around(loop, around, iteration);
    iteration.pop_back();
    return independent;
  }

  /// Whether that follows from the strides alone: what is written lies apart from all else, and
  /// other iterations write elsewhere.
  bool lies_apart(Space space, std::uint32_t loop, const LoopNest::Iteration &iteration) const {
    std::vector<LoopFootprints::Hull> hulls;
    bool apart = true;
    footprints_.each_hull(space, loop, 0, nest_.iterations(loop), iteration,
                          [&](const LoopFootprints::Hull &hull, const Footprint &footprint,
                              std::span<const LoopFootprints::Range> ranges) {
                            apart = apart &&
                                    (!hull.writes || takes_own_places(hull.operand, footprint,
                                                                      iteration.size(), ranges));
                            hulls.push_back(hull);
                          });
    std::vector<std::size_t> order(hulls.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::sort(order, {}, [&](std::size_t i) { return hulls[i].begin; });
    std::int64_t end = 0, written_end = 0;
    for (std::size_t i : order) {
      apart = apart && hulls[i].begin >= (hulls[i].writes ? end : written_end);
      end = std::max(end, hulls[i].end);
      if (hulls[i].writes)
        written_end = std::max(written_end, hulls[i].end);
    }
    return apart;
  }

  /// Whether iterations of the loop at `depth`, and of those within, never meet: but for loops
  /// within that do not move the operand.
  static bool takes_own_places(const AffineOperand &operand, const Footprint &footprint,
                               std::size_t depth, std::span<const LoopFootprints::Range> ranges) {
    std::vector<std::pair<std::int64_t, std::int64_t>> moves; // by how much, how often
    for (std::size_t d = depth; d < ranges.size(); ++d)
      if (ranges[d].count() > 1 && (d == depth || operand.strides[d] != 0))
        moves.emplace_back(std::abs(operand.strides[d]), ranges[d].count() - 1);
    std::ranges::sort(moves);
    auto covered = static_cast<std::int64_t>(footprint.hull());
    for (auto [stride, times] : moves) {
      if (stride < covered)
        return false;
      covered += stride * times;
    }
    return true;
  }

  /// Calls `visit(operand, writes, begin, end)` for runs of bytes while it returns true, those of
  /// operands that lie outside of `within` left out.
  template <class Visit>
  bool each_run(Space space, std::uint32_t loop, ByteRange iterations, ByteRange within,
                LoopNest::Iteration &iteration, Visit &&visit) {
    auto visit_operand = [&](const AffineOperand &operand, const Footprint &footprint, bool writes,
                             std::size_t address) {
      ++runs_;
      if (address >= within.end || address + footprint.hull() <= within.begin)
        return true;
      for (std::size_t run : footprint.runs) {
        std::size_t begin = address + run;
        if (++runs_ > kMostRuns || !visit(operand, writes, begin, begin + footprint.run_bytes))
          return false;
      }
      return true;
    };
    return footprints_.each(space, loop, static_cast<std::int64_t>(iterations.begin),
                            static_cast<std::int64_t>(iterations.end), iteration, visit_operand);
  }

  /// Whether all writes move alike with the loop, and what may read written bytes moves with them
  /// and was written before in the same iteration: seen in the first one, of which the others are
  /// copies that moved.
  bool moves_as_one(std::uint32_t loop, LoopNest::Iteration &iteration) {
    std::vector<LoopFootprints::Hull> hulls;
    footprints_.each_hull(Space::OnChip, loop, 0, nest_.iterations(loop), iteration,
                          [&](const LoopFootprints::Hull &hull, const Footprint &,
                              std::span<const LoopFootprints::Range>) { hulls.push_back(hull); });
    spec::IntervalSet all;
    std::vector<const AffineOperand *> moving; // may touch what is written
    for (const LoopFootprints::Hull &hull : hulls)
      if (hull.writes)
        all.add(hull.begin, hull.end);
    for (const LoopFootprints::Hull &hull : hulls)
      if (hull.writes || all.intersects(hull.begin, hull.end))
        moving.push_back(&hull.operand);
    std::size_t depth = iteration.size();
    for (const AffineOperand *operand : moving)
      if (operand->strides[depth] != moving[0]->strides[depth])
        return false;
    spec::IntervalSet written;
    auto check = [&](const AffineOperand &operand, bool writes, std::size_t begin,
                     std::size_t end) {
      auto first = static_cast<std::int64_t>(begin), last = static_cast<std::int64_t>(end);
      if (writes)
        written.add(first, last);
      return writes || std::ranges::count(moving, &operand) == 0 ||
             !written.first_missing(first, last);
    };
    return each_run(Space::OnChip, loop, {0, 1}, kEverywhere, iteration, check);
  }

  bool independent_on_chip(std::uint32_t loop, LoopNest::Iteration &iteration) {
    if (moves_as_one(loop, iteration))
      return true;
    auto count = static_cast<std::size_t>(nest_.iterations(loop));
    spec::IntervalSet all;
    auto note = [&](const AffineOperand &, bool writes, std::size_t begin, std::size_t end) {
      if (writes)
        all.add(static_cast<std::int64_t>(begin), static_cast<std::int64_t>(end));
      return true;
    };
    bool independent = each_run(Space::OnChip, loop, {0, count}, kEverywhere, iteration, note);
    if (!footprints_.varies(loop, Space::OnChip))
      count = 1;
    for (std::size_t i = 0; independent && i < count; ++i) {
      spec::IntervalSet written;
      auto check = [&](const AffineOperand &, bool writes, std::size_t begin, std::size_t end) {
        auto first = static_cast<std::int64_t>(begin), last = static_cast<std::int64_t>(end);
        if (writes)
          written.add(first, last);
        return writes || !written.first_missing(first, last) || !all.intersects(first, last);
      };
      independent = each_run(Space::OnChip, loop, {i, i + 1}, kEverywhere, iteration, check);
    }
    return independent;
  }

  /// Bytes that one iteration writes.
  struct Written {
    std::size_t begin, end;
    std::int64_t iteration;
  };

  bool independent_off_chip(std::uint32_t loop, LoopNest::Iteration &iteration) {
    std::size_t depth = iteration.size();
    ByteRange all{0, static_cast<std::size_t>(nest_.iterations(loop))};
    std::vector<Written> written;
    auto note = [&](const AffineOperand &operand, bool writes, std::size_t begin, std::size_t end) {
      if (writes)
        written.push_back({begin, end, iteration[depth]});
      return !writes || operand.strides[depth] != 0;
    };
    if (!each_run(Space::OffChip, loop, all, kEverywhere, iteration, note) || !merge(written))
      return false;
    if (written.empty())
      return true;
    auto check = [&](const AffineOperand &operand, bool writes, std::size_t begin,
                     std::size_t end) {
      auto found = std::ranges::upper_bound(written, begin, {}, &Written::end);
      bool by_all = operand.strides[depth] == 0; // read by every iteration
      for (; !writes && found != written.end() && found->begin < end; ++found)
        if (by_all || found->iteration != iteration[depth])
          return false;
      return true;
    };
    return each_run(Space::OffChip, loop, all, {written.front().begin, written.back().end},
                    iteration, check);
  }

  /// Makes them disjoint and ascending; false when iterations write the same.
  static bool merge(std::vector<Written> &written) {
    std::ranges::sort(written, {}, [](const Written &w) { return std::pair(w.begin, w.end); });
    std::size_t kept = 0;
    for (const Written &next : written) {
      if (kept == 0 || written[kept - 1].end <= next.begin) {
        written[kept++] = next;
        continue;
      }
      if (written[kept - 1].iteration != next.iteration)
        return false;
      written[kept - 1].end = std::max(written[kept - 1].end, next.end);
    }
    written.resize(kept);
    return true;
  }

  const LoopNest &nest_;
  const LoopFootprints &footprints_;
  std::size_t least_work_, runs_ = 0;
  std::vector<char> found_;
};

} // namespace

std::vector<char> independent_loops(const LoopNest &nest, const LoopFootprints &footprints,
                                    std::size_t least_work) {
  return Finder(nest, footprints, least_work).run();
}

} // namespace isamorph::sim
