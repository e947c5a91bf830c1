#include "search/joint_moves.h"
#include "search/planner.h"
#include "search/row_lemma.h"
#include "search/saturate.h"
#include "search/search.h"
#include "semantics/hlo.h"

#include <catch2/catch.hpp>

#include <limits>
#include <map>
#include <set>

using namespace isamorph;
using namespace isamorph::search;

namespace {

semantics::TensorGraph graph_of(const std::string &text) {
  return semantics::parse_hlo(semantics::make_source("<test>", text));
}

/// The sum of two tiles; what comes of it is a kernel of three instructions with joint moves, of
/// five without.
const std::string kSum = R"(HloModule sum
ENTRY sum {
  a = s8[16,16] parameter(0)
  b = s8[16,16] parameter(1)
  ROOT o = s8[16,16] add(a, b)
}
)";

/// A program, saturated, and its placement graph without joint moves.
struct Prepared {
  spec::Isa isa = spec::load_isa("gemmini");
  TensorEGraph egraph{isa.numerics};
  PlacementGraph placements;
  explicit Prepared(const std::string &text) {
    semantics::TensorGraph graph = graph_of(text);
    std::vector<ClassId> classes = egraph.add_graph(graph), inputs, outputs;
    for (semantics::NodeId p : graph.parameters)
      inputs.push_back(egraph.add_bytes(classes[p.v]));
    for (semantics::NodeId r : graph.results)
      outputs.push_back(egraph.add_bytes(classes[r.v]));
    saturate(egraph, isa, semantics::shipped_rules(), semantics::Level::Bits, {});
    placements = build_placement_graph(egraph, isa, costmodel::CostModel::Count, inputs, outputs);
  }
  void join() {
    add_joint_moves(placements, egraph, isa, costmodel::CostModel::Count,
                    semantics::shipped_rules(), semantics::Level::Bits);
  }
  PlanResult plan(const StateSpaceOptions &options = {}) const {
    return search::plan(StateSpace(placements, isa, egraph, options), PlannerOptions{});
  }
  /// As if the scratchpad and the accumulator had so many rows.
  void shrink(std::int64_t rows) {
    for (spec::Buffer &buffer : isa.buffers)
      if (!buffer.off_chip)
        buffer.addressed[0] = rows;
  }
};

const spec::Instruction &instruction(const spec::Isa &isa, const std::string &name) {
  return *std::find_if(isa.instructions.begin(), isa.instructions.end(),
                       [&](const spec::Instruction &i) { return i.name == name; });
}

/// Computational attributes, the others unbound.
semantics::Bindings bound(const spec::Instruction &instruction,
                          std::initializer_list<std::int64_t> values) {
  semantics::Bindings out(instruction.symbols.integers.names.size());
  std::copy(values.begin(), values.end(), out.begin());
  return out;
}

bool by_rows(const std::string &isa_name, const std::string &name,
             std::initializer_list<std::int64_t> first, std::initializer_list<std::int64_t> second,
             std::initializer_list<std::int64_t> both) {
  spec::Isa isa = spec::load_isa(isa_name);
  const spec::Instruction &i = instruction(isa, name);
  return works_by_rows(isa, i, {bound(i, first), bound(i, second), bound(i, both)},
                       semantics::shipped_rules(), semantics::Level::Bits);
}

SearchResult compile(const std::string &text, const std::string &isa) {
  return find_kernel(graph_of(text), spec::load_isa(isa), semantics::shipped_rules(), {});
}

std::string names(const SearchResult &result, const std::string &isa) {
  spec::Isa model = spec::load_isa(isa);
  std::string out;
  for (const spec::KernelInstruction &call : result.kernel->instructions)
    out += (out.empty() ? "" : " ") + model.instructions[call.instruction].name;
  return out;
}

} // namespace

TEST_CASE("which instructions work row by row, and with which attributes") {
  CHECK(by_rows("gemmini", "mvin_spad", {16, 16, 1}, {16, 16, 1}, {32, 16, 1}));
  CHECK(by_rows("gemmini", "mvin_spad", {3, 5, -2}, {4, 5, -2}, {7, 5, -2}));
  CHECK(by_rows("gemmini", "mvin_acc", {2, 4, 3}, {1, 4, 3}, {3, 4, 3}));
  CHECK(by_rows("gemmini", "mvin_acc_low", {2, 4, 1}, {2, 4, 1}, {4, 4, 1}));
  for (const char *store : {"mvout_spad", "mvout_acc", "mvout_acc_low", "mvout_spad_relu",
                            "mvout_acc_relu", "mvout_acc_low_relu"}) {
    INFO(store);
    CHECK(by_rows("gemmini", store, {2, 4}, {3, 4}, {5, 4}));
    CHECK_FALSE(by_rows("gemmini", store, {2, 4}, {3, 4}, {6, 4}));
    CHECK_FALSE(by_rows("gemmini", store, {2, 4}, {3, 2}, {5, 4}));
  }
  CHECK(by_rows("qkv", "load_rm", {2}, {3}, {5}));
  // Different factors; the factor of one for both; rows that are not all there.
  CHECK_FALSE(by_rows("gemmini", "mvin_spad", {2, 4, 1}, {2, 4, 2}, {4, 4, 1}));
  CHECK_FALSE(by_rows("gemmini", "mvin_spad", {2, 4, 2}, {2, 4, 2}, {4, 4, 1}));
  CHECK_FALSE(by_rows("gemmini", "mvin_spad", {2, 4, 1}, {2, 4, 1}, {5, 4, 1}));
  // As many bytes, in rows of another width.
  CHECK_FALSE(by_rows("gemmini", "mvin_spad", {2, 4, 1}, {2, 4, 1}, {2, 8, 1}));
  // The columns of what it reads are the rows of what it writes.
  CHECK_FALSE(by_rows("qkv", "load_cm", {2}, {3}, {5}));
}

TEST_CASE("inputs and constants side by side come in one load") {
  Prepared sum(kSum);
  REQUIRE(sum.plan().plan.cost == 5);
  sum.join();
  PlanResult joint = sum.plan();
  REQUIRE(joint.status == PlanResult::Status::Optimal);
  CHECK(joint.plan.cost == 3);
  CHECK(joint.bound == 3);
}

TEST_CASE("what does not lie side by side is not moved jointly") {
  Prepared sum(kSum);
  sum.join();
  PlacementGraph &graph = sum.placements;
  SECTION("off chip, the parts stand in another order") {
    for (std::uint32_t v = 0; v < graph.parts.size(); ++v)
      if (graph.vertices[v].buffer == sum.isa.off_chip)
        std::reverse(graph.parts[v].begin(), graph.parts[v].end());
  }
  SECTION("the inputs lie in another order") { std::swap(graph.inputs[0], graph.inputs[1]); }
  StateSpace space(graph, sum.isa, sum.egraph);
  for (const StateSpace::Variant &variant : space.variants())
    for (VertexId read : graph.instances[variant.instance].reads)
      CHECK_FALSE((graph.is_joint(read) && graph.vertices[read.v].buffer == sum.isa.off_chip));
  CHECK(sum.plan().plan.cost == 5);
}

TEST_CASE("what has room for all plans as if each address had been tried") {
  std::int64_t before = std::numeric_limits<std::int64_t>::max();
  for (std::int64_t rows : {32, 48, 64, 80, 112, 144, 208}) {
    INFO(rows << " rows");
    Prepared sum(kSum);
    sum.shrink(rows);
    sum.join();
    PlanResult own = sum.plan(), all = sum.plan({.own_places = false});
    REQUIRE(own.status == all.status);
    REQUIRE(own.status != PlanResult::Status::Stopped);
    if (own.status != PlanResult::Status::Optimal)
      continue;
    CHECK(own.plan.cost == all.plan.cost);
    CHECK(own.plan.cost <= before); // more room is no worse
    before = own.plan.cost;
  }
  CHECK(before == 3);
}

TEST_CASE("joint moves take as long as their rows, beside what other units do") {
  SearchOptions options;
  options.cost = costmodel::CostModel::Overlap;
  spec::Isa isa = spec::load_isa("gemmini");
  SearchResult result = find_kernel(graph_of(kSum), isa, semantics::shipped_rules(), options);
  REQUIRE(result.status == SearchResult::Status::Optimal);
  // 40 + 48 for the load, 48 for the product, 40 + 16 for the store.
  CHECK(result.cost == 192);
  CHECK(costmodel::cost(isa, *result.kernel, options.cost) == 192);
}

TEST_CASE("results side by side leave in one store, in the order of the results") {
  const std::string head = R"(HloModule two
ENTRY two {
  a = s8[16,16] parameter(0)
  b = s8[16,16] parameter(1)
  c = s8[16,16] dot(a, b), lhs_contracting_dims={1}, rhs_contracting_dims={0}
  d = s8[16,16] dot(b, a), lhs_contracting_dims={1}, rhs_contracting_dims={0}
)";
  for (const char *results : {"(c, d)", "(d, c)"}) {
    SearchResult result =
        compile(head + "  ROOT r = (s8[16,16], s8[16,16]) tuple" + results + "\n}\n", "gemmini");
    REQUIRE(result.status == SearchResult::Status::Optimal);
    CHECK(names(result, "gemmini") == "mvin_spad matmul8 matmul8 mvout_spad");
    CHECK(result.bound == 4);
    CHECK(check_landmarks(result.certificate.task, result.certificate.landmarks) == "");
  }
}

TEST_CASE("as many operands come at once as the buffer has room for") {
  const std::string product = R"(HloModule p
ENTRY p {
  a = bf16[64,64] parameter(0)
  b = bf16[64,64] parameter(1)
  ROOT o = bf16[64,64] dot(a, b), lhs_contracting_dims={1}, rhs_contracting_dims={0}
}
)";
  SearchResult result = compile(product, "qkv");
  REQUIRE(result.status == SearchResult::Status::Optimal);
  CHECK(names(result, "qkv") == "load_rm gemm mov store_rm");
  CHECK(result.kernel->instructions[0].attributes[0] == 128);
}

TEST_CASE("equal values have one place, so that orders of loading are one state") {
  Prepared sum(kSum);
  sum.join();
  StateSpace space(sum.placements, sum.isa, sum.egraph);
  // Breadth first: every value has one slot in every state.
  std::map<std::uint32_t, std::uint32_t> slots;
  std::set<State> open = {State{}};
  for (int depth = 0; depth < 3; ++depth) {
    std::set<State> next;
    for (const State &state : open)
      space.expand(state, [&](const Transition &, const State &successor) {
        for (Placement p : successor)
          CHECK(slots.try_emplace(p.vertex, p.slot).first->second == p.slot);
        next.insert(successor);
      });
    open = std::move(next);
  }
  CHECK(slots.size() > 4);
}
