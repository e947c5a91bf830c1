// Loops cost what they unroll to.
#include "costmodel/cost_model.h"
#include "spec/unroll.h"
#include "tests/integer/machine.h"

#include <catch2/catch.hpp>
#include <rapidcheck.h>

using namespace isamorph;
using namespace isamorph::costmodel;

TEST_CASE("random loops cost what their unrolled kernels cost") {
  spec::Isa isa = test::integer_machine();
  REQUIRE(rc::check("all models agree", [&] {
    spec::Kernel kernel = test::RandomLoops(isa, *rc::gen::arbitrary<std::uint64_t>()).kernel();
    spec::Kernel flat = spec::unrolled(kernel);
    for (const std::string &model : cost_model_names())
      RC_ASSERT(cost(isa, kernel, *cost_model(model)) == cost(isa, flat, *cost_model(model)));
    RC_ASSERT(chrome_trace(isa, kernel) == chrome_trace(isa, flat));
  }));
}

TEST_CASE("the price of a tiled product") {
  spec::Isa isa = test::integer_machine();
  spec::Kernel gemm = test::integer_kernel("gemm", isa);
  CHECK(cost(isa, gemm, CostModel::Count) == 92);
  // zero 4, mvin 11, matmul 4, store32 14
  CHECK(cost(isa, gemm, CostModel::Latency) == 4 * (4 + 2 * (4 * 2 * 11 + 4) + 4 * 14));
  spec::Kernel long_loop = gemm;
  long_loop.loops[2].end = 200000;
  CHECK(cost(isa, long_loop, CostModel::Count) == 4 * (1 + 200000 * 9 + 4));
}

TEST_CASE("a cost that leaves 64 bits is refused") {
  spec::Isa isa = test::integer_machine();
  spec::Kernel gemm = test::integer_kernel("gemm", isa);
  auto matmul = gemm.instructions[3].instruction;
  isa.instructions[matmul].cost.latency = std::int64_t{1} << 61;
  CHECK_THROWS_AS(cost(isa, gemm, CostModel::Latency), semantics::InputError);
}
