// Saturation, instruction matching, landmark bounds and planning, on attention and on several heads
// of it.

#include "search/egraph.h"
#include "search/planner.h"
#include "search/saturate.h"
#include "search/search.h"
#include "tests/bench/attention_heads.h"

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <array>

using namespace isamorph;
using namespace isamorph::search;

namespace {

struct Prepared {
  semantics::TensorGraph graph;
  spec::Isa isa = spec::load_isa("qkv");
  TensorEGraph egraph{isa.numerics};
  std::vector<ClassId> inputs, outputs;
  SaturationReport report;

  explicit Prepared(int heads) : graph(bench::attention_heads(heads)) {
    auto classes = egraph.add_graph(graph);
    for (semantics::NodeId id : graph.parameters)
      inputs.push_back(egraph.add_bytes(classes[id.v]));
    for (semantics::NodeId id : graph.results)
      outputs.push_back(egraph.add_bytes(classes[id.v]));
    report = saturate(egraph, isa, semantics::shipped_rules(), semantics::Level::Bits, {});
  }
};

void saturate_attention(benchmark::State &state) {
  semantics::shipped_rules();
  for (auto _ : state) {
    Prepared prepared(static_cast<int>(state.range(0)));
    state.counters["nodes"] = static_cast<double>(prepared.egraph.graph().node_count());
  }
}
BENCHMARK(saturate_attention)->Arg(1)->Arg(2)->Arg(8)->Unit(benchmark::kMillisecond);

void match_instructions(benchmark::State &state) {
  Prepared prepared(static_cast<int>(state.range(0)));
  for (auto _ : state)
    benchmark::DoNotOptimize(build_placement_graph(prepared.egraph, prepared.isa,
                                                   costmodel::CostModel::Count, prepared.inputs,
                                                   prepared.outputs));
}
BENCHMARK(match_instructions)->Arg(1)->Arg(8)->Unit(benchmark::kMicrosecond);

void landmark_cut(benchmark::State &state) {
  Prepared prepared(static_cast<int>(state.range(0)));
  PlacementGraph graph =
      build_placement_graph(prepared.egraph, prepared.isa, costmodel::CostModel::Count,
                            prepared.inputs, prepared.outputs);
  StateSpace space(graph, prepared.isa, prepared.egraph);
  LmCut engine(space.relaxed());
  for (auto _ : state)
    benchmark::DoNotOptimize(engine.evaluate(space.relaxed().initial));
}
BENCHMARK(landmark_cut)->Arg(1)->Arg(2)->Arg(8)->Unit(benchmark::kMicrosecond);

void plan_attention(benchmark::State &state) {
  Prepared prepared(static_cast<int>(state.range(0)));
  PlacementGraph graph =
      build_placement_graph(prepared.egraph, prepared.isa, costmodel::CostModel::Count,
                            prepared.inputs, prepared.outputs);
  std::uint64_t states = 0;
  for (auto _ : state) {
    StateSpace space(graph, prepared.isa, prepared.egraph);
    PlanResult result = plan(space, {});
    states += result.evaluated;
  }
  state.counters["states"] =
      benchmark::Counter(static_cast<double>(states), benchmark::Counter::kIsRate);
}
BENCHMARK(plan_attention)->Arg(1)->Arg(2)->Arg(4)->Unit(benchmark::kMillisecond);

void find_attention_kernel(benchmark::State &state) {
  semantics::TensorGraph graph = bench::attention_heads(1);
  spec::Isa isa = spec::load_isa("qkv");
  SearchOptions options;
  options.cost = static_cast<costmodel::CostModel>(state.range(0));
  for (auto _ : state)
    benchmark::DoNotOptimize(find_kernel(graph, isa, semantics::shipped_rules(), options));
}
BENCHMARK(find_attention_kernel)->DenseRange(0, 2)->Unit(benchmark::kMillisecond);

} // namespace
