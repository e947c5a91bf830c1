#pragma once
// Placing live ranges in memory, exactly.
//
// An item occupies `size` consecutive bytes (or rows and columns of a two-dimensional buffer) at
// one place, at all times at which it is live. Two items of a buffer that are live at the same time
// may not overlap. `allocate` finds places within the capacities or proves that there are none.
//
// The search is that of MiniMalloc (Moffitt, "MiniMalloc: A Lightweight Memory Allocator for
// Hardware-Accelerated Machine Learning", ASPLOS 2023): depth first over canonical solutions, in
// which no item can move down and items are placed at non-decreasing offsets; with stronger
// inference, learned no-goods and restarts. Several static orders run side by side under growing
// budgets of steps. Which order answers depends on the steps only: the places are the same for any
// number of threads.

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace isamorph::search {

/// Live at times lower, ..., upper - 1.
struct LiveInterval {
  std::int64_t lower = 0, upper = 0;
  bool operator==(const LiveInterval &) const = default;
};

/// Where an item begins; `column` is 0 unless its buffer has several columns.
struct Place {
  std::int64_t offset = 0, column = 0;
  bool operator==(const Place &) const = default;
};

/// `capacity` bytes, or rows when `columns` is not 1.
struct AllocationBuffer {
  std::string name = {};
  std::int64_t capacity = 0;
  std::int64_t columns = 1;
};

struct AllocationItem {
  std::string id = {};
  std::vector<LiveInterval> live = {}; ///< not empty, each not empty; any order
  std::int64_t size = 0;               ///< bytes or rows; an item of size 0 overlaps nothing
  std::int64_t alignment = 1;          ///< of the offset: any positive number
  std::int64_t columns = 1;
  std::int64_t column_alignment = 1;
  std::uint32_t buffer = 0;
  std::optional<Place> fixed = {}; ///< the only place allowed
  std::optional<Place> hint = {};  ///< offsets also tried in this order
};

struct AllocationProblem {
  std::vector<AllocationBuffer> buffers = {};
  std::vector<AllocationItem> items = {};
  /// Pairs of items that share one place, as a result computed in place does with its operand. They
  /// may be live at the same time; the memory is then theirs together. Transitive.
  std::vector<std::pair<std::uint32_t, std::uint32_t>> same_place = {};
};

/// Throws InputError when `problem` is malformed: an empty interval, a negative size, a buffer that
/// does not exist, one place shared across buffers, numbers whose sums overflow.
void check_problem(const AllocationProblem &problem);

/// The techniques. None loses a solution or an infeasibility: with enough steps the answer is the
/// same whichever are on, only the offsets may differ.
struct AllocationSwitches {
  /// Divide sizes, offsets and capacity by what divides them all.
  /// Complete: a canonical solution has only multiples of it.
  bool common_divisor = true;
  /// Forget times whose live items are all live at another time.
  /// Complete: whatever holds at the other time holds there.
  bool maximal_sections = true;
  /// Solve sets of items separately that share no time, also those that arise during the search.
  /// Complete: they do not constrain each other.
  bool decomposition = true;
  /// In every section, what is left to place must fit above the least offset of any part of it
  /// (the one-machine bound with release times). Complete: a relaxation of what is left.
  bool section_inference = true;
  /// An item whose lowest place has been passed must rest on an item still to be placed.
  /// Complete: otherwise it could move down, and the solution is not canonical.
  bool support = true;
  /// Before the next choice, check what is left with the choices tried forbidden; if that fails, so
  /// do all further choices. Complete: each of them forbids the ones before it.
  bool passing = true;
  /// Place nothing at or above a height under which another item left would fit.
  /// Complete: that item could move down there, and the solution is not canonical.
  bool dominance = true;
  /// Items of one size, alignment and lifetime are placed in a fixed order.
  /// Complete: exchanging two such items keeps every solution.
  bool symmetry = true;
  /// Remember states without a solution, by a hash of 128 bits of all that decides them.
  /// Complete but for collisions (probability below 1e-20 in any run).
  bool no_goods = true;
  /// Begin again with an order that prefers items of sections that have caused failures.
  /// Complete: budgets grow without limit.
  bool restarts = true;
  /// Run several orders, round robin. Complete: so is each.
  bool portfolio = true;
};

struct AllocationProgress {
  std::uint64_t steps = 0;
  std::int64_t height = 0; ///< of the buffer being placed
};

struct AllocationOptions {
  AllocationSwitches switches = {};
  int jobs = 1;                ///< threads (0: one a core); the result is the same
  double seconds = 1e18;       ///< wall clock
  std::uint64_t max_steps = 0; ///< placements tried, over all orders; 0: any number
  const std::atomic<bool> *interrupt = nullptr;
  std::function<void(const AllocationProgress &)> progress = {}; ///< now and then
};

struct AllocationResult {
  enum class Status : std::uint8_t { Placed, Infeasible, Unknown } status = Status::Unknown;
  std::vector<Place> places;         ///< one an item, when Placed
  std::vector<std::int64_t> heights; ///< one a buffer, when Placed: the highest end of an item
  std::vector<std::int64_t> bounds;  ///< one a buffer: no solution is lower
  std::uint64_t steps = 0;           ///< placements tried, by the searches that decide the answer
  std::string stopped_by;            ///< when Unknown: "time limit", "step limit" or "interrupted"
};
AllocationResult allocate(const AllocationProblem &problem, const AllocationOptions &options = {});

} // namespace isamorph::search
