// The simulator: attention on the shipped QKV accelerator, a chain of products, and large products
// in small tiles. simulate_*: steady state, the last argument is the number of threads; first_*:
// from the texts of ISA and kernel to the first result. What XLA takes for the same programs is
// measured by tests/reference/xla_bench.py, which shows both.

#include "sim/simulator.h"
#include "tests/bench/matrix_unit.h"

#include <benchmark/benchmark.h>
#include <random>
#include <tbb/task_arena.h>

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

/// As `isamorph synth corpus/gemmini/gemm_784x1024x256.hlo --isa gemmini` wrote it.
spec::Kernel gemmini_product(const spec::Isa &isa) {
  return spec::parse_kernel(
      semantics::read_source(ISAMORPH_SOURCE_DIR "/tests/bench/gemm_784x1024x256.asm"), isa);
}

/// x times w, `length` times.
spec::Kernel chain(const spec::Isa &isa, std::int64_t length) {
  std::string text = R"(
    kernel chain {
      memory 24576
      input x @ 0 : bf16[64,64]
      input w @ 8192 : bf16[64,64]
      output y @ 16384 : bf16[64,64]
      load_rm(n=64, addr_in=0, addr_out=0)
      load_rm(n=64, addr_in=8192, addr_out=64)
  )";
  for (std::int64_t i = 0; i < length; ++i)
    text += "gemm(addr_1=0, addr_2=64, addr_out=0)\nmov(n=64, addr_in=0, addr_out=0)\n";
  text += "store_rm(n=64, addr_in=0, addr_out=16384)\n}\n";
  return spec::parse_kernel(semantics::make_source("chain", text), isa);
}

/// bf16 numbers small enough that no chain leaves the finite ones; any bits for integers.
std::vector<semantics::Tensor> random_inputs(const spec::Kernel &kernel) {
  std::mt19937_64 engine(1);
  std::vector<semantics::Tensor> out;
  for (const spec::Placed &input : kernel.inputs) {
    semantics::Tensor tensor(input.shape);
    for (std::int64_t i = 0; i < tensor.elements(); ++i)
      tensor.set_bits(i, semantics::is_float(input.shape.type)
                             ? semantics::encode(input.shape.type,
                                                 static_cast<double>(engine() % 2001) / 5000 - 0.2)
                             : engine());
    out.push_back(std::move(tensor));
  }
  return out;
}

/// Steady state: a prepared kernel, again and again.
void simulate(benchmark::State &state, const spec::Isa &isa, const spec::Kernel &kernel,
              int threads) {
  sim::Simulator simulator(isa, kernel);
  auto inputs = random_inputs(kernel);
  for (int i = 0; i < 20 && kernel.instructions.size() < 100; ++i)
    simulator.run(inputs); // tables of functions come after some runs
  tbb::task_arena arena(threads);
  for (auto _ : state)
    arena.execute([&] { benchmark::DoNotOptimize(simulator.run(inputs)); });
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

/// `make`: ISA and kernel from their texts.
template <class Make> void first_result(benchmark::State &state, Make make) {
  auto inputs = random_inputs(make().second);
  for (auto _ : state) {
    auto [isa, kernel] = make();
    benchmark::DoNotOptimize(sim::Simulator(isa, std::move(kernel)).run(inputs));
  }
}

void first_attention(benchmark::State &state) {
  first_result(state, [] {
    spec::Isa isa = spec::load_isa("qkv");
    return std::pair(isa, attention(isa));
  });
}
BENCHMARK(first_attention);

void first_chain(benchmark::State &state) {
  first_result(state, [&] {
    spec::Isa isa = spec::load_isa("qkv");
    return std::pair(isa, chain(isa, state.range(0)));
  });
}
BENCHMARK(first_chain)->Arg(1000);

void first_tiles(benchmark::State &state) {
  auto text = semantics::make_source("product", test::matrix_product_text(32, state.range(0) != 0));
  first_result(state, [&] {
    spec::Isa isa = test::matrix_unit(32);
    return std::pair(isa, spec::parse_kernel(text, isa));
  });
}
BENCHMARK(first_tiles)->Arg(0)->Arg(1);

void first_gemmini(benchmark::State &state) {
  first_result(state, [] {
    spec::Isa isa = spec::load_isa("gemmini");
    return std::pair(isa, gemmini_product(isa));
  });
}
BENCHMARK(first_gemmini);

void simulate_attention(benchmark::State &state) {
  spec::Isa isa = spec::load_isa("qkv");
  simulate(state, isa, attention(isa), static_cast<int>(state.range(0)));
}
BENCHMARK(simulate_attention)->Arg(1)->Arg(2)->MeasureProcessCPUTime()->UseRealTime();

void simulate_chain(benchmark::State &state) {
  spec::Isa isa = spec::load_isa("qkv");
  simulate(state, isa, chain(isa, state.range(0)), static_cast<int>(state.range(1)));
}
BENCHMARK(simulate_chain)->Args({1000, 1})->Args({1000, 2})->MeasureProcessCPUTime()->UseRealTime();

void prepare_tiles(benchmark::State &state) {
  spec::Isa isa = test::matrix_unit(32);
  spec::Kernel kernel = test::matrix_product(isa, 32, false);
  for (auto _ : state)
    benchmark::DoNotOptimize(sim::Simulator(isa, kernel));
}
BENCHMARK(prepare_tiles)->Unit(benchmark::kMillisecond);

/// 512x512x512: 32768 multiply instructions; the first argument says whether they are loops.
void simulate_tiles(benchmark::State &state) {
  spec::Isa isa = test::matrix_unit(32);
  simulate(state, isa, test::matrix_product(isa, 32, state.range(0) != 0),
           static_cast<int>(state.range(1)));
}
BENCHMARK(simulate_tiles)
    ->Args({0, 1})
    ->Args({0, 2})
    ->Args({1, 1})
    ->Args({1, 2})
    ->MeasureProcessCPUTime()
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

/// 784x1024x256 in loops over tiles.
void simulate_gemmini(benchmark::State &state) {
  spec::Isa isa = spec::load_isa("gemmini");
  simulate(state, isa, gemmini_product(isa), static_cast<int>(state.range(0)));
}
BENCHMARK(simulate_gemmini)
    ->Arg(1)
    ->Arg(2)
    ->MeasureProcessCPUTime()
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

} // namespace
