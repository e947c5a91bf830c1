#include "search/egraph.h"
#include "search/saturation_loop.h"

#include <catch2/catch.hpp>
#include <rapidcheck.h>

#include <map>
#include <set>
#include <thread>

using namespace isamorph::search;

namespace {

using Plain = EGraph<>;

constexpr OperatorId kAdd{0};

/// a + b = b + a
struct Commute {
  std::vector<ENodeId> found;
  void search(const Plain &graph) {
    auto nodes = graph.nodes_with(kAdd);
    found.assign(nodes.begin(), nodes.end());
  }
  void apply(Plain &graph) {
    for (ENodeId node : found) {
      ClassId flipped[] = {graph.children(node)[1], graph.children(node)[0]};
      ClassId self = graph.class_of(node);
      graph.merge(self, graph.add(kAdd, flipped));
    }
  }
};

/// (a + b) + c = a + (b + c)
struct Associate {
  struct Found {
    ClassId self, a, b, c;
  };
  std::vector<Found> found;
  void search(const Plain &graph) {
    found.clear();
    for (ENodeId node : graph.nodes_with(kAdd))
      for (ENodeId inner : graph.nodes_of(graph.children(node)[0]))
        if (graph.op(inner) == kAdd)
          found.push_back({graph.class_of(node), graph.children(inner)[0], graph.children(inner)[1],
                           graph.children(node)[1]});
  }
  void apply(Plain &graph) {
    for (const Found &f : found) {
      ClassId inner[] = {f.b, f.c};
      ClassId outer[] = {f.a, graph.add(kAdd, inner)};
      graph.merge(f.self, graph.add(kAdd, outer));
    }
  }
};

struct Rule {
  Commute commute;
  Associate associate;
  bool first;
  void search(const Plain &graph) { first ? commute.search(graph) : associate.search(graph); }
  void apply(Plain &graph) { first ? commute.apply(graph) : associate.apply(graph); }
};

std::uint64_t power(std::uint64_t base, int exponent) {
  return exponent == 0 ? 1 : base * power(base, exponent - 1);
}

/// Congruence by brute force: nodes as (operator, children), classes by repeated scanning.
struct NaiveCongruence {
  std::vector<std::pair<std::uint32_t, std::vector<std::size_t>>> terms;
  std::vector<std::size_t> leader;
  std::size_t find(std::size_t t) const { return leader[t] == t ? t : find(leader[t]); }
  void unite(std::size_t a, std::size_t b) { leader[find(a)] = find(b); }
  void close() {
    for (bool changed = true; changed;) {
      changed = false;
      for (std::size_t i = 0; i < terms.size(); ++i)
        for (std::size_t j = 0; j < i; ++j) {
          if (find(i) == find(j) || terms[i].first != terms[j].first ||
              terms[i].second.size() != terms[j].second.size())
            continue;
          bool same = true;
          for (std::size_t k = 0; k < terms[i].second.size(); ++k)
            same &= find(terms[i].second[k]) == find(terms[j].second[k]);
          if (same) {
            unite(i, j);
            changed = true;
          }
        }
    }
  }
};

/// Counts the leaves below a class: the least over its nodes.
struct LeafCount {
  using Data = int;
  template <class Graph> int make(Graph &graph, ENodeId node) {
    int total = graph.children(node).empty() ? 1 : 0;
    for (ClassId c : graph.children(node))
      total += graph.data(graph.find(c));
    return std::min(total, 1000);
  }
  bool merge(int &into, int &&from) {
    if (from >= into)
      return false;
    into = from;
    return true;
  }
  template <class Graph> void modify(Graph &, ClassId) {}
};

} // namespace

TEST_CASE("associativity and commutativity saturate at the known counts") {
  for (int n = 3; n <= 7; ++n) {
    Plain graph;
    ClassId sum = graph.add({1}, {});
    for (int i = 1; i < n; ++i) {
      ClassId pair[] = {sum, graph.add({static_cast<std::uint32_t>(i + 1)}, {})};
      sum = graph.add(kAdd, pair);
    }
    std::vector<Rule> rules(2);
    rules[0].first = true;
    rules[1].first = false;
    SaturationReport report = saturation_loop(graph, std::span(rules), {});
    CHECK(report.reason == StopReason::Saturated);
    CHECK(graph.class_count() == power(2, n) - 1);
    CHECK(graph.node_count() == power(3, n) - power(2, n + 1) + 1 + static_cast<std::uint64_t>(n));
  }
}

TEST_CASE("limits stop saturation and are named") {
  Plain graph;
  ClassId sum = graph.add({1}, {});
  for (std::uint32_t i = 2; i < 9; ++i) {
    ClassId pair[] = {sum, graph.add({i}, {})};
    sum = graph.add(kAdd, pair);
  }
  std::vector<Rule> rules(2);
  rules[0].first = true;
  rules[1].first = false;
  SECTION("nodes") {
    SaturationLimits limits;
    limits.nodes = 100;
    CHECK(saturation_loop(graph, std::span(rules), limits).reason == StopReason::NodeLimit);
  }
  SECTION("iterations") {
    SaturationLimits limits;
    limits.iterations = 2;
    SaturationReport report = saturation_loop(graph, std::span(rules), limits);
    CHECK(report.reason == StopReason::IterationLimit);
    CHECK(report.iterations.size() == 2);
  }
  SECTION("interrupt") {
    std::atomic<bool> stop = true;
    SaturationLimits limits;
    limits.interrupt = &stop;
    CHECK(saturation_loop(graph, std::span(rules), limits).reason == StopReason::Interrupted);
  }
}

TEST_CASE("saturation tells how far it is within an iteration, and ends within one") {
  struct SlowRule {
    std::atomic<bool> *stop = nullptr;
    int searched = 0;
    void search(const Plain &) {
      std::this_thread::sleep_for(std::chrono::milliseconds(60));
      ++searched;
      if (stop)
        *stop = true;
    }
    void apply(Plain &) {}
  };
  Plain graph;
  graph.add({1}, {});
  std::vector<SlowRule> rules(4);
  SaturationLimits limits;
  std::vector<std::size_t> nodes;
  limits.progress = [&](std::size_t iterations, IterationCounts now) {
    CHECK(iterations == 0);
    nodes.push_back(now.nodes);
  };
  SaturationGuard clock(limits);
  CHECK(saturation_loop(graph, std::span(rules), limits).reason == StopReason::Saturated);
  REQUIRE_FALSE(nodes.empty());
  CHECK(static_cast<double>(nodes.size()) <= 10 * clock.seconds());
  CHECK(nodes.front() == 1);
  std::atomic<bool> stop = false;
  limits.interrupt = rules[1].stop = &stop;
  CHECK(saturation_loop(graph, std::span(rules), limits).reason == StopReason::Interrupted);
  CHECK(rules[1].searched == 2);
  CHECK(rules[2].searched == 1); // the first time only
}

TEST_CASE("congruence agrees with a naive closure, and the invariants hold") {
  REQUIRE(rc::check([] {
    Plain graph;
    NaiveCongruence naive;
    std::vector<ClassId> ids;
    auto count = *rc::gen::inRange<std::size_t>(1, 40);
    for (std::size_t i = 0; i < count; ++i) {
      std::vector<std::size_t> children;
      auto arity = i == 0 ? 0 : *rc::gen::inRange<std::size_t>(0, 3);
      for (std::size_t k = 0; k < arity; ++k)
        children.push_back(*rc::gen::inRange<std::size_t>(0, i));
      auto op = *rc::gen::inRange<std::uint32_t>(0, 4);
      std::vector<ClassId> classes;
      for (std::size_t c : children)
        classes.push_back(ids[c]);
      ids.push_back(graph.add({op}, classes));
      naive.terms.push_back({op, children});
      naive.leader.push_back(i);
      // Some merges before the last term is added: add must work on a graph that needs a rebuild.
      if (*rc::gen::inRange(0, 4) == 0) {
        auto a = *rc::gen::inRange<std::size_t>(0, i + 1),
             b = *rc::gen::inRange<std::size_t>(0, i + 1);
        graph.merge(ids[a], ids[b]);
        naive.unite(a, b);
        if (*rc::gen::inRange(0, 2) == 0)
          graph.rebuild();
      }
    }
    graph.rebuild();
    naive.close();
    for (std::size_t i = 0; i < count; ++i)
      for (std::size_t j = 0; j < i; ++j)
        RC_ASSERT((graph.find(ids[i]) == graph.find(ids[j])) == (naive.find(i) == naive.find(j)));

    std::set<std::pair<std::uint32_t, std::vector<ClassId>>> seen;
    std::size_t nodes = 0;
    for (ClassId c : graph.classes())
      for (ENodeId node : graph.nodes_of(c)) {
        ++nodes;
        RC_ASSERT(graph.is_live(node));
        RC_ASSERT(graph.class_of(node) == c);
        auto children = graph.children(node);
        for (ClassId child : children)
          RC_ASSERT(graph.is_representative(child));
        RC_ASSERT(seen.insert({graph.op(node).v, {children.begin(), children.end()}}).second);
        RC_ASSERT(graph.find_term(graph.op(node), children) == std::optional(c));
        RC_ASSERT(graph.add(graph.op(node), children) == c);
      }
    RC_ASSERT(nodes == graph.node_count());
    RC_ASSERT(graph.classes().size() == graph.class_count());
  }));
}

TEST_CASE("an analysis is the join over the nodes of each class") {
  REQUIRE(rc::check([] {
    EGraph<LeafCount> graph;
    std::vector<ClassId> ids;
    auto count = *rc::gen::inRange<std::size_t>(1, 25);
    for (std::size_t i = 0; i < count; ++i) {
      std::vector<ClassId> children;
      auto arity = i == 0 ? 0 : *rc::gen::inRange<std::size_t>(0, 3);
      for (std::size_t k = 0; k < arity; ++k)
        children.push_back(ids[*rc::gen::inRange<std::size_t>(0, i)]);
      ids.push_back(graph.add({*rc::gen::inRange<std::uint32_t>(0, 3)}, children));
    }
    for (int m = 0; m < 5; ++m)
      graph.merge(ids[*rc::gen::inRange<std::size_t>(0, count)],
                  ids[*rc::gen::inRange<std::size_t>(0, count)]);
    graph.rebuild();
    // The greatest fixed point reached from above, as the analysis computes it.
    std::map<ClassId, int> expected;
    for (ClassId c : graph.classes())
      expected[c] = 1000;
    for (bool changed = true; changed;) {
      changed = false;
      for (ClassId c : graph.classes())
        for (ENodeId node : graph.nodes_of(c)) {
          int total = graph.children(node).empty() ? 1 : 0;
          for (ClassId child : graph.children(node))
            total += expected[child];
          if (std::min(total, 1000) < expected[c]) {
            expected[c] = std::min(total, 1000);
            changed = true;
          }
        }
    }
    for (ClassId c : graph.classes())
      RC_ASSERT(graph.data(c) == expected[c]);
  }));
}

TEST_CASE("an index holds what changed since the one before") {
  Plain graph;
  ClassId a = graph.add({1}, {}), b = graph.add({2}, {});
  ClassId fa = graph.add({3}, std::span(&a, 1)), fb = graph.add({3}, std::span(&b, 1));
  graph.rebuild();
  CHECK(graph.index().fresh_with({3}).size() == 2);
  graph.rebuild();
  CHECK(graph.index().fresh_with({3}).size() == 2); // nothing happened: the same view
  std::uint32_t view = graph.index().view();
  ClassId gb = graph.add({4}, std::span(&fb, 1));
  graph.rebuild();
  CHECK(graph.index().view() == view + 1);
  CHECK(graph.index().fresh_with({3}).empty());
  CHECK(graph.index().fresh_with({4}).size() == 1);
  graph.merge(a, b);
  CHECK(graph.rebuild() == 1);
  CHECK(graph.find(fa) == graph.find(fb));
  CHECK(graph.index().fresh_with({3}).size() == 1);
  CHECK(graph.index().uses_of(graph.find(fa), EGraphIndex::use_key({4}, 0)).size() == 1);
  CHECK(graph.index().class_of(graph.index().rows_with({4})[0]) == graph.find(gb));
}

TEST_CASE("hidden nodes are known, but not seen") {
  Plain graph;
  ClassId a = graph.add({1}, {});
  ClassId fa = graph.add({2}, std::span(&a, 1)), ffa = graph.add({2}, std::span(&fa, 1));
  graph.hide_nodes(fa, [](ENodeId) { return true; });
  graph.rebuild();
  CHECK(graph.node_count() == 2);
  CHECK(graph.nodes_of(fa).empty());
  CHECK(graph.add({2}, std::span(&a, 1)) == fa);
  graph.merge(a,
              fa); // f(a) = a now, so f(f(a)) is the same node as the hidden one, and is to be seen
  graph.rebuild();
  CHECK(graph.find(ffa) == graph.find(a));
  CHECK(graph.node_count() == 2);
}
