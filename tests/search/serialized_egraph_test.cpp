#include "search/serialized_egraph.h"

#include <catch2/catch.hpp>
#include <rapidcheck.h>

using namespace isamorph;
using namespace isamorph::search;

namespace {

SerializedEGraph read(const std::string &text) {
  return read_egraph(semantics::make_source("graph.json", text));
}

void same(const SerializedEGraph &a, const SerializedEGraph &b) {
  RC_ASSERT(a.class_names == b.class_names);
  RC_ASSERT(a.class_nodes == b.class_nodes);
  RC_ASSERT(a.node_names == b.node_names);
  RC_ASSERT(a.ops == b.ops);
  RC_ASSERT(a.node_class == b.node_class);
  RC_ASSERT(a.costs == b.costs);
  RC_ASSERT(a.subsumed == b.subsumed);
  RC_ASSERT(a.children_at == b.children_at);
  RC_ASSERT(a.child_nodes == b.child_nodes);
  RC_ASSERT(a.child_classes == b.child_classes);
  RC_ASSERT(a.roots == b.roots);
  RC_ASSERT(a.class_data == b.class_data);
}

} // namespace

TEST_CASE("classes and nodes are numbered in order of appearance") {
  SerializedEGraph graph = read(R"({
    "class_data": {"x": {"type": ["f32", -1.5e3, true, null]}},
    "unknown": [1, "]"],
    "nodes": {
      "x.0": {"op": "+", "children": ["y.0", "y.0", "x.1"], "eclass": "x", "cost": 1.5},
      "y.0": {"eclass": "y", "cost": 0, "children": [], "op": "a\u00e9\"\ud83d\ude00", "extra": {}},
      "x.1": {"op": "b", "children": [], "eclass": "x", "cost": 2e-3, "subsumed": true}
    },
    "root_eclasses": ["x", "y", "x"]
  })");
  CHECK(graph.class_names == std::vector<std::string>{"x", "y"});
  CHECK(graph.node_names == std::vector<std::string>{"x.0", "y.0", "x.1"});
  CHECK(graph.ops[1] == "a\xc3\xa9\"\xf0\x9f\x98\x80");
  CHECK(graph.costs == std::vector<double>{1.5, 0, 0.002});
  CHECK(graph.subsumed == std::vector<char>{0, 0, 1});
  CHECK(graph.class_nodes == std::vector<std::uint32_t>{0, 2, 1});
  CHECK(graph.nodes_of(0).size() == 2);
  CHECK(graph.child_nodes == std::vector<std::uint32_t>{1, 1, 2});
  CHECK(graph.child_classes == std::vector<std::uint32_t>{1, 1, 0});
  CHECK(graph.roots == std::vector<std::uint32_t>{0, 1, 0});
  CHECK(graph.class_data == R"({"x": {"type": ["f32", -1.5e3, true, null]}})");
}

TEST_CASE("mistakes in e-graph files are reported where they are") {
  auto node = [](const std::string &fields) {
    return "{\"root_eclasses\": [\"a\"],\n \"nodes\": {\"n\": {" + fields + "}}}";
  };
  const std::string good = R"("op": "f", "children": [], "eclass": "a", "cost": 1)";
  CHECK_NOTHROW(read(node(good)));
  struct {
    std::string text, place, message;
  } cases[] = {
      {"", "1:1", "expected '{' of an e-graph, found the end of the file"},
      {"[]", "1:1", "expected '{'"},
      {"{}", "1:1", "missing 'nodes'"},
      {R"({"nodes": {}})", "1:1", "missing 'root_eclasses'"},
      {R"({"nodes": {}, "root_eclasses": []})", "1:1", "no roots"},
      {R"({"nodes": {}, "root_eclasses": ["a"]})", "1:33", "no node is in the root class 'a'"},
      {R"({"nodes": {}, "nodes": {}})", "1:15", "given twice"},
      {R"({"nodes": [], "root_eclasses": ["a"]})", "1:11", "expected an object of nodes"},
      {node(good) + " x", "2:73", "expected the end of the file, found 'x'"},
      {node(good).substr(0, 60), "2:29", "a string that does not end"},
      {node(R"("op": "f", "children": [], "eclass": "a")"), "2:12", "node 'n' has no 'cost'"},
      {node(R"("op": "f", "children": [], "cost": 1)"), "2:12", "node 'n' has no 'eclass'"},
      {node(R"("op": "f", "eclass": "a", "cost": 1)"), "2:12", "node 'n' has no 'children'"},
      {node(R"("children": [], "eclass": "a", "cost": 1)"), "2:12", "node 'n' has no 'op'"},
      {node(R"("op": 1)"), "2:24", "expected an operation in quotes, found '1'"},
      {node(R"("op": "f", "op": "f")"), "2:29", "'op' is given twice"},
      {node(R"("op": "f", "children": ["m"], "eclass": "a", "cost": 1)"), "2:42",
       "no node is called 'm'"},
      {node(R"("op": "f", "children": [7])"), "2:42", "expected a node in quotes"},
      {node(R"("cost": "1")"), "2:26", "expected a cost"},
      {node(R"("cost": NaN)"), "2:26", "expected a cost, found 'N'"},
      {node(R"("cost": -Infinity)"), "2:26", "expected a cost"},
      {node(R"("cost": 1e999)"), "2:26", "not finite"},
      {node(R"("cost": 01)"), "2:26", "expected a cost"},
      {node(R"("cost": 1.)"), "2:26", "expected a cost"},
      {node(R"("subsumed": 1)"), "2:30", "expected true or false"},
      {node(good + R"(}, "n": {)" + good), "2:72", "node 'n' is given twice"},
      {node(R"("op": "\q")"), "2:25", "an unknown escape"},
      {node(R"("op": "\ud800")"), "2:25", "half of a surrogate pair"},
      {node("\"op\": \"a\nb\""), "2:26", "a control character"},
      {node("\"x\": " + std::string(300, '[')), "", "nested more than 200 deep"},
  };
  for (const auto &c : cases) {
    INFO(c.text);
    std::string what;
    try {
      read(c.text);
    } catch (const semantics::InputError &error) {
      what = error.what();
    }
    CHECK_THAT(what, Catch::StartsWith("graph.json:" + c.place) && Catch::Contains(c.message));
  }
}

TEST_CASE("print_egraph and read_egraph are inverse") {
  CHECK(rc::check([] {
    SerializedEGraph graph;
    auto classes = *rc::gen::inRange(1, 5);
    auto nodes = *rc::gen::inRange(classes, 12);
    graph.children_at = {0};
    for (int n = 0; n < nodes; ++n) {
      graph.node_names.push_back(*rc::gen::arbitrary<std::string>() + "#" + std::to_string(n));
      graph.ops.push_back(*rc::gen::arbitrary<std::string>());
      graph.node_class.push_back(
          static_cast<std::uint32_t>(n < classes ? n : *rc::gen::inRange(0, classes)));
      graph.costs.push_back(*rc::gen::arbitrary<double>());
      graph.subsumed.push_back(*rc::gen::arbitrary<bool>());
      for (int i = *rc::gen::inRange(0, 4); i > 0; --i)
        graph.child_nodes.push_back(static_cast<std::uint32_t>(*rc::gen::inRange(0, nodes)));
      graph.children_at.push_back(static_cast<std::uint32_t>(graph.child_nodes.size()));
    }
    for (int c = 0; c < classes; ++c)
      graph.class_names.push_back(std::to_string(c) + *rc::gen::arbitrary<std::string>());
    graph.roots = {static_cast<std::uint32_t>(*rc::gen::inRange(0, classes)), 0};
    graph.index();
    same(read(print_egraph(graph)), graph);
  }));
}

TEST_CASE("damaged e-graph files are refused or read, never worse") {
  const std::string text = print_egraph(read(
      R"({"nodes": {"n": {"op": "\n", "children": ["n", "m"], "eclass": "a", "cost": 1.25},
                    "m": {"op": "g", "children": [], "eclass": "b", "cost": -3e2}},
          "root_eclasses": ["a"], "class_data": {"a": [1, {"b": null}]}})"));
  CHECK(rc::check([&] {
    std::string damaged = text;
    for (int i = *rc::gen::inRange(1, 4); i > 0; --i) {
      auto at = *rc::gen::inRange<std::size_t>(0, damaged.size());
      if (*rc::gen::arbitrary<bool>())
        damaged[at] = *rc::gen::elementOf(std::string("{}[]\",:\\u0e-n. "));
      else
        damaged.erase(at, *rc::gen::inRange<std::size_t>(1, 20));
    }
    try {
      SerializedEGraph graph = read(damaged);
      same(read(print_egraph(graph)), graph);
    } catch (const semantics::InputError &error) {
      RC_ASSERT(error.line() > 0u);
    }
  }));
}
