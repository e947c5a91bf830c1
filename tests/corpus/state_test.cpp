// Planning with control state: kernels for tpuv1 and gemmini_rocc, proved, certified and simulated,
// and the optimum of a small machine against all sequences of its instructions.
#include "corpus/synthesis.h"
#include "semantics/hlo.h"
#include "sim/simulator.h"
#include "verify/checker/checker.h"

#include <catch2/catch.hpp>

#include <set>

using namespace isamorph;
using search::SearchOptions;
using search::SearchResult;

namespace {

semantics::TensorGraph graph_of(const std::string &text) {
  return semantics::parse_hlo(semantics::make_source("<graph>", text));
}

SearchResult find(const semantics::TensorGraph &graph, const spec::Isa &isa,
                  SearchOptions options = {}) {
  return search::find_kernel(graph, isa, semantics::shipped_rules(), options);
}

std::string names(const SearchResult &result, const spec::Isa &isa) {
  std::string out;
  for (const spec::KernelInstruction &call : result.kernel->instructions)
    out += (out.empty() ? "" : " ") + isa.instructions[call.instruction].name;
  return out;
}

/// What is found when planning ends, by whether saturation did.
SearchResult::Status best_status(const SearchResult &result) {
  return result.bound_holds_for_all() ? SearchResult::Status::Optimal
                                      : SearchResult::Status::Feasible;
}

/// The kernel is valid, computes the graph on some inputs, its price is as said and its landmarks
/// hold; nothing cheaper exists among the rewritings searched; without any one of its instructions
/// it is not valid or computes something else.
void check(const SearchResult &result, const semantics::TensorGraph &graph, const spec::Isa &isa) {
  REQUIRE(result.kernel);
  CHECK(result.status == best_status(result));
  CHECK(search::check_landmarks(result.certificate.task, result.certificate.landmarks) == "");
  CHECK(result.certificate.landmarks.bound <= result.bound);
  CHECK(result.bound == result.cost);
  std::vector<semantics::Tensor> inputs;
  for (semantics::NodeId p : graph.parameters) {
    inputs.emplace_back(graph[p].shape);
    for (std::int64_t i = 0, kind = p.v; i < inputs.back().elements(); ++i)
      inputs.back().set_bits(i, static_cast<std::uint8_t>((i * i * 31 + kind * i + 7) % 13 - 6));
  }
  auto right = [&](const spec::Kernel &kernel) {
    try {
      spec::validate(kernel, isa);
    } catch (const semantics::InputError &) {
      return false;
    }
    return sim::Simulator(isa, kernel).run(inputs) ==
           semantics::evaluate(graph, inputs, isa.numerics);
  };
  CHECK(right(*result.kernel));
  for (std::size_t i = 0; i < result.kernel->instructions.size(); ++i) {
    spec::Kernel fewer = *result.kernel;
    fewer.instructions.erase(fewer.instructions.begin() + static_cast<std::ptrdiff_t>(i));
    INFO("without instruction " << i);
    CHECK_FALSE(right(fewer));
  }
}

std::string tpu_program(const std::string &last) {
  return "HloModule m\nENTRY main {\n  a = s8[16,256] parameter(0)\n"
         "  w = s8[256,256] parameter(1)\n  x = s32[16,256] convert(a)\n"
         "  y = s32[256,256] convert(w)\n"
         "  d = s32[16,256] dot(x, y), lhs_contracting_dims={1}, rhs_contracting_dims={0}\n" +
         last + "}\n";
}

const std::string kGemmini = R"(HloModule m
ENTRY main {
  a = s8[16,16] parameter(0)
  b = s8[16,16] parameter(1)
  d = s8[16,16] parameter(2)
  x = s32[16,16] convert(a)
  y = s32[16,16] convert(b)
  z = s32[16,16] convert(d)
  p = s32[16,16] dot(x, y), lhs_contracting_dims={1}, rhs_contracting_dims={0}
  c = s32[16,16] add(p, z)
  l = s32[] constant(-128)
  h = s32[] constant(127)
  s = s32[16,16] clamp(l, c, h)
  ROOT o = s8[16,16] convert(s)
}
)";

/// The whole pipeline finds a kernel of this price, with a proof and a certificate that check.
void check_proof(const semantics::TensorGraph &graph, const spec::Isa &isa, std::int64_t price) {
  corpus::SynthesisOptions options;
  options.certificate = true;
  corpus::Synthesis synthesis = corpus::synthesize(graph, isa, options);
  INFO(synthesis.reason);
  REQUIRE(synthesis.outcome == corpus::Synthesis::Outcome::Found);
  CHECK(synthesis.search.cost == price);
  CHECK(synthesis.verdict.outcome == verify::Outcome::Equivalent);
  CHECK(synthesis.verdict.level == semantics::Level::Bits);
  verify::CheckReport report =
      verify::check_certificate(semantics::make_source("<certificate>", synthesis.certificate));
  INFO(report.reason);
  CHECK(report.accepted);
}

} // namespace

TEST_CASE("a layer on tpuv1: the weights go through the FIFO before the product") {
  spec::Isa isa = spec::load_isa("tpuv1");
  auto plain = graph_of(tpu_program("  ROOT o = s8[16,256] convert(d)\n"));
  auto rectified = graph_of(
      tpu_program("  z = s32[] constant(0)\n  b = s32[16,256] broadcast(z), dimensions={}\n"
                  "  r = s32[16,256] maximum(d, b)\n  ROOT o = s8[16,256] convert(r)\n"));
  for (const auto *graph : {&plain, &rectified}) {
    SearchResult result = find(*graph, isa);
    check(result, *graph, isa);
    CHECK(result.cost == 6);
    std::string text = names(result, isa);
    CHECK(text.find("read_weight") < text.find("update_weight"));
    CHECK(text.find("update_weight") < text.find("matmul"));
    const auto &activate = result.kernel->instructions[4].attributes;
    CHECK(activate[1] == (graph == &plain ? 0 : 1));
  }
  check_proof(rectified, isa, 6);
}

TEST_CASE("two layers on tpuv1: weights change between the products") {
  spec::Isa isa = spec::load_isa("tpuv1");
  auto graph = graph_of(R"(HloModule m
ENTRY main {
  a = s8[16,256] parameter(0)
  v = s8[256,256] parameter(1)
  w = s8[256,256] parameter(2)
  x = s32[16,256] convert(a)
  y = s32[256,256] convert(v)
  d = s32[16,256] dot(x, y), lhs_contracting_dims={1}, rhs_contracting_dims={0}
  b = s8[16,256] convert(d)
  t = s32[16,256] convert(b)
  u = s32[256,256] convert(w)
  e = s32[16,256] dot(t, u), lhs_contracting_dims={1}, rhs_contracting_dims={0}
  ROOT o = s8[16,256] convert(e)
}
)");
  SearchResult result = find(graph, isa);
  check(result, graph, isa);
  CHECK(result.cost == 10);
}

TEST_CASE("a product with bias on gemmini_rocc, in the dataflow that the machine is in", "[slow]") {
  auto graph = graph_of(kGemmini);
  for (int dataflow : {0, 1}) {
    spec::Isa isa = spec::load_isa("gemmini_rocc(DATAFLOW=" + std::to_string(dataflow) + ")");
    SearchResult result = find(graph, isa);
    check(result, graph, isa);
    check_proof(graph, isa, 6);
    CHECK(names(result, isa) == "mvin_spad mvin_spad mvin_spad matmul_preload compute_preloaded "
                                "mvout_spad");
    for (costmodel::CostModel model :
         {costmodel::CostModel::Latency, costmodel::CostModel::Overlap}) {
      SearchOptions options;
      options.cost = model;
      SearchResult other = find(graph, isa, options);
      REQUIRE(other.kernel);
      CHECK(other.status == best_status(other));
      CHECK(other.bound == other.cost);
      CHECK_NOTHROW(spec::validate(*other.kernel, isa));
      CHECK(other.cost == costmodel::cost(isa, *other.kernel, model));
    }
    for (int jobs : {2, 4}) {
      SearchOptions options;
      options.jobs = jobs;
      CHECK(find(graph, isa, options).kernel->instructions == result.kernel->instructions);
    }
  }
}

TEST_CASE("four tiles on gemmini_rocc, in a loop that finds the state as it leaves it", "[slow]") {
  auto graph = semantics::parse_hlo(
      semantics::read_source(ISAMORPH_SOURCE_DIR "/corpus/gemmini_rocc/product.hlo"));
  for (int dataflow : {0, 1})
    check_proof(graph, spec::load_isa("gemmini_rocc(DATAFLOW=" + std::to_string(dataflow) + ")"),
                21); // the second operand, then five instructions a tile
}

namespace {

/// Two registers, of which `at` says which one is written; a mode in which negation works once.
const std::string kSmall = R"(isa small (ROWS = 2) {
  buffer m hbm
  buffer r [ROWS] x s32
  unit u
  state at in 0..ROWS-1 = 0
  state armed in 0..1 = 0
  instruction point () [to] { cost unit u, latency 2 update after { at = to } }
  instruction arm () [] { cost unit u where armed == 0 update after { armed = 1 } }
  instruction load () [from] {
    cost unit u, latency 3
    reads %x = m[from : 4]
    writes r[at] = %z
    semantics {
      %y = u8[1,4] reshape(%x)
      %z = s32[1] bitcast-convert(%y)
    }
  }
  instruction store () [from, to] {
    cost unit u, latency 3
    reads %x = r[from]
    writes m[to : 4] = %z
    semantics {
      %y = u8[1,4] bitcast-convert(%x)
      %z = u8[4] reshape(%y)
    }
  }
  instruction combine () [a] {
    cost unit u
    where armed == 1
    update after { armed = 0 }
    reads %x = r[a]
    reads %y = r[at]
    writes r[at] = %z
    if a == at {
      semantics { %z = s32[1] negate(%x) }
    } else {
      semantics { %z = s32[1] subtract(%x, %y) }
    }
  }
}
)";

/// The least price of a kernel of at most `longest` instructions whose result is right on some
/// inputs.
std::optional<std::int64_t> cheapest(const spec::Isa &isa, const spec::Kernel &empty,
                                     std::span<const semantics::Tensor> inputs,
                                     const std::vector<semantics::Tensor> &wanted,
                                     std::size_t longest, costmodel::CostModel model,
                                     std::int64_t limit) {
  std::vector<spec::KernelInstruction> choices;
  auto add = [&](const std::string &name, std::vector<std::int64_t> values) {
    auto number = static_cast<std::uint32_t>(isa.find_instruction(name) - isa.instructions.data());
    choices.push_back({number, std::move(values), {}});
  };
  for (std::int64_t i : {0, 1}) {
    add("point", {i});
    add("combine", {i});
    add("load", {4 * i});
    add("store", {i, 8});
  }
  add("arm", {});
  std::optional<std::int64_t> best;
  spec::Kernel kernel = empty;
  std::function<void()> extend = [&] {
    std::int64_t price = costmodel::cost(isa, kernel, model);
    if (price >= best.value_or(limit + 1))
      return;
    try {
      spec::validate(kernel, isa);
      if (sim::Simulator(isa, kernel).run(inputs) == wanted)
        best = price;
    } catch (const semantics::InputError &error) {
      if (std::string(error.what()).find("never written") == std::string::npos ||
          std::string(error.what()).find("output") == std::string::npos)
        return;
    }
    if (kernel.instructions.size() == longest)
      return;
    for (const spec::KernelInstruction &choice : choices) {
      kernel.instructions.push_back(choice);
      extend();
      kernel.instructions.pop_back();
    }
  };
  extend();
  return best;
}

} // namespace

TEST_CASE("the optimum of a small machine is that of all sequences", "[slow]") {
  spec::Isa isa = spec::parse_isa(semantics::make_source("<small>", kSmall));
  auto graph = graph_of("HloModule m\nENTRY main {\n  a = s32[1] parameter(0)\n"
                        "  b = s32[1] parameter(1)\n  ROOT o = s32[1] subtract(a, b)\n}\n");
  for (costmodel::CostModel model : {costmodel::CostModel::Count, costmodel::CostModel::Latency}) {
    SearchOptions options;
    options.cost = model;
    SearchResult result = find(graph, isa, options);
    REQUIRE(result.kernel);
    REQUIRE(result.status == SearchResult::Status::Optimal);
    spec::validate(*result.kernel, isa);
    std::vector<semantics::Tensor> inputs(2, semantics::Tensor({semantics::ElementType::S32, {1}}));
    inputs[0].set_bits(0, 1000);
    inputs[1].set_bits(0, 7);
    auto wanted = semantics::evaluate(graph, inputs, isa.numerics);
    CHECK(sim::Simulator(isa, *result.kernel).run(inputs) == wanted);
    spec::Kernel empty = *result.kernel;
    empty.instructions.clear();
    auto best = cheapest(isa, empty, inputs, wanted, 6, model, result.cost);
    REQUIRE(best);
    CHECK(*best == result.cost);
  }
}

TEST_CASE("a state that no instruction reaches is never assumed") {
  std::string text = kSmall;
  std::size_t at = text.find("where armed == 0");
  text.replace(at, 16, "where armed == 1");
  spec::Isa isa = spec::parse_isa(semantics::make_source("<small>", text));
  auto graph = graph_of("HloModule m\nENTRY main {\n  a = s32[1] parameter(0)\n"
                        "  ROOT o = s32[1] negate(a)\n}\n");
  SearchResult result = find(graph, isa);
  CHECK(result.status == SearchResult::Status::Infeasible);
  CHECK(!result.kernel);
}
