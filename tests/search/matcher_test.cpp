#include "search/matcher.h"
#include "semantics/hlo.h"

#include <catch2/catch.hpp>

using namespace isamorph;
using namespace isamorph::search;

namespace {

struct Pattern {
  semantics::Symbols symbols;
  std::vector<semantics::NamedShape> operands;
  std::vector<semantics::IntExpr> conditions;
  semantics::GraphTemplate graph;

  std::vector<Match> in(const TensorEGraph &egraph, std::size_t required) const {
    std::vector<std::uint32_t> all;
    for (std::uint32_t i = 0; i < required; ++i)
      all.push_back(i);
    return Matcher(graph, symbols, conditions, RequiredAttributes{all}).all(egraph);
  }
};

semantics::Cursor cursor(const std::string &text) {
  return semantics::Cursor(semantics::make_source("<test>", text));
}

/// `integers`, `shapes`, `types` and `unaries` are names; operands are "x: bf16[n,64]".
Pattern pattern(std::vector<std::string> integers,
                std::vector<std::pair<std::string, std::string>> operands, const std::string &body,
                std::vector<std::string> conditions = {}, std::vector<std::string> types = {},
                std::vector<std::string> shapes = {}, std::vector<std::string> unaries = {}) {
  Pattern out;
  for (auto &name : integers)
    out.symbols.integers.add(name);
  for (auto &name : types) {
    out.symbols.types.add(name);
    out.symbols.type_choices.emplace_back();
  }
  for (auto &name : shapes)
    out.symbols.shapes.add(name);
  for (auto &name : unaries) {
    out.symbols.operations.add(name);
    out.symbols.operation_arity.push_back(1);
  }
  for (auto &[name, shape] : operands) {
    auto at = cursor(shape);
    out.operands.push_back({name, semantics::parse_shape_template(at, out.symbols), {}});
  }
  for (auto &condition : conditions) {
    auto at = cursor(condition);
    out.conditions.push_back(semantics::parse_int_expr(at, out.symbols.integers));
  }
  auto at = cursor(body + "}");
  out.graph = semantics::parse_template_body(at, out.symbols, out.operands, {});
  return out;
}

struct Program {
  semantics::TensorGraph graph;
  TensorEGraph egraph;
  std::vector<ClassId> classes;

  explicit Program(const std::string &entry)
      : graph(semantics::parse_hlo(semantics::make_source("<test>", "HloModule test\n" + entry))),
        egraph(semantics::numerics_profile("xla_cpu")) {
    classes = egraph.add_graph(graph);
    egraph.rebuild();
  }
  ClassId operator[](const std::string &name) const {
    for (std::size_t i = 0; i < graph.nodes.size(); ++i)
      if (graph.nodes[i].name == name)
        return egraph.find(classes[i]);
    FAIL("no node " << name);
    return {};
  }
};

const std::string kSum =
    "add { a = bf16[] parameter(0)\n b = bf16[] parameter(1)\n ROOT s = bf16[] add(a, b) }\n";

const std::string kSoftmaxBody = R"(
  %e = bf16[n,64] exponential(%x)
  %s = bf16[n] reduce_add(%e), dimensions={1}
  %b = bf16[n,64] broadcast(%s), dimensions={0}
  ROOT %y = bf16[n,64] divide(%e, %b))";

std::string softmax(const std::string &numerator, const std::string &start,
                    const std::string &reduce, const std::string &broadcast) {
  return kSum + R"(ENTRY main {
  x = bf16[64,64] parameter(0)
  z = bf16[64,64] parameter(1)
  i = bf16[] constant()" +
         start + R"()
  e = bf16[64,64] exponential(x)
  f = bf16[64,64] exponential(z)
  s = bf16[64] reduce(e, i), dimensions={)" +
         reduce + R"(}, to_apply=add
  b = bf16[64,64] broadcast(s), dimensions={)" +
         broadcast + R"(}
  ROOT y = bf16[64,64] divide()" +
         numerator + R"(, b) })";
}

} // namespace

TEST_CASE("an instruction's body matches only when every detail agrees") {
  Pattern body = pattern({"n"}, {{"x", "bf16[n,64]"}}, kSoftmaxBody, {"1 <= n", "n <= 64"});
  SECTION("the same program") {
    Program program(softmax("e", "0", "1", "0"));
    auto matches = body.in(program.egraph, 1);
    REQUIRE(matches.size() == 1);
    CHECK(matches[0].values.integers[0] == 64);
    CHECK(matches[0].classes[body.graph.parameters[0]] == program["x"]);
    CHECK(matches[0].classes[body.graph.results[0]] == program["y"]);
  }
  SECTION("another numerator") {
    CHECK(body.in(Program(softmax("f", "0", "1", "0")).egraph, 1).empty());
  }
  SECTION("another initial value") {
    CHECK(body.in(Program(softmax("e", "1", "1", "0")).egraph, 1).empty());
  }
  SECTION("minus zero as initial value") {
    CHECK(body.in(Program(softmax("e", "-0", "1", "0")).egraph, 1).empty());
  }
  SECTION("another reduced dimension") {
    CHECK(body.in(Program(softmax("e", "0", "0", "0")).egraph, 1).empty());
  }
  SECTION("another broadcast dimension") {
    CHECK(body.in(Program(softmax("e", "0", "1", "1")).egraph, 1).empty());
  }
  SECTION("a constraint") {
    Pattern small = pattern({"n"}, {{"x", "bf16[n,64]"}}, kSoftmaxBody, {"1 <= n", "n <= 32"});
    CHECK(small.in(Program(softmax("e", "0", "1", "0")).egraph, 1).empty());
  }
}

TEST_CASE("dot agrees in contracting dimensions, types and sizes") {
  Pattern gemm = pattern(
      {}, {{"a", "bf16[64,64]"}, {"b", "bf16[64,64]"}},
      "ROOT %c = bf16[64,64] dot(%a, %b), lhs_contracting_dims={1}, rhs_contracting_dims={0}");
  auto matches = [&](const std::string &type, const std::string &rows,
                     const std::string &contracting) {
    Program program("ENTRY main { a = " + type + "[" + rows + ",64] parameter(0)\n b = " + type +
                    "[64,64] parameter(1)\n ROOT c = " + type + "[" + rows +
                    ",64] dot(a, b), lhs_contracting_dims={1}, rhs_contracting_dims={" +
                    contracting + "} }");
    return gemm.in(program.egraph, 0).size();
  };
  CHECK(matches("bf16", "64", "0") == 1);
  CHECK(matches("bf16", "64", "1") == 0);
  CHECK(matches("f32", "64", "0") == 0);
  CHECK(matches("bf16", "32", "0") == 0);
}

TEST_CASE("a repeated operand must be one e-class") {
  Pattern square = pattern({}, {{"x", "f32[8]"}}, "ROOT %y = f32[8] multiply(%x, %x)");
  Program program(R"(ENTRY main { a = f32[8] parameter(0)
    b = f32[8] parameter(1)
    p = f32[8] multiply(a, a)
    q = f32[8] multiply(a, b)
    ROOT t = (f32[8], f32[8]) tuple(p, q) })");
  CHECK(square.in(program.egraph, 0).size() == 1);
  program.egraph.merge(program["a"], program["b"]);
  program.egraph.rebuild();
  CHECK(square.in(program.egraph, 0).size() == 1); // p and q became one node
}

TEST_CASE("sizes are solved from linear expressions, and contradictions are no match") {
  Pattern bytes = pattern({"n"}, {{"x", "u8[`n*128`]"}}, "ROOT %y = u8[n,64,2] reshape(%x)");
  auto solved = [&](int size, const std::string &to) -> std::optional<std::int64_t> {
    Program program("ENTRY main { x = u8[" + std::to_string(size) +
                    "] parameter(0)\n ROOT y = u8[" + to + "] reshape(x) }");
    auto matches = bytes.in(program.egraph, 1);
    return matches.empty() ? std::nullopt : matches[0].values.integers[0];
  };
  CHECK(solved(8192, "64,64,2") == 64);
  CHECK(solved(384, "3,64,2") == 3);
  CHECK(solved(8192, "32,128,2") == std::nullopt);
  Pattern parts = pattern({"m", "p"}, {{"x", "f32[m,4]"}, {"y", "f32[p,4]"}},
                          "ROOT %z = f32[`m+p`,4] concatenate(%x, %y), dimensions={0}");
  Program halves("ENTRY main { x = f32[3,4] parameter(0)\n y = f32[5,4] parameter(1)\n "
                 "ROOT z = f32[8,4] concatenate(x, y), dimensions={0} }");
  auto matches = parts.in(halves.egraph, 2);
  REQUIRE(matches.size() == 1);
  CHECK(matches[0].values.integers[0] == 3);
  CHECK(matches[0].values.integers[1] == 5);
}

TEST_CASE("types, shape prefixes and operation symbols are unified") {
  Pattern any = pattern({}, {{"x", "T[*s]"}}, "%y = T[*s] F(%x)\n ROOT %z = T[*s] F(%y)", {}, {"T"},
                        {"s"}, {"F"});
  Program program(R"(ENTRY main { a = f32[2,3,4] parameter(0)
    n = f32[2,3,4] negate(a)
    m = f32[2,3,4] negate(n)
    e = f32[2,3,4] exponential(m)
    ROOT c = bf16[2,3,4] convert(e) })");
  auto matches = any.in(program.egraph, 0);
  REQUIRE(matches.size() == 1); // not exponential(negate), not convert
  CHECK(matches[0].values.operations[0]->op == OpCode::Negate);
  CHECK(matches[0].values.types[0] == ElementType::F32);
  CHECK(matches[0].values.shapes[0] == std::vector<std::int64_t>{2, 3, 4});
}

TEST_CASE("a bare parameter matches every class of its shape") {
  Pattern bare = pattern({"m", "n"}, {{"x", "f32[m,n]"}}, "ROOT %x");
  Program program(R"(ENTRY main { a = f32[2,3] parameter(0)
    b = f32[2,3] negate(a)
    c = f32[3,2] transpose(b), dimensions={1,0}
    d = f32[6] reshape(c)
    ROOT t = (f32[3,2], f32[6]) tuple(c, d) })");
  CHECK(bare.in(program.egraph, 2).size() == 3);
}

TEST_CASE("attributes that no shape determines are enumerated from small ranges only") {
  const std::string body = "ROOT %y = f32[8] negate(%x)";
  Program program("ENTRY main { x = f32[8] parameter(0)\n ROOT y = f32[8] negate(x) }");
  CHECK(pattern({"k"}, {{"x", "f32[8]"}}, body, {"0 <= k", "k < 3"}).in(program.egraph, 1).size() ==
        3);
  CHECK(pattern({"k"}, {{"x", "f32[8]"}}, body, {"0 <= k", "k <= 6", "k % 2 == 0"})
            .in(program.egraph, 1)
            .size() == 4);
  CHECK(pattern({"k"}, {{"x", "f32[8]"}}, body, {"0 <= k"}).in(program.egraph, 1).empty());
  CHECK(pattern({"k"}, {{"x", "f32[8]"}}, body, {"0 <= k", "k <= 100000"})
            .in(program.egraph, 1)
            .empty());
  CHECK(pattern({"k"}, {{"x", "f32[8]"}}, body, {"2*k == 6"}).in(program.egraph, 1).size() == 1);
  CHECK(pattern({"k"}, {{"x", "f32[8]"}}, body, {"2*k == 5"}).in(program.egraph, 1).empty());
}

TEST_CASE("constants of a template are compared with what a class is known to be") {
  Pattern two =
      pattern({}, {{"x", "f32[]"}}, "%c = f32[] constant(2)\n ROOT %y = f32[] multiply(%x, %c)");
  CHECK(two.in(Program("ENTRY main { x = f32[] parameter(0)\n c = f32[] constant(2)\n "
                       "ROOT y = f32[] multiply(x, c) }")
                   .egraph,
               0)
            .size() == 1);
  CHECK(two.in(Program("ENTRY main { x = f32[] parameter(0)\n c = f32[] constant(3)\n "
                       "ROOT y = f32[] multiply(x, c) }")
                   .egraph,
               0)
            .empty());
  // Folded: 1 + 1 is 2.
  CHECK(two.in(Program("ENTRY main { x = f32[] parameter(0)\n o = f32[] constant(1)\n c = f32[] "
                       "add(o, o)\n "
                       "ROOT y = f32[] multiply(x, c) }")
                   .egraph,
               0)
            .size() == 1);
}

TEST_CASE("templates with two results match jointly") {
  semantics::Symbols symbols;
  std::vector<semantics::NamedShape> operands;
  auto shape = cursor("f32[8]");
  operands.push_back({"x", semantics::parse_shape_template(shape, symbols), {}});
  auto text = cursor("%y = f32[8] negate(%x)\n %z = f32[8] abs(%x) }");
  std::vector<std::string> wanted = {"y", "z"};
  auto graph = semantics::parse_template_body(text, symbols, operands, wanted);
  Program program(R"(ENTRY main { a = f32[8] parameter(0)
    b = f32[8] parameter(1)
    n = f32[8] negate(a)
    p = f32[8] abs(a)
    q = f32[8] abs(b)
    ROOT t = (f32[8], f32[8], f32[8]) tuple(n, p, q) })");
  auto matches = Matcher(graph, symbols, {}, {}).all(program.egraph);
  REQUIRE(matches.size() == 1);
  CHECK(matches[0].classes[graph.results[1]] == program["p"]);
}
