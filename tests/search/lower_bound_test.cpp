// Bounds on traffic and cost: their figures, and that no kernel goes below them.
#include "costmodel/traffic.h"
#include "search/lower_bound.h"
#include "search/matcher.h"
#include "search/tiling.h"
#include "semantics/hlo.h"
#include "tests/integer/machine.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace isamorph;
using search::TrafficBound;

namespace {

semantics::TensorGraph product(std::int64_t m, std::int64_t n, std::int64_t k,
                               const std::string &rest = "ROOT c") {
  return semantics::parse_hlo(semantics::make_source("<test>", fmt::format(R"(HloModule product
ENTRY product {{
  a = s8[{0},{2}] parameter(0)
  b = s8[{2},{1}] parameter(1)
  x = s32[{0},{2}] convert(a)
  y = s32[{2},{1}] convert(b)
  {3} = s32[{0},{1}] dot(x, y), lhs_contracting_dims={{1}}, rhs_contracting_dims={{0}}
}})",
                                                                           m, n, k, rest)));
}

} // namespace

TEST_CASE("a product loads its operands and stores its result") {
  TrafficBound bound = search::traffic_bound(product(512, 256, 128), spec::load_isa("gemmini"));
  CHECK(bound.loaded == 512 * 128 + 128 * 256);
  CHECK(bound.stored == 512 * 256 * 4);
  CHECK(bound.total() == bound.loaded + bound.stored);
}

TEST_CASE("large products on a small chip are bounded by how often operands are used") {
  // 128 bytes and 128 words hold 640 elements of a byte: 2 * 512^3 / sqrt(640) - 1280 =
  // 10609563.5
  spec::Isa isa = test::integer_machine();
  TrafficBound bound = search::traffic_bound(product(512, 512, 512), isa);
  CHECK(bound.product > 10609540);
  CHECK(bound.product <= 10609563);
  CHECK(bound.total() == bound.product);
}

TEST_CASE("what may matter or not is not said to be loaded") {
  spec::Isa isa = spec::load_isa("gemmini");
  // A narrowing below the operands' width may hide elements; a sum of other values too.
  auto graph = semantics::parse_hlo(semantics::make_source("<test>", R"(HloModule m
ENTRY m {
  a = s32[8,8] parameter(0)
  b = s32[8,8] parameter(1)
  c = s32[8,8] dot(a, b), lhs_contracting_dims={1}, rhs_contracting_dims={0}
  ROOT d = s8[8,8] convert(c)
})"));
  CHECK(search::traffic_bound(graph, isa).loaded == 0);
  CHECK(search::traffic_bound(graph, isa).stored == 64);
  auto hidden = semantics::parse_hlo(semantics::make_source("<test>", R"(HloModule m
ENTRY m {
  a = s32[8,8] parameter(0)
  n = s8[8,8] convert(a)
  x = s32[8,8] convert(n)
  b = s32[8,8] parameter(1)
  ROOT c = s32[8,8] dot(x, b), lhs_contracting_dims={1}, rhs_contracting_dims={0}
})"));
  CHECK(search::traffic_bound(hidden, isa).loaded == 0);
  auto square = semantics::parse_hlo(semantics::make_source("<test>", R"(HloModule m
ENTRY m {
  a = s32[8,8] parameter(0)
  ROOT c = s32[8,8] dot(a, a), lhs_contracting_dims={1}, rhs_contracting_dims={0}
})"));
  CHECK(search::traffic_bound(square, isa).loaded == 256);
  CHECK(search::traffic_bound(square, isa).product == 0);
}

TEST_CASE("ranges of attributes") {
  spec::Isa isa = spec::load_isa("qkv");
  const spec::Instruction &load = *isa.find_instruction("load_rm");
  CHECK(search::attribute_range(load, 0).low == 1);
  CHECK(search::attribute_range(load, 0).high == 128);
  CHECK_FALSE(search::attribute_range(load, 1).high);
}

TEST_CASE("costs that follow from what must be moved") {
  spec::Isa isa = spec::load_isa("qkv"); // moves of up to 16384 bytes, of at least 34 cycles
  TrafficBound traffic{40000, 16384, 0};
  CHECK(search::cost_bound(traffic, isa, costmodel::CostModel::Count) == 3 + 1);
  CHECK(search::cost_bound(traffic, isa, costmodel::CostModel::Latency) == 4 * 34);
  CHECK(search::cost_bound(traffic, isa, costmodel::CostModel::Overlap) == (4 * 34 + 2) / 3);
  CHECK(search::cost_bound({}, isa, costmodel::CostModel::Count) == 0);
}

TEST_CASE("no tiled kernel is below the bounds", "[slow]") {
  spec::Isa isa = test::integer_machine();
  for (auto [m, n, k] :
       {std::array<std::int64_t, 3>{8, 8, 8}, {4, 12, 16}, {32, 4, 8}, {12, 20, 4}})
    for (const std::string &model : costmodel::cost_model_names()) {
      INFO(m << "x" << n << "x" << k << " " << model);
      semantics::TensorGraph graph = product(m, n, k);
      search::SearchOptions options;
      options.cost = *costmodel::cost_model(model);
      auto found = search::find_tiled_kernel(graph, isa, semantics::shipped_rules(), options);
      REQUIRE(found.kernel);
      TrafficBound bound = search::traffic_bound(graph, isa);
      costmodel::Traffic moved = costmodel::traffic(isa, *found.kernel);
      CHECK(moved.loaded >= bound.loaded);
      CHECK(moved.stored >= bound.stored);
      CHECK(moved.total() >= bound.total());
      CHECK(found.bound == search::cost_bound(bound, isa, options.cost));
      CHECK(found.cost >= found.bound);
      CHECK(found.cost == costmodel::cost(isa, *found.kernel, options.cost));
    }
}
