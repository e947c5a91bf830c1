#pragma once
// Sets of integers as sorted disjoint intervals: which bytes or places were written.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

namespace isamorph::spec {

class IntervalSet {
public:
  /// Adds [begin, end).
  void add(std::int64_t begin, std::int64_t end) {
    if (begin >= end)
      return;
    auto first = std::lower_bound(
        intervals_.begin(), intervals_.end(), begin,
        [](const Interval &interval, std::int64_t value) { return interval.end < value; });
    auto last = first;
    for (; last != intervals_.end() && last->begin <= end; ++last) {
      begin = std::min(begin, last->begin);
      end = std::max(end, last->end);
    }
    if (first == last)
      intervals_.insert(first, {begin, end});
    else
      *first = {begin, end}, intervals_.erase(first + 1, last);
  }

  /// The smallest member of [begin, end) that is not in the set.
  std::optional<std::int64_t> first_missing(std::int64_t begin, std::int64_t end) const {
    if (begin >= end)
      return std::nullopt;
    auto found = std::upper_bound(
        intervals_.begin(), intervals_.end(), begin,
        [](std::int64_t value, const Interval &interval) { return value < interval.end; });
    if (found == intervals_.end() || found->begin > begin)
      return begin;
    return found->end >= end ? std::nullopt : std::optional(found->end);
  }

  /// Whether a member lies in [begin, end).
  bool intersects(std::int64_t begin, std::int64_t end) const {
    auto found = std::upper_bound(
        intervals_.begin(), intervals_.end(), begin,
        [](std::int64_t value, const Interval &interval) { return value < interval.end; });
    return begin < end && found != intervals_.end() && found->begin < end;
  }

  /// Calls `f(begin, end)` for the intervals of which it consists, ascending.
  template <class F> void for_each(F f) const {
    for (const Interval &interval : intervals_)
      f(interval.begin, interval.end);
  }

private:
  struct Interval {
    std::int64_t begin, end;
  };
  std::vector<Interval> intervals_; ///< sorted; between neighbours lies at least one non-member
};

} // namespace isamorph::spec
