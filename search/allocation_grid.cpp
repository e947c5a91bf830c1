#include "search/allocation_grid.h"
#include "search/wide_integer.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <tuple>

namespace isamorph::search {
namespace {

using Status = AllocationResult::Status;

bool live_together(const AllocationItem &a, const AllocationItem &b) {
  for (const LiveInterval &x : a.live)
    for (const LiveInterval &y : b.live)
      if (x.lower < y.upper && y.lower < x.upper)
        return true;
  return false;
}

/// The items that share one place.
struct Group {
  std::vector<const AllocationItem *> items;
  std::int64_t rows = 0, columns = 0, row_alignment = 1, column_alignment = 1;
  std::optional<Place> fixed;
  std::vector<std::uint32_t> rivals; ///< groups with an item live together with one of this
  std::uint32_t twin = 0xffffffff;   ///< a group before that only differs in its name
};

std::int64_t common_multiple(std::int64_t a, std::int64_t b) {
  std::int64_t out;
  return __builtin_mul_overflow(a / std::gcd(a, b), b, &out) ? std::int64_t{1} << 60 : out;
}

std::int64_t align(std::int64_t value, std::int64_t alignment) {
  std::int64_t over = value % alignment;
  return over ? value + (alignment - over) : value;
}

class Grid {
public:
  Grid(const AllocationProblem &problem, std::uint32_t buffer,
       const std::vector<std::uint32_t> &members, const AllocationOptions &options,
       AllocationLimits &limits)
      : rows_(problem.buffers[buffer].capacity), columns_(problem.buffers[buffer].columns),
        options_(options), limits_(limits) {
    join(problem, members);
    find_rivals();
    result_.bound = least_rows(problem, members);
  }

  GridResult run() {
    if (contradictory_ || result_.bound > rows_ || !make_domains()) {
      result_.status = Status::Infeasible;
      return result_;
    }
    places_.resize(groups_.size());
    placed_.assign(groups_.size(), 0);
    bool found = search();
    limits_.use(steps_, rows_);
    if (!result_.stopped_by.empty())
      return result_;
    result_.status = found ? Status::Placed : Status::Infeasible;
    if (!found)
      result_.bound = std::max(result_.bound, rows_ + 1);
    for (std::uint32_t group : group_of_)
      if (found)
        result_.places.push_back(places_[group]);
    return result_;
  }

private:
  using Domains = std::vector<std::vector<Place>>;

  void join(const AllocationProblem &problem, const std::vector<std::uint32_t> &members) {
    std::vector<std::uint32_t> leader(problem.items.size());
    std::iota(leader.begin(), leader.end(), 0u);
    for (bool changed = true; changed;) {
      changed = false;
      for (auto [a, b] : problem.same_place) {
        std::uint32_t least = std::min(leader[a], leader[b]);
        changed |= leader[a] != least || leader[b] != least;
        leader[a] = leader[b] = least;
      }
    }
    std::map<std::uint32_t, std::uint32_t> number;
    for (std::uint32_t i : members) {
      auto [at, added] = number.try_emplace(leader[i], static_cast<std::uint32_t>(groups_.size()));
      if (added)
        groups_.emplace_back();
      group_of_.push_back(at->second);
      Group &group = groups_[at->second];
      const AllocationItem &item = problem.items[i];
      group.items.push_back(&item);
      group.rows = std::max(group.rows, item.size);
      group.columns = std::max(group.columns, item.columns);
      group.row_alignment = common_multiple(group.row_alignment, item.alignment);
      group.column_alignment = common_multiple(group.column_alignment, item.column_alignment);
      contradictory_ |= item.fixed && group.fixed && *item.fixed != *group.fixed;
      if (item.fixed)
        group.fixed = item.fixed;
    }
  }

  void find_rivals() {
    for (std::uint32_t a = 0; a < groups_.size(); ++a)
      for (std::uint32_t b = 0; b < groups_.size(); ++b) {
        if (a == b)
          continue;
        bool together = false;
        for (const AllocationItem *x : groups_[a].items)
          for (const AllocationItem *y : groups_[b].items)
            together |= occupies(*x) && occupies(*y) && live_together(*x, *y);
        if (together)
          groups_[a].rivals.push_back(b);
        if (together && b < a && options_.switches.symmetry && alike(groups_[a], groups_[b]))
          groups_[a].twin = b;
      }
  }

  static bool occupies(const AllocationItem &item) { return item.size > 0 && item.columns > 0; }
  static bool alike(const Group &a, const Group &b) {
    auto shape = [](const Group &g) {
      const AllocationItem &item = *g.items[0];
      return std::tie(item.live, item.size, item.columns, item.alignment, item.column_alignment);
    };
    return a.items.size() == 1 && b.items.size() == 1 && !a.fixed && !b.fixed &&
           shape(a) == shape(b);
  }

  /// By the area that is live at once, and by the ends of fixed and single items.
  std::int64_t least_rows(const AllocationProblem &problem,
                          const std::vector<std::uint32_t> &members) const {
    std::int64_t least = 0;
    for (const Group &group : groups_)
      least = std::max(least, (group.fixed ? group.fixed->offset : 0) + group.rows);
    std::set<std::int64_t> times;
    for (std::uint32_t i : members)
      for (const LiveInterval &live : problem.items[i].live)
        times.insert(live.lower);
    for (std::int64_t time : times) {
      WideInteger area = 0;
      for (const Group &group : groups_) {
        WideInteger largest = 0;
        for (const AllocationItem *item : group.items)
          for (const LiveInterval &live : item->live)
            if (live.lower <= time && time < live.upper)
              largest = std::max(largest, static_cast<WideInteger>(item->size) * item->columns);
        area += largest;
      }
      if (columns_ > 0)
        least = std::max(least, static_cast<std::int64_t>(std::min<WideInteger>(
                                    (area + columns_ - 1) / columns_, rows_ + WideInteger{1})));
    }
    return least;
  }

  /// All coordinates that a group can have in a solution in which nothing can move back.
  std::vector<std::set<std::int64_t>> patterns(bool of_rows) const {
    std::vector<std::set<std::int64_t>> out(groups_.size());
    std::vector<std::pair<std::uint32_t, std::int64_t>> agenda;
    auto offer = [&](std::uint32_t g, std::int64_t at) {
      const Group &group = groups_[g];
      std::int64_t room = of_rows ? rows_ - group.rows : columns_ - group.columns;
      std::int64_t fixed = !group.fixed ? -1 : of_rows ? group.fixed->offset : group.fixed->column;
      at = align(at, of_rows ? group.row_alignment : group.column_alignment);
      if (at <= room && (!group.fixed || at == fixed) && out[g].insert(at).second)
        agenda.emplace_back(g, at);
    };
    for (std::uint32_t g = 0; g < groups_.size(); ++g) {
      const auto &fixed = groups_[g].fixed;
      offer(g, !fixed ? 0 : of_rows ? fixed->offset : fixed->column);
    }
    while (!agenda.empty()) {
      auto [g, at] = agenda.back();
      agenda.pop_back();
      for (const AllocationItem *item : groups_[g].items)
        for (std::uint32_t rival : groups_[g].rivals)
          offer(rival, at + (of_rows ? item->size : item->columns));
    }
    return out;
  }

  bool make_domains() {
    auto rows = patterns(true), columns = patterns(false);
    domains_.resize(groups_.size());
    for (std::uint32_t g = 0; g < groups_.size(); ++g) {
      for (std::int64_t row : rows[g])
        for (std::int64_t column : columns[g])
          domains_[g].push_back({row, column});
      if (domains_[g].empty())
        return false;
    }
    return true;
  }

  bool clash(const Group &a, Place at, const Group &b, Place bt) const {
    for (const AllocationItem *x : a.items)
      for (const AllocationItem *y : b.items)
        if (at.offset < bt.offset + y->size && bt.offset < at.offset + x->size &&
            at.column < bt.column + y->columns && bt.column < at.column + x->columns &&
            occupies(*x) && occupies(*y) && live_together(*x, *y))
          return true;
    return false;
  }

  /// The group with the fewest places; of those, the largest.
  std::uint32_t choose() const {
    std::uint32_t best = 0xffffffff;
    auto key = [&](std::uint32_t g) {
      return std::tuple(domains_[g].size(),
                        -static_cast<WideInteger>(groups_[g].rows) * groups_[g].columns);
    };
    for (std::uint32_t g = 0; g < groups_.size(); ++g)
      if (!placed_[g] && (best == 0xffffffff || key(g) < key(best)))
        best = g;
    return best;
  }

  /// Removes what the placement of `g` forbids. False if a group has no place left.
  bool restrict_rivals(std::uint32_t g) {
    for (std::uint32_t r : groups_[g].rivals) {
      if (placed_[r])
        continue;
      auto key = [](Place p) { return std::pair(p.offset, p.column); };
      bool before = groups_[g].twin == r, after = groups_[r].twin == g;
      std::erase_if(domains_[r], [&](Place p) {
        return (before && key(p) > key(places_[g])) || (after && key(p) < key(places_[g])) ||
               clash(groups_[g], places_[g], groups_[r], p);
      });
      if (domains_[r].empty())
        return false;
    }
    return true;
  }

  bool search() {
    std::uint32_t g = choose();
    if (g == 0xffffffff)
      return true;
    placed_[g] = 1;
    Domains saved = domains_;
    for (Place place : saved[g]) {
      if (steps_ % 64 == 0)
        result_.stopped_by = limits_.stopped();
      if (steps_ >= limits_.steps_left())
        result_.stopped_by = "step limit";
      if (!result_.stopped_by.empty())
        return false;
      ++steps_;
      places_[g] = place;
      if (restrict_rivals(g) && search())
        return true;
      domains_ = saved;
    }
    placed_[g] = 0;
    return false;
  }

  std::int64_t rows_, columns_;
  const AllocationOptions &options_;
  AllocationLimits &limits_;
  std::vector<Group> groups_;
  std::vector<std::uint32_t> group_of_; ///< of each member
  bool contradictory_ = false;
  Domains domains_;
  std::vector<Place> places_;
  std::vector<char> placed_;
  std::uint64_t steps_ = 0;
  GridResult result_;
};

} // namespace

GridResult solve_grid(const AllocationProblem &problem, std::uint32_t buffer,
                      const std::vector<std::uint32_t> &members, const AllocationOptions &options,
                      AllocationLimits &limits) {
  return Grid(problem, buffer, members, options, limits).run();
}

} // namespace isamorph::search
