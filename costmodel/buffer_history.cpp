#include "costmodel/buffer_history.h"

#include <algorithm>

namespace isamorph::costmodel {
namespace {

struct Places {
  std::int64_t begin, end;
};

/// Along the first dimension; a buffer without dimensions is one place.
Places places_of(const spec::ConcreteRegion &region) {
  return region.starts.empty() ? Places{0, 1}
                               : Places{region.starts[0], region.starts[0] + region.extents[0]};
}

bool is_empty(const spec::ConcreteRegion &region) {
  return std::any_of(region.extents.begin(), region.extents.end(),
                     [](std::int64_t e) { return e <= 0; });
}

/// All but the first.
std::vector<std::int64_t> rest(const std::vector<std::int64_t> &numbers) {
  return {numbers.begin() + !numbers.empty(), numbers.end()};
}

} // namespace

bool BufferHistory::Box::overlaps(const Box &other) const {
  for (std::size_t d = 0; d < starts.size(); ++d)
    if (starts[d] >= other.starts[d] + other.extents[d] ||
        other.starts[d] >= starts[d] + extents[d])
      return false;
  return true;
}

bool BufferHistory::Box::covers(const Box &other) const {
  for (std::size_t d = 0; d < starts.size(); ++d)
    if (other.starts[d] < starts[d] || other.starts[d] + other.extents[d] > starts[d] + extents[d])
      return false;
  return true;
}

std::int64_t BufferHistory::ready(const spec::ConcreteRegion &region, bool write) const {
  std::int64_t time = 0;
  if (is_empty(region))
    return time;
  auto [begin, end] = places_of(region);
  Box box{rest(region.starts), rest(region.extents)};
  auto run = runs_.upper_bound(begin);
  if (run != runs_.begin() && std::prev(run)->second.end > begin)
    --run;
  for (; run != runs_.end() && run->first < end; ++run)
    for (const Access &earlier : run->second.accesses)
      if ((write || earlier.write) && earlier.end > time && box.overlaps(boxes_[earlier.box]))
        time = earlier.end;
  return time;
}

void BufferHistory::add(const spec::ConcreteRegion &region, bool write, std::int64_t time) {
  if (is_empty(region))
    return;
  Box box{rest(region.starts), rest(region.extents)};
  auto known = std::find(boxes_.begin(), boxes_.end(), box);
  Access access{static_cast<std::uint32_t>(known - boxes_.begin()), time, write};
  if (known == boxes_.end())
    boxes_.push_back(std::move(box));
  auto [begin, end] = places_of(region);
  split(begin);
  split(end);
  auto run = runs_.lower_bound(begin);
  for (std::int64_t place = begin; place < end; place = run->second.end, ++run) {
    if (run == runs_.end() || run->first > place) {
      std::int64_t next = run == runs_.end() ? end : std::min(end, run->first);
      run = runs_.emplace_hint(run, place, Run{next, {}});
    }
    add(run->second, access);
  }
}

void BufferHistory::add(Run &run, const Access &access) const {
  std::erase_if(run.accesses, [&](const Access &earlier) {
    return earlier.end <= access.end && (access.write || !earlier.write) &&
           boxes_[access.box].covers(boxes_[earlier.box]);
  });
  run.accesses.push_back(access);
}

/// No run goes on from before `place` to after it.
void BufferHistory::split(std::int64_t place) {
  auto after = runs_.upper_bound(place);
  if (after == runs_.begin())
    return;
  auto run = std::prev(after);
  if (run->first == place || run->second.end <= place)
    return;
  runs_.emplace_hint(after, place, run->second);
  run->second.end = place;
}

void BufferHistory::forget(std::int64_t time) {
  if (runs_.size() < checked_ * 2)
    return;
  for (auto run = runs_.begin(); run != runs_.end();) {
    std::vector<Access> &accesses = run->second.accesses;
    std::erase_if(accesses, [&](const Access &earlier) { return earlier.end <= time; });
    run = accesses.empty() ? runs_.erase(run) : std::next(run);
  }
  checked_ = std::max(runs_.size(), kLeast);
}

} // namespace isamorph::costmodel
