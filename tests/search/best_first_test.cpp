// The engine on random graphs, and checkpoints that do not fit.

#include "search/anytime.h"
#include "semantics/source.h"

#include <catch2/catch.hpp>
#include <rapidcheck.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

using namespace isamorph;
using namespace isamorph::search;

namespace {

/// A graph with a goal; a state is a node's number. Bounds are the true distances minus some noise.
struct Graph {
  struct Edge {
    std::uint32_t to;
    std::int64_t cost;
  };
  std::vector<std::vector<Edge>> edges;
  std::vector<std::int64_t> distance; ///< to the goal; -1: none
  std::vector<std::int64_t> noise;

  std::uint32_t goal() const { return static_cast<std::uint32_t>(edges.size() - 1); }
  std::vector<std::uint32_t> root() const { return {0}; }
  bool plausible(Words state) const { return state.size() == 1 && state[0] < edges.size(); }

  struct Worker {
    const Graph &graph;
    bool is_goal(Words state) const { return state[0] == graph.goal(); }
    std::optional<std::int64_t> bound(Words state) const {
      std::int64_t d = graph.distance[state[0]];
      if (d < 0)
        return graph.noise[state[0]] % 2 ? std::nullopt : std::optional(graph.noise[state[0]]);
      return std::max<std::int64_t>(0, d - graph.noise[state[0]]);
    }
    void expand(Words state, Successors &out) const {
      for (const Edge &edge : graph.edges[state[0]])
        out.add(Words(&edge.to, 1), edge.cost, 0);
    }
  };
  std::unique_ptr<Worker> worker() const { return std::make_unique<Worker>(*this); }
};

Graph random_graph(int least = 1) {
  Graph graph;
  graph.edges.resize(static_cast<std::size_t>(*rc::gen::inRange(least, 60)));
  auto nodes = static_cast<std::uint32_t>(graph.edges.size());
  for (auto &edges : graph.edges)
    for (int i = *rc::gen::inRange(0, 5); i > 0; --i)
      edges.push_back({*rc::gen::inRange(0u, nodes), *rc::gen::inRange(0, 6)});
  graph.distance.assign(nodes, -1);
  graph.distance[graph.goal()] = 0;
  for (std::uint32_t round = 0; round < nodes; ++round) // Bellman and Ford
    for (std::uint32_t from = 0; from < nodes; ++from)
      for (Graph::Edge edge : graph.edges[from])
        if (std::int64_t rest = graph.distance[edge.to];
            rest >= 0 && (graph.distance[from] < 0 || rest + edge.cost < graph.distance[from]))
          graph.distance[from] = rest + edge.cost;
  for (std::uint32_t node = 0; node < nodes; ++node)
    graph.noise.push_back(*rc::gen::inRange(0, 12));
  return graph;
}

std::int64_t length(const Graph &graph, const Path &path) {
  std::uint32_t at = 0;
  std::int64_t sum = 0;
  for (std::uint32_t ordinal : path.ordinals) {
    sum += graph.edges[at].at(ordinal).cost;
    at = graph.edges[at].at(ordinal).to;
  }
  RC_ASSERT(at == graph.goal());
  return sum;
}

AnytimeResult solve(const Graph &graph, const AnytimeOptions &options, std::uint64_t task = 1) {
  return AnytimeSearch<Graph>(graph, options, task).run();
}

std::string temporary(const std::string &name) {
  return std::filesystem::temp_directory_path() /
         ("isamorph_" + name + "_" + std::to_string(getpid()));
}

std::string read(const std::string &path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
void write(const std::string &path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

} // namespace

TEST_CASE("paths in random graphs are shortest, whatever the schedule and the threads") {
  REQUIRE(rc::check([] {
    Graph graph = random_graph();
    AnytimeOptions options;
    options.weighted_after = *rc::gen::element(0, 1, 3);
    options.weighted_expansions = *rc::gen::element(1, 5, 1000);
    options.beam = *rc::gen::element(0, 1, 4);
    options.weights =
        *rc::gen::element(std::vector<std::int64_t>{}, std::vector<std::int64_t>{5, 3, 2, 1});
    AnytimeResult found = solve(graph, options);
    options.jobs = 3;
    AnytimeResult again = solve(graph, options);
    RC_ASSERT(found.path.ordinals == again.path.ordinals);
    RC_ASSERT(found.expanded == again.expanded);
    RC_ASSERT(found.evaluated == again.evaluated);
    if (graph.distance[0] < 0) {
      RC_ASSERT(found.status == AnytimeResult::Status::Infeasible);
      return;
    }
    RC_ASSERT(found.status == AnytimeResult::Status::Optimal);
    RC_ASSERT(found.path.cost == graph.distance[0]);
    RC_ASSERT(found.bound == graph.distance[0]);
    RC_ASSERT(length(graph, found.path) == graph.distance[0]);
  }));
}

TEST_CASE("a heavier weight costs at most its factor more") {
  REQUIRE(rc::check([] {
    Graph graph = random_graph();
    Crew crew(1);
    BestFirst<Graph>::Workers workers;
    workers.push_back(graph.worker());
    std::int64_t weight = *rc::gen::element(1, 2, 5);
    BestFirst<Graph> engine(graph, crew, workers, {weight, 0, true});
    auto outcome = engine.run({}, [] { return false; });
    RC_ASSERT((outcome == BestFirst<Graph>::Outcome::Goal) == (graph.distance[0] >= 0));
    if (graph.distance[0] >= 0)
      RC_ASSERT(engine.extract().cost <= weight * graph.distance[0]);
  }));
}

TEST_CASE("every step can be a checkpoint") {
  std::string path = temporary("every_step");
  REQUIRE(rc::check([&] {
    Graph graph = random_graph();
    AnytimeOptions options;
    options.weighted_after = *rc::gen::element(0, 1, 3);
    options.weighted_expansions = 4;
    options.beam = *rc::gen::element(0, 2);
    AnytimeResult whole = solve(graph, options);
    options.checkpoint = path;
    options.max_expansions = 1;
    AnytimeResult part;
    std::uint64_t runs = 0;
    do {
      part = solve(graph, options);
      RC_ASSERT(++runs <= whole.expanded + 1);
    } while (!part.stopped_by.empty());
    RC_ASSERT(part.status == whole.status);
    RC_ASSERT(part.path.ordinals == whole.path.ordinals);
    RC_ASSERT(part.expanded == whole.expanded);
    RC_ASSERT(part.evaluated == whole.evaluated);
    RC_ASSERT(part.bound == whole.bound);
    RC_ASSERT(!std::filesystem::exists(path));
  }));
}

TEST_CASE("checkpoints that do not fit are input errors") {
  std::string path = temporary("misfit");
  REQUIRE(rc::check([&] {
    Graph graph = random_graph(10);
    AnytimeOptions options;
    options.checkpoint = path;
    options.max_expansions = *rc::gen::inRange(1, 5);
    options.weighted_after = 2;
    std::filesystem::remove(path);
    if (solve(graph, options).stopped_by.empty())
      return;
    std::string good = read(path);
    RC_ASSERT_THROWS_AS(solve(graph, options, 2), semantics::InputError);
    AnytimeOptions other = options;
    other.weights = {7};
    RC_ASSERT_THROWS_AS(solve(graph, other), semantics::InputError);
    RC_ASSERT(read(path) == good);

    write(path, good.substr(0, *rc::gen::inRange<std::size_t>(0, good.size())));
    RC_ASSERT_THROWS_AS(solve(graph, options), semantics::InputError);
    std::string bad = good;
    bad[*rc::gen::inRange<std::size_t>(0, bad.size())] ^=
        static_cast<char>(1 << *rc::gen::inRange(0, 8));
    write(path, bad);
    RC_ASSERT_THROWS_AS(solve(graph, options), semantics::InputError);
    write(path, good + "x");
    RC_ASSERT_THROWS_AS(solve(graph, options), semantics::InputError);
  }));
  std::filesystem::remove(path);
}

TEST_CASE("a body that a checksum covers but that is nonsense is an input error too") {
  std::string path = temporary("nonsense");
  Graph graph;
  graph.edges = {{{1, 1}, {2, 1}}, {{3, 1}}, {{3, 2}}, {}};
  graph.distance = {2, 1, 2, 0};
  graph.noise = {2, 2, 2, 2};
  AnytimeOptions options;
  options.checkpoint = path;
  options.max_expansions = 1;
  std::filesystem::remove(path);
  REQUIRE(solve(graph, options).stopped_by == "expansion limit");
  std::string good = read(path);
  constexpr std::size_t header = 22 + 24;
  std::uint64_t task = 0;
  std::memcpy(&task, good.data() + 22, sizeof task);
  std::string body = good.substr(header);
  int refused = 0;
  for (std::size_t at = 0; at < body.size(); ++at) {
    std::string bad = body;
    bad[at] = static_cast<char>(0xff);
    write_checkpoint(path, task, bad);
    try {
      solve(graph, options);
    } catch (const semantics::InputError &) {
      ++refused;
    }
  }
  CHECK(refused > 20);
  std::filesystem::remove(path);
}

TEST_CASE("what is no checkpoint is not overwritten") {
  std::string path = temporary("precious");
  write(path, "HloModule precious");
  Graph graph;
  graph.edges = {{}};
  graph.distance = {0};
  graph.noise = {0};
  AnytimeOptions options;
  options.checkpoint = path;
  CHECK_THROWS_AS(solve(graph, options), semantics::InputError);
  CHECK(read(path) == "HloModule precious");
  std::filesystem::remove(path);
  options.checkpoint = temporary("no_such_folder") + "/file";
  CHECK_THROWS_AS(solve(graph, options), semantics::InputError);
}
