#include "sim/loop_footprints.h"

#include <algorithm>

namespace isamorph::sim {

LoopFootprints::LoopFootprints(const LoopNest &nest) : nest_(nest) {
  for (std::vector<char> &flags : varies_)
    flags.assign(nest.loop_count(), 0);
  depends_.resize(nest.loop_count());
  std::vector<std::uint32_t> around;
  note(nest.top(), around);
}

void LoopFootprints::note(const std::vector<LoopNest::Item> &items,
                          std::vector<std::uint32_t> &around) {
  for (LoopNest::Item item : items) {
    if (item.loop) {
      depends_[item.index].assign(around.size(), 0);
      around.push_back(item.index);
      note(nest_.body(item.index), around);
      around.pop_back();
      continue;
    }
    for (const LoopNest::AffineOperand &operand : nest_.operands(nest_.step(item.index)))
      for (std::size_t d = 0; d < around.size(); ++d) {
        if (operand.strides[d] == 0)
          continue;
        varies_[nest_.on_chip(operand) ? 0 : 1][around[d]] = 1;
        for (std::size_t inner = d + 1; inner < around.size(); ++inner)
          depends_[around[inner]][d] = 1;
      }
  }
}

bool LoopFootprints::depends(std::uint32_t inner, std::size_t depth) const {
  return depends_[inner][depth] != 0;
}

bool LoopFootprints::fills(const Hull &hull, const Footprint &footprint,
                           std::span<const Range> ranges) {
  std::vector<std::pair<std::int64_t, std::int64_t>> moves; // by how much, how often
  for (std::size_t d = 0; d < ranges.size(); ++d)
    moves.emplace_back(std::abs(hull.operand.strides[d]), ranges[d].count() - 1);
  std::ranges::sort(moves);
  auto covered = static_cast<std::int64_t>(footprint.hull());
  for (auto [stride, times] : moves) {
    if (stride > covered && times > 0)
      return false;
    covered += stride * times;
  }
  return footprint.dense();
}

} // namespace isamorph::sim
