// Proof of the hand-written attention kernel by symbolic execution, and the throughput of
// differential tests.

#include "semantics/hlo.h"
#include "verify/equivalence.h"

#include <benchmark/benchmark.h>

using namespace isamorph;

namespace {

struct Attention {
  spec::Isa isa = spec::load_isa("qkv");
  semantics::TensorGraph graph =
      semantics::parse_hlo(semantics::read_source(ISAMORPH_SOURCE_DIR "/corpus/qkv/attention.hlo"));
  spec::Kernel kernel = spec::parse_kernel(
      semantics::read_source(ISAMORPH_SOURCE_DIR "/corpus/qkv/attention.py"), isa);
};

void prove_attention(benchmark::State &state) {
  Attention attention;
  for (auto _ : state) {
    verify::TermGraph terms(attention.isa.numerics);
    verify::Proof proof =
        verify::prove(terms, attention.kernel, attention.isa, attention.graph, verify::Level::Bits);
    if (!proof.proved)
      state.SkipWithError("not proved");
    benchmark::DoNotOptimize(proof);
  }
}
BENCHMARK(prove_attention)->Unit(benchmark::kMillisecond);

void test_attention(benchmark::State &state) {
  Attention attention;
  sim::Simulator simulator(attention.isa, attention.kernel);
  verify::TermGraph terms(attention.isa.numerics);
  verify::DifferentialOptions options;
  options.max_tests = 10;
  std::int64_t tests = 0;
  for (auto _ : state)
    tests +=
        verify::compare_programs(attention.graph, simulator, attention.isa.numerics, terms, options)
            .tests;
  state.counters["tests"] =
      benchmark::Counter(static_cast<double>(tests), benchmark::Counter::kIsRate);
}
BENCHMARK(test_attention)->Unit(benchmark::kMillisecond);

} // namespace
