// Kernels of tiles from graph to proof: verdicts, mutants, certificates, and the bytes that the
// published shapes move.
#include "corpus/synthesis.h"
#include "semantics/evaluator.h"
#include "semantics/hlo.h"
#include "sim/simulator.h"
#include "spec/unroll.h"
#include "verify/checker/checker.h"
#include "verify/equivalence.h"

#include <catch2/catch.hpp>

#include <random>

using namespace isamorph;
using corpus::Synthesis;

namespace {

semantics::TensorGraph program(const std::string &name) {
  return semantics::parse_hlo(
      semantics::read_source(ISAMORPH_SOURCE_DIR "/corpus/" + name + ".hlo"));
}

Synthesis compile(const semantics::TensorGraph &graph, const spec::Isa &isa,
                  costmodel::CostModel cost = costmodel::CostModel::Count,
                  bool certificate = false) {
  corpus::SynthesisOptions options;
  options.jobs = 1;
  options.cost = cost;
  options.certificate = certificate;
  return corpus::synthesize(graph, isa, options);
}

/// Bytes that are small integers or small floats.
std::vector<semantics::Tensor> random_inputs(const semantics::TensorGraph &graph) {
  std::mt19937_64 engine(3);
  std::vector<semantics::Tensor> inputs;
  for (semantics::NodeId p : graph.parameters) {
    semantics::Tensor tensor(graph[p].shape);
    bool floats = semantics::is_float(graph[p].shape.type);
    for (std::int64_t i = 0; i < tensor.elements(); ++i)
      tensor.set_bits(
          i, floats ? semantics::encode(graph[p].shape.type,
                                        static_cast<double>(engine() % 2001) / 2000.0 - 0.5)
                    : engine());
    inputs.push_back(std::move(tensor));
  }
  return inputs;
}

void check_simulation(const semantics::TensorGraph &graph, const spec::Isa &isa,
                      const spec::Kernel &kernel) {
  auto inputs = random_inputs(graph);
  CHECK(sim::Simulator(isa, kernel).run(inputs) ==
        semantics::evaluate(graph, inputs, isa.numerics));
}

verify::Outcome verdict(const spec::Kernel &kernel, const spec::Isa &isa,
                        const semantics::TensorGraph &graph) {
  return verify::verify_kernel(kernel, isa, graph, {}).outcome;
}

semantics::TensorGraph product(const std::string &m, const std::string &n, const std::string &k) {
  return semantics::parse_hlo(semantics::make_source(
      "<test>", "HloModule p\nENTRY p {\n a = s8[" + m + "," + k + "] parameter(0)\n b = s8[" + k +
                    "," + n + "] parameter(1)\n x = s32[" + m + "," + k +
                    "] convert(a)\n y = s32[" + k + "," + n + "] convert(b)\n ROOT c = s32[" + m +
                    "," + n +
                    "] dot(x, y), lhs_contracting_dims={1}, rhs_contracting_dims={0}\n}\n"));
}

} // namespace

TEST_CASE("rows of queries, pipelined or not, are proved", "[slow]") {
  struct Row {
    const char *program, *isa;
    costmodel::CostModel cost;
    std::int64_t expected;
  };
  using costmodel::CostModel;
  for (const Row &row : {Row{"qkv/attention_128", "qkv", CostModel::Count, 18},
                         Row{"qkv/attention_512", "qkv", CostModel::Count, 72},
                         Row{"qkv/attention_128", "qkv_new", CostModel::Count, 17},
                         Row{"qkv/attention_256", "qkv_new", CostModel::Overlap, 3288},
                         Row{"qkv/attention_512", "qkv_new", CostModel::Overlap, 5952},
                         Row{"qkv/dot_256", "qkv_new", CostModel::Count, 17}}) {
    INFO(row.program << " on " << row.isa);
    spec::Isa isa = spec::load_isa(row.isa);
    semantics::TensorGraph graph = program(row.program);
    Synthesis found = compile(graph, isa, row.cost);
    INFO(found.reason);
    REQUIRE(found.outcome == Synthesis::Outcome::Found);
    CHECK(found.verdict.outcome == verify::Outcome::Equivalent);
    CHECK(found.verdict.level == semantics::Level::Bits);
    CHECK(found.search.cost == row.expected);
    CHECK(found.traffic.total() >= found.traffic_bound.total());
    check_simulation(graph, isa, *found.search.kernel);
  }
}

TEST_CASE("loops that are not as they were found are told apart", "[slow]") {
  spec::Isa isa = spec::load_isa("gemmini");
  semantics::TensorGraph graph = product("32", "48", "32");
  Synthesis found = compile(graph, isa);
  REQUIRE(found.outcome == Synthesis::Outcome::Found);
  const spec::Kernel &kernel = *found.search.kernel;
  REQUIRE(!kernel.loops.empty());
  int different = 0, invalid = 0;
  auto attempt = [&](const spec::Kernel &mutant) {
    try {
      verify::Outcome outcome = verdict(mutant, isa, graph);
      CHECK(outcome == verify::Outcome::Different);
      ++different;
    } catch (const semantics::InputError &) { // it reads or leaves what it must not
      ++invalid;
    }
  };
  for (std::size_t l = 0; l < kernel.loops.size(); ++l) {
    spec::Kernel mutant = kernel;
    if (mutant.loops[l].iterations() < 2)
      continue;
    --mutant.loops[l].end;
    attempt(mutant);
  }
  for (std::size_t i = 0; i < kernel.instructions.size(); ++i)
    for (std::size_t s = 0; s < kernel.instructions[i].strides.size(); ++s) {
      spec::Kernel mutant = kernel;
      mutant.instructions[i].strides[s].factor += 1;
      attempt(mutant);
    }
  CHECK(different > 3);
  CHECK(invalid > 3);
}

TEST_CASE("kernels of tiles have certificates that check, with bounds", "[slow]") {
  using costmodel::CostModel;
  spec::Isa isa = spec::load_isa("gemmini");
  verify::CheckOptions how; // what lemmas say is proved elsewhere
  how.solver = [](const verify::Obligation &) {
    return verify::SmtResult{verify::SmtAnswer::Proved, {}, 0};
  };
  for (const auto &[graph, model] :
       {std::pair{product("32", "32", "48"), CostModel::Count},
        {product("37", "19", "23"), CostModel::Latency}, // shorter tiles at the ends
        {product("48", "32", "32"), CostModel::Overlap}}) {
    INFO(semantics::print_hlo(graph));
    Synthesis found = compile(graph, isa, model, true);
    REQUIRE(found.outcome == Synthesis::Outcome::Found);
    check_simulation(graph, isa, *found.search.kernel);
    verify::CheckReport report =
        verify::check_certificate(semantics::make_source("<certificate>", found.certificate), how);
    CHECK(report.reason == "");
    CHECK(report.accepted);
    CHECK(report.has_bound);
    CHECK(report.bound == found.search.bound);
    CHECK(report.cost == found.search.cost);
    CHECK(report.bound > 1);
  }
}

TEST_CASE("products that wrap are computed in bytes too", "[slow]") {
  spec::Isa isa = spec::load_isa("gemmini");
  auto graph = semantics::parse_hlo(semantics::make_source("<test>", R"(HloModule p
ENTRY p {
  a = s8[32,32] parameter(0)
  b = s8[32,16] parameter(1)
  ROOT c = s8[32,16] dot(a, b), lhs_contracting_dims={1}, rhs_contracting_dims={0}
})"));
  Synthesis found = compile(graph, isa);
  INFO(found.reason);
  REQUIRE(found.outcome == Synthesis::Outcome::Found);
  check_simulation(graph, isa, *found.search.kernel);
}

TEST_CASE("the bytes that products move on Gemmini", "[slow]") {
  struct Row {
    const char *program;
    std::int64_t bytes, bound;
  };
  for (const Row &row :
       {Row{"gemm_512x512x512", 1835008, 1572864}, Row{"gemm_12544x256x64", 13664256, 13664256},
        Row{"gemm_12544x64x256", 6438912, 6438912}, Row{"gemm_3136x512x128", 6889472, 6889472},
        Row{"gemm_3136x128x512", 3276800, 3276800}, Row{"gemm_784x1024x256", 3674112, 3674112}}) {
    INFO(row.program);
    spec::Isa isa = spec::load_isa("gemmini");
    semantics::TensorGraph graph = program(std::string("gemmini/") + row.program);
    Synthesis found = compile(graph, isa);
    INFO(found.reason);
    REQUIRE(found.outcome == Synthesis::Outcome::Found);
    CHECK(found.traffic.total() == row.bytes);
    CHECK(found.traffic_bound.total() == row.bound);
    if (row.bytes < 4000000) // the evaluator takes long for the others
      check_simulation(graph, isa, *found.search.kernel);
  }
}
