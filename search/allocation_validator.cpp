#include "search/allocation_validator.h"
#include "search/wide_integer.h"

#include <algorithm>

namespace isamorph::search {
namespace {

std::string describe(const AllocationItem &item, Place place) {
  std::string text = "'" + item.id + "' at " + std::to_string(place.offset);
  return place.column == 0 ? text : text + ", column " + std::to_string(place.column);
}

/// Sizes and places can be any numbers here: sums are taken in 128 bits.
bool within(std::int64_t begin, std::int64_t size, std::int64_t capacity) {
  return begin >= 0 && size >= 0 && static_cast<WideInteger>(begin) + size <= capacity;
}

bool meet(std::int64_t a, std::int64_t a_size, std::int64_t b, std::int64_t b_size) {
  return a_size > 0 && b_size > 0 && a < static_cast<WideInteger>(b) + b_size &&
         b < static_cast<WideInteger>(a) + a_size;
}

std::string check_alone(const AllocationProblem &problem, const AllocationItem &item, Place place) {
  if (item.buffer >= problem.buffers.size())
    return "'" + item.id + "' names a buffer that does not exist";
  const AllocationBuffer &buffer = problem.buffers[item.buffer];
  if (!within(place.offset, item.size, buffer.capacity))
    return describe(item, place) + " of size " + std::to_string(item.size) +
           " is outside the capacity " + std::to_string(buffer.capacity);
  if (!within(place.column, item.columns, buffer.columns))
    return describe(item, place) + " of " + std::to_string(item.columns) +
           " columns is outside the buffer's " + std::to_string(buffer.columns);
  if (item.alignment <= 0 || place.offset % item.alignment != 0)
    return describe(item, place) + " is not aligned to " + std::to_string(item.alignment);
  if (item.column_alignment <= 0 || place.column % item.column_alignment != 0)
    return describe(item, place) + " has a column not aligned to " +
           std::to_string(item.column_alignment);
  if (item.fixed && *item.fixed != place)
    return describe(item, place) + " is not where it is fixed, at " +
           std::to_string(item.fixed->offset) +
           (item.fixed->column ? ", column " + std::to_string(item.fixed->column) : "");
  return {};
}

/// The first live time that two items have in common.
const LiveInterval *first_common(const AllocationItem &a, const AllocationItem &b,
                                 LiveInterval &out) {
  bool found = false;
  for (const LiveInterval &x : a.live)
    for (const LiveInterval &y : b.live) {
      LiveInterval both{std::max(x.lower, y.lower), std::min(x.upper, y.upper)};
      if (both.lower < both.upper && (!found || both.lower < out.lower)) {
        out = both;
        found = true;
      }
    }
  return found ? &out : nullptr;
}

/// shares[i]: the least item that i shares its place with, through any number of pairs.
std::vector<std::uint32_t> sharing(const AllocationProblem &problem) {
  std::vector<std::uint32_t> least(problem.items.size());
  for (std::uint32_t i = 0; i < least.size(); ++i)
    least[i] = i;
  for (auto [a, b] : problem.same_place) {
    std::uint32_t from = std::max(least[a], least[b]), to = std::min(least[a], least[b]);
    std::replace(least.begin(), least.end(), from, to);
  }
  return least;
}

} // namespace

std::string check_placement(const AllocationProblem &problem, std::span<const Place> places) {
  if (places.size() != problem.items.size())
    return std::to_string(places.size()) + " places for " + std::to_string(problem.items.size()) +
           " items";
  for (std::size_t i = 0; i < places.size(); ++i)
    if (std::string wrong = check_alone(problem, problem.items[i], places[i]); !wrong.empty())
      return wrong;
  for (auto [a, b] : problem.same_place) {
    if (a >= places.size() || b >= places.size())
      return "a shared place names an item that does not exist";
    if (places[a] != places[b] || problem.items[a].buffer != problem.items[b].buffer)
      return describe(problem.items[a], places[a]) + " and " +
             describe(problem.items[b], places[b]) + " must share one place";
  }
  std::vector<std::uint32_t> shares = sharing(problem);
  for (std::size_t i = 0; i < places.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) {
      const AllocationItem &a = problem.items[j], &b = problem.items[i];
      if (a.buffer != b.buffer || shares[i] == shares[j] ||
          !meet(places[j].offset, a.size, places[i].offset, b.size) ||
          !meet(places[j].column, a.columns, places[i].column, b.columns))
        continue;
      LiveInterval both;
      if (first_common(a, b, both))
        return describe(a, places[j]) + " of size " + std::to_string(a.size) + " and " +
               describe(b, places[i]) + " of size " + std::to_string(b.size) +
               " overlap from time " + std::to_string(both.lower) + " to " +
               std::to_string(both.upper);
    }
  return {};
}

} // namespace isamorph::search
