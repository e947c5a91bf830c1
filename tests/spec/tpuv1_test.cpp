// Assembly for tpuv1 by hand: what its FIFO and its weights allow.
#include "spec/kernel.h"

#include <catch2/catch.hpp>

using namespace isamorph;
using namespace isamorph::spec;

namespace {

/// "accepted", or why not.
std::string answer(const std::string &instructions, const Isa &isa) {
  try {
    parse_kernel(semantics::make_source("<kernel>", "kernel k {\n  memory 80000\n"
                                                    "  input a @ 0 : s8[16,256]\n"
                                                    "  input w @ 4096 : s8[256,256]\n"
                                                    "  output o @ 69632 : s8[16,256]\n" +
                                                        instructions + "}\n"),
                 isa);
  } catch (const semantics::InputError &error) {
    return error.message();
  }
  return "accepted";
}

const std::string kRead = "  read(16, 0, 0)\n", kPush = "  read_weight(4096)\n",
                  kPop = "  update_weight()\n", kMatmul = "  matmul(16, 0, 0)\n",
                  kRest = "  activate(16, 1, 16, 0)\n  write(16, 69632, 16)\n";

} // namespace

TEST_CASE("tpuv1: the FIFO holds four tiles, in order") {
  const Isa isa = load_isa("tpuv1");
  CHECK(answer(kRead + kPush + kPop + kMatmul + kRest, isa) == "accepted");
  CHECK(answer(kRead + kPush + kPush + kPush + kPush + kPop + kMatmul + kRest, isa) == "accepted");
  CHECK(answer(kPush + kPush + kPush + kPush + kPush, isa) ==
        "read_weight: constraint 'fifo_occupancy < 4' does not hold: state fifo_occupancy = 4 at "
        "instruction 5");
  CHECK(answer(kPop, isa) ==
        "update_weight: constraint 'fifo_occupancy > 0' does not hold: state fifo_occupancy = 0 at "
        "instruction 1");
  CHECK(answer(kPush + kPop + kPop, isa).find("fifo_occupancy = 0 at instruction 3") !=
        std::string::npos);
  std::string turns;
  for (int i = 0; i < 9; ++i)
    turns += kPush + kPop;
  CHECK(answer(kRead + turns + kMatmul + kRest, isa) == "accepted");
  CHECK(answer(kRead + "  for i in 0..3 {\n  " + kPush + "  }\n  for i in 0..3 {\n  " + kPop +
                   "  " + kMatmul + "  }\n" + kRest,
               isa) == "accepted");
}

TEST_CASE("tpuv1: a product needs weights, and may be repeated") {
  const Isa isa = load_isa("tpuv1");
  CHECK(answer(kRead + kMatmul + kRest, isa) ==
        "matmul: constraint 'loaded == 1' does not hold: state loaded = 0 at instruction 2");
  CHECK(answer(kRead + kPush + kMatmul + kRest, isa).find("state loaded = 0") != std::string::npos);
  CHECK(answer(kRead + kPush + kPop + kMatmul + kMatmul + kRest, isa) == "accepted");
  CHECK(answer(kRead + kPush + kPop + "  matmul(16, 0, 4081)\n", isa)
            .find("leave acc of 4096 rows") != std::string::npos);
  CHECK(answer(kRead + kPush + kPop + kMatmul + "  activate(16, 2, 16, 0)\n", isa)
            .find("'0 <= function <= 1' does not hold") != std::string::npos);
}

TEST_CASE("tpuv1: pops that move on after the semantics take another place") {
  std::string text = semantics::read_source(ISAMORPH_SOURCE_DIR "/spec/isa/tpuv1.isa")->text;
  const std::string before = "update before { fifo_occupancy = fifo_occupancy - 1";
  std::size_t at = text.find(before);
  REQUIRE(at != std::string::npos);
  text.replace(at, 13, "update after ");
  text.replace(text.find("    update after { loaded = 1 }\n"), 32, "");
  text.replace(text.find("loaded == 1"), 11, "loaded == 0");
  text.replace(text.find("include \"act.assembly\""), 22, "");
  Isa isa = parse_isa(semantics::make_source("<after>", text));
  CHECK(answer(kRead + kPush + kPop + kMatmul + kRest, isa) ==
        "update_weight: reads fifo[0:1], of which row 0 was never written at instruction 3");
}
