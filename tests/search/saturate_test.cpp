#include "search/saturate.h"
#include "semantics/hlo.h"

#include <catch2/catch.hpp>

using namespace isamorph;
using namespace isamorph::search;

namespace {

struct Program {
  semantics::TensorGraph graph;
  TensorEGraph egraph;
  std::vector<ClassId> classes;
  SaturationReport report;

  Program(const std::string &entry, semantics::Level level, const std::string &isa = "qkv")
      : graph(semantics::parse_hlo(semantics::make_source("<test>", "HloModule test\n" + entry))),
        egraph(semantics::numerics_profile("xla_cpu")) {
    classes = egraph.add_graph(graph);
    for (semantics::NodeId id : graph.parameters)
      egraph.add_bytes(classes[id.v]);
    report = saturate(egraph, spec::load_isa(isa), semantics::shipped_rules(), level, {});
  }
  ClassId operator[](const std::string &name) const {
    for (std::size_t i = 0; i < graph.nodes.size(); ++i)
      if (graph.nodes[i].name == name)
        return egraph.find(classes[i]);
    FAIL("no node " << name);
    return {};
  }
};

} // namespace

TEST_CASE("equal programs end in one class, different ones do not") {
  Program p(R"(ENTRY main {
    a = bf16[64,64] parameter(0)
    b = bf16[64,64] parameter(1)
    bt = bf16[64,64] transpose(b), dimensions={1,0}
    one = bf16[64,64] dot(a, bt), lhs_contracting_dims={1}, rhs_contracting_dims={0}
    two = bf16[64,64] dot(a, b), lhs_contracting_dims={1}, rhs_contracting_dims={1}
    other = bf16[64,64] dot(a, b), lhs_contracting_dims={1}, rhs_contracting_dims={0}
    e = bf16[64,64] exponential(bt)
    f = bf16[64,64] exponential(b)
    ft = bf16[64,64] transpose(f), dimensions={1,0}
    same = bf16[64,64] transpose(a), dimensions={0,1}
    ROOT t = (bf16[64,64], bf16[64,64], bf16[64,64], bf16[64,64], bf16[64,64], bf16[64,64])
      tuple(one, two, other, e, ft, same) })",
            semantics::Level::Bits);
  CHECK(p.report.reason == StopReason::Saturated);
  CHECK(p["one"] == p["two"]);
  CHECK(p["one"] != p["other"]);
  CHECK(p["e"] == p["ft"]);
  CHECK(p["same"] == p["a"]);
  CHECK(p["bt"] != p["b"]);
}

TEST_CASE("weaker rules apply at weaker levels only") {
  const std::string text = R"(ENTRY main {
    a = f32[8] parameter(0)
    b = f32[8] parameter(1)
    c = f32[8] parameter(2)
    ab = f32[8] add(a, b)
    left = f32[8] add(ab, c)
    bc = f32[8] add(b, c)
    right = f32[8] add(a, bc)
    ROOT t = (f32[8], f32[8]) tuple(left, right) })";
  Program bits(text, semantics::Level::Bits), finite(text, semantics::Level::Finite),
      real(text, semantics::Level::Real);
  CHECK(bits["left"] != bits["right"]);
  CHECK(finite["left"] != finite["right"]);
  CHECK(real["left"] == real["right"]);
}

TEST_CASE("the identity rule closes: constants fold and no class comes up for ever") {
  Program p("ENTRY main { a = bf16[64,64] parameter(0)\n ROOT b = bf16[64,64] negate(a) }",
            semantics::Level::Finite);
  CHECK(p.report.reason == StopReason::Saturated);
  CHECK(p.report.iterations.size() < 12);
  CHECK(p.egraph.graph().node_count() < 200);
  int identities = 0;
  for (ClassId c : p.egraph.graph().classes())
    if (const TensorRef &value = p.egraph.constant(c);
        value && p.egraph.shape(c).to_string() == "bf16[64,64]") {
      ++identities;
      CHECK(value->bits(0) == 0x3f80);
      CHECK(value->bits(1) == 0);
    }
  CHECK(identities == 1);
}

TEST_CASE("closures add the memory image and the transpose of every value") {
  Program p("ENTRY main { a = bf16[64,64] parameter(0)\n ROOT b = bf16[64,64] negate(a) }",
            semantics::Level::Bits);
  int images = 0;
  for (ClassId c : p.egraph.graph().classes())
    images += p.egraph.shape(c).to_string() == "u8[8192]";
  CHECK(images == 4); // of a, b and their transposes
}

TEST_CASE("counts are the same from run to run") {
  const std::string text =
      "ENTRY main { a = bf16[64,64] parameter(0)\n ROOT b = bf16[64,64] negate(a) }";
  Program first(text, semantics::Level::Finite), second(text, semantics::Level::Finite);
  REQUIRE(first.report.iterations.size() == second.report.iterations.size());
  for (std::size_t i = 0; i < first.report.iterations.size(); ++i) {
    CHECK(first.report.iterations[i].nodes == second.report.iterations[i].nodes);
    CHECK(first.report.iterations[i].classes == second.report.iterations[i].classes);
  }
}
