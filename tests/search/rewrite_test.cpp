#include "search/rewrite.h"

#include "tests/search/explanation_check.h"

#include <array>
#include <catch2/catch.hpp>
#include <rapidcheck.h>
#include <set>

using namespace isamorph::search;

namespace {

using Plain = EGraph<>;
using Rule = Rewrite<Plain>;

Rule rule(const std::string &from, const std::string &to, OperatorNames &names) {
  Rule out;
  out.name = from + " => " + to;
  out.from = parse_pattern(from, names, out.variables);
  out.to.push_back(parse_pattern(to, names, out.variables));
  return out;
}

std::uint64_t power(std::uint64_t base, int exponent) {
  return exponent == 0 ? 1 : base * power(base, exponent - 1);
}

/// The sum of n leaves, and its rules.
struct Sum {
  OperatorNames names;
  std::vector<Rule> rules;
  Plain graph;

  explicit Sum(int n, bool explain = false) {
    rules = {rule("(+ ?a ?b)", "(+ ?b ?a)", names),
             rule("(+ ?a (+ ?b ?c))", "(+ (+ ?a ?b) ?c)", names)};
    if (explain)
      graph.enable_explanations();
    ClassId sum = graph.add(names.intern("x0"), {});
    for (int i = 1; i < n; ++i) {
      ClassId pair[] = {sum, graph.add(names.intern("x" + std::to_string(i)), {})};
      sum = graph.add(names.intern("+"), pair);
    }
  }

  RewriteReport saturate(RewriteOptions options = {}) {
    options.limits.nodes = 10'000'000;
    options.limits.seconds = 600;
    return isamorph::search::saturate<Plain>(graph, rules, options);
  }
};

void check_sum(int n) {
  Sum sum(n);
  CHECK(sum.saturate().reason == StopReason::Saturated);
  CHECK(sum.graph.class_count() == power(2, n) - 1);
  CHECK(sum.graph.node_count() ==
        power(3, n) - power(2, n + 1) + 1 + static_cast<std::uint64_t>(n));
}

/// All matches by trying every assignment of classes to variables, as records (root, variables).
std::set<std::vector<ClassId>> brute_force(const Plain &graph, const Pattern &pattern,
                                           std::size_t variables) {
  std::set<std::vector<ClassId>> out;
  std::vector<ClassId> classes = graph.classes(), bindings(variables);
  std::vector<bool> used(variables);
  for (const Pattern::Node &node : pattern.nodes)
    if (node.is_variable)
      used[node.number] = true;
  std::function<void(std::size_t)> assign = [&](std::size_t v) {
    if (v < variables) {
      for (ClassId c : classes) {
        bindings[v] = used[v] ? c : ClassId{};
        assign(v + 1);
        if (!used[v])
          return;
      }
      return;
    }
    std::vector<std::optional<ClassId>> values;
    for (const Pattern::Node &node : pattern.nodes) {
      if (node.is_variable) {
        values.push_back(bindings[node.number]);
        continue;
      }
      std::vector<ClassId> children;
      bool known = true;
      for (std::uint32_t child : node.children) {
        known &= values[child].has_value();
        children.push_back(values[child].value_or(ClassId{}));
      }
      values.push_back(known ? graph.find_term({node.number}, children) : std::nullopt);
    }
    if (!values.back())
      return;
    std::vector<ClassId> match{*values.back()};
    match.insert(match.end(), bindings.begin(), bindings.end());
    out.insert(match);
  };
  assign(0);
  return out;
}

/// Matches as records; what stands for variables that the pattern lacks is cleared.
std::set<std::vector<ClassId>> records(const std::vector<ClassId> &flat, const Pattern &pattern) {
  std::set<std::vector<ClassId>> out;
  constexpr std::size_t stride = 4;
  for (std::size_t i = 0; i < flat.size(); i += stride) {
    std::vector<ClassId> record(flat.begin() + static_cast<std::ptrdiff_t>(i),
                                flat.begin() + static_cast<std::ptrdiff_t>(i + stride));
    for (std::uint32_t v = 0; v < 3; ++v)
      if (std::none_of(pattern.nodes.begin(), pattern.nodes.end(),
                       [&](const auto &n) { return n.is_variable && n.number == v; }))
        record[1 + v] = {};
    out.insert(record);
  }
  return out;
}

EMatcher::Lookup lookup(const Plain &graph) {
  return [&graph](OperatorId op, std::span<const ClassId> children) {
    return graph.find_term(op, children);
  };
}

/// Adds random terms over operators 0 (leaf a, b, ...), f/1, g/2, h/3 and merges some.
void grow(Plain &graph, std::vector<ClassId> &ids, std::size_t terms, int merges) {
  for (std::size_t i = 0; i < terms; ++i) {
    auto arity = ids.empty() ? 0 : *rc::gen::inRange<std::size_t>(0, 4);
    std::vector<ClassId> children;
    for (std::size_t k = 0; k < arity; ++k)
      children.push_back(ids[*rc::gen::inRange<std::size_t>(0, ids.size())]);
    auto op = static_cast<std::uint32_t>(arity * 2) + *rc::gen::inRange<std::uint32_t>(0, 2);
    ids.push_back(graph.add({op}, children));
  }
  for (int m = 0; m < merges; ++m)
    graph.merge(ids[*rc::gen::inRange<std::size_t>(0, ids.size())],
                ids[*rc::gen::inRange<std::size_t>(0, ids.size())]);
  graph.rebuild();
}

Pattern random_pattern(int depth) {
  Pattern pattern;
  std::function<std::uint32_t(int)> node = [&](int d) -> std::uint32_t {
    auto arity = d == 0 ? 0 : *rc::gen::inRange<std::size_t>(0, 4);
    if (arity == 0 && *rc::gen::inRange(0, 4) != 0) {
      pattern.nodes.push_back({true, *rc::gen::inRange<std::uint32_t>(0, 3), {}});
    } else {
      Pattern::Node n{false,
                      static_cast<std::uint32_t>(arity * 2) +
                          *rc::gen::inRange<std::uint32_t>(0, 2),
                      {}};
      for (std::size_t k = 0; k < arity; ++k)
        n.children.push_back(node(d - 1));
      pattern.nodes.push_back(std::move(n));
    }
    return static_cast<std::uint32_t>(pattern.nodes.size() - 1);
  };
  node(depth);
  return pattern;
}

} // namespace

TEST_CASE("sums of distinct leaves saturate at the known counts") {
  for (int n = 3; n <= 8; ++n)
    check_sum(n);
}

TEST_CASE("sums of up to twelve leaves saturate at the known counts", "[slow]") {
  for (int n = 9; n <= 12; ++n)
    check_sum(n);
}

TEST_CASE("what is matched is what brute force finds") {
  REQUIRE(rc::check([] {
    Plain graph;
    std::vector<ClassId> ids;
    grow(graph, ids, *rc::gen::inRange<std::size_t>(1, 14), *rc::gen::inRange(0, 4));
    Pattern pattern = random_pattern(2);
    EMatcher matcher(pattern, 3);
    matcher.prepare(graph.index(), 0, lookup(graph));
    std::vector<ClassId> found;
    matcher.match(0, matcher.starts(), found);
    RC_ASSERT(records(found, pattern) == brute_force(graph, pattern, 3));
    RC_ASSERT(found.size() == matcher.stride() * brute_force(graph, pattern, 3).size()); // once
  }));
}

TEST_CASE("a term of a pattern that appears later makes matches of rows that are old") {
  for (bool merge_into_used : {true, false}) {
    OperatorNames names;
    std::vector<std::string> variables;
    Pattern pattern = parse_pattern("(f a)", names, variables);
    Plain graph;
    ClassId b = graph.add(names.intern("b"), {}), kids[] = {b};
    ClassId used = graph.add(names.intern("f"), kids);
    if (!merge_into_used) // then the class of `a` will be the one that stays
      for (const char *user : {"g", "h", "i"})
        graph.merge(graph.add(names.intern("a"), {}),
                    graph.add(names.intern(user), std::array{graph.add(names.intern("c"), {})}));
    graph.rebuild();
    EMatcher matcher(pattern, 0);
    matcher.prepare(graph.index(), 0, lookup(graph));
    std::vector<ClassId> found;
    matcher.match(0, matcher.starts(), found);
    CHECK(found.empty());
    std::uint32_t since = graph.index().view();
    graph.merge(graph.add(names.intern("a"), {}), b);
    graph.rebuild();
    matcher.prepare(graph.index(), since, lookup(graph));
    matcher.match(0, matcher.starts(), found);
    CHECK(found == std::vector<ClassId>{graph.find(used)});
  }
}

TEST_CASE("old matches and new matches are all matches") {
  REQUIRE(rc::check([] {
    Plain graph;
    std::vector<ClassId> ids;
    grow(graph, ids, *rc::gen::inRange<std::size_t>(2, 14), *rc::gen::inRange(0, 3));
    Pattern pattern = random_pattern(2);
    EMatcher matcher(pattern, 3);
    matcher.prepare(graph.index(), 0, lookup(graph));
    std::vector<ClassId> old, all, fresh;
    matcher.match(0, matcher.starts(), old);
    std::uint32_t since = graph.index().view();
    auto rounds =
        *rc::gen::inRange(1, 3); // the second time, what is new is older than the last view
    for (int i = 0; i < rounds; ++i)
      grow(graph, ids, *rc::gen::inRange<std::size_t>(0, 6), *rc::gen::inRange(0, 4));
    matcher.prepare(graph.index(), since, lookup(graph));
    if (graph.index().view() != since)
      matcher.match(0, matcher.starts(), fresh);
    matcher.prepare(graph.index(), 0, lookup(graph));
    matcher.match(0, matcher.starts(), all);
    for (ClassId &c : old)
      c = graph.find(c);
    auto both = records(old, pattern), more = records(fresh, pattern);
    both.insert(more.begin(), more.end());
    RC_ASSERT(both == records(all, pattern));
    RC_ASSERT(more.size() * matcher.stride() == fresh.size()); // each once
  }));
}

TEST_CASE("options and threads do not change what is saturated") {
  RewriteOptions plain;
  plain.incremental = plain.filter = false;
  Sum reference(7);
  RewriteReport expected = reference.saturate(plain);
  for (int variant = 1; variant < 16; ++variant) {
    RewriteOptions options;
    options.incremental = variant & 1;
    options.filter = variant & 2;
    options.jobs = variant & 4 ? 4 : 1;
    options.seek = variant & 8;
    Sum sum(7);
    RewriteReport report = sum.saturate(options);
    REQUIRE(report.iterations.size() == expected.iterations.size());
    for (std::size_t i = 0; i < report.iterations.size(); ++i) {
      CHECK(report.iterations[i].nodes == expected.iterations[i].nodes);
      CHECK(report.iterations[i].classes == expected.iterations[i].classes);
    }
  }
}

TEST_CASE("the numbers of nodes and classes do not depend on threads") {
  auto dump = [](int jobs) {
    Sum sum(7);
    RewriteOptions options;
    options.jobs = jobs;
    sum.saturate(options);
    std::vector<std::uint32_t> out;
    for (ClassId c : sum.graph.classes())
      for (ENodeId node : sum.graph.nodes_of(c)) {
        out.push_back(c.v);
        out.push_back(node.v);
        for (ClassId child : sum.graph.children(node))
          out.push_back(child.v);
      }
    return out;
  };
  CHECK(dump(1) == dump(2));
  CHECK(dump(1) == dump(4));
}

TEST_CASE("back-off bans a rule that matches too often, and it comes back") {
  Sum sum(6);
  RewriteOptions options;
  options.scheduler = {true, 20, 2};
  RewriteReport report = sum.saturate(options);
  CHECK(report.reason == StopReason::Saturated);
  CHECK(sum.graph.class_count() == 63);
  std::size_t bans = 0;
  for (const auto &iteration : report.rules)
    for (const RuleReport &r : iteration)
      bans += r.bans;
  CHECK(bans > 0);
}

TEST_CASE("any two equal terms are explained by steps that check") {
  for (bool shorten : {false, true}) {
    Sum sum(5, true);
    std::vector<TermId> leaves;
    OperatorId plus = sum.names.intern("+");
    for (int i = 0; i < 5; ++i)
      leaves.push_back(sum.graph.add_term(sum.names.intern("x" + std::to_string(i)), {}));
    sum.saturate();
    CHECK(sum.graph.class_count() == 31);
    auto total = [&](std::vector<TermId> order, bool left) {
      TermId out = order[0];
      for (std::size_t i = 1; i < order.size(); ++i) {
        TermId pair[] = {left ? out : order[i], left ? order[i] : out};
        out = sum.graph.add_term(plus, pair);
      }
      return out;
    };
    TermId first = total(leaves, true);
    for (int k = 0; k < 20; ++k) {
      std::next_permutation(leaves.begin(), leaves.end());
      TermId other = total(leaves, k % 2);
      REQUIRE(sum.graph.class_of(first) == sum.graph.class_of(other));
      test::check_explanation(sum.graph.explain(first, other, shorten), first, other,
                              *sum.graph.proofs(), std::span<const Rule>(sum.rules),
                              [](TermId, TermId) { return false; });
    }
  }
}

TEST_CASE("shortened explanations are not longer") {
  Sum sum(6, true);
  RewriteOptions options;
  options.filter = false; // redundant applications are what shortens
  options.incremental = false;
  sum.saturate(options);
  const NodeTable &terms = sum.graph.proofs()->terms();
  std::uint64_t straight = 0, shorter = 0;
  for (std::uint32_t t = 1; t < terms.size(); t += 7) {
    TermId a{t}, b = sum.graph.term_of(sum.graph.class_of(a));
    straight += sum.graph.explain(a, b, false).length;
    shorter += sum.graph.explain(a, b, true).length;
  }
  CHECK(shorter < straight);
}
