#include "search/extraction_bound.h"

#include <algorithm>
#include <limits>

namespace isamorph::search {
namespace {

constexpr std::int64_t kFar = std::numeric_limits<std::int64_t>::max() / 4;

std::uint64_t mix(std::uint64_t x) {
  x ^= x >> 31;
  x *= 0x9e3779b97f4a7c15;
  return x ^ x >> 29;
}

/// One run of LM-cut. The roots are the children of an artificial node, which has the index
/// nodes(), in an artificial class, which has the index classes().
class CutFinder {
public:
  CutFinder(const ExtractionProblem &problem, const Users &users, std::uint64_t seed)
      : p_(problem), users_(users), seed_(seed), goal_(problem.classes()), cost_(problem.cost),
        value_(goal_ + 1, kFar), zone_(goal_ + 1, Zone::Outside), is_root_(goal_ + 1, 0),
        waiting_(p_.nodes() + 1), supporter_(p_.nodes() + 1, kNoNode) {
    cost_.push_back(0);
    for (std::uint32_t root : p_.roots)
      is_root_[root] = 1;
  }

  CutBound run(std::int64_t enough) {
    CutBound out;
    out.bound = p_.constant;
    explore();
    while (value_[goal_] > 0 && out.bound < enough) {
      mark_zone();
      find_cut();
      std::int64_t least = kFar;
      for (std::uint32_t n : cut_)
        least = std::min(least, cost_[n]);
      for (std::uint32_t n : cut_)
        cost_[n] -= least;
      out.bound += least;
      improve();
      for (std::uint32_t c : marked_)
        zone_[c] = Zone::Outside;
      marked_.clear();
    }
    cost_.pop_back();
    value_.pop_back();
    out.reduced = std::move(cost_);
    out.below = std::move(value_);
    return out;
  }

private:
  enum class Zone : std::uint8_t { Outside, Goal, Before };

  std::uint32_t class_of(std::uint32_t n) const {
    return n == p_.nodes() ? goal_ : p_.node_class[n];
  }
  std::span<const std::uint32_t> children(std::uint32_t n) const {
    return n == p_.nodes() ? std::span<const std::uint32_t>(p_.roots) : p_.children(n);
  }
  template <typename Visit> void for_users(std::uint32_t c, Visit visit) {
    if (c == goal_)
      return;
    for (std::uint32_t n : users_.of(c))
      visit(n);
    if (is_root_[c])
      visit(p_.nodes());
  }

  void offer(std::uint32_t c, std::int64_t value) {
    if (value_[c] <= value)
      return;
    value_[c] = value;
    heap_.emplace_back(-value, c);
    std::push_heap(heap_.begin(), heap_.end());
  }
  /// The next class to leave the queue, or kNoNode.
  std::uint32_t next() {
    while (!heap_.empty()) {
      auto [negative, c] = heap_.front();
      std::pop_heap(heap_.begin(), heap_.end());
      heap_.pop_back();
      if (value_[c] == -negative)
        return c;
    }
    return kNoNode;
  }

  /// The supporter of a node is its most expensive child.
  void support(std::uint32_t n) {
    auto list = children(n);
    std::uint32_t best = list[0];
    for (std::uint32_t c : list)
      if (value_[c] > value_[best] ||
          (seed_ && value_[c] == value_[best] && mix(seed_ ^ c) > mix(seed_ ^ best)))
        best = c;
    supporter_[n] = best;
  }
  std::int64_t reach(std::uint32_t n) const {
    return cost_[n] + (supporter_[n] == kNoNode ? 0 : value_[supporter_[n]]);
  }

  /// The value of a class: the least over its nodes of cost and greatest value of a child.
  void explore() {
    for (std::uint32_t n = 0; n <= p_.nodes(); ++n) {
      waiting_[n] = static_cast<std::uint32_t>(children(n).size());
      if (waiting_[n] == 0) {
        leaves_.push_back(n);
        offer(class_of(n), cost_[n]);
      }
    }
    std::vector<char> done(goal_ + 1, 0);
    for (std::uint32_t c = next(); c != kNoNode; c = next()) {
      if (done[c])
        continue;
      done[c] = 1;
      for_users(c, [&](std::uint32_t n) {
        if (--waiting_[n] > 0)
          return;
        support(n);
        offer(class_of(n), reach(n));
      });
    }
  }

  /// Lowers the values after the nodes of a cut became cheaper.
  void improve() {
    for (std::uint32_t n : cut_)
      offer(class_of(n), reach(n));
    for (std::uint32_t c = next(); c != kNoNode; c = next())
      for_users(c, [&](std::uint32_t n) {
        if (supporter_[n] != c || waiting_[n] > 0)
          return;
        support(n);
        offer(class_of(n), reach(n));
      });
  }

  void mark(std::uint32_t c, Zone zone) {
    if (zone_[c] == Zone::Outside)
      marked_.push_back(c);
    zone_[c] = zone;
    stack_.push_back(c);
  }

  /// The classes from which supporters lead to the roots at no cost.
  void mark_zone() {
    mark(goal_, Zone::Goal);
    auto visit = [&](std::uint32_t n) {
      if (cost_[n] == 0 && waiting_[n] == 0 && supporter_[n] != kNoNode &&
          zone_[supporter_[n]] == Zone::Outside)
        mark(supporter_[n], Zone::Goal);
    };
    while (!stack_.empty()) {
      std::uint32_t c = stack_.back();
      stack_.pop_back();
      if (c == goal_)
        visit(p_.nodes());
      else
        for (std::uint32_t n = p_.class_at[c]; n < p_.class_at[c + 1]; ++n)
          visit(n);
    }
  }

  /// The nodes through which what can be derived outside the zone enters it.
  void find_cut() {
    cut_.clear();
    auto visit = [&](std::uint32_t n) {
      std::uint32_t c = class_of(n);
      if (zone_[c] == Zone::Goal)
        cut_.push_back(n);
      else if (zone_[c] == Zone::Outside)
        mark(c, Zone::Before);
    };
    for (std::uint32_t n : leaves_)
      visit(n);
    while (!stack_.empty()) {
      std::uint32_t c = stack_.back();
      stack_.pop_back();
      for_users(c, [&](std::uint32_t n) {
        if (supporter_[n] == c)
          visit(n);
      });
    }
  }

  const ExtractionProblem &p_;
  const Users &users_;
  std::uint64_t seed_;
  std::uint32_t goal_;
  std::vector<std::int64_t> cost_, value_;
  std::vector<Zone> zone_;
  std::vector<char> is_root_;
  std::vector<std::uint32_t> waiting_, supporter_, leaves_, cut_, stack_, marked_;
  std::vector<std::pair<std::int64_t, std::uint32_t>> heap_;
};

/// The cheapest chain of users from each class up to a root.
std::vector<std::int64_t> chains_above(const ExtractionProblem &problem,
                                       const std::vector<std::int64_t> &reduced) {
  std::vector<std::int64_t> above(problem.classes(), kFar);
  std::vector<std::pair<std::int64_t, std::uint32_t>> heap;
  auto offer = [&](std::uint32_t c, std::int64_t value) {
    if (above[c] <= value)
      return;
    above[c] = value;
    heap.emplace_back(-value, c);
    std::push_heap(heap.begin(), heap.end());
  };
  for (std::uint32_t root : problem.roots)
    offer(root, 0);
  while (!heap.empty()) {
    auto [negative, c] = heap.front();
    std::pop_heap(heap.begin(), heap.end());
    heap.pop_back();
    if (above[c] != -negative)
      continue;
    for (std::uint32_t n = problem.class_at[c]; n < problem.class_at[c + 1]; ++n)
      for (std::uint32_t child : problem.children(n))
        offer(child, above[c] + reduced[n]);
  }
  return above;
}

} // namespace

std::int64_t CutBound::with_node(const ExtractionProblem &problem, std::uint32_t n) const {
  std::int64_t chain = 0;
  for (std::uint32_t c : problem.children(n))
    chain = std::max(chain, below[c]);
  return std::min(kFar, bound + above[problem.node_class[n]] + reduced[n] + chain);
}

CutBound cut_bound(const ExtractionProblem &problem, const Users &users, std::int64_t enough,
                   std::uint64_t seed) {
  CutBound out = CutFinder(problem, users, seed).run(enough);
  out.above = chains_above(problem, out.reduced);
  return out;
}

std::uint32_t drop_expensive(ExtractionProblem &problem, const CutBound &bound,
                             std::int64_t limit) {
  ExtractionProblem out;
  std::uint32_t dropped = 0;
  for (std::uint32_t c = 0; c < problem.classes(); ++c) {
    out.add_class();
    for (std::uint32_t n = problem.class_at[c]; n < problem.class_at[c + 1]; ++n)
      if (bound.with_node(problem, n) < limit)
        out.add_node(problem.cost[n], problem.children(n), problem.origins(n));
      else
        ++dropped;
  }
  out.roots = problem.roots;
  out.constant = problem.constant;
  out.taken = problem.taken;
  if (dropped)
    problem = std::move(out);
  return dropped;
}

} // namespace isamorph::search
