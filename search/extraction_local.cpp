#include "search/extraction_local.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace isamorph::search {
namespace {

/// Knuth's algorithm. Classes that are `given` cost nothing and keep their choice; the others get
/// one in `choice`.
void derive(const ExtractionProblem &p, const Users &users, std::span<const std::int64_t> weights,
            std::span<const std::uint32_t> given, std::vector<std::uint32_t> &choice) {
  std::vector<double> sum(weights.begin(), weights.end());
  std::vector<double> value(p.classes(), std::numeric_limits<double>::infinity());
  std::vector<std::uint32_t> waiting(p.nodes());
  std::vector<char> done(p.classes(), 0);
  std::vector<std::pair<double, std::uint32_t>> heap;
  auto push = [&](double cost, std::uint32_t c) {
    value[c] = cost;
    heap.emplace_back(-cost, c);
    std::push_heap(heap.begin(), heap.end());
  };
  auto offer = [&](std::uint32_t n) {
    std::uint32_t c = p.node_class[n];
    if (done[c] || (!given.empty() && given[c]) || value[c] <= sum[n])
      return;
    choice[c] = n;
    push(sum[n], c);
  };
  for (std::uint32_t c = 0; c < p.classes() && !given.empty(); ++c)
    if (given[c])
      push(0, c);
  for (std::uint32_t n = 0; n < p.nodes(); ++n) {
    waiting[n] = p.child_at[n + 1] - p.child_at[n];
    if (waiting[n] == 0)
      offer(n);
  }
  while (!heap.empty()) {
    auto [negative, c] = heap.front();
    std::pop_heap(heap.begin(), heap.end());
    heap.pop_back();
    if (std::exchange(done[c], 1))
      continue;
    for (std::uint32_t n : users.of(c)) {
      sum[n] -= negative;
      if (--waiting[n] == 0)
        offer(n);
    }
  }
}

} // namespace

std::vector<std::uint32_t> cheapest_derivations(const ExtractionProblem &problem,
                                                const Users &users,
                                                std::span<const std::int64_t> weights) {
  std::vector<std::uint32_t> choice(problem.classes(), kNoNode);
  derive(problem, users, weights, {}, choice);
  return choice;
}

LocalSearch::LocalSearch(const ExtractionProblem &problem, const Users &users,
                         std::vector<std::uint32_t> choice)
    : p_(problem), users_(users), choice_(std::move(choice)), is_root_(p_.classes(), 0),
      open_(p_.classes(), 0), closed_(p_.classes(), 0) {
  for (std::uint32_t root : p_.roots)
    is_root_[root] = 1;
  count_uses();
}

ExtractionSolution LocalSearch::solution() const {
  ExtractionSolution out{choice_, cost_};
  for (std::uint32_t c = 0; c < p_.classes(); ++c)
    if (uses_[c] == 0)
      out.choice[c] = kNoNode;
  return out;
}

std::uint64_t LocalSearch::random() {
  state_ += 0x9e3779b97f4a7c15;
  std::uint64_t x = state_;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

void LocalSearch::count_uses() {
  uses_.assign(p_.classes(), 0);
  cost_ = p_.constant;
  for (std::uint32_t root : p_.roots)
    if (uses_[root]++ == 0) {
      cost_ += p_.cost[choice_[root]];
      acquire(choice_[root], std::numeric_limits<std::int64_t>::max());
    }
  acquired_.clear();
}

/// Takes the children of a node into use, with all they need; gives up at `limit`. Logged in
/// acquired_.
void LocalSearch::acquire(std::uint32_t n, std::int64_t limit) {
  stack_.assign(1, n);
  while (!stack_.empty() && cost_ < limit) {
    std::uint32_t node = stack_.back();
    stack_.pop_back();
    for (std::uint32_t c : p_.children(node)) {
      acquired_.push_back(c);
      if (uses_[c]++ == 0) {
        cost_ += p_.cost[choice_[c]];
        stack_.push_back(choice_[c]);
      }
    }
  }
}

void LocalSearch::undo_acquire() {
  for (std::uint32_t c : acquired_)
    if (--uses_[c] == 0)
      cost_ -= p_.cost[choice_[c]];
  acquired_.clear();
}

void LocalSearch::release(std::uint32_t n) {
  stack_.assign(1, n);
  while (!stack_.empty()) {
    std::uint32_t node = stack_.back();
    stack_.pop_back();
    for (std::uint32_t c : p_.children(node))
      if (--uses_[c] == 0) {
        cost_ -= p_.cost[choice_[c]];
        stack_.push_back(choice_[c]);
      }
  }
}

/// Whether choices lead from c into a cycle.
bool LocalSearch::closes_cycle(std::uint32_t c) {
  ++check_;
  stack_.assign(1, c);
  while (!stack_.empty()) {
    std::uint32_t top = stack_.back();
    if (open_[top] == check_) {
      closed_[top] = check_;
      stack_.pop_back();
      continue;
    }
    open_[top] = check_;
    for (std::uint32_t child : p_.children(choice_[top])) {
      if (closed_[child] == check_)
        continue;
      if (open_[child] == check_)
        return true;
      stack_.push_back(child);
    }
  }
  return false;
}

/// The cheapest way, given what is in use, to take each class that is not in use.
void LocalSearch::refresh_unused() { derive(p_, users_, p_.cost, uses_, choice_); }

bool LocalSearch::improve_class(std::uint32_t c) {
  std::uint32_t begin = p_.class_at[c], end = p_.class_at[c + 1];
  if (uses_[c] == 0 || end - begin < 2)
    return false;
  std::uint32_t old = choice_[c], best = old;
  std::int64_t least = cost_;
  release(old);
  cost_ -= p_.cost[old];
  for (std::uint32_t n = begin; n < end; ++n) {
    if (n == old || cost_ + p_.cost[n] >= least)
      continue;
    choice_[c] = n;
    cost_ += p_.cost[n];
    acquire(n, least);
    if (cost_ < least && !closes_cycle(c)) {
      least = cost_;
      best = n;
    }
    undo_acquire();
    cost_ -= p_.cost[n];
  }
  choice_[c] = best;
  cost_ += p_.cost[best];
  acquire(best, std::numeric_limits<std::int64_t>::max());
  acquired_.clear();
  return best != old;
}

void LocalSearch::descend(const std::function<bool()> &stop) {
  refresh_unused();
  for (bool again = true; again && !stop();) {
    again = false;
    for (std::uint32_t c = 0; c < p_.classes(); ++c) {
      again |= improve_class(c);
      if (c % 256 == 255 && stop())
        return;
    }
  }
}

/// Another node for one to four classes in use.
void LocalSearch::kick() {
  std::vector<std::uint32_t> movable;
  for (std::uint32_t c = 0; c < p_.classes(); ++c)
    if (uses_[c] && p_.class_at[c + 1] - p_.class_at[c] > 1)
      movable.push_back(c);
  std::uint64_t changes = movable.empty() ? 0 : 1 + random() % 4;
  for (std::uint64_t i = 0; i < changes; ++i) {
    std::uint32_t c = movable[random() % movable.size()];
    if (uses_[c] == 0)
      continue;
    std::uint32_t old = choice_[c];
    std::uint32_t size = p_.class_at[c + 1] - p_.class_at[c];
    release(old);
    choice_[c] = p_.class_at[c] + static_cast<std::uint32_t>(random() % size);
    if (closes_cycle(c))
      choice_[c] = old;
    cost_ += p_.cost[choice_[c]] - p_.cost[old];
    acquire(choice_[c], std::numeric_limits<std::int64_t>::max());
    acquired_.clear();
  }
}

void LocalSearch::perturb(std::uint64_t rounds, const std::function<bool()> &stop) {
  std::vector<std::uint32_t> best = choice_, best_uses = uses_;
  std::int64_t least = cost_;
  for (std::uint64_t idle = 0; idle < rounds && !stop(); ++idle) {
    kick();
    descend(stop);
    if (cost_ < least)
      idle = 0;
    if (cost_ <= least) {
      least = cost_;
      best = choice_;
      best_uses = uses_;
    } else {
      choice_ = best;
      uses_ = best_uses;
      cost_ = least;
    }
  }
}

} // namespace isamorph::search
