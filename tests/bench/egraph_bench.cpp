// The e-graph engine on workloads that egg publishes (see README.md in this folder for its
// figures).
#include "search/saturation_program.h"

#include <benchmark/benchmark.h>

using namespace isamorph;
using namespace isamorph::search;

namespace {

Rewrite<EGraph<>> rule(const char *from, const char *to, OperatorNames &names) {
  Rewrite<EGraph<>> out;
  out.from = parse_pattern(from, names, out.variables);
  out.to.push_back(parse_pattern(to, names, out.variables));
  return out;
}

/// Commutativity and associativity of + over n distinct leaves, to saturation: 2^n - 1 classes.
void saturate_sum(benchmark::State &state, int jobs, bool explain, bool incremental) {
  for (auto _ : state) {
    OperatorNames names;
    std::vector<Rewrite<EGraph<>>> rules = {rule("(+ ?a ?b)", "(+ ?b ?a)", names),
                                            rule("(+ ?a (+ ?b ?c))", "(+ (+ ?a ?b) ?c)", names)};
    EGraph<> graph;
    if (explain)
      graph.enable_explanations();
    ClassId sum = graph.add(names.intern("x0"), {});
    for (int i = 1; i < state.range(0); ++i) {
      ClassId pair[] = {sum, graph.add(names.intern("x" + std::to_string(i)), {})};
      sum = graph.add(names.intern("+"), pair);
    }
    RewriteOptions options;
    options.limits.nodes = 10'000'000;
    options.limits.seconds = 600;
    options.jobs = jobs;
    options.incremental = incremental;
    RewriteReport report = saturate<EGraph<>>(graph, rules, options);
    if (report.reason != StopReason::Saturated)
      state.SkipWithError("not saturated");
    state.counters["nodes"] = static_cast<double>(graph.node_count());
  }
}

void sum(benchmark::State &state) { saturate_sum(state, 1, false, true); }
void sum_two_threads(benchmark::State &state) { saturate_sum(state, 2, false, true); }
void sum_explained(benchmark::State &state) { saturate_sum(state, 1, true, true); }
void sum_matching_everything(benchmark::State &state) { saturate_sum(state, 1, false, false); }
BENCHMARK(sum)->DenseRange(7, 12)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(sum_two_threads)->DenseRange(10, 12)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(sum_explained)->DenseRange(10, 12)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(sum_matching_everything)
    ->DenseRange(10, 11)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

SaturationProgram program(const std::string &text) {
  return parse_saturation_program(
      semantics::make_source(ISAMORPH_SOURCE_DIR "/tests/search/programs/bench.eqsat", text));
}

void run_program(benchmark::State &state, const std::string &text, const ProgramOptions &options) {
  for (auto _ : state) {
    SaturationProgram parsed = program(text);
    ProgramResult result = run(parsed, options);
    state.counters["nodes"] = static_cast<double>(result.graph->node_count());
    benchmark::DoNotOptimize(result);
  }
}

std::string math(const char *rules, std::int64_t iterations) {
  return std::string("include \"") + rules + "\"\ninclude \"math_terms.rules\"\nlimit iterations " +
         std::to_string(iterations);
}

void math_folding(benchmark::State &state) {
  run_program(state, math("math.rules", state.range(0)), {});
}
void math_backoff(benchmark::State &state) {
  run_program(state, math("math.rules", state.range(0)) + "\nscheduler backoff", {});
}
void math_plain(benchmark::State &state) {
  run_program(state, math("math_unconditional.rules", state.range(0)), {});
}
void math_plain_explained(benchmark::State &state) {
  ProgramOptions options;
  options.explain = true;
  run_program(state, math("math_unconditional.rules", state.range(0)), options);
}
void math_plain_machine(benchmark::State &state) {
  ProgramOptions options;
  options.seek = false;
  run_program(state, math("math_unconditional.rules", state.range(0)), options);
}
BENCHMARK(math_folding)->Arg(6)->Arg(7)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(math_backoff)->Arg(10)->Arg(20)->Arg(30)->Arg(50)->Unit(benchmark::kMillisecond);
BENCHMARK(math_plain)->Arg(4)->Arg(5)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(math_plain_explained)->Arg(4)->Arg(5)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(math_plain_machine)->Arg(4)->Arg(5)->Unit(benchmark::kMillisecond)->UseRealTime();

/// All matches of one pattern on the e-graph of seven iterations of math_folding, found from the
/// root by going through classes, or as a join that seeks.
void match_pattern(benchmark::State &state, const char *text) {
  static SaturationProgram parsed = program(math("math.rules", 7));
  static ProgramResult result = run(parsed, {});
  std::vector<std::string> variables;
  Pattern pattern = parse_pattern(text, parsed.names, variables);
  EMatcher matcher(pattern, variables.size(), state.range(0) != 0);
  std::vector<ClassId> found;
  for (auto _ : state) {
    found.clear();
    matcher.prepare(result.graph->index(), 0,
                    [&](OperatorId op, std::span<const ClassId> children) {
                      return result.graph->find_term(op, children);
                    });
    matcher.match(0, matcher.starts(), found);
  }
  state.counters["matches"] = static_cast<double>(found.size() / matcher.stride());
}
BENCHMARK_CAPTURE(match_pattern, add_add, "(+ ?x (+ ?y ?z))")->Arg(0)->Arg(1);
BENCHMARK_CAPTURE(match_pattern, mul_add, "(* ?x (+ ?y ?z))")->Arg(0)->Arg(1);
BENCHMARK_CAPTURE(match_pattern, factor, "(+ (* ?x ?y) (* ?x ?z))")->Arg(0)->Arg(1);
BENCHMARK_CAPTURE(match_pattern, mul, "(* ?x ?y)")->Arg(0)->Arg(1);
BENCHMARK_CAPTURE(match_pattern, d_power,
                  "(* (pow ?f ?g) (+ (* (d ?x ?f) (/ ?g ?f)) (* (d ?x ?g) (ln ?f))))")
    ->Arg(0)
    ->Arg(1);

} // namespace
