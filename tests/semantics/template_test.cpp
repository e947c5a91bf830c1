// Bodies of instructions and sides of rules: what parse_template_body makes of them.
#include "semantics/hlo.h"

#include <catch2/catch.hpp>
#include <limits>

using namespace isamorph::semantics;

namespace {

/// Symbols: integers m, n; types T, U; shape s; a unary F and a binary G; the constant DIM = 16.
Symbols symbols() {
  Symbols out;
  out.integers.names = {"m", "n"};
  out.types.names = {"T", "U"};
  out.type_choices = {{}, {}};
  out.shapes.names = {"s"};
  out.operations.names = {"F", "G"};
  out.operation_arity = {1, 2};
  out.constants = {{"DIM", 16}};
  return out;
}

/// m = 3, n = 5, T = f32, U = s8, s = [2], F = tanh, G = maximum.
SymbolValues values() {
  SymbolValues out(symbols());
  out.integers = {3, 5};
  out.types = {ElementType::F32, ElementType::S8};
  out.shapes = {std::vector<std::int64_t>{2}};
  out.operations = {OperationValue{OpCode::Tanh}, OperationValue{OpCode::Maximum}};
  return out;
}

ShapeTemplate shape(const std::string &text) {
  Cursor cursor(make_source("shape", text));
  return parse_shape_template(cursor, symbols());
}

GraphTemplate body(const std::string &text,
                   const std::vector<std::pair<std::string, std::string>> &operands = {},
                   const std::vector<std::string> &wanted = {}) {
  std::vector<NamedShape> named;
  for (const auto &[name, operand_shape] : operands)
    named.push_back({name, shape(operand_shape), {}});
  Symbols known = symbols();
  Cursor cursor(make_source("body", text));
  return parse_template_body(cursor, known, named, wanted);
}

std::string message(const std::string &text,
                    const std::vector<std::pair<std::string, std::string>> &operands = {}) {
  try {
    instantiate(body(text, operands), values());
  } catch (const InputError &error) {
    return std::to_string(error.line()) + ":" + std::to_string(error.column()) + ": " +
           error.message();
  }
  return "accepted";
}

Shape result_shape(const TensorGraph &graph, std::size_t i = 0) {
  return graph[graph.results.at(i)].shape;
}

} // namespace

TEST_CASE("shapes of symbols have the sizes that the symbols have") {
  CHECK(instantiate(shape("T[*s,n,`2*m + 1`,DIM,7]"), values()) ==
        Shape{ElementType::F32, {2, 5, 7, 16, 7}});
  CHECK(instantiate(shape("U[]"), values()) == Shape{ElementType::S8, {}});
  CHECK(instantiate(shape("pred[*s]"), values()) == Shape{ElementType::Pred, {2}});
  CHECK_FALSE(instantiate(shape("f32[`m - n`]"), values()));
  CHECK_FALSE(instantiate(shape("f32[`n / (m - 3)`]"), values()));
  CHECK_FALSE(instantiate(shape("f32[n,65536,65536]"), values()));
  SymbolValues unbound = values();
  unbound.integers[1].reset();
  CHECK_FALSE(instantiate(shape("f32[n]"), unbound));
  CHECK(instantiate(shape("f32[m]"), unbound));
}

TEST_CASE("what leaves a body is its ROOT, an operand named so, or what was asked for") {
  CHECK(body("ROOT %x", {{"y", "f32[n]"}, {"x", "f32[m]"}}).results ==
        std::vector<std::uint32_t>{1});
  CHECK(body("%a = f32[n] negate(%x) ROOT %x", {{"x", "f32[n]"}}).results ==
        std::vector<std::uint32_t>{0});
  GraphTemplate two =
      body("%a = f32[n] negate(%x) %b = f32[n] abs(%x)", {{"x", "f32[n]"}}, {"b", "a"});
  CHECK(two.results == std::vector<std::uint32_t>{2, 1});
  CHECK(message("%a = f32[n] negate(%x)", {{"x", "f32[n]"}}) == "1:1: the body has no ROOT");
  CHECK(message("ROOT %x ROOT %x", {{"x", "f32[n]"}}) == "1:9: a second ROOT");
  CHECK(message("ROOT %z", {{"x", "f32[n]"}}) == "1:6: unknown name '%z'");
}

TEST_CASE("symbols of operations stand for the operations that they are bound to") {
  TensorGraph graph = instantiate(
      body("%a = T[*s,m] F(%x) ROOT %b = T[*s,m] G(%a, %x)", {{"x", "T[*s,m]"}}), values());
  REQUIRE(graph.nodes.size() == 3);
  CHECK(graph.nodes[1].op == OpCode::Tanh);
  CHECK(graph.nodes[2].op == OpCode::Maximum);
  CHECK(graph.nodes[2].operands == std::vector<NodeId>{{1}, {0}});
  CHECK(result_shape(graph) == Shape{ElementType::F32, {2, 3}});
  CHECK_THAT(message("ROOT %a = T[m] G(%x)", {{"x", "T[m]"}}),
             Catch::Contains("takes 2 operands, not 1"));
  CHECK_THAT(message("ROOT %a = T[m] H(%x)", {{"x", "T[m]"}}),
             Catch::Contains("unknown operation 'H'"));
}

TEST_CASE("a reduction without initial value starts from its operation's identity") {
  struct Case {
    const char *op, *type;
    double start;
  };
  const double infinity = std::numeric_limits<double>::infinity();
  for (const Case &c : std::vector<Case>{{"add", "bf16", 0},
                                         {"multiply", "f32", 1},
                                         {"maximum", "bf16", -infinity},
                                         {"minimum", "f32", infinity},
                                         {"maximum", "s8", -128},
                                         {"minimum", "s8", 127},
                                         {"maximum", "u8", 0},
                                         {"minimum", "u8", 255},
                                         {"and", "u8", 255},
                                         {"and", "pred", 1},
                                         {"or", "pred", 0},
                                         {"minimum", "s32", 2147483647}}) {
    std::string type = c.type;
    INFO(c.op << " of " << type);
    TensorGraph graph =
        instantiate(body("ROOT %r = " + type + "[m] reduce_" + c.op + "(%x), dimensions={1}",
                         {{"x", type + "[m,n]"}}),
                    values());
    REQUIRE(graph.nodes.size() == 3);
    const Node &reduce = graph[graph.results[0]];
    CHECK(reduce.op == OpCode::Reduce);
    CHECK(info(static_cast<OpCode>(reduce.attributes.get_one(AttributeKey::Reducer))).name == c.op);
    const Node &start = graph[reduce.operands.at(1)];
    REQUIRE(start.op == OpCode::Constant);
    CHECK(decode(start.shape.type, start.attributes.literal->bits(0)) == c.start);
  }
  CHECK_THAT(message("ROOT %r = T[m] reduce_add(%x), dimensions={1}", {{"x", "T[m,n]"}}),
             Catch::Contains("needs a known element type"));
}

TEST_CASE("attributes and constants may be expressions") {
  TensorGraph graph = instantiate(body(R"(
      %a = f32[`n - m`,4] slice(%x), slice={[`m`:`n`], [0:`DIM / 4`]}
      %c = s32[] constant(`-m * DIM`)
      %d = s32[m] broadcast(%c), dimensions={}
      ROOT %t = f32[4,`n - m`] transpose(%a), dimensions={`m - 2`,0})",
                                       {{"x", "f32[n,DIM]"}}),
                                  values());
  CHECK(result_shape(graph) == Shape{ElementType::F32, {4, 2}});
  CHECK(graph.nodes[1].attributes.get_one(AttributeKey::SliceStarts) == 3);
  REQUIRE(graph.nodes[2].op == OpCode::Constant);
  CHECK(decode(ElementType::S32, graph.nodes[2].attributes.literal->bits(0)) == -48);
}

TEST_CASE("bodies that do not fit are refused at their place") {
  CHECK(message("ROOT %a = f32[n] add(%x, %y)", {{"x", "f32[n]"}, {"y", "f32[m]"}}).substr(0, 5) ==
        "1:6: ");
  CHECK_THAT(message("ROOT %a = f32[n] add(%x, %y)", {{"x", "f32[n]"}, {"y", "f32[m]"}}),
             Catch::Contains("shapes differ: f32[5] and f32[3]"));
  CHECK_THAT(message("ROOT %x = f32[n] negate(%x)", {{"x", "f32[n]"}}),
             Catch::Contains("'%x' is defined twice"));
  CHECK_THAT(message("ROOT %a = f32[k] negate(%x)", {{"x", "f32[n]"}}),
             Catch::Contains("unknown size 'k'"));
  CHECK_THAT(message("ROOT %a = f32[`k`] negate(%x)", {{"x", "f32[n]"}}),
             Catch::Contains("unknown name 'k'"));
  CHECK_THAT(message("ROOT %a = f32[`n] negate(%x)", {{"x", "f32[n]"}}),
             Catch::Contains("expected '`'"));
  CHECK_THAT(message("ROOT %a = f32[*t] negate(%x)", {{"x", "f32[n]"}}),
             Catch::Contains("unknown shape 't'"));
  CHECK_THAT(message("ROOT %a = V[n] negate(%x)", {{"x", "f32[n]"}}),
             Catch::Contains("unknown element type 'V'"));
  CHECK_THAT(message("%a = f32[] parameter(1) ROOT %b = f32[] negate(%a)"),
             Catch::Contains("without gaps"));
  CHECK_THAT(message("ROOT %a = (f32[], f32[]) tuple(%x, %x)", {{"x", "f32[]"}}),
             Catch::Contains("unknown operation 'tuple'"));
}
