#include "search/allocation_blocks.h"

#include <algorithm>
#include <map>
#include <numeric>

namespace isamorph::search {
namespace {

/// The heights of blocks at one time, ascending by block.
struct Slice {
  std::vector<std::pair<std::uint32_t, std::int64_t>> heights;

  bool within(const Slice &other) const {
    auto at = other.heights.begin();
    for (const auto &[block, height] : heights) {
      while (at != other.heights.end() && at->first < block)
        ++at;
      if (at == other.heights.end() || at->first != block || at->second < height)
        return false;
    }
    return true;
  }
};

/// Items joined by `same_place`, as one block each, in the order of their first items.
std::vector<Block> join_items(const AllocationProblem &problem,
                              std::span<const std::uint32_t> members, BlockProblem &result) {
  std::vector<std::uint32_t> leader(problem.items.size());
  std::iota(leader.begin(), leader.end(), 0u);
  auto find = [&](std::uint32_t i) {
    while (leader[i] != i)
      i = leader[i] = leader[leader[i]];
    return i;
  };
  for (auto [a, b] : problem.same_place) {
    a = find(a);
    b = find(b);
    leader[std::max(a, b)] = std::min(a, b);
  }
  std::map<std::uint32_t, Block> blocks;
  for (std::uint32_t i : members) {
    const AllocationItem &item = problem.items[i];
    Block &block = blocks[find(i)];
    block.items.push_back(i);
    block.height = std::max(block.height, item.size);
    std::int64_t step = block.alignment / std::gcd(block.alignment, item.alignment);
    if (__builtin_mul_overflow(step, item.alignment, &block.alignment))
      block.alignment = std::int64_t{1} << 62; // only offset 0 is in reach
    if (item.hint)
      block.hint = item.hint->offset;
    if (!item.fixed)
      continue;
    result.contradictory |= block.fixed && *block.fixed != item.fixed->offset;
    block.fixed = item.fixed->offset;
  }
  std::vector<Block> out;
  for (auto &[first, block] : blocks) {
    result.contradictory |= block.fixed && *block.fixed % block.alignment != 0;
    (block.height > 0 ? out : result.without_height).push_back(std::move(block));
  }
  return out;
}

/// One slice for each stretch of time in which nothing begins or ends; without those that are
/// within a neighbour, if asked.
std::vector<Slice> make_slices(const AllocationProblem &problem, const std::vector<Block> &blocks,
                               bool only_maximal) {
  struct Event {
    std::int64_t time;
    std::uint32_t block, item;
    bool begins;
  };
  std::vector<Event> events;
  for (std::uint32_t b = 0; b < blocks.size(); ++b)
    for (std::uint32_t i : blocks[b].items)
      if (problem.items[i].size > 0)
        for (const LiveInterval &live : problem.items[i].live) {
          events.push_back({live.lower, b, i, true});
          events.push_back({live.upper, b, i, false});
        }
  std::sort(events.begin(), events.end(),
            [](const Event &a, const Event &b) { return a.time < b.time; });
  std::map<std::uint32_t, std::map<std::uint32_t, int>> live; // block, item, intervals
  std::vector<Slice> slices;
  for (std::size_t e = 0; e < events.size();) {
    std::int64_t time = events[e].time;
    for (; e < events.size() && events[e].time == time; ++e) {
      auto &items = live[events[e].block];
      int &count = items[events[e].item];
      count += events[e].begins ? 1 : -1;
      if (count == 0)
        items.erase(events[e].item);
      if (items.empty())
        live.erase(events[e].block);
    }
    if (live.empty())
      continue;
    Slice slice;
    for (const auto &[block, items] : live) {
      std::int64_t height = 0;
      for (const auto &[item, count] : items)
        height = std::max(height, problem.items[item].size);
      slice.heights.emplace_back(block, height);
    }
    while (only_maximal && !slices.empty() && slices.back().within(slice))
      slices.pop_back();
    if (!only_maximal || slices.empty() || !slice.within(slices.back()))
      slices.push_back(std::move(slice));
  }
  return slices;
}

void add_spans(BlockProblem &out, const std::vector<Slice> &slices) {
  out.sections = static_cast<std::uint32_t>(slices.size());
  out.totals.assign(slices.size(), 0);
  for (std::uint32_t s = 0; s < slices.size(); ++s)
    for (const auto &[b, height] : slices[s].heights) {
      std::vector<BlockSpan> &spans = out.blocks[b].spans;
      if (!spans.empty() && spans.back().last == s && spans.back().height == height)
        spans.back().last = s + 1;
      else
        spans.push_back({s, s + 1, height});
      out.totals[s] += height;
    }
  for (Block &block : out.blocks)
    for (const BlockSpan &span : block.spans)
      for (std::uint32_t s = span.first; s < span.last; ++s)
        block.contention = std::max(block.contention, out.totals[s]);
}

void add_contacts(std::vector<Block> &blocks, const std::vector<Slice> &slices) {
  std::vector<std::map<std::uint32_t, std::int64_t>> above(blocks.size());
  for (const Slice &slice : slices)
    for (const auto &[a, height] : slice.heights)
      for (const auto &[b, unused] : slice.heights)
        if (a != b)
          above[a][b] = std::max(above[a][b], height);
  for (std::uint32_t b = 0; b < blocks.size(); ++b)
    for (const auto &[other, height] : above[b])
      blocks[b].contacts.push_back({other, height, above[other][b]});
}

/// What divides all heights, alignments' multiples, and fixed offsets.
void divide(BlockProblem &problem) {
  std::int64_t unit = 0;
  for (const Block &block : problem.blocks) {
    for (const BlockSpan &span : block.spans)
      unit = std::gcd(unit, span.height);
    if (block.alignment != 1)
      unit = std::gcd(unit, block.alignment);
    unit = std::gcd(unit, block.fixed.value_or(0));
  }
  if (unit <= 1)
    return;
  problem.unit = unit;
  problem.capacity /= unit;
  problem.bound = (problem.bound + unit - 1) / unit;
  for (std::int64_t &total : problem.totals)
    total /= unit;
  for (Block &block : problem.blocks) {
    for (BlockSpan &span : block.spans)
      span.height /= unit;
    for (BlockContact &contact : block.contacts) {
      contact.height /= unit;
      contact.below /= unit;
    }
    block.height /= unit;
    block.alignment = std::max<std::int64_t>(1, block.alignment / unit);
    block.contention /= unit;
    if (block.fixed)
      *block.fixed /= unit;
    if (block.hint)
      *block.hint /= unit;
  }
}

bool fixed_blocks_overlap(const std::vector<Block> &blocks) {
  for (std::uint32_t b = 0; b < blocks.size(); ++b)
    if (blocks[b].fixed)
      for (const BlockContact &contact : blocks[b].contacts) {
        const Block &other = blocks[contact.block];
        if (other.fixed && *other.fixed >= *blocks[b].fixed &&
            *other.fixed < *blocks[b].fixed + contact.height)
          return true;
      }
  return false;
}

} // namespace

BlockProblem make_blocks(const AllocationProblem &problem, std::span<const std::uint32_t> members,
                         std::int64_t capacity, const AllocationSwitches &switches) {
  BlockProblem out;
  out.capacity = capacity;
  out.blocks = join_items(problem, members, out);
  std::vector<Slice> slices = make_slices(problem, out.blocks, switches.maximal_sections);
  add_spans(out, slices);
  add_contacts(out.blocks, slices);
  for (Block &block : out.blocks) {
    for (std::uint32_t i : block.items)
      for (const LiveInterval &live : problem.items[i].live)
        block.lifetime += live.upper - live.lower;
    out.bound = std::max(out.bound, block.fixed.value_or(0) + block.height);
  }
  for (std::int64_t total : out.totals)
    out.bound = std::max(out.bound, total);
  out.contradictory |= fixed_blocks_overlap(out.blocks);
  if (switches.common_divisor)
    divide(out);
  return out;
}

std::vector<BlockProblem> split_blocks(const BlockProblem &problem) {
  // covered[s]: a block is in a section up to s and in one from s + 1 on.
  std::vector<char> covered(problem.sections, 0);
  for (const Block &block : problem.blocks)
    std::fill(covered.begin() + block.first(), covered.begin() + block.last() - 1, 1);
  std::vector<std::uint32_t> part_of(problem.sections, 0), begins;
  for (std::uint32_t s = 0; s < problem.sections; ++s) {
    if (s == 0 || !covered[s - 1])
      begins.push_back(s);
    part_of[s] = static_cast<std::uint32_t>(begins.size()) - 1;
  }
  std::vector<BlockProblem> parts(begins.size());
  std::vector<std::uint32_t> renamed(problem.blocks.size());
  for (std::uint32_t b = 0; b < problem.blocks.size(); ++b) {
    BlockProblem &part = parts[part_of[problem.blocks[b].first()]];
    renamed[b] = static_cast<std::uint32_t>(part.blocks.size());
    part.blocks.push_back(problem.blocks[b]);
  }
  for (std::size_t p = 0; p < parts.size(); ++p) {
    BlockProblem &part = parts[p];
    std::uint32_t end = p + 1 < parts.size() ? begins[p + 1] : problem.sections;
    part.unit = problem.unit;
    part.capacity = problem.capacity;
    part.sections = end - begins[p];
    part.totals.assign(problem.totals.begin() + begins[p], problem.totals.begin() + end);
    for (Block &block : part.blocks) {
      for (BlockSpan &span : block.spans) {
        span.first -= begins[p];
        span.last -= begins[p];
      }
      for (BlockContact &contact : block.contacts)
        contact.block = renamed[contact.block];
      part.bound = std::max(part.bound, block.fixed.value_or(0) + block.height);
    }
    for (std::int64_t total : part.totals)
      part.bound = std::max(part.bound, total);
  }
  return parts;
}

} // namespace isamorph::search
