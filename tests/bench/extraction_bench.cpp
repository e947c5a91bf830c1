// Extraction over the sample of the extraction-gym collection, where it is at hand: reading with
// the tree cost, the greedy DAG cost, and the DAG cost within a second a file.

#include "search/extraction.h"
#include "tests/reference_data.h"

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace isamorph;
using namespace isamorph::search;

namespace {

std::vector<std::string> files() {
  std::filesystem::path data = isamorph::test::reference_data("egraphs");
  std::ifstream table(data / "best_known.csv");
  std::vector<std::string> out;
  std::string line;
  std::getline(table, line);
  while (std::getline(table, line))
    out.push_back((data / line.substr(0, line.find(','))).string());
  return out;
}

std::vector<SerializedEGraph> read_all() {
  std::vector<SerializedEGraph> out;
  for (const std::string &file : files())
    out.push_back(read_egraph(semantics::read_source(file)));
  return out;
}

bool present(benchmark::State &state) {
  if (!files().empty())
    return true;
  state.SkipWithError("no reference data");
  return false;
}

void read_and_extract_tree(benchmark::State &state) {
  if (!present(state))
    return;
  double nodes = 0;
  for (auto _ : state)
    for (const std::string &file : files()) {
      SerializedEGraph graph = read_egraph(semantics::read_source(file));
      benchmark::DoNotOptimize(extract_tree(graph).cost);
      nodes += graph.nodes();
    }
  state.counters["nodes"] = benchmark::Counter(nodes, benchmark::Counter::kIsRate);
}
BENCHMARK(read_and_extract_tree)->Unit(benchmark::kMillisecond);

/// Counts what was proved, beside the time.
template <typename Extract> void extract_all(benchmark::State &state, Extract extract) {
  if (!present(state))
    return;
  std::vector<SerializedEGraph> graphs = read_all();
  double optimal = 0;
  for (auto _ : state) {
    optimal = 0;
    for (const SerializedEGraph &graph : graphs)
      optimal += extract(graph).status == ExtractionStatus::Optimal;
  }
  state.counters["files"] = static_cast<double>(graphs.size());
  state.counters["optimal"] = optimal;
}

void extract_tree_all(benchmark::State &state) { extract_all(state, extract_tree); }
BENCHMARK(extract_tree_all)->Unit(benchmark::kMillisecond);

void extract_dag_greedy_all(benchmark::State &state) { extract_all(state, extract_dag_greedy); }
BENCHMARK(extract_dag_greedy_all)->Unit(benchmark::kMillisecond);

void extract_dag_one_second(benchmark::State &state) {
  extract_all(state, [](const SerializedEGraph &graph) {
    ExtractionOptions options;
    options.time_limit = 1;
    return extract_dag(graph, options);
  });
}
BENCHMARK(extract_dag_one_second)->Unit(benchmark::kSecond)->Iterations(1);

} // namespace
