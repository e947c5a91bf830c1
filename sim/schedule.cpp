#include "sim/schedule.h"

#include <algorithm>

namespace isamorph::sim {

void LevelAssigner::split(std::size_t at) {
  auto next = segments_.upper_bound(at);
  if (next == segments_.begin())
    return;
  auto found = std::prev(next);
  if (found->first == at || found->second.end <= at)
    return;
  Segment rest = found->second;
  found->second.end = at;
  segments_.emplace_hint(next, at, rest);
}

/// The segments of a range, made where there are none.
template <class F> void LevelAssigner::each_segment(ByteRange range, F f) {
  if (range.begin >= range.end)
    return;
  split(range.begin);
  split(range.end);
  std::size_t at = range.begin;
  for (auto it = segments_.lower_bound(range.begin); at < range.end; ++it) {
    if (it == segments_.end() || it->first > at) {
      std::size_t end = it == segments_.end() ? range.end : std::min(range.end, it->first);
      it = segments_.emplace_hint(it, at, Segment{end, 0, 0});
    }
    f(it->second);
    at = it->second.end;
  }
}

std::uint32_t LevelAssigner::next(std::span<const ByteRange> reads,
                                  std::span<const ByteRange> writes) {
  std::uint32_t level = 0;
  for (ByteRange range : reads)
    each_segment(range, [&](Segment &s) { level = std::max(level, s.readable); });
  for (ByteRange range : writes)
    each_segment(range, [&](Segment &s) { level = std::max(level, s.writable); });
  for (ByteRange range : reads)
    each_segment(range, [&](Segment &s) { s.writable = std::max(s.writable, level + 1); });
  for (ByteRange range : writes) {
    each_segment(range, [&](Segment &s) { s.readable = s.writable = level + 1; });
    // What was written at once is one segment again, so that many small reads leave no trace.
    auto first = segments_.find(range.begin);
    if (range.begin < range.end) {
      first->second.end = range.end;
      segments_.erase(std::next(first), segments_.lower_bound(range.end));
    }
  }
  return level;
}

} // namespace isamorph::sim
