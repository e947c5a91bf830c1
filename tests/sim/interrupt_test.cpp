// Evaluations and simulations that are asked to end: nothing comes of them, they say how far they
// came, and the next one is as if nothing had happened.
#include "semantics/hlo.h"
#include "semantics/interrupt_point.h"
#include "sim/simulator.h"
#include "tests/bench/matrix_unit.h"

#include <catch2/catch.hpp>
#include <tbb/task_arena.h>

using namespace isamorph;
using semantics::Interrupted;
using semantics::InterruptScope;
using semantics::Tensor;

namespace {

/// Sets a flag after so many instructions.
struct Stopper : sim::Observer {
  std::atomic<bool> &flag;
  std::size_t last;
  Stopper(std::atomic<bool> &f, std::size_t l) : flag(f), last(l) {}
  bool after(const sim::Execution &execution) override {
    flag = execution.number == last;
    return true;
  }
};

std::vector<Tensor> inputs_of(const spec::Kernel &kernel) {
  std::vector<Tensor> out;
  for (const spec::Placed &input : kernel.inputs) {
    out.emplace_back(input.shape);
    for (std::int64_t i = 0; i < out.back().elements(); ++i)
      out.back().set_bits(i, static_cast<std::uint64_t>(i * 7));
  }
  return out;
}

} // namespace

TEST_CASE("an interrupted run says after how many instructions, and leaves no trace") {
  spec::Isa isa = test::matrix_unit(4);
  std::atomic<bool> flag{false};
  for (bool looped : {false, true}) {
    spec::Kernel kernel = test::matrix_product(isa, 4, looped);
    std::vector<Tensor> inputs = inputs_of(kernel);
    sim::Simulator simulator(isa, kernel);
    auto expected = simulator.run(inputs);
    {
      InterruptScope scope(flag);
      for (std::size_t last : {1, 8, 9, 75}) {
        flag = false;
        Stopper stopper(flag, last);
        CHECK_THROWS_WITH(simulator.run(inputs, stopper),
                          "interrupted after " + std::to_string(last) + " instructions");
      }
      for (int threads : {1, 2, 5}) {
        flag = true;
        auto run = [&] { return simulator.run(inputs); };
        CHECK_THROWS_WITH(tbb::task_arena(threads).execute(run),
                          "interrupted after 0 instructions");
        flag = false;
        CHECK(tbb::task_arena(threads).execute(run) == expected);
      }
      flag = true;
    }
    CHECK(simulator.run(inputs) == expected); // nobody looks at the flag any more
    flag = false;
  }
}

TEST_CASE("an interrupted evaluation says in which operation, whatever it is") {
  const char *const operations[] = {
      "dot(x, x), lhs_contracting_dims={1}, rhs_contracting_dims={0}",
      "exponential(x)",
      "reduce(x, zero), dimensions={}, to_apply=sum",
      "reduce-window(x, zero), window={size=1x1}, to_apply=sum",
      "convolution(x, x), window={}, dim_labels=bf_io->bf",
  };
  for (const char *operation : operations) {
    INFO(operation);
    auto graph = semantics::parse_hlo(semantics::make_source("program", std::string(R"(
      HloModule program
      sum { a = bf16[] parameter(0)
        b = bf16[] parameter(1)
        ROOT s = bf16[] add(a, b) }
      ENTRY main {
        x = bf16[8,8] parameter(0)
        zero = bf16[] constant(0)
        ROOT y = bf16[8,8] )") + operation + " }"));
    std::vector<Tensor> inputs{Tensor(graph[graph.parameters[0]].shape)};
    std::atomic<bool> flag{true};
    for (const char *profile : {"xla_cpu", "avx512_bf16"}) {
      const auto &numerics = semantics::numerics_profile(profile);
      InterruptScope scope(flag);
      const semantics::Node &node = graph[graph.results[0]];
      std::array<const Tensor *, 2> operands{&inputs[0], &inputs[0]};
      Tensor zero(semantics::Shape{semantics::ElementType::BF16, {}});
      if (node.op == semantics::OpCode::Reduce || node.op == semantics::OpCode::ReduceWindow)
        operands[1] = &zero;
      CHECK_THROWS_AS(semantics::evaluate_op(node.op, node.attributes,
                                             std::span(operands).first(node.operands.size()),
                                             node.shape, numerics),
                      Interrupted);
      CHECK_THROWS_WITH(semantics::evaluate(graph, inputs, numerics),
                        Catch::Contains("interrupted in y, operation ") &&
                            Catch::EndsWith(" of " + std::to_string(graph.nodes.size())));
    }
  }
}
