// Kernels with control: the simulator, the verifier's symbolic execution and the checker's own
// agree with an interpreter written by hand.
#include "sim/simulator.h"
#include "tests/spec/mover.h"
#include "verify/checker/execution.h"
#include "verify/symbolic.h"

#include "costmodel/cost_model.h"

#include <catch2/catch.hpp>
#include <rapidcheck.h>

using namespace isamorph;
using isamorph::test::MoverByHand;

namespace {

const semantics::Shape kIn{semantics::ElementType::U8, {MoverByHand::kInputs}};

std::vector<int> by_simulator(const spec::Isa &isa, const spec::Kernel &kernel) {
  semantics::Tensor in(kIn);
  for (int i = 0; i < MoverByHand::kInputs; ++i)
    in.set_bits(i, static_cast<std::uint64_t>(i));
  std::vector<int> out;
  semantics::Tensor result = sim::Simulator(isa, kernel).run({&in, 1}).at(0);
  for (int i = 0; i < MoverByHand::kOutputs; ++i)
    out.push_back(static_cast<int>(result.bits(i)));
  return out;
}

std::vector<int> by_terms(const spec::Isa &isa, const spec::Kernel &kernel) {
  verify::TermGraph terms(isa.numerics);
  auto inputs = verify::symbolic_inputs(terms, std::span(&kIn, 1));
  auto results = verify::execute(terms, isa, kernel, inputs);
  std::vector<int> out;
  for (verify::TermId element : results.at(0).elements) {
    auto found = std::find(inputs[0].elements.begin(), inputs[0].elements.end(), element);
    out.push_back(static_cast<int>(found - inputs[0].elements.begin()));
  }
  return out;
}

std::vector<int> by_checker(const spec::Isa &isa, const spec::Kernel &kernel) {
  verify::Values values(isa.numerics, {});
  verify::ValueTensor in;
  for (int i = 0; i < MoverByHand::kInputs; ++i)
    in.push_back(values.input(0, static_cast<std::uint64_t>(i), semantics::ElementType::U8));
  std::vector<int> out;
  for (verify::ValueId element : verify::run(values, kernel, isa, {in}).at(0))
    out.push_back(static_cast<int>(std::find(in.begin(), in.end(), element) - in.begin()));
  return out;
}

} // namespace

TEST_CASE("simulator, symbolic execution and checker move the bytes that they should") {
  const spec::Isa isa = test::mover();
  REQUIRE(rc::check("bytes", [&] {
    std::mt19937_64 engine(*rc::gen::arbitrary<std::uint64_t>());
    test::RandomMoverKernel random = test::random_mover_kernel(isa, engine);
    std::vector<int> expected;
    for (int i = 0; i < MoverByHand::kOutputs; ++i)
      expected.push_back(random.by_hand.output(i).value_or(-1));
    RC_ASSERT(by_simulator(isa, random.kernel) == expected);
    RC_ASSERT(by_terms(isa, random.kernel) == expected);
    RC_ASSERT(by_checker(isa, random.kernel) == expected);
  }));
}

TEST_CASE("kernels with loops and control are what they are unrolled") {
  const spec::Isa isa = test::mover();
  spec::Kernel kernel = spec::parse_kernel(
      semantics::make_source("<loop>", R"(kernel k {
  memory 20
  input x @ 0 : u8[12]
  output y @ 12 : u8[8]
  for i in 0..2 {
    gather(2, 2*i, 4, 2*i)
    for j in 0..3 { push(j) }
    set(i)
    move(3*i, 4 + i)
    for j in 0..3 { pop(3 - j) }
    scatter(2, i, 2, 4*i + 12)
    set(0)
  }
}
)"),
      isa);
  spec::Kernel flat = spec::unrolled(kernel);
  spec::validate(flat, isa);
  std::vector<int> expected = by_simulator(isa, flat);
  CHECK(by_simulator(isa, kernel) == expected);
  CHECK(by_terms(isa, kernel) == expected);
  CHECK(by_checker(isa, kernel) == expected);
  CHECK(by_terms(isa, flat) == expected);
}

TEST_CASE("costs of arms: each instruction that runs has its own") {
  const spec::Isa isa = test::mover();
  spec::Kernel kernel = spec::parse_kernel(
      semantics::make_source("<cost>", "kernel k {\n  memory 20\n  input x @ 0 : u8[12]\n"
                                       "  for i in 1..4 { gather(i, 0, 2, 0) }\n"
                                       "  push(0)\n  pop(1)\n}\n"),
      isa);
  CHECK(costmodel::cost(isa, kernel, costmodel::CostModel::Count) == 5);
  CHECK(costmodel::cost(isa, kernel, costmodel::CostModel::Latency) == 1 + 2 + 3 + 1 + 1);
  CHECK(costmodel::cost(isa, kernel, costmodel::CostModel::Overlap) == 8);
}
