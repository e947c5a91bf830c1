// Bounds on traffic and cost: their figures, and that no kernel goes below them.
#include "costmodel/traffic.h"
#include "search/least_rate.h"
#include "search/lower_bound.h"
#include "search/matcher.h"
#include "search/tiling.h"
#include "semantics/cursor.h"
#include "semantics/hlo.h"
#include "tests/integer/machine.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <random>

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

semantics::IntExpr expression(const std::string &text, const semantics::Scope &scope) {
  semantics::Cursor cursor(semantics::make_source("<test>", text));
  return semantics::parse_int_expr(cursor, scope);
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

TEST_CASE("sums load all summands") {
  spec::Isa isa = spec::load_isa("gemmini");
  auto bound = [&](const std::string &rest) {
    return search::traffic_bound(
        semantics::parse_hlo(semantics::make_source(
            "<test>", "HloModule m\nENTRY m {\n a = s8[32,16] parameter(0)\n b = s8[16,64] "
                      "parameter(1)\n c = s32[64] parameter(2)\n d = s8[32,64] parameter(3)\n x = "
                      "s32[32,16] convert(a)\n y = s32[16,64] convert(b)\n p = s32[32,64] dot(x, "
                      "y), lhs_contracting_dims={1}, rhs_contracting_dims={0}\n e = s32[32,64] "
                      "broadcast(c), dimensions={1}\n f = s32[32,64] convert(d)\n" +
                          rest + "}\n")),
        isa);
  };
  constexpr std::int64_t a = 32 * 16, b = 16 * 64, c = 64 * 4, d = 32 * 64;
  for (const auto &[rest, loaded, products] :
       {std::tuple<const char *, std::int64_t, std::int64_t>{" ROOT s = s32[32,64] add(p, e)\n",
                                                             a + b + c, 32 * 64 * 16},
        {" q = s32[32,64] subtract(f, p)\n ROOT s = s32[32,64] add(e, q)\n", a + b + c + d,
         32 * 64 * 16},
        {" q = s32[32,64] add(p, f)\n ROOT s = s8[32,64] convert(q)\n", a + b + d, 32 * 64 * 16},
        {" ROOT s = s32[32,64] reverse(f), dimensions={0}\n", d, 0},
        {" z = s32[] constant(0)\n w = s32[32,64] broadcast(z), dimensions={}\n q = s32[32,64] "
         "add(p, "
         "e)\n ROOT s = s32[32,64] maximum(w, q)\n",
         a + b + c, 32 * 64 * 16},
        {" l = s32[] constant(-128)\n h = s32[] constant(127)\n q = s32[32,64] clamp(l, p, h)\n "
         "ROOT s "
         "= s8[32,64] convert(q)\n",
         a + b, 32 * 64 * 16},
        // not known: words within a byte, a difference that may be negative, nothing at 0
        {" l = s32[] constant(-128)\n h = s32[] constant(127)\n ROOT q = s32[32,64] clamp(l, e, "
         "h)\n",
         0, 0},
        {" z = s32[] constant(0)\n w = s32[32,64] broadcast(z), dimensions={}\n q = s32[32,64] "
         "subtract(p, f)\n ROOT s = s32[32,64] maximum(q, w)\n",
         0, 0},
        {" z = s32[] constant(1)\n w = s32[32,64] broadcast(z), dimensions={}\n ROOT s = "
         "s32[32,64] "
         "maximum(p, w)\n",
         0, 0},
        // nor: words cut to bytes, a summand twice, a maximum, a repeated factor
        {" q = s32[32,64] add(p, e)\n ROOT s = s8[32,64] convert(q)\n", 0, 0},
        {" q = s32[32,64] add(p, f)\n ROOT s = s32[32,64] subtract(q, f)\n", 0, 0},
        {" ROOT s = s32[32,64] maximum(p, f)\n", 0, 0},
        {" ROOT s = s32[32,32] dot(e, f), lhs_contracting_dims={1}, rhs_contracting_dims={1}\n", 0,
         0}}) {
    INFO(rest);
    TrafficBound found = bound(rest);
    CHECK(found.loaded == loaded);
    CHECK(found.multiplications == products);
  }
}

TEST_CASE("no cheapest kernel of a sum is below the bounds") {
  spec::Isa isa = spec::load_isa("gemmini");
  const std::string head = "HloModule m\nENTRY m {\n a = s8[16,16] parameter(0)\n b = s8[16,16] "
                           "parameter(1)\n c = s8[16,16] parameter(2)\n",
                    dims = ", lhs_contracting_dims={1}, rhs_contracting_dims={0}\n";
  for (const std::string &body :
       {" ROOT s = s8[16,16] add(a, b)\n" + std::string(),
        " p = s8[16,16] dot(a, b)" + dims + " ROOT s = s8[16,16] add(p, c)\n",
        " ROOT s = s8[16,16] copy(c)\n" + std::string(),
        " p = s8[16,16] add(a, b)\n ROOT s = s8[16,16] add(p, c)\n" + std::string()})
    for (const std::string &model : costmodel::cost_model_names()) {
      INFO(body << model);
      semantics::TensorGraph graph =
          semantics::parse_hlo(semantics::make_source("<test>", head + body + "}\n"))
              .without_dead_nodes();
      search::SearchOptions options;
      options.cost = *costmodel::cost_model(model);
      auto found = search::find_kernel(graph, isa, semantics::shipped_rules(), options);
      REQUIRE(found.status == search::SearchResult::Status::Optimal);
      TrafficBound bound = search::traffic_bound(graph, isa);
      costmodel::Traffic moved = costmodel::traffic(isa, *found.kernel);
      std::int64_t constants = 0;
      for (const spec::Placed &constant : found.kernel->constants)
        constants += constant.shape.bytes();
      CHECK(moved.loaded == bound.loaded + constants); // the least is reached
      CHECK(moved.stored == bound.stored);
      CHECK(search::cost_bound(bound, isa, options.cost) > 0);
      CHECK(search::cost_bound(bound, isa, options.cost) <= found.cost);
    }
}

TEST_CASE("ranges of attributes") {
  spec::Isa isa = spec::load_isa("qkv");
  const spec::Instruction &load = *isa.find_instruction("load_rm");
  CHECK(search::attribute_range(load, 0).low == 1);
  CHECK(search::attribute_range(load, 0).high == 128);
  CHECK_FALSE(search::attribute_range(load, 1).high);
}

TEST_CASE("costs that follow from what must be done") {
  using costmodel::CostModel;
  spec::Isa isa = spec::load_isa("qkv"); // moves of up to 16384 bytes
  TrafficBound traffic{40000, 16384, 0, 0};
  CHECK(search::cost_bound(traffic, isa, CostModel::Count) == 3 + 1);
  CHECK(search::cost_bound({}, isa, CostModel::Count) == 0);
  // Moves and products have units of their own on Gemmini: 16 x 16 x 16 products take 48 cycles.
  spec::Isa gemmini = spec::load_isa("gemmini");
  TrafficBound work = search::traffic_bound(product(512, 512, 512), gemmini);
  CHECK(work.multiplications == 512 * 512 * 512);
  CHECK(search::cost_bound(work, gemmini, CostModel::Count) == 2 + 4 + 32768);
  CHECK(search::cost_bound(work, gemmini, CostModel::Overlap) == 32768 * 48);
  CHECK(search::cost_bound(work, gemmini, CostModel::Latency) > 32768 * 48 + 1500000 / 16);
}

TEST_CASE("the lowest rate is below that of all values, and close to one of them") {
  std::mt19937 engine(7);
  auto pick = [&](int low, int high) {
    return low + static_cast<int>(engine() % static_cast<unsigned>(high - low + 1));
  };
  semantics::Scope scope{{"a", "b"}};
  for (int round = 0; round < 200; ++round) {
    std::string cost = fmt::format("{} + ({}*a*b + {}*a + {}) / {}", pick(0, 40), pick(0, 4),
                                   pick(0, 9), pick(0, 15), pick(1, 16)),
                amount = fmt::format("{}*a*b - {}*b", pick(1, 3), pick(0, 2)),
                most = std::to_string(pick(1, 30));
    INFO(cost << " for " << amount << " up to " << most);
    auto parse = [&](const std::string &text) { return expression(text, scope); };
    semantics::IntExpr price = parse(cost), work = parse(amount);
    std::vector<semantics::IntExpr> conditions = {parse("1 <= a"), parse("a <= 40"),
                                                  parse("1 <= b"), parse("b <= 40"),
                                                  parse("a + b <= " + most)};
    auto found = search::least_rate(price, work, conditions, 2);
    std::optional<double> least;
    for (std::int64_t a = 1; a <= 40; ++a)
      for (std::int64_t b = 1; a + b <= std::stoll(most); ++b) {
        semantics::Bindings values = {a, b};
        std::int64_t c = *price.evaluate(values), w = *work.evaluate(values);
        if (w <= 0)
          continue;
        CHECK((!found || found->cost * w <= c * found->amount));
        double rate = static_cast<double>(c) / static_cast<double>(w);
        least = least ? std::min(*least, rate) : rate;
      }
    REQUIRE(found.has_value() >= least.has_value());
    if (least) // boxes are a thirty-second wide; the cost falls by as much
      CHECK(static_cast<double>(found->cost) / static_cast<double>(found->amount) >=
            *least * 0.9 - 1e-9);
  }
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
      CHECK(found.bound > 1);
      CHECK(found.cost >= found.bound);
      CHECK(found.cost == costmodel::cost(isa, *found.kernel, options.cost));
    }
}

TEST_CASE("tiles within a larger matrix count with all their rows") {
  auto instruction = [](const std::string &head, const std::string &regions,
                        const std::string &body) {
    return "  instruction " + head + " {\n" + regions + "    cost unit u, latency 10\n" +
           "    semantics {\n" + body + "    }\n  }\n";
  };
  const std::string dot = "%f = s32[64,64] convert(%x)\n%g = s32[64,64] convert(%y)\n%z = "
                          "s32[64,64] dot(%f, %g), lhs_contracting_dims={1}, "
                          "rhs_contracting_dims={0}\n",
                    operands = "reads %x = a[p : 64]\nreads %y = a[q : 64]\n";
  spec::Isa isa = spec::parse_isa(semantics::make_source(
      "strided.isa",
      "isa strided {\n  buffer m hbm\n  buffer a [128] x s8[64]\n  buffer c [64] x s32[64]\n  "
      "numerics xla_cpu\n  unit u\n" +
          instruction("lds (s) [from, to]",
                      "reads %x = m[from : 64 step s : 64]\nwrites a[to : 64] = %z\nwhere 64 <= s "
                      "<= 65536\n",
                      "%z = s8[64,64] bitcast-convert(%x)\n") +
          instruction("mm () [p, q]", operands + "reads %d = c[0 : 64]\nwrites c[0 : 64] = %e\n",
                      dot + "%e = s32[64,64] add(%z, %d)\n") +
          instruction("mm0 () [p, q]", operands + "writes c[0 : 64] = %z\n", dot) +
          instruction("sts (s) [to]",
                      "reads %x = c[0 : 64]\nwrites m[to : 64 step s : 256] = %y\nwhere 256 <= s "
                      "<= 65536\n",
                      "%z = u8[64,64,4] bitcast-convert(%x)\n%y = u8[64,256] reshape(%z)\n") +
          "}\n"));
  std::string text = "kernel hand {\n memory 98304\n input a @ 0 : s8[128,128]\n input b @ 16384 : "
                     "s8[128,128]\n output c @ 32768 : s32[128,128]\n";
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < 2; ++j) {
      for (int k = 0; k < 2; ++k)
        text += fmt::format(" lds(128, {}, 0)\n lds(128, {}, 64)\n {}(0, 64)\n", 8192 * i + 64 * k,
                            16384 + 8192 * k + 64 * j, k == 0 ? "mm0" : "mm");
      text += fmt::format(" sts(512, {})\n", 32768 + 32768 * i + 256 * j);
    }
  spec::Kernel kernel = spec::parse_kernel(semantics::make_source("hand.asm", text + "}\n"), isa);
  TrafficBound traffic = search::traffic_bound(product(128, 128, 128), isa);
  CHECK(traffic.total() <= costmodel::traffic(isa, kernel).total());
  for (auto model : {costmodel::CostModel::Count, costmodel::CostModel::Latency,
                     costmodel::CostModel::Overlap}) {
    std::int64_t bound = search::cost_bound(traffic, isa, model);
    CHECK(bound > 0);
    CHECK(bound <= costmodel::cost(isa, kernel, model));
  }
}
