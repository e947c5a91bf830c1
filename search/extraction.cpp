#include "search/extraction.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <queue>
#include <utility>

namespace isamorph::search {
namespace {

constexpr double kInfinite = std::numeric_limits<double>::infinity();

/// The classes needed by the roots, children before users; empty when a class is missing or needs
/// itself. Repeated nowhere.
std::vector<std::uint32_t> needed_in_order(const SerializedEGraph &graph,
                                           const Extraction &extraction) {
  enum : char { New, Open, Done };
  std::vector<char> state(graph.classes(), New);
  std::vector<std::uint32_t> order;
  struct Frame {
    std::uint32_t c, next;
  };
  std::vector<Frame> stack;
  for (std::uint32_t root : graph.roots) {
    if (state[root] == New)
      stack.push_back({root, 0});
    while (!stack.empty()) {
      auto &[c, next] = stack.back();
      std::uint32_t node = extraction.choice[c];
      if (node == kNoNode)
        return {};
      state[c] = Open;
      auto children = graph.children_of(node);
      if (next == children.size()) {
        state[c] = Done;
        order.push_back(c);
        stack.pop_back();
        continue;
      }
      std::uint32_t child = children[next++];
      if (state[child] == Open)
        return {};
      if (state[child] == New)
        stack.push_back({child, 0});
    }
  }
  return order;
}

/// Knuth's algorithm: classes leave the queue by cost, each with a node whose children left before,
/// so that choices are acyclic even where nodes cost nothing.
class CheapestTrees {
public:
  explicit CheapestTrees(const SerializedEGraph &graph)
      : graph_(graph), waiting_(graph.nodes()), sum_(graph.costs),
        cost_(graph.classes(), kInfinite), done_(graph.classes(), 0) {
    choice.assign(graph.classes(), kNoNode);
    index_users();
    for (std::uint32_t n = 0; n < graph.nodes(); ++n) {
      waiting_[n] = graph.children_at[n + 1] - graph.children_at[n];
      if (waiting_[n] == 0)
        offer(n);
    }
    while (!queue_.empty()) {
      auto [cost, c] = queue_.top();
      queue_.pop();
      if (std::exchange(done_[c], 1))
        continue;
      for (std::uint32_t i = users_at_[c]; i < users_at_[c + 1]; ++i) {
        sum_[users_[i]] += cost;
        if (--waiting_[users_[i]] == 0)
          offer(users_[i]);
      }
    }
  }

  std::vector<std::uint32_t> choice;

private:
  void index_users() {
    users_at_.assign(graph_.classes() + 1, 0);
    for (std::uint32_t c : graph_.child_classes)
      ++users_at_[c + 1];
    for (std::uint32_t c = 0; c < graph_.classes(); ++c)
      users_at_[c + 1] += users_at_[c];
    users_.resize(graph_.child_classes.size());
    std::vector<std::uint32_t> next(users_at_.begin(), users_at_.end() - 1);
    for (std::uint32_t n = 0; n < graph_.nodes(); ++n)
      for (std::uint32_t c : graph_.children_of(n))
        users_[next[c]++] = n;
  }
  void offer(std::uint32_t n) {
    std::uint32_t c = graph_.node_class[n];
    if (done_[c] || (choice[c] != kNoNode && cost_[c] <= sum_[n]))
      return;
    choice[c] = n;
    cost_[c] = sum_[n];
    queue_.push({sum_[n], c});
  }

  using Entry = std::pair<double, std::uint32_t>;
  const SerializedEGraph &graph_;
  std::vector<std::uint32_t> users_at_, users_, waiting_;
  std::vector<double> sum_, cost_;
  std::vector<char> done_;
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> queue_;
};

} // namespace

double tree_cost(const SerializedEGraph &graph, const Extraction &extraction) {
  std::vector<std::uint32_t> order = needed_in_order(graph, extraction);
  if (order.empty())
    return kInfinite;
  std::vector<double> cost(graph.classes(), 0);
  for (std::uint32_t c : order) {
    cost[c] = graph.costs[extraction.choice[c]];
    for (std::uint32_t child : graph.children_of(extraction.choice[c]))
      cost[c] += cost[child];
  }
  double sum = 0;
  for (std::uint32_t root : graph.roots)
    sum += cost[root];
  return sum;
}

double dag_cost(const SerializedEGraph &graph, const Extraction &extraction) {
  std::vector<std::uint32_t> order = needed_in_order(graph, extraction);
  if (order.empty())
    return kInfinite;
  std::sort(order.begin(), order.end());
  double sum = 0;
  for (std::uint32_t c : order)
    sum += graph.costs[extraction.choice[c]];
  return sum;
}

ExtractionResult extract_tree(const SerializedEGraph &graph) {
  auto start = std::chrono::steady_clock::now();
  for (std::uint32_t n = 0; n < graph.nodes(); ++n)
    if (graph.costs[n] < 0)
      throw semantics::InputError("the tree cost needs costs that are not negative, node '" +
                                  graph.node_names[n] + "' has one");
  ExtractionResult result;
  Extraction all{CheapestTrees(graph).choice};
  std::vector<std::uint32_t> needed = needed_in_order(graph, all);
  result.cost = result.bound = kInfinite;
  result.extraction.choice.assign(graph.classes(), kNoNode);
  if (!needed.empty()) {
    for (std::uint32_t c : needed)
      result.extraction.choice[c] = all.choice[c];
    result.cost = result.bound = tree_cost(graph, result.extraction);
    result.status = ExtractionStatus::Optimal;
    if (!std::isfinite(result.cost))
      throw semantics::InputError("the least tree cost is beyond the largest double");
  }
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

} // namespace isamorph::search
