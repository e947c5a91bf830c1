// The whole way from HLO text to a proved kernel, as `isamorph synth` goes it, with the rules'
// proofs remembered; and the proofs of the rules themselves.
#include "corpus/synthesis.h"
#include "semantics/hlo.h"
#include "verify/checker/checker.h"
#include "verify/prover.h"

#include <benchmark/benchmark.h>

using namespace isamorph;

namespace {

std::string path(const char *name) { return std::string(ISAMORPH_SOURCE_DIR) + "/" + name; }

corpus::SynthesisOptions one_core() {
  corpus::SynthesisOptions options;
  options.jobs = 1;
  options.certificate = true;
  return options;
}

/// ISA and program are read from disk each time, as the command does; the bar is 50 ms.
void synthesize_attention(benchmark::State &state, const char *isa_name) {
  for (auto _ : state) {
    spec::Isa isa = spec::load_isa(isa_name);
    semantics::TensorGraph graph =
        semantics::parse_hlo(semantics::read_source(path("corpus/qkv/attention.hlo")));
    corpus::Synthesis result = corpus::synthesize(graph, isa, one_core());
    if (result.outcome != corpus::Synthesis::Outcome::Found)
      state.SkipWithError("no kernel");
    benchmark::DoNotOptimize(result.certificate.data());
  }
}
BENCHMARK_CAPTURE(synthesize_attention, qkv, "qkv")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(synthesize_attention, qkv_new, "qkv_new")->Unit(benchmark::kMillisecond);

void check_attention(benchmark::State &state) {
  spec::Isa isa = spec::load_isa("qkv");
  semantics::TensorGraph graph =
      semantics::parse_hlo(semantics::read_source(path("corpus/qkv/attention.hlo")));
  corpus::Synthesis result = corpus::synthesize(graph, isa, one_core());
  semantics::SourceRef source = semantics::make_source("certificate", result.certificate);
  for (auto _ : state)
    if (!verify::check_certificate(source).accepted)
      state.SkipWithError("refused");
}
BENCHMARK(check_attention)->Unit(benchmark::kMillisecond);

/// The rules whose proofs are index maps, from nothing.
void prove_movement_rules(benchmark::State &state) {
  std::vector<semantics::RewriteRule> rules;
  for (const auto &rule : semantics::shipped_rules())
    if (rule.name.starts_with("transpose_") || rule.name.starts_with("reshape_") ||
        rule.name.starts_with("concatenate_"))
      rules.push_back(rule);
  verify::ProveOptions options;
  options.use_cache = false;
  for (auto _ : state)
    for (const auto &rule : rules)
      if (verify::prove_rule(rule, options).answer != verify::SmtAnswer::Proved)
        state.SkipWithError("not proved");
  state.counters["rules"] = static_cast<double>(rules.size());
}
BENCHMARK(prove_movement_rules)->Unit(benchmark::kMillisecond);

} // namespace
