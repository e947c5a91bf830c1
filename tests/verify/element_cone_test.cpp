// One element of a result alone: it differs exactly where whole programs differ in it, whatever the
// rest of the inputs is; and counterexamples of large kernels become small by it.
#include "kernels.h"
#include "loop_mutants.h"
#include "looped_kernels.h"
#include "verify/element_cone.h"

using namespace isamorph;
using namespace isamorph::verify;
using verify::test::graph_of;
using verify::test::kernel_of;
using verify::test::kRows;
using verify::test::loop_mutants;
using verify::test::LoopMutant;
using verify::test::Rows;
using verify::test::rows_kernel;

TEST_CASE("the cone of an element differs exactly where both programs differ in it") {
  spec::Isa isa = isamorph::test::integer_machine();
  std::int64_t differences = 0, same = 0;
  for (std::size_t r = 0; r < std::size(kRows); r += 3) {
    const Rows &rows = kRows[r];
    semantics::TensorGraph graph = graph_of(rows.program);
    std::vector<semantics::Shape> shapes = {graph[graph.parameters[0]].shape};
    std::vector<LoopMutant> mutants = loop_mutants(kernel_of(rows_kernel(rows.body), isa), isa);
    for (std::size_t m = r; m < mutants.size(); m += 2) {
      INFO(rows.body << ", " << mutants[m].what);
      try {
        spec::validate(mutants[m].kernel, isa);
      } catch (const semantics::InputError &) {
        continue;
      }
      std::vector<semantics::Tensor> inputs = test_input(shapes, Level::Bits, m, 1);
      semantics::Tensor expected = semantics::evaluate(graph, inputs, isa.numerics)[0],
                        actual = sim::Simulator(isa, mutants[m].kernel).run(inputs)[0];
      for (std::int64_t e = 0; e < expected.elements(); e += 3) {
        auto cone = ElementCone::of(graph, mutants[m].kernel, isa, 0, e, {});
        REQUIRE(cone);
        bool differ = expected.bits(e) != actual.bits(e);
        (differ ? differences : same)++;
        REQUIRE(cone->differs(inputs) == differ);
        REQUIRE(cone->differs(cone->depended_on(inputs)) == differ);
      }
    }
  }
  CHECK(differences > 20);
  CHECK(same > 50);
}

TEST_CASE("what an element depends on is what its results change with") {
  spec::Isa isa = isamorph::test::integer_machine();
  semantics::TensorGraph graph = verify::test::product_program(8, 8, 8);
  spec::Kernel kernel = kernel_of(verify::test::product_kernel(8, 8, 8), isa);
  auto cone = ElementCone::of(graph, kernel, isa, 0, 8 * 3 + 5, {});
  REQUIRE(cone);
  std::vector<semantics::Tensor> ones;
  for (semantics::NodeId p : graph.parameters) {
    ones.emplace_back(graph[p].shape);
    for (std::int64_t e = 0; e < ones.back().elements(); ++e)
      ones.back().set_bits(e, 1);
  }
  ones = cone->depended_on(ones);
  for (std::int64_t e = 0; e < 64; ++e) {
    CHECK(ones[0].bits(e) == (e / 8 == 3));
    CHECK(ones[1].bits(e) == (e % 8 == 5));
  }
}

TEST_CASE("counterexamples of a large product are as small as those of a small one") {
  spec::Isa isa = isamorph::test::integer_machine();
  auto nonzero = [&](std::int64_t n) {
    semantics::TensorGraph graph = verify::test::product_program(n, n, n);
    spec::Kernel kernel = kernel_of(verify::test::product_kernel(n, n, n), isa);
    kernel.loops[2].end -= 4; // a summand tile less
    Verdict verdict = verify_kernel(kernel, isa, graph, {});
    REQUIRE(verdict.outcome == Outcome::Different);
    verify::test::confirm(verdict, graph, kernel, isa);
    return verdict.counterexample->nonzero_inputs;
  };
  CHECK(nonzero(8) == 2);
  CHECK(nonzero(96) == 2);
}
