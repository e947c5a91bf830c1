// Simulation of attention on the shipped QKV accelerator.

#include "sim/simulator.h"

#include <benchmark/benchmark.h>
#include <random>

using namespace isamorph;

namespace {

const char *const kAttention = R"(
kernel attention {
  memory 32768
  input q @ 0 : bf16[64,64]
  input k @ 8192 : bf16[64,64]
  input v @ 16384 : bf16[64,64]
  output o @ 24576 : bf16[64,64]
  load_rm(n=64, addr_in=0, addr_out=0)
  load_cm(n=64, addr_in=8192, addr_out=64)
  gemm(addr_1=0, addr_2=64, addr_out=0)
  softmax(n=64, addr=0)
  mov(n=64, addr_in=0, addr_out=0)
  load_rm(n=64, addr_in=16384, addr_out=64)
  gemm(addr_1=0, addr_2=64, addr_out=0)
  mov(n=64, addr_in=0, addr_out=0)
  store_rm(n=64, addr_in=0, addr_out=24576)
}
)";

spec::Kernel attention(const spec::Isa &isa) {
  return spec::parse_kernel(semantics::make_source("attention", kAttention), isa);
}

void load_isa(benchmark::State &state) {
  for (auto _ : state)
    benchmark::DoNotOptimize(spec::load_isa("qkv"));
}
BENCHMARK(load_isa);

void parse_kernel(benchmark::State &state) {
  spec::Isa isa = spec::load_isa("qkv");
  for (auto _ : state)
    benchmark::DoNotOptimize(attention(isa));
}
BENCHMARK(parse_kernel);

void prepare_attention(benchmark::State &state) {
  spec::Isa isa = spec::load_isa("qkv");
  spec::Kernel kernel = attention(isa);
  for (auto _ : state)
    benchmark::DoNotOptimize(sim::Simulator(isa, kernel));
}
BENCHMARK(prepare_attention);

void simulate_attention(benchmark::State &state) {
  spec::Isa isa = spec::load_isa("qkv");
  sim::Simulator simulator(isa, attention(isa));
  std::mt19937 engine(1);
  std::vector<semantics::Tensor> inputs(
      3, semantics::Tensor({semantics::ElementType::BF16, {64, 64}}));
  for (semantics::Tensor &input : inputs)
    for (std::int64_t i = 0; i < input.elements(); ++i)
      input.set_bits(
          i, semantics::encode(semantics::ElementType::BF16, (engine() % 2001) / 1000.0 - 1));
  for (auto _ : state)
    benchmark::DoNotOptimize(simulator.run(inputs));
}
BENCHMARK(simulate_attention);

} // namespace
