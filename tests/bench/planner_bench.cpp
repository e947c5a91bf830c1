// The best-first engine: plans for several attention heads, with each pruning and without; and the
// sorting-kernel machine.

#include "search/planner.h"
#include "search/saturate.h"
#include "tests/bench/attention_heads.h"
#include "tests/search/sorting_kernel.h"

#include <benchmark/benchmark.h>

using namespace isamorph;
using namespace isamorph::search;

namespace {

struct Task {
  semantics::TensorGraph graph;
  spec::Isa isa;
  TensorEGraph egraph{isa.numerics};
  PlacementGraph placements;

  Task(int count, const std::string &name)
      : graph(bench::attention_heads(count)), isa(spec::load_isa(name)) {
    auto classes = egraph.add_graph(graph);
    std::vector<ClassId> inputs, outputs;
    for (semantics::NodeId id : graph.parameters)
      inputs.push_back(egraph.add_bytes(classes[id.v]));
    for (semantics::NodeId id : graph.results)
      outputs.push_back(egraph.add_bytes(classes[id.v]));
    saturate(egraph, isa, semantics::shipped_rules(), semantics::Level::Bits, {});
    placements = build_placement_graph(egraph, isa, costmodel::CostModel::Count, inputs, outputs);
  }
};

void plan_with(benchmark::State &state, const Task &task, const StateSpaceOptions &how,
               const PlannerOptions &options) {
  StateSpace space(task.placements, task.isa, task.egraph, how);
  PlanResult result;
  std::uint64_t expanded = 0;
  for (auto _ : state) {
    result = plan(space, options);
    expanded += result.expanded;
  }
  state.counters["cost"] = static_cast<double>(result.plan.cost);
  state.counters["bound"] = static_cast<double>(result.bound);
  state.counters["expanded"] = static_cast<double>(result.expanded);
  state.counters["dominated"] = static_cast<double>(result.dominated);
  state.counters["expansions"] =
      benchmark::Counter(static_cast<double>(expanded), benchmark::Counter::kIsRate);
}

const char *const kIsas[] = {"qkv", "qkv_new"};

/// Heads, ISA, threads.
void plan_heads(benchmark::State &state) {
  Task task(static_cast<int>(state.range(0)), kIsas[state.range(1)]);
  PlannerOptions options;
  options.jobs = static_cast<int>(state.range(2));
  plan_with(state, task, {}, options);
}
BENCHMARK(plan_heads)
    ->ArgsProduct({{2, 4}, {0}, {1, 2}})
    ->ArgsProduct({{2}, {1}, {1, 2}})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

/// Two heads on the second ISA with and without: symmetry, dominance.
void plan_prunings(benchmark::State &state) {
  Task task(2, kIsas[1]);
  PlannerOptions options;
  options.dominance = state.range(1) != 0;
  options.max_expansions = 20'000;
  plan_with(state, task, {state.range(0) != 0}, options);
}
BENCHMARK(plan_prunings)->ArgsProduct({{1, 0}, {1, 0}})->Unit(benchmark::kMillisecond);

/// Three inputs, exactly: with the bound by pairs, with dominance. Without the bound, five million
/// states are expanded to see that ten instructions do not suffice (once; half a minute).
void sorting_kernel(benchmark::State &state) {
  AnytimeResult result;
  for (auto _ : state) {
    SortingMachine machine(3, {true, state.range(0) != 0});
    AnytimeOptions options;
    options.weighted_after = 0;
    options.dominance = state.range(1) != 0;
    result = AnytimeSearch<SortingMachine>(machine, options, 1).run();
  }
  state.counters["cost"] = static_cast<double>(result.path.cost);
  state.counters["expanded"] = static_cast<double>(result.expanded);
}
BENCHMARK(sorting_kernel)->Args({1, 1})->Args({1, 0})->Unit(benchmark::kMillisecond);
BENCHMARK(sorting_kernel)->Args({0, 1})->Iterations(1)->Unit(benchmark::kMillisecond);

/// Four inputs, by a beam; then what the exact search proves in a million expansions.
void sorting_kernel_beam(benchmark::State &state) {
  AnytimeResult result;
  for (auto _ : state) {
    SortingMachine machine(4);
    AnytimeOptions options;
    options.weighted_after = 1;
    options.weights = {};
    options.beam = 300;
    options.max_expansions = static_cast<std::uint64_t>(state.range(0));
    result = AnytimeSearch<SortingMachine>(machine, options, 1).run();
  }
  state.counters["cost"] = static_cast<double>(result.path.cost);
  state.counters["bound"] = static_cast<double>(result.bound);
}
BENCHMARK(sorting_kernel_beam)->Arg(6000)->Arg(1'000'000)->Unit(benchmark::kMillisecond);

} // namespace
