// Kernels of tiles compute their programs, whatever the shape, and the loops are worth it.
#include "search/pipelining.h"
#include "search/tiling.h"
#include "semantics/evaluator.h"
#include "semantics/hlo.h"
#include "sim/simulator.h"
#include "tests/integer/machine.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <random>

using namespace isamorph;
using search::SearchOptions;
using search::SearchResult;

namespace {

semantics::Tensor random_tensor(const semantics::Shape &shape, std::uint64_t seed) {
  std::mt19937_64 engine(seed);
  semantics::Tensor tensor(shape);
  for (std::int64_t i = 0; i < tensor.elements(); ++i)
    tensor.set_bits(
        i, semantics::is_float(shape.type)
               ? semantics::encode(shape.type, static_cast<double>(engine() % 2001) / 2000.0 - 0.5)
               : engine());
  return tensor;
}

bool computes(const semantics::TensorGraph &graph, const spec::Isa &isa,
              const spec::Kernel &kernel) {
  std::vector<semantics::Tensor> inputs;
  for (semantics::NodeId p : graph.parameters)
    inputs.push_back(random_tensor(graph[p].shape, inputs.size() + 1));
  return sim::Simulator(isa, kernel).run(inputs) ==
         semantics::evaluate(graph, inputs, isa.numerics);
}

SearchResult tiled(const semantics::TensorGraph &graph, const spec::Isa &isa,
                   costmodel::CostModel cost = costmodel::CostModel::Count) {
  SearchOptions options;
  options.cost = cost;
  return search::find_tiled_kernel(graph, isa, semantics::shipped_rules(), options);
}

semantics::TensorGraph text(const std::string &body) {
  return semantics::parse_hlo(
      semantics::make_source("<test>", "HloModule m\nENTRY m {\n" + body + "}\n"));
}

/// Of bytes, summed in words.
semantics::TensorGraph product(std::int64_t m, std::int64_t n, std::int64_t k) {
  return text(
      fmt::format(" a = s8[{0},{2}] parameter(0)\n b = s8[{2},{1}] parameter(1)\n x = s32[{0},{2}] "
                  "convert(a)\n y = s32[{2},{1}] convert(b)\n ROOT c = s32[{0},{1}] dot(x, y), "
                  "lhs_contracting_dims={{1}}, rhs_contracting_dims={{0}}\n",
                  m, n, k));
}

semantics::TensorGraph queries(std::int64_t n) {
  return semantics::parse_hlo(semantics::make_source("<test>", fmt::format(R"(HloModule attention
add {{
  a = bf16[] parameter(0)
  b = bf16[] parameter(1)
  ROOT sum = bf16[] add(a, b)
}}
ENTRY attention {{
  q = bf16[{0},64] parameter(0)
  k = bf16[64,64] parameter(1)
  v = bf16[64,64] parameter(2)
  s = bf16[{0},64] dot(q, k), lhs_contracting_dims={{1}}, rhs_contracting_dims={{1}}
  e = bf16[{0},64] exponential(s)
  zero = bf16[] constant(0)
  r = bf16[{0}] reduce(e, zero), dimensions={{1}}, to_apply=add
  b = bf16[{0},64] broadcast(r), dimensions={{0}}
  p = bf16[{0},64] divide(e, b)
  ROOT o = bf16[{0},64] dot(p, v), lhs_contracting_dims={{1}}, rhs_contracting_dims={{0}}
}})",
                                                                           n)));
}

} // namespace

TEST_CASE("products of random shapes, with what follows them, are computed tile by tile",
          "[slow]") {
  spec::Isa isa = test::integer_machine();
  std::mt19937 engine(5);
  for (int round = 0; round < 6; ++round) {
    auto pick = [&](unsigned most) { return 4 * (1 + engine() % most); };
    unsigned m = pick(5), n = pick(4), k = pick(6);
    bool narrow = round % 2 == 1;
    std::string body = fmt::format(
        " a = s8[{0},{2}] parameter(0)\n b = s8[{2},{1}] parameter(1)\n x = s32[{0},{2}] "
        "convert(a)\n y = s32[{2},{1}] convert(b)\n {3} = s32[{0},{1}] dot(x, y), "
        "lhs_contracting_dims={{1}}, rhs_contracting_dims={{0}}\n",
        m, n, k, narrow ? "c" : "ROOT c");
    if (narrow)
      body += fmt::format(" l = s32[] constant(-128)\n h = s32[] constant(127)\n d = s32[{0},{1}] "
                          "clamp(l, c, h)\n ROOT e = s8[{0},{1}] convert(d)\n",
                          m, n);
    INFO(body);
    semantics::TensorGraph graph = text(body);
    SearchResult found = tiled(graph, isa, costmodel::CostModel::Latency);
    REQUIRE(found.kernel);
    CHECK(computes(graph, isa, *found.kernel));
  }
}

TEST_CASE("rows of queries are tiles, on machines with one and with two buffers") {
  for (const char *name : {"qkv", "qkv_new"})
    for (std::int64_t n : {128, 192, 256}) {
      INFO(name << " " << n);
      spec::Isa isa = spec::load_isa(name);
      semantics::TensorGraph graph = queries(n);
      SearchResult found = tiled(graph, isa);
      REQUIRE(found.kernel);
      CHECK(found.kernel->loops.size() == 1);
      CHECK(found.kernel->loops[0].iterations() == n / 64);
      CHECK(computes(graph, isa, *found.kernel));
      // On qkv_new, keys and values stay: 3 instructions before the loop, 7 in it.
      CHECK(found.cost == (isa.name == "qkv" ? 9 * n / 64 : 3 + 7 * n / 64));
    }
}

TEST_CASE("loads overlap with computation when buffers can be halved", "[slow]") {
  spec::Isa isa = spec::load_isa("qkv_new");
  for (std::int64_t n : {128, 192, 256, 320, 512}) { // both parities, with and without a loop
    INFO(n);
    semantics::TensorGraph graph = queries(n);
    SearchResult plain = tiled(graph, isa, costmodel::CostModel::Latency),
                 found = tiled(graph, isa, costmodel::CostModel::Overlap);
    REQUIRE(plain.kernel);
    REQUIRE(found.kernel);
    CHECK(computes(graph, isa, *found.kernel));
    CHECK(found.cost < costmodel::cost(isa, *plain.kernel, costmodel::CostModel::Overlap));
  }
  // The products and the softmax of a tile take turns in d2: 664 cycles a tile at best.
  CHECK(tiled(queries(512), isa, costmodel::CostModel::Overlap).cost < 8 * 664 * 9 / 8);
}

TEST_CASE("loads of the next tiles overlap with products where that pays", "[slow]") {
  using costmodel::CostModel;
  spec::Isa isa = spec::load_isa("gemmini");
  for (std::int64_t m : {64, 80}) { // the loop that stands twice has an even or odd count
    INFO(m);
    semantics::TensorGraph graph = product(m, 64, 64);
    SearchResult plain = tiled(graph, isa, CostModel::Latency),
                 found = tiled(graph, isa, CostModel::Overlap);
    REQUIRE(plain.kernel);
    REQUIRE(found.kernel);
    CHECK(computes(graph, isa, *found.kernel));
    bool twice = std::any_of(found.kernel->loops.begin(), found.kernel->loops.end(),
                             [](const spec::Loop &loop) { return loop.step == 2; });
    CHECK(twice);
    CHECK(found.cost * 10 < costmodel::cost(isa, *plain.kernel, CostModel::Overlap) * 9);
    // Nothing is double where one instruction runs after the other.
    CHECK(std::all_of(plain.kernel->loops.begin(), plain.kernel->loops.end(),
                      [](const spec::Loop &loop) { return loop.step == 1; }));
  }
}

TEST_CASE("tiles at the ends of dimensions may be shorter, or shifted") {
  spec::Isa gemmini = spec::load_isa("gemmini");
  for (auto [m, n, k] : {std::array<std::int64_t, 3>{37, 19, 23}, {16, 16, 17}, {17, 5, 16}}) {
    INFO(m << "x" << n << "x" << k);
    semantics::TensorGraph graph = product(m, n, k);
    SearchResult found = tiled(graph, gemmini);
    REQUIRE(found.kernel);
    CHECK(computes(graph, gemmini, *found.kernel));
  }
  for (const char *name : {"qkv", "qkv_new"}) {
    spec::Isa isa = spec::load_isa(name);
    for (std::int64_t n : {97, 131}) { // the last tile overlaps with the one before
      INFO(name << " " << n);
      semantics::TensorGraph graph = queries(n);
      SearchResult found = tiled(graph, isa);
      REQUIRE(found.kernel);
      CHECK(computes(graph, isa, *found.kernel));
      CHECK(found.cost <= 10 * ((n + 63) / 64));
    }
  }
}

TEST_CASE("batches are loops around matrices") {
  spec::Isa gemmini = spec::load_isa("gemmini"), qkv = spec::load_isa("qkv");
  const std::string widened = " a = s8[3,20,24] parameter(0)\n b = s8[3,24,16] parameter(1)\n x = "
                              "s32[3,20,24] convert(a)\n y = s32[3,24,16] convert(b)\n",
                    dims = ", lhs_contracting_dims={2}, rhs_contracting_dims={1}, "
                           "lhs_batch_dims={0}, rhs_batch_dims={0}\n";
  for (const auto &[isa, body] : std::vector<std::pair<const spec::Isa *, std::string>>{
           {&gemmini, widened + " ROOT c = s32[3,20,16] dot(x, y)" + dims},
           {&gemmini, widened + " c = s32[3,20,16] dot(x, y)" + dims +
                          " ROOT d = s8[3,20,16] "
                          "convert(c)\n"},
           {&qkv, " a = bf16[3,64,64] parameter(0)\n b = bf16[3,64,64] parameter(1)\n ROOT c = "
                  "bf16[3,64,64] dot(a, b)" +
                      dims}}) {
    INFO(body);
    semantics::TensorGraph graph = text(body);
    SearchResult found = tiled(graph, *isa);
    INFO(found.reason);
    REQUIRE(found.kernel);
    CHECK(computes(graph, *isa, *found.kernel));
    CHECK(found.kernel->loops[0].iterations() == 3);
  }
}

TEST_CASE("a product on Gemmini keeps what it can on chip", "[slow]") {
  spec::Isa isa = spec::load_isa("gemmini");
  semantics::TensorGraph graph = product(64, 32, 48);
  SearchResult found = tiled(graph, isa);
  REQUIRE(found.kernel);
  CHECK(computes(graph, isa, *found.kernel));
  // Every line of a tile is moved once; 4 * 2 * 3 products.
  CHECK(found.cost == 64 * 3 + 48 * 2 + 4 * 2 * 3 + 64 * 2);
}

TEST_CASE("the same kernel on every run") {
  spec::Isa isa = spec::load_isa("qkv_new");
  semantics::TensorGraph graph = queries(192);
  std::string first = spec::print_kernel(*tiled(graph, isa).kernel, isa, "asm");
  CHECK(spec::print_kernel(*tiled(graph, isa).kernel, isa, "asm") == first);
}

TEST_CASE("why there are no tiles") {
  spec::Isa isa = spec::load_isa("qkv");
  SearchResult found =
      tiled(text(" a = f32[128,64] parameter(0)\n ROOT b = f32[128,64] reverse(a), "
                 "dimensions={0,1}\n"),
            isa);
  CHECK(found.status == SearchResult::Status::Infeasible);
  CHECK(found.reason.find("dimension 0 of 'b' cannot be cut: it is reversed") != std::string::npos);
  found = tiled(text(" a = bf16[64,128] parameter(0)\n b = bf16[128,64] parameter(1)\n ROOT c = "
                     "bf16[64,64] dot(a, b), lhs_contracting_dims={1}, rhs_contracting_dims={0}\n"),
                isa);
  CHECK(found.status == SearchResult::Status::Infeasible);
  CHECK(found.reason.find("the contraction of 'c' is not cut at bits") != std::string::npos);
}

TEST_CASE("of thousands of sizes of tiles that do not do, a few are said") {
  SearchResult found = tiled(product(1 << 14, 1 << 14, 1 << 14), spec::load_isa("gemmini"));
  CHECK(found.status == SearchResult::Status::Infeasible);
  INFO(found.reason);
  CHECK(found.reason.size() < 2000);
  CHECK(found.reason.find("and so on") != std::string::npos);
}

TEST_CASE("a tiling that was found before the search is stopped is kept, with its bound") {
  spec::Isa isa = spec::load_isa("qkv_new");
  semantics::TensorGraph graph = queries(192);
  std::atomic<bool> interrupt = false;
  SearchOptions options;
  options.interrupt = &interrupt;
  std::vector<std::int64_t> best;
  options.progress = [&](const search::Progress &now) {
    if (now.best)
      best.push_back(*now.best);
    interrupt = now.best.has_value();
  };
  SearchResult found = search::find_tiled_kernel(graph, isa, semantics::shipped_rules(), options);
  REQUIRE(found.kernel);
  CHECK(found.status == SearchResult::Status::Feasible);
  CHECK(found.cut_short);
  CHECK(found.reason == "interrupted: a cheaper tiling may exist");
  CHECK(best == std::vector<std::int64_t>{found.cost});
  CHECK(found.bound > 0);
  CHECK(found.cost > tiled(graph, isa).cost);
  CHECK(computes(graph, isa, *found.kernel));
}

TEST_CASE("time that is up and interruptions are no infeasibility") {
  spec::Isa isa = spec::load_isa("qkv");
  semantics::TensorGraph graph = queries(128);
  SearchOptions options;
  options.time_limit_seconds = 0;
  CHECK(search::find_tiled_kernel(graph, isa, semantics::shipped_rules(), options).status ==
        SearchResult::Status::OutOfTime);
  std::atomic<bool> interrupt = true;
  options.time_limit_seconds = 60;
  options.interrupt = &interrupt;
  SearchResult stopped = search::find_tiled_kernel(graph, isa, semantics::shipped_rules(), options);
  CHECK(stopped.status == SearchResult::Status::OutOfTime);
  CHECK(stopped.reason == "interrupted before a tiling was found");
}
