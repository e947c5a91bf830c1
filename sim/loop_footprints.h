#pragma once
// Which bytes the iterations of a loop touch, each operand once for each address that it takes.
// Private to sim/.

#include "sim/loop_nest.h"

namespace isamorph::sim {

class LoopFootprints {
public:
  explicit LoopFootprints(const LoopNest &nest);

  enum class Space : std::uint8_t { OnChip, OffChip };
  /// Whether an operand within the loop takes other addresses of that space in other iterations.
  bool varies(std::uint32_t loop, Space space) const {
    return varies_[static_cast<std::size_t>(space)][loop];
  }
  /// Whether one within `inner` does in other iterations of the loop at this depth around it.
  bool depends(std::uint32_t inner, std::size_t depth) const;

  /// Calls `visit(operand, footprint, writes, address)` for the operands of one space in iterations
  /// [begin, end) of a loop, in the order of execution; `iteration` holds those of the loops around
  /// it, and while visiting those of all loops around the operand. What does not depend on a loop
  /// is visited in its first iteration only: `begin`, of this one. `visit` may return false to end
  /// the walk; then so does this.
  template <class Visit>
  bool each(Space space, std::uint32_t loop, std::int64_t begin, std::int64_t end,
            LoopNest::Iteration &iteration, Visit &&visit) const {
    Frame frame{space, iteration.size(), begin};
    return walk(frame, loop, begin, end, iteration, visit);
  }

  /// The first and the last iteration of a loop.
  struct Range {
    std::int64_t first, last;
    std::int64_t count() const { return last - first + 1; }
  };
  /// What an operand covers, gaps included, in all iterations of some loops.
  struct Hull {
    const LoopNest::AffineOperand &operand;
    bool writes;
    std::int64_t begin, end; ///< bytes
  };
  /// Calls `visit(hull, footprint, ranges)` for the operands of one space and iterations [begin,
  /// end) of a loop, of which there is one; `ranges` are those of the loops around the operand.
  template <class Visit>
  void each_hull(Space space, std::uint32_t loop, std::int64_t begin, std::int64_t end,
                 const LoopNest::Iteration &around, Visit &&visit) const {
    std::vector<Range> ranges;
    for (std::int64_t i : around)
      ranges.push_back({i, i});
    ranges.push_back({begin, end - 1});
    hulls(space, loop, ranges, visit);
  }

  /// Whether an operand of such iterations leaves no gap in its hull.
  static bool fills(const Hull &hull, const Footprint &footprint, std::span<const Range> ranges);

private:
  template <class Visit>
  void hulls(Space space, std::uint32_t loop, std::vector<Range> &ranges, Visit &visit) const {
    for (LoopNest::Item item : nest_.body(loop)) {
      if (item.loop) {
        ranges.push_back({0, nest_.iterations(item.index) - 1});
        hulls(space, item.index, ranges, visit);
        ranges.pop_back();
        continue;
      }
      const LoopNest::Step &step = nest_.step(item.index);
      std::size_t index = 0;
      for (const LoopNest::AffineOperand &operand : nest_.operands(step)) {
        const Footprint &footprint = step.routine->footprints()[index++];
        if (nest_.on_chip(operand) != (space == Space::OnChip) || footprint.runs.empty())
          continue;
        auto begin = static_cast<std::int64_t>(operand.address), end = begin;
        for (std::size_t d = 0; d < ranges.size(); ++d) {
          std::int64_t a = operand.strides[d] * ranges[d].first,
                       b = operand.strides[d] * ranges[d].last;
          begin += std::min(a, b);
          end += std::max(a, b);
        }
        end += static_cast<std::int64_t>(footprint.hull());
        visit(Hull{operand, index > step.routine->reads(), begin, end}, footprint,
              std::span<const Range>(ranges));
      }
    }
  }

  struct Frame {
    Space space;
    std::size_t depth;  ///< of the loop that is walked
    std::int64_t begin; ///< of its iterations
  };

  static bool repeats(const Frame &frame, const LoopNest::AffineOperand &operand,
                      const LoopNest::Iteration &iteration) {
    for (std::size_t d = frame.depth; d < operand.strides.size(); ++d)
      if (operand.strides[d] == 0 && iteration[d] != (d == frame.depth ? frame.begin : 0))
        return true;
    return false;
  }

  template <class Visit>
  bool walk(const Frame &frame, std::uint32_t loop, std::int64_t begin, std::int64_t end,
            LoopNest::Iteration &iteration, Visit &visit) const {
    if (!varies(loop, frame.space))
      end = std::min(end, begin + 1);
    bool goes_on = true;
    iteration.push_back(begin);
    for (; goes_on && iteration.back() < end; ++iteration.back())
      for (LoopNest::Item item : nest_.body(loop)) {
        goes_on = item.loop
                      ? walk(frame, item.index, 0, nest_.iterations(item.index), iteration, visit)
                      : step(frame, nest_.step(item.index), iteration, visit);
        if (!goes_on)
          break;
      }
    iteration.pop_back();
    return goes_on;
  }

  template <class Visit>
  bool step(const Frame &frame, const LoopNest::Step &step, const LoopNest::Iteration &iteration,
            Visit &visit) const {
    std::size_t index = 0;
    for (const LoopNest::AffineOperand &operand : nest_.operands(step)) {
      const Footprint &footprint = step.routine->footprints()[index++];
      if (nest_.on_chip(operand) == (frame.space == Space::OnChip) &&
          !repeats(frame, operand, iteration) &&
          !visit(operand, footprint, index > step.routine->reads(),
                 LoopNest::address(operand, iteration)))
        return false;
    }
    return true;
  }

  void note(const std::vector<LoopNest::Item> &items, std::vector<std::uint32_t> &around);

  const LoopNest &nest_;
  std::array<std::vector<char>, 2> varies_; ///< by space, by loop
  std::vector<std::vector<char>> depends_;  ///< by loop, by depth of those around it
};

} // namespace isamorph::sim
