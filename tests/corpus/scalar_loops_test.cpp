// tdpbusd stated by loops over scalars. As it was published that way, it reads unsigned bytes as
// signed ones and strides by bytes through words; mended, it is the product of tiles.
#include "semantics/hlo.h"
#include "spec/isa.h"
#include "verify/equivalence.h"

#include <catch2/catch.hpp>

using namespace isamorph;

namespace {

const std::string kSource = ISAMORPH_SOURCE_DIR;

spec::Isa loops(const std::string &name) {
  return spec::load_isa(kSource + "/tests/corpus/isa/" + name + ".isa");
}

verify::Verdict verdict(const spec::Isa &isa) {
  constexpr const char *kernel = R"(kernel product {
    memory 3072
    input a @ 0 : u8[16,64]
    input b @ 1024 : s8[1,16,16,4]
    output c @ 2048 : s32[16,16]
    tilezero(dst=0)
    tileloadd(dst=1, addr=0, stride=64)
    tileloadd(dst=2, addr=1024, stride=64)
    tdpbusd(dst=0, src1=1, src2=2)
    tilestored(addr=2048, stride=64, src=0)
  })";
  return verify::verify_kernel(
      spec::parse_kernel(semantics::make_source("product.asm", kernel), isa), isa,
      semantics::parse_hlo(semantics::read_source(kSource + "/corpus/amx/product_16.hlo")), {});
}

} // namespace

TEST_CASE("the loops over scalars are not the product of tiles", "[slow]") {
  std::vector<std::string> lines =
      spec::diff(spec::load_isa("amx"), loops("amx_loops"), spec::DiffScope::Semantics);
  REQUIRE_FALSE(lines.empty());
  for (const std::string &line : lines)
    CHECK_THAT(line, Catch::StartsWith("instruction tdpbusd: "));
  verify::Verdict verdict = ::verdict(loops("amx_loops"));
  REQUIRE(verdict.outcome == verify::Outcome::Different);
  REQUIRE(verdict.counterexample);
  CHECK(verdict.counterexample->nonzero_inputs <= 2);
}

TEST_CASE("mended, the loops over scalars are the product of tiles", "[slow]") {
  verify::Verdict verdict = ::verdict(loops("amx_loops_mended"));
  INFO(verdict.reason);
  CHECK(verdict.outcome == verify::Outcome::Equivalent);
  CHECK(verdict.level == semantics::Level::Bits);
}
