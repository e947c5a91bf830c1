// Simplification of extraction problems. In the terms of planning: fact landmarks of the classes
// (what every derivation of a class contains) decide which nodes can be left out, which classes are
// needed in any case and which children are implied.
#include "search/extraction_problem.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace isamorph::search {
namespace {

/// Bitsets of classes, one a row.
class BitRows {
public:
  BitRows(std::uint32_t rows, std::uint32_t bits, bool value)
      : words_((bits + 63) / 64), bits_(std::size_t{rows} * words_, value ? ~std::uint64_t{0} : 0) {
  }
  std::span<std::uint64_t> row(std::uint32_t r) {
    return {bits_.data() + std::size_t{r} * words_, words_};
  }
  bool test(std::uint32_t r, std::uint32_t bit) const {
    return bits_[std::size_t{r} * words_ + bit / 64] >> (bit % 64) & 1;
  }

private:
  std::size_t words_;
  std::vector<std::uint64_t> bits_;
};

/// Beyond this, landmarks of all classes would take more than 256 MiB.
constexpr std::uint32_t kMaxLandmarkClasses = 46000;

class Simplifier {
public:
  Simplifier(ExtractionProblem problem, const SimplifyOptions &options)
      : p_(std::move(problem)), options_(options) {}

  std::optional<ExtractionProblem> run() {
    if (!prune())
      return std::nullopt;
    for (int round = 0; round < 50; ++round) {
      changed_ = false;
      if (options_.landmarks && p_.classes() <= kMaxLandmarkClasses)
        use_landmarks();
      if (options_.landmarks)
        drop_cyclic_uses();
      if (!prune())
        return std::nullopt;
      for (int again = 0; again < 12 && options_.merging && merge(); ++again)
        if (!prune())
          return std::nullopt;
      if (!changed_)
        break;
    }
    return std::move(p_);
  }

private:
  void start_pass() {
    dead_.assign(p_.nodes(), 0);
    dropped_.assign(p_.child.size(), 0);
  }
  void kill(std::uint32_t n) {
    dead_[n] = 1;
    changed_ = true;
  }
  void drop(std::uint32_t entry) {
    dropped_[entry] = 1;
    changed_ = true;
  }
  bool is_root(std::uint32_t c) const {
    return std::binary_search(p_.roots.begin(), p_.roots.end(), c);
  }

  /// Copies what is neither dead nor in a class without `keep`, with classes renumbered.
  void rebuild(const std::vector<char> &keep) {
    std::vector<std::uint32_t> renamed(p_.classes(), kNoNode);
    std::uint32_t classes = 0;
    for (std::uint32_t c = 0; c < p_.classes(); ++c)
      if (keep[c])
        renamed[c] = classes++;
    ExtractionProblem out;
    std::vector<std::uint32_t> children;
    for (std::uint32_t c = 0; c < p_.classes(); ++c) {
      if (!keep[c])
        continue;
      out.add_class();
      for (std::uint32_t n = p_.class_at[c]; n < p_.class_at[c + 1]; ++n) {
        if (dead_[n])
          continue;
        children.clear();
        for (std::uint32_t i = p_.child_at[n]; i < p_.child_at[n + 1]; ++i)
          if (!dropped_[i])
            children.push_back(renamed[p_.child[i]]);
        out.add_node(p_.cost[n], children, p_.origins(n));
      }
    }
    for (std::uint32_t root : p_.roots)
      out.roots.push_back(renamed[root]);
    out.constant = p_.constant;
    out.taken = std::move(p_.taken);
    p_ = std::move(out);
    start_pass();
  }

  /// Leaves what can be derived and is reachable from the roots; false when a root is not derived.
  bool prune() {
    if (dead_.size() != p_.nodes() || dropped_.size() != p_.child.size())
      start_pass();
    std::vector<std::uint32_t> derived = derivation_order();
    std::vector<char> keep(p_.classes(), 0), derivable(p_.classes(), 0);
    for (std::uint32_t c : derived)
      derivable[c] = 1;
    std::vector<std::uint32_t> stack;
    auto reach = [&](std::uint32_t c) {
      if (!std::exchange(keep[c], 1))
        stack.push_back(c);
    };
    for (std::uint32_t root : p_.roots) {
      if (!derivable[root])
        return false;
      reach(root);
    }
    while (!stack.empty()) {
      std::uint32_t c = stack.back();
      stack.pop_back();
      for (std::uint32_t n = p_.class_at[c]; n < p_.class_at[c + 1]; ++n) {
        auto lost = [&](std::uint32_t i) {
          return !dropped_[i] && (!derivable[p_.child[i]] || p_.child[i] == c);
        };
        for (std::uint32_t i = p_.child_at[n]; i < p_.child_at[n + 1] && !dead_[n]; ++i)
          if (lost(i))
            kill(n);
        for (std::uint32_t i = p_.child_at[n]; i < p_.child_at[n + 1] && !dead_[n]; ++i)
          if (!dropped_[i])
            reach(p_.child[i]);
      }
    }
    rebuild(keep);
    return true;
  }

  /// Classes in an order in which they can be derived.
  std::vector<std::uint32_t> derivation_order() const {
    Users users(p_);
    std::vector<std::uint32_t> waiting(p_.nodes(), 0), order;
    std::vector<char> done(p_.classes(), 0);
    for (std::uint32_t n = 0; n < p_.nodes(); ++n) {
      for (std::uint32_t i = p_.child_at[n]; i < p_.child_at[n + 1]; ++i)
        waiting[n] += !dropped_[i];
      if (waiting[n] == 0 && !dead_[n] && !std::exchange(done[p_.node_class[n]], 1))
        order.push_back(p_.node_class[n]);
    }
    for (std::size_t next = 0; next < order.size(); ++next)
      for (std::uint32_t n : users.of(order[next])) {
        auto children = p_.children(n);
        auto i = std::lower_bound(children.begin(), children.end(), order[next]);
        if (dropped_[p_.child_at[n] + static_cast<std::uint32_t>(i - children.begin())])
          continue;
        if (--waiting[n] == 0 && !dead_[n] && !std::exchange(done[p_.node_class[n]], 1))
          order.push_back(p_.node_class[n]);
      }
    return order;
  }

  /// Greatest fixed point of L(c) = {c} + the intersection over nodes of the union over children.
  BitRows landmarks() const {
    BitRows sets(p_.classes(), p_.classes(), true);
    std::vector<std::uint32_t> order = derivation_order();
    std::vector<std::uint64_t> meet, join;
    for (bool again = true; again;) {
      again = false;
      for (std::uint32_t c : order) {
        auto old = sets.row(c);
        meet.assign(old.begin(), old.end());
        for (std::uint32_t n = p_.class_at[c]; n < p_.class_at[c + 1]; ++n) {
          join.assign(old.size(), 0);
          for (std::uint32_t child : p_.children(n)) {
            auto of_child = sets.row(child);
            for (std::size_t w = 0; w < join.size(); ++w)
              join[w] |= of_child[w];
          }
          for (std::size_t w = 0; w < join.size(); ++w)
            meet[w] &= join[w];
        }
        meet[c / 64] |= std::uint64_t{1} << (c % 64);
        if (!std::equal(meet.begin(), meet.end(), old.begin())) {
          std::copy(meet.begin(), meet.end(), old.begin());
          again = true;
        }
      }
    }
    return sets;
  }

  void use_landmarks() {
    BitRows sets = landmarks();
    for (std::uint32_t n = 0; n < p_.nodes(); ++n)
      for (std::uint32_t child : p_.children(n))
        if (!dead_[n] && sets.test(child, p_.node_class[n]))
          kill(n); // its class would be needed before itself
    if (options_.dominance)
      for (std::uint32_t c = 0; c < p_.classes(); ++c)
        drop_dominated(c, sets);
    extend_roots(sets);
    drop_implied_children(sets);
  }

  /// What every derivation of a root contains is needed like a root.
  void extend_roots(BitRows &sets) {
    std::vector<std::uint64_t> needed((p_.classes() + 63) / 64, 0);
    for (std::uint32_t root : p_.roots)
      for (std::size_t w = 0; w < needed.size(); ++w)
        needed[w] |= sets.row(root)[w];
    std::size_t before = p_.roots.size();
    p_.roots.clear();
    for (std::size_t w = 0; w < needed.size(); ++w)
      for (std::uint64_t bits = needed[w]; bits != 0; bits &= bits - 1)
        p_.roots.push_back(static_cast<std::uint32_t>(w * 64) +
                           static_cast<std::uint32_t>(std::countr_zero(bits)));
    changed_ |= p_.roots.size() != before;
  }

  /// Drops a child that another child needs anyway, and a child that is a root unless there could
  /// be a cycle through it.
  void drop_implied_children(const BitRows &sets) {
    std::vector<std::uint32_t> component = components();
    std::vector<char> root(p_.classes(), 0);
    for (std::uint32_t c : p_.roots)
      root[c] = 1;
    for (std::uint32_t n = 0; n < p_.nodes(); ++n) {
      if (dead_[n])
        continue;
      auto children = p_.children(n);
      for (std::uint32_t i = 0; i < children.size(); ++i) {
        std::uint32_t c = children[i];
        bool implied = root[c] && component[c] != component[p_.node_class[n]];
        for (std::uint32_t j = 0; j < children.size() && !implied; ++j)
          implied = j != i && sets.test(children[j], c);
        if (implied)
          drop(p_.child_at[n] + i);
      }
    }
  }

  /// A node goes when a node of its class costs no more and needs only what is needed for it.
  void drop_dominated(std::uint32_t c, BitRows &sets) {
    std::uint32_t begin = p_.class_at[c], end = p_.class_at[c + 1];
    if (end - begin < 2)
      return;
    std::vector<std::uint32_t> nodes;
    for (std::uint32_t n = begin; n < end; ++n)
      if (!dead_[n])
        nodes.push_back(n);
    std::stable_sort(nodes.begin(), nodes.end(), [&](std::uint32_t a, std::uint32_t b) {
      return std::pair(p_.cost[a], p_.children(a).size()) <
             std::pair(p_.cost[b], p_.children(b).size());
    });
    std::vector<std::uint32_t> kept;
    auto needs = [&](std::uint32_t n, std::uint32_t what) {
      for (std::uint32_t child : p_.children(n))
        if (sets.test(child, what))
          return true;
      return false;
    };
    auto dominates = [&](std::uint32_t a, std::uint32_t b) {
      for (std::uint32_t child : p_.children(a))
        if (!needs(b, child))
          return false;
      return true;
    };
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      bool dominated = false;
      for (std::size_t j = 0; j < nodes.size() && !dominated; ++j) {
        if (p_.cost[nodes[j]] > p_.cost[nodes[i]])
          break;
        dominated = j != i && !dead_[nodes[j]] && dominates(nodes[j], nodes[i]);
      }
      if (dominated)
        kill(nodes[i]);
    }
  }

  /// Strongly connected components of the classes (Tarjan), through nodes that are not dead.
  std::vector<std::uint32_t> components() const {
    std::uint32_t classes = p_.classes(), counter = 0, found = 0;
    std::vector<std::uint32_t> number(classes, kNoNode), low(classes), component(classes, kNoNode);
    std::vector<std::uint32_t> open;
    struct Frame {
      std::uint32_t c, node, entry;
    };
    std::vector<Frame> stack;
    auto enter = [&](std::uint32_t c) {
      number[c] = low[c] = counter++;
      open.push_back(c);
      stack.push_back({c, p_.class_at[c], p_.child_at[p_.class_at[c]]});
    };
    for (std::uint32_t start = 0; start < classes; ++start) {
      if (number[start] == kNoNode)
        enter(start);
      while (!stack.empty()) {
        auto &[c, node, entry] = stack.back();
        if (node == p_.class_at[c + 1]) {
          std::uint32_t done = c;
          stack.pop_back();
          if (!stack.empty())
            low[stack.back().c] = std::min(low[stack.back().c], low[done]);
          if (low[done] == number[done]) {
            std::uint32_t member;
            do {
              member = open.back();
              open.pop_back();
              component[member] = found;
            } while (member != done);
            ++found;
          }
          continue;
        }
        if (dead_[node] || entry == p_.child_at[node + 1]) {
          ++node;
          entry = p_.child_at[node];
          continue;
        }
        std::uint32_t child = p_.child[entry++];
        if (number[child] == kNoNode)
          enter(child);
        else if (component[child] == kNoNode)
          low[c] = std::min(low[c], number[child]);
      }
    }
    return component;
  }

  std::vector<std::uint32_t> dominator_order(std::vector<std::uint32_t> &dominator) const;
  void drop_cyclic_uses();
  bool merge();

  ExtractionProblem p_;
  SimplifyOptions options_;
  std::vector<char> dead_, dropped_;
  bool changed_ = false;
};

/// Immediate dominators of the classes as seen from the roots (Cooper, Harvey and Kennedy); kNoNode
/// for those that only the roots together dominate. Returns the classes in reverse postorder.
std::vector<std::uint32_t>
Simplifier::dominator_order(std::vector<std::uint32_t> &dominator) const {
  std::uint32_t classes = p_.classes(), top = classes;
  std::vector<std::vector<std::uint32_t>> before(classes);
  for (std::uint32_t root : p_.roots)
    before[root].push_back(top);
  std::vector<std::uint32_t> position(classes + 1, kNoNode), order;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> stack; // class, next entry of its children
  std::vector<char> seen(classes, 0);
  auto first = [&](std::uint32_t c) { return p_.child_at[p_.class_at[c]]; };
  for (std::uint32_t root : p_.roots) {
    if (!std::exchange(seen[root], 1))
      stack.push_back({root, first(root)});
    while (!stack.empty()) {
      auto &[c, entry] = stack.back();
      if (entry == p_.child_at[p_.class_at[c + 1]]) {
        order.push_back(c);
        stack.pop_back();
        continue;
      }
      std::uint32_t child = p_.child[entry++];
      before[child].push_back(c);
      if (!std::exchange(seen[child], 1))
        stack.push_back({child, first(child)});
    }
  }
  std::reverse(order.begin(), order.end());
  for (std::uint32_t i = 0; i < order.size(); ++i)
    position[order[i]] = i + 1;
  position[top] = 0;
  dominator.assign(classes + 1, kNoNode);
  dominator[top] = top;
  auto meet = [&](std::uint32_t a, std::uint32_t b) {
    while (a != b)
      (position[a] > position[b] ? a : b) = dominator[position[a] > position[b] ? a : b];
    return a;
  };
  for (bool again = true; again;) {
    again = false;
    for (std::uint32_t c : order) {
      std::uint32_t next = kNoNode;
      for (std::uint32_t b : before[c])
        if (dominator[b] != kNoNode)
          next = next == kNoNode ? b : meet(next, b);
      again |= std::exchange(dominator[c], next) != next;
    }
  }
  return order;
}

/// A node that uses a class which dominates its own would close a cycle.
void Simplifier::drop_cyclic_uses() {
  if (!prune())
    return;
  std::vector<std::uint32_t> dominator;
  std::vector<std::uint32_t> order = dominator_order(dominator);
  std::uint32_t top = p_.classes(), clock = 0;
  std::vector<std::vector<std::uint32_t>> below(top + 1);
  for (std::uint32_t c : order)
    below[dominator[c]].push_back(c);
  std::vector<std::uint32_t> enter(top + 1, 0), leave(top + 1, 0);
  std::vector<std::pair<std::uint32_t, std::size_t>> stack{{top, 0}};
  while (!stack.empty()) {
    auto &[c, next] = stack.back();
    if (next == 0)
      enter[c] = clock++;
    if (next == below[c].size()) {
      leave[c] = clock;
      stack.pop_back();
    } else {
      stack.push_back({below[c][next++], 0});
    }
  }
  for (std::uint32_t n = 0; n < p_.nodes(); ++n) {
    std::uint32_t d = p_.node_class[n];
    for (std::uint32_t c : p_.children(n))
      if (!dead_[n] && enter[c] <= enter[d] && leave[d] <= leave[c])
        kill(n);
  }
}

bool Simplifier::merge() {
  bool any = merge_classes(p_);
  start_pass();
  changed_ |= any;
  return any;
}

} // namespace

std::optional<ExtractionProblem> simplify(ExtractionProblem problem,
                                          const SimplifyOptions &options) {
  return Simplifier(std::move(problem), options).run();
}

} // namespace isamorph::search
