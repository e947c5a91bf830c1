#include "search/allocation.h"

#include "search/allocation_grid.h"
#include "search/allocation_portfolio.h"
#include "semantics/source.h"

#include <algorithm>
#include <limits>

namespace isamorph::search {
namespace {

using Status = AllocationResult::Status;

/// Sums of sizes stay below this, so that no offset overflows.
constexpr std::int64_t kLargest = std::int64_t{1} << 60;

void check_item(const AllocationProblem &problem, const AllocationItem &item) {
  auto require = [&](bool good, const char *what) {
    if (!good)
      throw semantics::InputError("allocation: item '" + item.id + "' " + what);
  };
  require(item.buffer < problem.buffers.size(), "names a buffer that does not exist");
  require(!item.live.empty(), "is never live");
  for (const LiveInterval &live : item.live) {
    require(live.lower < live.upper, "has an empty live interval");
    require(live.lower >= -kLargest && live.upper <= kLargest, "is live at a time out of range");
  }
  require(item.size >= 0 && item.columns >= 0, "has a negative size");
  require(item.alignment > 0 && item.column_alignment > 0, "has an alignment that is not positive");
  for (const auto &place : {item.fixed, item.hint})
    require(!place || (place->offset >= 0 && place->column >= 0), "has a negative offset");
  require(item.alignment <= kLargest && item.column_alignment <= kLargest &&
              (!item.fixed || (item.fixed->offset <= kLargest && item.fixed->column <= kLargest)),
          "has a number out of range");
}

bool is_grid(const AllocationProblem &problem, std::uint32_t buffer,
             const std::vector<std::uint32_t> &members) {
  std::int64_t columns = problem.buffers[buffer].columns;
  return std::any_of(members.begin(), members.end(), [&](std::uint32_t i) {
    const AllocationItem &item = problem.items[i];
    return item.columns != columns || (item.fixed && item.fixed->column != 0);
  });
}

class Allocator {
public:
  Allocator(const AllocationProblem &problem, const AllocationOptions &options)
      : problem_(problem), options_(options), limits_(options) {}

  AllocationResult run() {
    std::size_t count = problem_.buffers.size();
    result_.places.assign(problem_.items.size(), {});
    result_.heights.assign(count, 0);
    result_.bounds.assign(count, 0);
    std::vector<std::vector<std::uint32_t>> members(count);
    for (std::uint32_t i = 0; i < problem_.items.size(); ++i)
      members[problem_.items[i].buffer].push_back(i);
    // An infeasible buffer decides, whatever the others are.
    Status status = Status::Placed;
    for (std::uint32_t b = 0; b < count && status != Status::Infeasible; ++b) {
      Status own = is_grid(problem_, b, members[b]) ? grid(b, members[b]) : stack(b, members[b]);
      if (own != Status::Placed)
        status = own;
    }
    result_.status = status;
    result_.steps = limits_.used();
    if (status != Status::Unknown)
      result_.stopped_by.clear();
    if (status != Status::Placed) {
      result_.places.clear();
      result_.heights.clear();
    }
    return std::move(result_);
  }

private:
  void place(std::uint32_t buffer, std::uint32_t item, Place at) {
    result_.places[item] = at;
    std::int64_t &height = result_.heights[buffer];
    height = std::max(height, at.offset + problem_.items[item].size);
  }

  Status stack(std::uint32_t buffer, const std::vector<std::uint32_t> &members) {
    std::int64_t capacity = problem_.buffers[buffer].capacity;
    BlockProblem whole = make_blocks(problem_, members, capacity, options_.switches);
    std::int64_t &bound = result_.bounds[buffer];
    bound = whole.bound * whole.unit;
    for (const Block &block : whole.without_height)
      for (std::uint32_t i : block.items) {
        bound = std::max(bound, block.fixed.value_or(0));
        place(buffer, i, {block.fixed.value_or(0), 0});
      }
    if (whole.contradictory || bound > capacity)
      return Status::Infeasible;
    std::vector<BlockProblem> parts;
    if (options_.switches.decomposition)
      parts = split_blocks(whole);
    else if (!whole.blocks.empty())
      parts.push_back(std::move(whole));
    Status status = Status::Placed;
    for (const BlockProblem &part : parts) {
      StackingResult solved = solve_stacking(part, options_, limits_);
      if (solved.status == Status::Infeasible) {
        bound = std::max(bound, capacity + 1);
        return Status::Infeasible;
      }
      if (solved.status == Status::Unknown) {
        result_.stopped_by = solved.stopped_by;
        status = Status::Unknown;
        continue;
      }
      for (std::size_t b = 0; b < part.blocks.size(); ++b)
        for (std::uint32_t i : part.blocks[b].items)
          place(buffer, i, {solved.offsets[b] * part.unit, 0});
    }
    return status;
  }

  Status grid(std::uint32_t buffer, const std::vector<std::uint32_t> &members) {
    GridResult solved = solve_grid(problem_, buffer, members, options_, limits_);
    result_.bounds[buffer] = solved.bound;
    if (solved.status == Status::Unknown)
      result_.stopped_by = solved.stopped_by;
    if (solved.status == Status::Placed)
      for (std::size_t i = 0; i < members.size(); ++i)
        place(buffer, members[i], solved.places[i]);
    return solved.status;
  }

  const AllocationProblem &problem_;
  const AllocationOptions &options_;
  AllocationLimits limits_;
  AllocationResult result_;
};

} // namespace

void check_problem(const AllocationProblem &problem) {
  for (const AllocationBuffer &buffer : problem.buffers)
    if (buffer.capacity < 0 || buffer.columns < 0 || buffer.capacity > kLargest ||
        buffer.columns > kLargest)
      throw semantics::InputError("allocation: buffer '" + buffer.name +
                                  "' has a capacity that is negative or out of range");
  std::int64_t total = 0, columns = 0, duration = 0;
  for (const AllocationItem &item : problem.items) {
    check_item(problem, item);
    bool over = __builtin_add_overflow(total, item.size, &total) ||
                __builtin_add_overflow(columns, item.columns, &columns);
    for (const LiveInterval &live : item.live)
      over |= __builtin_add_overflow(duration, live.upper - live.lower, &duration);
    if (over || total > kLargest || columns > kLargest)
      throw semantics::InputError("allocation: the sizes or live times add up to too much");
  }
  for (auto [a, b] : problem.same_place) {
    if (a >= problem.items.size() || b >= problem.items.size())
      throw semantics::InputError("allocation: a shared place names an item that does not exist");
    if (problem.items[a].buffer != problem.items[b].buffer)
      throw semantics::InputError("allocation: '" + problem.items[a].id + "' and '" +
                                  problem.items[b].id + "' share a place in different buffers");
  }
}

AllocationResult allocate(const AllocationProblem &problem, const AllocationOptions &options) {
  check_problem(problem);
  return Allocator(problem, options).run();
}

} // namespace isamorph::search
