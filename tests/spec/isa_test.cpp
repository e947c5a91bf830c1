#include "spec/isa.h"

#include "semantics/evaluator.h"

#include <catch2/catch.hpp>

using namespace isamorph;
using namespace isamorph::spec;
using semantics::InputError;

namespace {

Isa parse(const std::string &text,
          const std::vector<std::pair<std::string, std::int64_t>> &arguments = {}) {
  return parse_isa(semantics::make_source("<test>", text), arguments);
}

/// Buffers with 0, 1 and 2 addressed dimensions, parameters, constants from attributes, several
/// reads and writes, read-modify-write, and a write that names a read.
const char *const kMachine = R"(
isa machine (DIM = 4, ROWS = 8*DIM) {
  buffer m hbm
  buffer sp [ROWS, DIM] x s8
  buffer w s8[DIM, DIM]
  buffer acc [16] x s32[DIM]
  numerics own extends xla_cpu { denormals flush }
  unit dma, mxu
  instruction load (rows, scale) [from, to] {
    reads  %x = m[from : rows*DIM]
    writes sp[to : rows, 0 : DIM] = %z
    where  1 <= rows <= ROWS, from % DIM == 0
    cost   unit dma, latency 3 + rows, bytes rows*DIM
    semantics {
      %r = u8[rows,`DIM`] reshape(%x)
      %b = s8[rows,`DIM`] bitcast-convert(%r)
      %c = s8[] constant(`scale`)
      %s = s8[rows,`DIM`] broadcast(%c), dimensions={}
      %z = s8[rows,`DIM`] multiply(%b, %s)
    }
  }
  instruction preload () [from] {
    reads  %x = sp[from : DIM, 0 : DIM]
    writes w = %x
    cost   unit dma, latency DIM
  }
  instruction mac () [a, d] {
    reads  %a = sp[a : DIM, 0 : DIM]
    reads  %b = w
    reads  %d = acc[d : DIM]
    writes acc[d : DIM] = %sum
    writes w = %b
    cost   unit mxu, latency 3*DIM
    assembly "mac {a} {d}\n"
    semantics {
      %l = s32[DIM,DIM] convert(%a)
      %r = s32[DIM,DIM] convert(%b)
      %p = s32[DIM,DIM] dot(%l, %r), lhs_contracting_dims={1}, rhs_contracting_dims={0}
      %sum = s32[DIM,DIM] add(%p, %d)
    }
  }
}
)";

} // namespace

TEST_CASE("the shipped ISAs load and print round trips") {
  std::vector<std::string> names = shipped_isa_names();
  REQUIRE(names == std::vector<std::string>{"amx", "gemmini", "gemmini_rocc", "qkv", "qkv_golden",
                                            "qkv_new", "tpuv1"});
  for (const std::string &name : names) {
    Isa isa = load_isa(name);
    CHECK(isa.name == name);
    std::string text = print_isa(isa);
    Isa again = parse_isa(semantics::make_source("<printed>", text));
    CHECK(print_isa(again) == text);
    CHECK(diff(isa, again).empty());
    REQUIRE(isa.assemblies.size() >= 1);
    CHECK(isa.assemblies[0].name == "act");
  }
  CHECK(load_isa("qkv").instructions.size() == 7);
  CHECK(load_isa("qkv_golden").instructions.size() == 7);
  CHECK(load_isa("qkv_new").instructions.size() == 10);
}

TEST_CASE("an ISA is loaded from a path, with arguments") {
  std::string path = std::string(ISAMORPH_SOURCE_DIR) + "/spec/isa/qkv.isa";
  CHECK(load_isa(path).name == "qkv");
  CHECK_THROWS_WITH(load_isa(path + "(DIM=3)"), Catch::Contains("has no parameter 'DIM'"));
  CHECK_THROWS_WITH(load_isa("gemmini(DIM=16"),
                    Catch::Contains("--isa:1:15: error: expected ',' or ')'"));
  CHECK_THROWS_WITH(load_isa("qkvv"),
                    Catch::Contains("did you mean 'qkv'?") && Catch::Contains("qkv_golden"));
  CHECK_THROWS_AS(load_isa("/nowhere/x.isa"), InputError);
  CHECK_THROWS_AS(load_isa(""), InputError);
}

TEST_CASE("parameters size everything") {
  for (std::int64_t dim : {4, 16}) {
    Isa isa = parse(kMachine, {{"DIM", dim}});
    CHECK(isa.parameters ==
          std::vector<std::pair<std::string, std::int64_t>>{{"DIM", dim}, {"ROWS", 8 * dim}});
    CHECK(isa.buffers[1].addressed == std::vector<std::int64_t>{8 * dim, dim});
    CHECK(isa.buffers[1].unit.empty());
    CHECK(isa.buffers[2].addressed.empty());
    CHECK(isa.buffers[2].unit_elements() == dim * dim);
    CHECK(isa.buffers[2].places() == 1);
    std::string text = print_isa(isa);
    Isa again = parse(text);
    CHECK(print_isa(again) == text);
    CHECK(diff(isa, again).empty());
  }
  CHECK_THROWS_WITH(parse(kMachine, {{"DIN", 4}}), Catch::Contains("no parameter 'DIN'"));
  CHECK_THROWS_AS(parse(kMachine, {{"DIM", 0}}), InputError);
}

TEST_CASE("the model of an instruction") {
  Isa isa = parse(kMachine);
  CHECK(isa.numerics.name == "own");
  CHECK(isa.numerics.denormals == semantics::DenormalWay::Flush);
  const Instruction &load = *isa.find_instruction("load");
  CHECK(load.computational == 2);
  CHECK(load.symbols.integers.names == std::vector<std::string>{"rows", "scale", "from", "to"});
  CHECK(load.constraint_texts == std::vector<std::string>{"1 <= rows <= ROWS", "from % DIM == 0"});
  CHECK(load.cost.latency.evaluate({{5, 1, 0, 0}}) == 8);
  CHECK(load.cost.bytes.evaluate({{5, 1, 0, 0}}) == 20);
  CHECK(load.location.source != nullptr);
  const Instruction &mac = *isa.find_instruction("mac");
  CHECK(mac.reads.size() == 3);
  REQUIRE(mac.body.results.size() == 2);
  CHECK(mac.body.nodes[mac.body.results[0]].name == "sum");
  CHECK(mac.body.nodes[mac.body.results[1]].name == "b");
  CHECK(isa.find_instruction("preload")->body.results == std::vector<std::uint32_t>{0});
  CHECK(isa.find_instruction("none") == nullptr);
}

TEST_CASE("regions and bodies with attributes bound") {
  Isa isa = parse(kMachine);
  const Instruction &load = *isa.find_instruction("load");
  auto region = instantiate(load.writes[0].region, {{2, -1, 0, 3}});
  REQUIRE(region);
  CHECK(region->starts == std::vector<std::int64_t>{3, 0});
  CHECK(region->extents == std::vector<std::int64_t>{2, 4});
  CHECK_FALSE(instantiate(load.reads[0].region, {{INT64_MAX, 1, 0, 0}}));
  CHECK_FALSE(instantiate(load.reads[0].region, {{std::nullopt, 1, 0, 0}}));

  semantics::TensorGraph body = instantiate_body(load, {{1, -1, 0, 3}});
  semantics::Tensor input({semantics::ElementType::U8, {4}});
  for (int i = 0; i < 4; ++i)
    input.set_bits(i, static_cast<std::uint64_t>(i));
  auto results = semantics::evaluate(body, std::vector{input}, isa.numerics);
  REQUIRE(results.size() == 1);
  CHECK(results[0].shape().to_string() == "s8[1,4]");
  CHECK(results[0].bits(3) == 0xfd);
}

TEST_CASE("a body without attributes is type-checked when it is read") {
  CHECK_THROWS_AS(parse(R"(isa bad {
    buffer m hbm
    buffer a [8] x f32[8]
    unit u
    instruction wrong () [x] {
      reads %x = a[x : 8]
      writes a[x : 8] = %y
      cost unit u
      semantics {
        %t = f32[8,4] transpose(%x), dimensions={1,0}
        %y = f32[8,8] copy(%x)
      }
    }
  })"),
                  InputError);
}
