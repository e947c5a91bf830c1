// Loops move what they unroll to.
#include "costmodel/traffic.h"
#include "spec/unroll.h"
#include "tests/integer/machine.h"

#include <catch2/catch.hpp>
#include <rapidcheck.h>

using namespace isamorph;
using costmodel::Traffic;

TEST_CASE("random loops move what their unrolled kernels move") {
  spec::Isa isa = test::integer_machine();
  REQUIRE(rc::check("traffic agrees", [&] {
    spec::Kernel kernel = test::RandomLoops(isa, *rc::gen::arbitrary<std::uint64_t>()).kernel();
    RC_ASSERT(costmodel::traffic(isa, kernel) == costmodel::traffic(isa, spec::unrolled(kernel)));
  }));
}

TEST_CASE("the bytes of a tiled product") {
  spec::Isa isa = test::integer_machine();
  // Each tile of 16 bytes is loaded twice, each sum of 64 bytes stored once.
  CHECK(costmodel::traffic(isa, test::integer_kernel("gemm", isa)) == Traffic{256, 256});
}

TEST_CASE("a move whose size a loop varies is walked") {
  spec::Isa isa = test::integer_machine();
  spec::Kernel kernel = spec::parse_kernel(semantics::make_source("<test>", R"(kernel k {
  memory 1024
  input x @ 0 : s32[16,4]
  output y @ 256 : s32[16,4]
  for i in 0..4 {
    load32(rows=i + 1, from=0, to=0)
  }
  load32(rows=16, from=0, to=0)
  store32(rows=16, from=0, to=256)
})"),
                                           isa);
  CHECK(costmodel::traffic(isa, kernel) == Traffic{16 * (1 + 2 + 3 + 4) + 256, 256});
}

TEST_CASE("regions with steps move all that they step over") {
  spec::Isa isa = spec::load_isa("gemmini_rocc");
  spec::Kernel kernel = spec::parse_kernel(semantics::make_source("<test>", R"(kernel k {
  memory 1536
  input x @ 0 : s8[16,64]
  output y @ 1024 : s8[16,32]
  mvin_spad(tiles=2, stride=64, hbm_addr=0, sp_addr=0)
  mvout_spad(rows=16, stride=32, hbm_addr=1024, sp_addr=0)
  mvout_spad(rows=16, stride=32, hbm_addr=1040, sp_addr=16)
})"),
                                           isa);
  CHECK(costmodel::traffic(isa, kernel) == Traffic{512, 512});
}
