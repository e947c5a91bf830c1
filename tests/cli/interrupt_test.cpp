// Ctrl-C at work that would take long: the real command ends, says that it was interrupted, and
// leaves nothing behind.
#include "tests/cli/process.h"

#include <catch2/catch.hpp>

namespace {

using namespace isamorph::cli_tests;

/// Interrupts the command a moment after it has a handler of its own.
Outcome interrupted(const std::string &arguments, const std::filesystem::path &directory) {
  const std::string script = "isamorph " + arguments + R"( & command=$!
    while kill -0 $command && ! grep -q '^SigCgt:.*[2367abef]$' /proc/$command/status
    do sleep 0.01; done
    sleep 0.3
    kill -INT $command
    wait $command)";
  return run({"sh", "-c", script}, {.directory = directory});
}

/// A product of 128 x 128 matrices of bytes by tiles of four, on the integer machine.
const char *const kProgram = R"(HloModule product
ENTRY product {
  a = s8[128,128] parameter(0)
  b = s8[128,128] parameter(1)
  x = s32[128,128] convert(a)
  y = s32[128,128] convert(b)
  ROOT c = s32[128,128] dot(x, y), lhs_contracting_dims={1}, rhs_contracting_dims={0}
}
)";

/// Every tile is added to row 8, too, so that no induction goes over the tiles.
const char *const kKernel = R"(kernel product {
  memory 98304
  input a @ 0 : s8[128,128]
  input b @ 16384 : s8[128,128]
  output c @ 32768 : s32[128,128]
  zero(to=8)
  for i in 0..128 step 4 {
    for j in 0..128 step 4 {
      zero(to=0)
      for k in 0..128 step 4 {
        for r in 0..4 {
          mvin(rows=1, from=128*i + k + 128*r, to=r)
          mvin(rows=1, from=j + 128*k + 128*r + 16384, to=r + 4)
        }
        matmul(a=0, b=4, c=0)
      }
      accumulate(rows=1, from=0, to=8)
      for r in 0..4 { store32(rows=1, from=r, to=512*i + 4*j + 512*r + 32768) }
    }
  }
}
)";

} // namespace

TEST_CASE("long work ends when it is interrupted, and leaves nothing behind") {
  ScratchFolder scratch;
  write_file(scratch / "p.hlo", kProgram);
  write_file(scratch / "k.asm", kKernel);
  const std::vector<std::string> before = scratch.files();
  for (const char *arguments :
       {"verify k.asm --isa " ISAMORPH_SOURCE_DIR "/tests/integer/integer.isa --against p.hlo "
        "--certificate c.json",
        "rules prove --no-cache"}) {
    INFO(arguments);
    Outcome outcome = interrupted(arguments, scratch.path());
    INFO(outcome.describe());
    CHECK(outcome.status == 3);
    CHECK(outcome.out.find("interrupted") != std::string::npos);
    CHECK(scratch.files() == before);
  }
}
