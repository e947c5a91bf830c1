// Loops run to the same bits as what they unroll to.
#include "sim/simulator.h"
#include "spec/unroll.h"
#include "tests/integer/machine.h"

#include <catch2/catch.hpp>
#include <rapidcheck.h>

using namespace isamorph;

TEST_CASE("random loops run to the bits of their unrolled kernels") {
  spec::Isa isa = test::integer_machine();
  REQUIRE(rc::check("outputs are equal", [&] {
    auto seed = *rc::gen::arbitrary<std::uint64_t>();
    spec::Kernel kernel = test::RandomLoops(isa, seed).kernel();
    spec::validate(kernel, isa);
    std::vector<semantics::Tensor> inputs = {test::random_tensor(kernel.inputs[0].shape, seed)};
    RC_ASSERT(sim::Simulator(isa, kernel).run(inputs) ==
              sim::Simulator(isa, spec::unrolled(kernel)).run(inputs));
  }));
}

TEST_CASE("a tiled product of integers with loops is the product") {
  spec::Isa isa = test::integer_machine();
  for (const char *name : {"gemm", "saturated", "sorted"}) {
    INFO(name);
    spec::Kernel kernel = test::integer_kernel(name, isa);
    semantics::TensorGraph graph = test::integer_program(name);
    std::vector<semantics::Tensor> inputs;
    for (const spec::Placed &input : kernel.inputs)
      inputs.push_back(test::random_tensor(input.shape, inputs.size() + 1));
    CHECK(sim::Simulator(isa, kernel).run(inputs) ==
          semantics::evaluate(graph, inputs, isa.numerics));
  }
}
