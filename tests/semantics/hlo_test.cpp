#include "semantics/hlo.h"

#include "semantics/evaluator.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <map>
#include <rapidcheck.h>
#include <sstream>

using namespace isamorph::semantics;

namespace {

TensorGraph parse(const std::string &text) { return parse_hlo(make_source("test.hlo", text)); }

std::string message(const std::string &text) {
  try {
    parse(text);
  } catch (const InputError &error) {
    return error.what();
  }
  return "accepted";
}

/// 0, 1, 2, ... in row-major order.
Tensor counting(const Shape &shape) {
  Tensor out(shape);
  for (std::int64_t i = 0; i < out.elements(); ++i)
    out.set_bits(i, encode_integer(shape.type, i));
  return out;
}

std::vector<std::int64_t> run(const std::string &text, const Shape &input) {
  TensorGraph graph = parse(text);
  std::vector<Tensor> in = {counting(input)};
  Tensor out = evaluate(graph, in, numerics_profile("xla_cpu"))[0];
  std::vector<std::int64_t> values;
  for (std::int64_t i = 0; i < out.elements(); ++i)
    values.push_back(static_cast<std::int64_t>(decode(out.shape().type, out.bits(i))));
  return values;
}

} // namespace

TEST_CASE("what XLA prints is read: types of operands, metadata, fusions, comments, unused "
          "computations") {
  TensorGraph graph = parse(
      R"(HloModule jit_f, is_scheduled=true, entry_computation_layout={(f32[2,3]{1,0})->(f32[2]{0}, f32[2,3]{1,0})}

%region_0.4 (Arg_0.5: f32[], Arg_1.6: f32[]) -> f32[] {
  %Arg_0.5 = f32[] parameter(0), metadata={op_name="jit(f)/reduce_sum"}
  %Arg_1.6 = f32[] parameter(1)
  ROOT %add.7 = f32[] add(f32[] %Arg_0.5, f32[] %Arg_1.6), metadata={op_name="a{b}c" source_line=3}
}

%fused_computation (param_0: f32[2,3]) -> f32[2,3] {
  %param_0 = f32[2,3]{1,0} parameter(0)
  %constant.1 = f32[] constant(-inf)
  %broadcast.0 = f32[2,3]{1,0} broadcast(f32[] %constant.1), dimensions={}
  ROOT %maximum.0 = f32[2,3]{1,0} maximum(%param_0, /*index=1*/ %broadcast.0)
}

ENTRY %main.9 (Arg_0.1: f32[2,3]) -> (f32[2], f32[2,3]) {
  %Arg_0.1 = f32[2,3]{1,0} parameter(0)
  %fusion = f32[2,3]{1,0} fusion(f32[2,3]{1,0} %Arg_0.1), kind=kLoop, calls=%fused_computation, backend_config={"x":{"y":[1]}}
  %constant.2 = f32[] constant(0)
  %reduce.8 = f32[2]{0} reduce(f32[2,3]{1,0} %fusion, f32[] %constant.2), dimensions={1}, to_apply=%region_0.4
  ROOT %tuple.1 = (f32[2]{0}, f32[2,3]{1,0}) tuple(%reduce.8, %fusion)
}
)");
  CHECK(graph.name == "jit_f");
  REQUIRE(graph.results.size() == 2);
  CHECK(graph[graph.results[0]].op == OpCode::Reduce);
  CHECK(graph[graph.results[1]].op == OpCode::Maximum);
  CHECK(equal(graph, parse(print_hlo(graph))));
}

TEST_CASE("every program of the corpus is printed and read back to the same graph") {
  int count = 0;
  for (const char *folder : {"/corpus/qkv", "/tests/corpus/programs"})
    for (const auto &entry :
         std::filesystem::directory_iterator(std::string(ISAMORPH_SOURCE_DIR) + folder)) {
      if (entry.path().extension() != ".hlo")
        continue;
      INFO(entry.path());
      TensorGraph graph = parse_hlo(read_source(entry.path().string()));
      CHECK(equal(graph, parse(print_hlo(graph))));
      ++count;
    }
  CHECK(count >= 20);
}

TEST_CASE("attributes of all kinds are printed and read back") {
  TensorGraph graph = parse(R"(
ENTRY e {
  x = f32[1,6,6,3] parameter(0)
  k = f32[3,3,3,8] parameter(1)
  c = f32[1,3,3,8] convolution(x, k), window={size=3x3 stride=2x2 pad=1_0x0_1 rhs_reversal=1x1}, dim_labels=b01f_01io->b01f
  z = f32[] constant(1.5e-3)
  p = f32[1,6,6,8] pad(c, z), padding=0_0x1_2x0_1_1x0_0
  s = f32[1,3,6,4] slice(p), slice={[0:1], [0:6:2], [0:6], [4:8]}
  r = f32[1,3,6,4] reverse(s), dimensions={1,3}
  i = s32[1,3,6,4] iota(), iota_dimension=2
  v = s32[1,3,6,4] convert(r)
  q = pred[1,3,6,4] compare(i, v), direction=LE, type=SIGNED
  t = s32[1,3,6,4] select(q, i, v)
  a = s8[2,2] constant({{1, -128}, {127, 0}})
  b = s8[2,2] constant({ {0, 1}, {2, 3} })
  d = s8[2,2,2] dot(a, b), lhs_batch_dims={0}, rhs_batch_dims={0}, lhs_contracting_dims={}, rhs_contracting_dims={}
  n = s32[] constant(1)
  y = s32[1,1,2,4] dynamic-slice(t, n, n, n, n), dynamic_slice_sizes={1,1,2,4}
  ROOT o = (s32[1,1,2,4], s8[2,2,2]) tuple(y, d)
})");
  CHECK(equal(graph, parse(print_hlo(graph))));
}

TEST_CASE("a dot of several types is one of converted operands") {
  TensorGraph mixed = parse(R"(
ENTRY e {
  a = s8[2,3] parameter(0)
  b = u8[3,4] parameter(1)
  ROOT d = s32[2,4] dot(a, b), lhs_contracting_dims={1}, rhs_contracting_dims={0}
})");
  TensorGraph written = parse(R"(
ENTRY e {
  a = s8[2,3] parameter(0)
  b = u8[3,4] parameter(1)
  x = s32[2,3] convert(a)
  y = s32[3,4] convert(b)
  ROOT d = s32[2,4] dot(x, y), lhs_contracting_dims={1}, rhs_contracting_dims={0}
})");
  CHECK(equal(mixed, written));
  CHECK(equal(mixed, parse(print_hlo(mixed))));
  CHECK(mixed[mixed.results[0]].name == "d");
  // Of floats a narrower result is rounded last, and the same operand twice is converted twice.
  CHECK(equal(parse("ENTRY e { a = f32[2] parameter(0) ROOT d = bf16[] dot(a, a), "
                    "lhs_contracting_dims={0}, rhs_contracting_dims={0} }"),
              parse("ENTRY e { a = f32[2] parameter(0) s = f32[] dot(a, a), "
                    "lhs_contracting_dims={0}, rhs_contracting_dims={0} ROOT d = bf16[] convert(s) "
                    "}")));
}

TEST_CASE("a layout at the boundary says where the bytes lie, and nothing inside") {
  // Column-major input: memory 0,1,2,3,4,5 is the logical [[0,2,4],[1,3,5]].
  CHECK(run("ENTRY e { x = s32[2,3]{0,1} parameter(0) ROOT y = s32[2,3]{1,0} copy(x) }",
            {ElementType::S32, {3, 2}}) == std::vector<std::int64_t>{0, 2, 4, 1, 3, 5});
  // Tiles of 2x2 of a 4x4 tensor lie one after the other.
  CHECK(run("ENTRY e { x = s32[4,4]{1,0} parameter(0) ROOT y = s32[4,4]{1,0:T(2,2)} copy(x) }",
            {ElementType::S32, {4, 4}}) ==
        std::vector<std::int64_t>{0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15});
  // Reading what was written so gives the tensor back; inner layouts change nothing.
  CHECK(run("ENTRY e { x = s32[4,4]{1,0:T(2,2)} parameter(0) i = s32[4,4]{0,1} copy(x) ROOT y = "
            "s32[4,4]{1,0:T(2,2)} copy(i) }",
            {ElementType::S32, {2, 2, 2, 2}}) ==
        std::vector<std::int64_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15});
  CHECK(message("ENTRY e { ROOT x = s32[3,3]{1,0:T(2,2)} parameter(0) }").find("does not divide") !=
        std::string::npos);
}

TEST_CASE("calls are inlined as often as they are made") {
  CHECK(run(R"(
double { a = s32[3] parameter(0) ROOT s = s32[3] add(a, a) }
ENTRY e { x = s32[3] parameter(0) y = s32[3] call(x), to_apply=double ROOT z = s32[3] call(y), to_apply=double })",
            {ElementType::S32, {3}}) == std::vector<std::int64_t>{0, 4, 8});
}

TEST_CASE("templates take symbols, expressions and the short forms of ISA bodies") {
  Symbols symbols;
  symbols.integers.names = {"n"};
  symbols.types.names = {"T"};
  symbols.type_choices.resize(1);
  symbols.shapes.names = {"s"};
  symbols.operations.names = {"F"};
  symbols.operation_arity = {1};
  Cursor cursor(make_source("body", R"(
    %e = T[*s,n] F(%x)
    %r = T[*s] reduce(%e, %i), dimensions={0}, to_apply=maximum
    %k = s32[`2*n`,4] constant(`n + 1`)
    ROOT %t = s32[4,`n*2`] transpose(%k), dimensions={1,0} })"));
  ShapeTemplate x, scalar;
  x.type = 0U;
  x.prefix = 0;
  x.dims = {IntExpr::variable(0, "n")};
  scalar.type = 0U;
  std::vector<NamedShape> operands = {{"x", x, {}}, {"i", scalar, {}}};
  GraphTemplate body = parse_template_body(cursor, symbols, operands, {});
  SymbolValues values(symbols);
  values.integers[0] = 3;
  values.types[0] = ElementType::F32;
  values.shapes[0] = std::vector<std::int64_t>{};
  values.operations[0] = OperationValue{OpCode::Tanh};
  TensorGraph graph = instantiate(body, values);
  CHECK(graph.nodes[2].op == OpCode::Tanh);
  CHECK(graph.nodes[2].shape == Shape{ElementType::F32, {3}});
  CHECK(graph[graph.results[0]].shape == Shape{ElementType::S32, {4, 6}});
  CHECK(graph.nodes[4].attributes.literal->bits(5) == 4);
}

TEST_CASE("mistakes name what was expected and the nearest known name") {
  CHECK(message("ENTRY e { x = f32[2] parameter(0) ROOT y = f32[2] exponentail(x) }")
            .find("did you mean 'exponential'?") != std::string::npos);
  CHECK(message("ENTRY e { x = f32[2] parameter(0) ROOT y = f32[2] add(x, z) }")
            .find("unknown name 'z'") != std::string::npos);
  CHECK(
      message("ENTRY e { ROOT x = f32[2] parameter(0), sharding={replicated} }").find("sharded") !=
      std::string::npos);
  CHECK(message("ENTRY e { x = f32[2] parameter(0) ROOT y = f32[3] add(x, x) }")
            .find("the result is f32[2], not f32[3]") != std::string::npos);
}

TEST_CASE("every malformed program of tests/bad/hlo is refused at its place") {
  int count = 0;
  for (const auto &entry :
       std::filesystem::directory_iterator(std::string(ISAMORPH_SOURCE_DIR) + "/tests/bad/hlo")) {
    if (entry.path().extension() != ".hlo")
      continue;
    // LINE:COLUMN: then texts, one a line, that the whole message contains.
    std::istringstream expected(read_source(entry.path().string() + ".expected")->text);
    std::string place, text;
    std::getline(expected, place, ' ');
    INFO(entry.path());
    try {
      parse_hlo(read_source(entry.path().string()));
      FAIL_CHECK("accepted");
    } catch (const InputError &error) {
      CHECK(std::to_string(error.line()) + ":" + std::to_string(error.column()) + ":" == place);
      while (std::getline(expected, text))
        CHECK_THAT(error.what(), Catch::Contains(text));
    }
    ++count;
  }
  CHECK(count >= 36);
}

TEST_CASE("a program that is cut anywhere is refused or read, and never worse") {
  std::string text =
      read_source(std::string(ISAMORPH_SOURCE_DIR) + "/corpus/qkv/attention.hlo")->text;
  for (std::size_t length = 0; length < text.size(); ++length) {
    try {
      parse(text.substr(0, length));
      CHECK(length + 2 >= text.size());
    } catch (const InputError &error) {
      CHECK(error.line() > 0);
    }
  }
}
