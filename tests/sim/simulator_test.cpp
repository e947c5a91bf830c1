#include "sim/simulator.h"

#include "semantics/hlo.h"
#include "tests/reference_data.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <thread>

using namespace isamorph;
using semantics::ElementType;
using semantics::Shape;
using semantics::Tensor;

namespace {

// softmax(q k^T) v: the nine instructions that the ACT tutorials show.
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

// Buffers with two, one and no addressed dimension; two writes; reads before writes; attributes as
// constants.
const char *const kToy = R"(
isa toy {
  buffer mem hbm
  buffer grid [4, 6] x s16[2]
  buffer line [8] x s16
  buffer total s16[2]
  numerics xla_cpu
  unit u

  instruction load (rows, columns) [from, row, column] {
    reads  %x = mem[from : rows * columns * 4]
    writes grid[row : rows, column : columns] = %z
    where  1 <= rows, 1 <= columns
    cost   unit u, latency 1, bytes 0
    semantics {
      %y = u8[rows,columns,2,2] reshape(%x)
      %z = s16[rows,columns,2] bitcast-convert(%y)
    }
  }
  instruction store (rows, columns) [to, row, column] {
    reads  %x = grid[row : rows, column : columns]
    writes mem[to : rows * columns * 4] = %z
    where  1 <= rows, 1 <= columns
    cost   unit u, latency 1, bytes 0
    semantics {
      %y = u8[rows,columns,2,2] bitcast-convert(%x)
      %z = u8[`rows*columns*4`] reshape(%y)
    }
  }
  instruction exchange () [a, b] {
    reads  %x = grid[a : 1, 0 : 6]
    reads  %y = grid[b : 1, 0 : 6]
    writes grid[a : 1, 0 : 6] = %y2
    writes grid[b : 1, 0 : 6] = %x2
    cost   unit u, latency 1, bytes 0
    semantics {
      %y2 = s16[1,6,2] copy(%y)
      %x2 = s16[1,6,2] copy(%x)
    }
  }
  instruction start (value) [] {
    writes total = %c
    cost   unit u, latency 1, bytes 0
    semantics {
      %c = s16[2] constant(`value`)
    }
  }
  instruction accumulate () [row, column] {
    reads  %x = grid[row : 1, column : 1]
    reads  %t = total
    writes total = %s
    cost   unit u, latency 1, bytes 0
    semantics {
      %r = s16[2] reshape(%x)
      %s = s16[2] add(%t, %r)
    }
  }
  instruction flush () [to] {
    reads  %t = total
    writes mem[to : 4] = %z
    cost   unit u, latency 1, bytes 0
    semantics {
      %y = u8[2,2] bitcast-convert(%t)
      %z = u8[4] reshape(%y)
    }
  }
}
)";

spec::Kernel kernel(const std::string &text, const spec::Isa &isa) {
  return spec::parse_kernel(semantics::make_source("kernel", text), isa);
}

Tensor random_bf16(std::uint32_t seed) {
  std::mt19937 engine(seed);
  Tensor tensor(Shape{ElementType::BF16, {64, 64}});
  for (std::int64_t i = 0; i < tensor.elements(); ++i)
    tensor.set_bits(i, semantics::encode(ElementType::BF16, (engine() % 2001) / 1000.0 - 1));
  return tensor;
}

std::vector<Tensor> random_inputs(std::uint32_t seed) {
  return {random_bf16(3 * seed), random_bf16(3 * seed + 1), random_bf16(3 * seed + 2)};
}

Tensor counting(Shape shape) {
  Tensor tensor(std::move(shape));
  for (std::int64_t i = 0; i < tensor.elements(); ++i)
    tensor.set_bits(i, static_cast<std::uint64_t>(i + 1));
  return tensor;
}

std::vector<std::int64_t> integers(const Tensor &t) {
  std::vector<std::int64_t> out;
  for (std::int64_t i = 0; i < t.elements(); ++i)
    out.push_back(static_cast<std::int64_t>(semantics::decode(t.shape().type, t.bits(i))));
  return out;
}

spec::Isa toy() { return spec::parse_isa(semantics::make_source("toy.isa", kToy)); }

} // namespace

TEST_CASE("attention on qkv is the evaluator's attention, bit for bit") {
  spec::Isa isa = spec::load_isa("qkv");
  sim::Simulator simulator(isa, kernel(kAttention, isa));
  auto graph = semantics::parse_hlo(
      semantics::read_source(std::string(ISAMORPH_SOURCE_DIR) + "/corpus/qkv/attention.hlo"));
  for (std::uint32_t seed : {1u, 2u, 3u}) {
    auto inputs = random_inputs(seed);
    auto outputs = simulator.run(inputs);
    REQUIRE(outputs.size() == 1);
    CHECK(outputs == semantics::evaluate(graph, inputs, isa.numerics));
  }
}

TEST_CASE("attention on qkv_golden is the published output, bit for bit") {
  std::filesystem::path data = isamorph::test::reference_data("qkv");
  if (!std::filesystem::exists(data / "attention.dat")) {
    WARN("skipped: no reference data at " << data);
    return;
  }
  Shape shape{ElementType::BF16, {64, 64}};
  std::vector<Tensor> inputs;
  for (const char *name : {"Q.dat", "K.dat", "V.dat"})
    inputs.push_back(semantics::read_tensor((data / name).string(), shape));
  Tensor golden = semantics::read_tensor((data / "attention.dat").string(), shape);
  spec::Isa isa = spec::load_isa("qkv_golden");
  CHECK(sim::Simulator(isa, kernel(kAttention, isa)).run(inputs).at(0) == golden);
  spec::Isa published = spec::load_isa("qkv");
  CHECK_FALSE(sim::Simulator(published, kernel(kAttention, published)).run(inputs).at(0) == golden);
}

TEST_CASE("two-dimensional regions are rectangles") {
  spec::Isa isa = toy();
  sim::Simulator simulator(isa, kernel(R"(kernel k {
    memory 160
    input x @ 0 : s16[4,6,2]
    output y @ 96 : s16[2,3,2]
    output z @ 120 : s16[4,1,2]
    load(rows=4, columns=6, from=0, row=0, column=0)
    store(rows=2, columns=3, to=96, row=1, column=2)
    store(rows=4, columns=1, to=120, row=0, column=5)
  })",
                                       isa));
  auto outputs = simulator.run(std::vector<Tensor>{counting({ElementType::S16, {4, 6, 2}})});
  CHECK(integers(outputs.at(0)) ==
        std::vector<std::int64_t>{17, 18, 19, 20, 21, 22, 29, 30, 31, 32, 33, 34});
  CHECK(integers(outputs.at(1)) == std::vector<std::int64_t>{11, 12, 23, 24, 35, 36, 47, 48});
}

TEST_CASE("all reads of an instruction come before its writes") {
  spec::Isa isa = toy();
  sim::Simulator simulator(isa, kernel(R"(kernel k {
    memory 192
    input x @ 0 : s16[4,6,2]
    output y @ 96 : s16[4,6,2]
    load(rows=4, columns=6, from=0, row=0, column=0)
    exchange(a=0, b=3)
    store(rows=4, columns=6, to=96, row=0, column=0)
  })",
                                       isa));
  Tensor x = counting({ElementType::S16, {4, 6, 2}});
  Tensor y = simulator.run(std::vector<Tensor>{x}).at(0);
  for (std::int64_t i = 0; i < 48; ++i) {
    std::int64_t row = i / 12, from = (row == 0 ? 3 : row == 3 ? 0 : row) * 12 + i % 12;
    CHECK(y.bits(i) == x.bits(from));
  }
}

TEST_CASE("registers, attributes as constants, one body for many addresses") {
  spec::Isa isa = toy();
  sim::Simulator simulator(isa, kernel(R"(kernel k {
    memory 104
    input x @ 0 : s16[4,6,2]
    output a @ 96 : s16[2]
    output b @ 100 : s16[2]
    load(rows=4, columns=6, from=0, row=0, column=0)
    start(value=100)
    accumulate(row=0, column=0)
    accumulate(row=3, column=5)
    flush(to=96)
    start(value=-7)
    accumulate(row=1, column=0)
    flush(to=100)
  })",
                                       isa));
  auto outputs = simulator.run(std::vector<Tensor>{counting({ElementType::S16, {4, 6, 2}})});
  CHECK(integers(outputs.at(0)) == std::vector<std::int64_t>{100 + 1 + 47, 100 + 2 + 48});
  CHECK(integers(outputs.at(1)) == std::vector<std::int64_t>{-7 + 13, -7 + 14});
}

TEST_CASE("constants of the kernel are in memory") {
  spec::Isa isa = spec::load_isa("qkv");
  sim::Simulator simulator(isa, kernel(R"(kernel k {
    memory 24576
    input x @ 0 : bf16[64,64]
    constant i @ 8192 : bf16[64,64] = eye
    output y @ 16384 : bf16[64,64]
    load_rm(n=64, addr_in=0, addr_out=0)
    load_rm(n=64, addr_in=8192, addr_out=64)
    gemm(addr_1=0, addr_2=64, addr_out=0)
    mov(n=64, addr_in=0, addr_out=0)
    store_rm(n=64, addr_in=0, addr_out=16384)
  })",
                                       isa));
  Tensor x = random_bf16(9);
  CHECK(simulator.run(std::vector<Tensor>{x}).at(0) == x);
}

TEST_CASE("wrong inputs are refused") {
  spec::Isa isa = spec::load_isa("qkv");
  sim::Simulator simulator(isa, kernel(kAttention, isa));
  CHECK_THROWS_AS(simulator.run(std::vector<Tensor>{}), semantics::InputError);
  auto inputs = random_inputs(1);
  inputs[2] = Tensor(Shape{ElementType::BF16, {64, 32}});
  CHECK_THROWS_AS(simulator.run(inputs), semantics::InputError);
}

TEST_CASE("run may be called from several threads, and repeats itself") {
  spec::Isa isa = spec::load_isa("qkv");
  sim::Simulator simulator(isa, kernel(kAttention, isa));
  auto inputs = random_inputs(4);
  auto expected = simulator.run(inputs);
  std::vector<std::vector<Tensor>> results(8);
  std::vector<std::thread> threads;
  for (auto &result : results)
    threads.emplace_back([&] {
      for (int i = 0; i < 5; ++i)
        result = simulator.run(inputs);
    });
  for (std::thread &thread : threads)
    thread.join();
  for (const auto &result : results)
    CHECK(result == expected);
}

TEST_CASE("an address outside of its buffer is refused, not clamped") {
  spec::Isa isa = spec::load_isa("qkv");
  spec::Kernel valid = kernel(kAttention, isa);
  for (std::int64_t address : {-1, 65, 1 << 30}) {
    spec::Kernel wrong = valid;
    wrong.instructions[0].attributes[2] = address;
    CHECK_THROWS_WITH(sim::Simulator(isa, wrong), Catch::Contains("leaves the buffer"));
  }
}
