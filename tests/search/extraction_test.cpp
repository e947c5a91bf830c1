#include "search/extraction.h"
#include "search/extraction_bound.h"
#include "search/extraction_exact.h"
#include "tests/effort.h"
#include "tests/reference_data.h"

#include <catch2/catch.hpp>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>

using namespace isamorph;
using namespace isamorph::search;

namespace {

constexpr double kInfinite = std::numeric_limits<double>::infinity();

struct NodeSpec {
  std::uint32_t eclass;
  double cost;
  std::vector<std::uint32_t> children; ///< classes
};

SerializedEGraph make_graph(std::uint32_t classes, const std::vector<NodeSpec> &nodes,
                            std::vector<std::uint32_t> roots) {
  SerializedEGraph graph;
  graph.children_at = {0};
  for (std::uint32_t c = 0; c < classes; ++c)
    graph.class_names.push_back("c" + std::to_string(c));
  std::vector<std::uint32_t> some_node(classes, kNoNode);
  for (std::uint32_t n = 0; n < nodes.size(); ++n)
    some_node[nodes[n].eclass] = n;
  for (const NodeSpec &node : nodes) {
    graph.node_names.push_back("n" + std::to_string(graph.nodes()));
    graph.ops.push_back("f");
    graph.node_class.push_back(node.eclass);
    graph.costs.push_back(node.cost);
    graph.subsumed.push_back(0);
    for (std::uint32_t child : node.children)
      graph.child_nodes.push_back(some_node[child]);
    graph.children_at.push_back(static_cast<std::uint32_t>(graph.child_nodes.size()));
  }
  graph.roots = std::move(roots);
  graph.index();
  return graph;
}

/// Calls `visit` with every choice of a node for every class.
template <typename Visit> void all_extractions(const SerializedEGraph &graph, Visit visit) {
  Extraction extraction;
  for (std::uint32_t c = 0; c < graph.classes(); ++c)
    extraction.choice.push_back(graph.nodes_of(c)[0]);
  std::vector<std::size_t> digit(graph.classes(), 0);
  while (true) {
    visit(extraction);
    std::uint32_t c = 0;
    for (; c < graph.classes(); ++c) {
      digit[c] = (digit[c] + 1) % graph.nodes_of(c).size();
      extraction.choice[c] = graph.nodes_of(c)[digit[c]];
      if (digit[c] != 0)
        break;
    }
    if (c == graph.classes())
      return;
  }
}

double brute_force(const SerializedEGraph &graph, CostKind kind) {
  double best = kInfinite;
  all_extractions(graph, [&](const Extraction &extraction) {
    best = std::min(best, kind == CostKind::Tree ? tree_cost(graph, extraction)
                                                 : dag_cost(graph, extraction));
  });
  return best;
}

/// Up to nine classes, often with cycles, zero costs, shared parts and several roots.
SerializedEGraph random_graph(bool negative = false) {
  auto classes = *rc::gen::inRange(1u, 10u);
  auto unit = *rc::gen::element(1.0, 0.1, 3e7);
  std::vector<NodeSpec> nodes;
  for (std::uint32_t c = 0; c < classes; ++c)
    for (int i = *rc::gen::element(1, 2, 2, 3); i > 0; --i) {
      NodeSpec node{c, unit * *rc::gen::inRange(negative ? -4 : 0, 9), {}};
      if (*rc::gen::inRange(0, 4) == 0)
        node.cost = 0;
      // Mostly later classes, so that much can be derived.
      for (int k = *rc::gen::inRange(0, 4); k > 0; --k)
        node.children.push_back(*rc::gen::inRange(0, 4) == 0 || c + 1 == classes
                                    ? *rc::gen::inRange(0u, classes)
                                    : *rc::gen::inRange(c + 1, classes));
      if (c + 2 > classes && i == 1)
        node.children.clear();
      nodes.push_back(node);
    }
  std::vector<std::uint32_t> roots{0};
  for (int k = *rc::gen::element(0, 0, 1, 2); k > 0; --k)
    roots.push_back(*rc::gen::inRange(0u, classes));
  return make_graph(classes, nodes, roots);
}

bool near(double a, double b) { return std::abs(a - b) <= 1e-9 * std::abs(b); }

ExtractionOptions unlimited() {
  ExtractionOptions options;
  options.time_limit = kInfinite;
  options.perturbations = 5;
  return options;
}

void require_optimal(const SerializedEGraph &graph, const ExtractionResult &result, CostKind kind,
                     double exact) {
  if (exact == kInfinite) {
    RC_ASSERT(result.status == ExtractionStatus::Infeasible);
    RC_ASSERT(result.cost == kInfinite);
    return;
  }
  RC_ASSERT(check_extraction(graph, result.extraction, kind, result.cost) == "");
  RC_ASSERT(near(result.cost, exact));
  RC_ASSERT(result.bound <= exact * (1 + 1e-12));
  RC_ASSERT(result.status == ExtractionStatus::Optimal);
}

struct Switch {
  const char *name;
  bool ExtractionOptions::*member;
};
constexpr Switch kSwitches[] = {
    {"simplify", &ExtractionOptions::simplify},
    {"dominance", &ExtractionOptions::dominance},
    {"merging", &ExtractionOptions::merging},
    {"decompose", &ExtractionOptions::decompose},
    {"local_search", &ExtractionOptions::local_search},
    {"perturbation", &ExtractionOptions::perturbation},
    {"landmarks", &ExtractionOptions::landmarks},
    {"reduced_costs", &ExtractionOptions::reduced_costs},
};

struct Reference {
  std::string path;
  double tree, greedy, best;
};

/// The sample of the extraction-gym collection with its results; empty when absent.
std::vector<Reference> reference_files() {
  std::filesystem::path data = isamorph::test::reference_data("egraphs");
  std::ifstream table(data / "best_known.csv");
  std::vector<Reference> out;
  std::string line, field;
  std::getline(table, line);
  while (std::getline(table, line)) {
    std::istringstream fields(line);
    std::vector<std::string> row;
    while (std::getline(fields, field, ','))
      row.push_back(field);
    out.push_back(
        {(data / row[0]).string(), std::stod(row[4]), std::stod(row[5]), std::stod(row[6])});
  }
  if (out.empty())
    WARN("skipped: no reference data at " << data);
  return out;
}

} // namespace

TEST_CASE("tree extraction is optimal") {
  CHECK(rc::check([] {
    SerializedEGraph graph = random_graph();
    require_optimal(graph, extract_tree(graph), CostKind::Tree, brute_force(graph, CostKind::Tree));
  }));
}

TEST_CASE("DAG extraction is optimal") {
  CHECK(rc::check([] {
    SerializedEGraph graph = random_graph();
    require_optimal(graph, extract_dag(graph, unlimited()), CostKind::Dag,
                    brute_force(graph, CostKind::Dag));
  }));
}

TEST_CASE("DAG extraction is optimal without any one technique") {
  for (const Switch &off : kSwitches) {
    INFO(off.name);
    ExtractionOptions options = unlimited();
    options.*off.member = false;
    CHECK(rc::check([&] {
      SerializedEGraph graph = random_graph();
      require_optimal(graph, extract_dag(graph, options), CostKind::Dag,
                      brute_force(graph, CostKind::Dag));
    }));
  }
}

TEST_CASE("branching alone finds the optimum") {
  ExtractionOptions options = unlimited();
  for (const Switch &off : kSwitches)
    options.*off.member = false;
  CHECK(rc::check([&] {
    SerializedEGraph graph = random_graph();
    require_optimal(graph, extract_dag(graph, options), CostKind::Dag,
                    brute_force(graph, CostKind::Dag));
  }));
}

TEST_CASE("bounds hold where the search was cut") {
  ExtractionOptions none = unlimited(), no_branching = unlimited();
  none.time_limit = 0;
  no_branching.branch_and_bound = false;
  CHECK(rc::check([&] {
    SerializedEGraph graph = random_graph();
    double exact = brute_force(graph, CostKind::Dag);
    for (const ExtractionResult &result :
         {extract_dag(graph, none), extract_dag(graph, no_branching), extract_dag_greedy(graph)}) {
      RC_ASSERT((result.status == ExtractionStatus::Infeasible) == (exact == kInfinite));
      if (exact == kInfinite)
        continue;
      RC_ASSERT(check_extraction(graph, result.extraction, CostKind::Dag, result.cost) == "");
      RC_ASSERT(result.bound <= exact * (1 + 1e-12));
      RC_ASSERT(result.cost >= exact * (1 - 1e-12));
    }
  }));
}

TEST_CASE("negative costs: a valid extraction and a bound that holds") {
  CHECK(rc::check([] {
    SerializedEGraph graph = random_graph(true);
    double exact = brute_force(graph, CostKind::Dag);
    ExtractionResult result = extract_dag(graph, unlimited());
    RC_ASSERT((result.status == ExtractionStatus::Infeasible) == (exact == kInfinite));
    if (exact == kInfinite)
      return;
    RC_ASSERT(check_extraction(graph, result.extraction, CostKind::Dag, result.cost) == "");
    RC_ASSERT(result.bound <= exact + 1e-9 * std::abs(exact));
  }));
  SerializedEGraph graph = make_graph(1, {{0, -1, {}}, {0, 1, {}}}, {0});
  CHECK_THROWS_WITH(extract_tree(graph), Catch::Contains("not negative, node 'n0'"));
}

TEST_CASE("the bound of the solutions with a node holds for each of them") {
  CHECK(rc::check([] {
    SerializedEGraph graph = random_graph();
    double scale = scale_for(graph);
    auto problem = simplify(problem_of(graph, scale), {.landmarks = false, .merging = false});
    if (!problem)
      return;
    CutBound bound = cut_bound(*problem, Users(*problem), kNoCost);
    std::vector<double> least(graph.nodes(), 0);
    for (std::uint32_t n = 0; n < problem->nodes(); ++n)
      least[problem->origin[n]] =
          static_cast<double>(bound.with_node(*problem, n)) / scale * (1 - 1e-12);
    all_extractions(graph, [&](const Extraction &extraction) {
      double cost = dag_cost(graph, extraction);
      if (cost == kInfinite)
        return;
      std::vector<std::uint32_t> needed = graph.roots;
      for (std::size_t i = 0; i < needed.size(); ++i) {
        std::uint32_t n = extraction.choice[needed[i]];
        RC_ASSERT(least[n] <= cost);
        for (std::uint32_t child : graph.children_of(n))
          if (std::find(needed.begin(), needed.end(), child) == needed.end())
            needed.push_back(child);
      }
    });
  }));
}

TEST_CASE("shared parts count once in the DAG, every time in the tree") {
  // f(x, x) at 1 + 10, or g at 12.
  SerializedEGraph graph = make_graph(2, {{0, 1, {1, 1}}, {0, 12, {}}, {1, 10, {}}}, {0, 0});
  CHECK(extract_tree(graph).cost == 24); // the repeated root counts twice
  ExtractionResult dag = extract_dag(graph);
  CHECK(dag.cost == 11);
  CHECK(dag.bound == 11);
  CHECK(dag.extraction.choice == std::vector<std::uint32_t>{0, 2});
  CHECK(tree_cost(graph, dag.extraction) == 42);
}

TEST_CASE("cycles that cost nothing are not chosen") {
  SerializedEGraph graph = make_graph(2, {{0, 0, {1}}, {1, 0, {0}}, {1, 5, {}}}, {0});
  CHECK(extract_tree(graph).cost == 5);
  CHECK(extract_dag(graph).cost == 5);
  SerializedEGraph none = make_graph(2, {{0, 0, {1}}, {1, 0, {0}}}, {0});
  CHECK(extract_tree(none).status == ExtractionStatus::Infeasible);
  CHECK(extract_dag(none).status == ExtractionStatus::Infeasible);
}

TEST_CASE("check_extraction says what is wrong") {
  SerializedEGraph graph =
      make_graph(3, {{0, 1, {1, 1}}, {1, 2, {}}, {1, 0, {0}}, {2, 7, {}}}, {0});
  auto check = [&](std::vector<std::uint32_t> choice, CostKind kind, double cost) {
    return check_extraction(graph, {std::move(choice)}, kind, cost);
  };
  CHECK(check({0, 1, kNoNode}, CostKind::Dag, 3) == "");
  CHECK(check({0, 1, kNoNode}, CostKind::Tree, 5) == "");
  CHECK_THAT(check({0, 1, kNoNode}, CostKind::Tree, 3), Catch::StartsWith("the cost is 5"));
  CHECK_THAT(check({0, 1, kNoNode}, CostKind::Dag, std::nan("")), Catch::StartsWith("the cost"));
  CHECK_THAT(check({0, kNoNode, 3}, CostKind::Dag, 1), Catch::Contains("'c1' is needed"));
  CHECK_THAT(check({0, 2, 3}, CostKind::Dag, 1), Catch::Contains("cycle"));
  CHECK_THAT(check({0, 3, 3}, CostKind::Dag, 8), Catch::Contains("not a node of it"));
  CHECK_THAT(check({0, 99, 3}, CostKind::Dag, 8), Catch::Contains("not a node of it"));
  CHECK_THAT(check({0}, CostKind::Dag, 8), Catch::Contains("1 choices for 3 classes"));
}

TEST_CASE("long chains are neither slow nor deep") {
  std::vector<NodeSpec> nodes;
  constexpr std::uint32_t length = 8000;
  for (std::uint32_t c = 0; c + 1 < length; ++c) {
    nodes.push_back({c, 1, {c + 1}});
    nodes.push_back({c, 0, {c + 1, std::min(c + 2, length - 1)}});
  }
  nodes.push_back({length - 1, 1, {}});
  SerializedEGraph graph = make_graph(length, nodes, {0});
  ExtractionResult tree = extract_tree(graph), dag = extract_dag_greedy(graph);
  CHECK(tree.cost == length);
  CHECK(dag.cost == 1);
  CHECK(dag.status == ExtractionStatus::Optimal);
}

TEST_CASE("a flag that is set ends the search with what is known") {
  std::atomic<bool> flag{true};
  ExtractionOptions options = unlimited();
  options.interrupt = &flag;
  SerializedEGraph graph = make_graph(
      4, {{0, 1, {1, 2}}, {0, 1, {2, 3}}, {1, 2, {}}, {2, 3, {}}, {3, 1, {}}, {2, 1, {3}}}, {0});
  ExtractionResult result = extract_dag(graph, options);
  CHECK(check_extraction(graph, result.extraction, CostKind::Dag, result.cost) == "");
  CHECK(result.bound <= 3);
}

TEST_CASE("the collection: trees are optimal, DAGs no worse than its best greedy ones") {
  std::vector<Reference> files = reference_files();
  for (std::size_t i = 0; i < files.size(); i += isamorph::effort::kEvery) {
    const Reference &file = files[i];
    INFO(file.path);
    SerializedEGraph graph = read_egraph(semantics::read_source(file.path));
    ExtractionResult tree = extract_tree(graph);
    CHECK(near(tree.cost, file.tree));
    CHECK(check_extraction(graph, tree.extraction, CostKind::Tree, tree.cost) == "");
    ExtractionResult greedy = extract_dag_greedy(graph);
    CHECK(check_extraction(graph, greedy.extraction, CostKind::Dag, greedy.cost) == "");
    CHECK(greedy.cost <= file.greedy * (1 + 1e-9));
    CHECK(greedy.bound <= file.best * (1 + 1e-9));
    ExtractionOptions options = unlimited();
    options.perturbations = 20;
    options.branch_and_bound = false;
    ExtractionResult better = extract_dag(graph, options);
    CHECK(check_extraction(graph, better.extraction, CostKind::Dag, better.cost) == "");
    CHECK(better.cost <= greedy.cost);
    CHECK(better.bound <= better.cost);
    CHECK(better.bound <= file.best * (1 + 1e-9));
  }
}
