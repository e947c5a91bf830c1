#include "spec/isa.h"

#include <catch2/catch.hpp>

using namespace isamorph;
using namespace isamorph::spec;

namespace {

using Lines = std::vector<std::string>;

/// The differences that replacing one text by another in qkv's printed form makes.
Lines edit(const std::string &from, const std::string &to) {
  std::string text = print_isa(load_isa("qkv"));
  Isa before = parse_isa(semantics::make_source("<before>", text));
  std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  text.replace(at, from.size(), to);
  text.replace(text.find("isa qkv"), 7, "isa new");
  return diff(before, parse_isa(semantics::make_source("<after>", text)));
}

} // namespace

TEST_CASE("qkv and qkv_golden differ in softmax only") {
  Lines lines = diff(load_isa("qkv"), load_isa("qkv_golden"));
  Lines expected = {
      "instruction softmax: where: 1 <= n in qkv, n == 64 in qkv_golden",
      "instruction softmax: where: n <= 64 in qkv, nothing in qkv_golden",
      "instruction softmax: %b = broadcast: dimensions={0} in qkv, dimensions={1} in qkv_golden"};
  CHECK(lines == expected);
}

TEST_CASE("an ISA does not differ from itself") {
  for (const std::string &name : shipped_isa_names())
    CHECK(diff(load_isa(name), load_isa(name)).empty());
}

TEST_CASE("each kind of difference is named") {
  CHECK(edit("buffer d2 [64]", "buffer d2 [65]") ==
        Lines{"buffer d2: [64] x bf16[64] in qkv, [65] x bf16[64] in new"});
  CHECK(edit("numerics xla_cpu", "numerics f32_sequential").at(0).starts_with("numerics: "));
  CHECK(edit("latency 192", "latency 191") ==
        Lines{"instruction gemm: latency: 192 in qkv, 191 in new"});
  CHECK(edit("unit mxu, latency", "unit vpu, latency") ==
        Lines{"instruction gemm: unit: mxu in qkv, vpu in new"});
  CHECK(edit("instruction mov", "instruction move") ==
        Lines{"instruction mov: only in qkv", "instruction move: only in new"});
  CHECK(edit("divide(%e, %b)", "divide(%b, %e)") ==
        Lines{"instruction softmax: %y = divide: operands: (%e, %b) in qkv, (%b, %e) in new"});
  CHECK(edit("constant(0)", "constant(1)") ==
        Lines{"instruction softmax: %s.init = constant: value 0 in qkv, value 1 in new"});
  CHECK(edit("{attribute} = {value}", "{attribute}={value}") ==
        Lines{"assembly act: template attribute differs"});
  CHECK(edit("\"jnp.int8\"", "\"np.int8\"") == Lines{"assembly act: types differ"});
  Lines other = edit("exponential(%x)", "tanh(%x)");
  CHECK(other == Lines{"instruction softmax: %e: %e = bf16[`n`,64] exponential(%x) in qkv, "
                       "%e = bf16[`n`,64] tanh(%x) in new"});
}

TEST_CASE("names of nodes alone are no difference") {
  std::string text = print_isa(load_isa("qkv"));
  std::string renamed = text;
  for (std::size_t at = renamed.find("%e"); at != std::string::npos;
       at = renamed.find("%e", at + 1))
    renamed.replace(at, 2, "%f");
  CHECK(diff(parse_isa(semantics::make_source("<a>", text)),
             parse_isa(semantics::make_source("<b>", renamed)))
            .empty());
}

TEST_CASE("of bodies that have nothing in common the first operations are listed") {
  auto isa = [](const std::string &name, const std::string &body) {
    return parse_isa(semantics::make_source(
        "<isa>", "isa " + name +
                     " { buffer m hbm buffer r s32[4] unit alu\n"
                     "instruction f () [] { reads %x = r writes r = %y cost unit alu\n"
                     "semantics {\n" +
                     body + "%y = s32[4] copy(%x) } } }"));
  };
  auto lines = [&](int times) {
    return diff(isa("a", ""), isa("b", "repeat i in 0.." + std::to_string(times) +
                                           " { %t = s32[4] negate(%x) }\n"));
  };
  CHECK(lines(12).size() == 12);
  Lines many = lines(4000);
  REQUIRE(many.size() == 13);
  CHECK(many[0].starts_with("instruction f: %t"));
  CHECK(many[12] == "instruction f: 3988 more operations differ");
}

TEST_CASE("two ISAs of one name are told apart") {
  Lines lines = diff(load_isa("gemmini"), load_isa("gemmini(DIM=64)"));
  REQUIRE(lines.size() > 1);
  CHECK(lines[1] == "buffer spad: [16384,16] x s8[] in gemmini(DIM = 16), "
                    "[16384,64] x s8[] in gemmini(DIM = 64)");
  std::string text = print_isa(load_isa("qkv"));
  Isa before = parse_isa(semantics::make_source("<before>", text));
  text.replace(text.find("latency 192"), 11, "latency 191");
  CHECK(diff(before, parse_isa(semantics::make_source("<after>", text))) ==
        Lines{"instruction gemm: latency: 192 in the first, 191 in the second"});
}
