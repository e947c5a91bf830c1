// Many small instructions, side by side on several threads, written out and as loops.
#include "semantics/hlo.h"
#include "sim/simulator.h"
#include "tests/bench/matrix_unit.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <random>
#include <tbb/global_control.h>
#include <tbb/task_arena.h>

using namespace isamorph;
using semantics::Tensor;

TEST_CASE("a product in tiles is the product, for any number of threads, with and without loops") {
  tbb::global_control more(tbb::global_control::max_allowed_parallelism, 5);
  for (std::int64_t tiles : {2, 4, 8}) {
    spec::Isa isa = test::matrix_unit(tiles);
    auto graph = semantics::parse_hlo(semantics::make_source("product", fmt::format(R"(
      HloModule product
      ENTRY main {{
        a = s8[{0},{0}] parameter(0)
        b = s8[{0},{0}] parameter(1)
        x = s32[{0},{0}] convert(a)
        y = s32[{0},{0}] convert(b)
        ROOT c = s32[{0},{0}] dot(x, y), lhs_contracting_dims={{1}}, rhs_contracting_dims={{0}}
      }})",
                                                                                    16 * tiles)));
    std::mt19937_64 engine(7);
    std::vector<Tensor> inputs;
    for (semantics::NodeId p : graph.parameters) {
      inputs.emplace_back(graph[p].shape);
      for (std::byte &byte : inputs.back().bytes())
        byte = static_cast<std::byte>(engine());
    }
    auto expected = semantics::evaluate(graph, inputs, isa.numerics);
    for (bool looped : {false, true}) {
      sim::Simulator simulator(isa, test::matrix_product(isa, tiles, looped));
      for (int threads : {1, 2, 5})
        CHECK(tbb::task_arena(threads).execute([&] { return simulator.run(inputs); }) == expected);
    }
  }
}
