// Ctrl-C, as `timeout` sends it, twice, to the real command at many moments, and once at work that
// would take long: it ends, says that it was interrupted, and leaves nothing behind.
#include "tests/cli/process.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <regex>
#include <sys/stat.h>

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

/// The command, interrupted after so many seconds. Signals that come before its first line are
/// ignored, and would else end it as they end any program.
Outcome interrupt_after(double seconds, std::vector<std::string> arguments,
                        const RunOptions &options = {}) {
  std::vector<std::string> all = {"timeout",
                                  "--preserve-status",
                                  "-s",
                                  "INT",
                                  std::to_string(seconds),
                                  "sh",
                                  "-c",
                                  "trap '' INT; exec isamorph \"$@\"",
                                  "sh"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return run(all, options);
}

bool is_json(const std::string &text) { return nlohmann::json::accept(text); }

} // namespace

TEST_CASE("an interrupt at any moment ends proofs and searches in order", "[slow]") {
  int ended = 0;
  for (int i = 1; i <= 20; ++i) {
    ScratchFolder scratch;
    std::string kernel = scratch / "kernel.asm";
    std::vector<std::string> prove = {"rules", "prove", "--no-cache", "--json"};
    std::vector<std::string> synth = {
        "synth", "corpus/qkv/attention.hlo", "--isa", "qkv", "--no-cache", "--json", "-o", kernel};
    Outcome outcome = interrupt_after(0.05 * i, i % 2 ? prove : synth);
    INFO("after " << 0.05 * i << " s: " << outcome.describe());
    REQUIRE((outcome.status == 3 || outcome.status == 0));
    CHECK(is_json(outcome.out));
    CHECK(scratch.files() == (outcome.status == 0 && i % 2 == 0
                                  ? std::vector<std::string>{"kernel.asm"}
                                  : std::vector<std::string>{}));
    ended += outcome.status == 3;
  }
  CHECK(ended > 0);
}

TEST_CASE("an interrupt ends what does not look for it", "[slow]") {
  ScratchFolder scratch;
  REQUIRE(mkfifo((scratch / "nobody_writes").c_str(), 0600) == 0);
  Outcome outcome = interrupt_after(0.5, {"eval", scratch / "nobody_writes", "--json"});
  INFO(outcome.describe());
  CHECK(outcome.status == 3);
  CHECK(nlohmann::json::parse(outcome.out) ==
        nlohmann::json{{"verdict", "unknown"}, {"reason", "interrupted"}});
  CHECK(outcome.err == "stopped: interrupted\n");
}

TEST_CASE("what is compared, evaluated or simulated says how far it came", "[slow]") {
  ScratchFolder scratch;
  write_file(scratch / "p.hlo", R"(HloModule product
ENTRY product {
  a = bf16[1024,1024] parameter(0)
  ROOT c = bf16[1024,1024] dot(a, a), lhs_contracting_dims={1}, rhs_contracting_dims={0}
}
)");
  write_file(scratch / "k.asm", R"(kernel again {
  memory 16384
  input x @ 0 : bf16[64,64]
  output y @ 8192 : bf16[64,64]
  load_rm(n=64, addr_in=0, addr_out=0)
  load_rm(n=64, addr_in=0, addr_out=64)
  for i in 0..60000000 { gemm(addr_1=0, addr_2=64, addr_out=0) }
  mov(n=64, addr_in=0, addr_out=0)
  store_rm(n=64, addr_in=0, addr_out=8192)
}
)");
  const std::vector<std::pair<std::vector<std::string>, std::string>> commands = {
      {{"numerics", "diff", "xla_cpu", "tensix", "--k", "64", "--tests", "100000000", "--json"},
       "interrupted after [1-9][0-9]* tests"},
      {{"eval", scratch / "p.hlo", "--numerics", "tensix", "--random", "1", "--json"},
       "interrupted in c, operation 2 of 2"},
      {{"run", scratch / "k.asm", "--isa", "qkv", "--random", "1", "--json"},
       "interrupted after [1-9][0-9]+ instructions"}};
  for (const auto &[arguments, words] : commands) {
    Outcome outcome = interrupt_after(0.8, arguments);
    INFO(outcome.describe());
    CHECK(outcome.status == (arguments[0] == "numerics" ? 1 : 3));
    CHECK(is_json(outcome.out));
    CHECK(std::regex_match(outcome.err, std::regex("stopped: " + words + "\n")));
    CHECK(std::regex_search(outcome.out, std::regex('"' + words + '"')));
  }
}

TEST_CASE("reading, validating, filling, pricing and checking end in order", "[slow]") {
  ScratchFolder scratch;
  write_file(scratch / "large.hlo", R"(HloModule large
ENTRY large {
  x = bf16[30000,30000] parameter(0)
  ROOT y = bf16[30000,30000] negate(x)
}
)");
  // Where each instance writes depends on all loops and leaves gaps, so that all are looked at.
  write_file(scratch / "k.asm", R"(kernel again {
  memory 16384
  input x @ 0 : bf16[64,64]
  output y @ 8192 : bf16[64,64]
  load_rm(n=64, addr_in=0, addr_out=0)
  for a in 0..7 { for b in 0..7 { for c in 0..7 { for d in 0..7 { for e in 0..7 {
  for f in 0..7 { for g in 0..7 { for h in 0..7 { for i in 0..7 {
    load_rm(n=1, addr_in=0, addr_out=2*a + 2*b + 2*c + 2*d + 2*e + 2*f + 2*g + 2*h + 2*i)
  } } } } } } } } }
  store_rm(n=64, addr_in=0, addr_out=8192)
}
)");
  std::string text = "HloModule many\nENTRY many {\n  x = f32[4000000] parameter(0)\n"
                     "  c = f32[4000000] constant({";
  for (int i = 0; i < 4'000'000; ++i)
    text += i ? ",1" : "1";
  write_file(scratch / "many.hlo", text + "})\n  ROOT y = f32[4000000] add(x, c)\n}\n");
  const std::string identity = "corpus/qkv/identity.hlo", kernel = scratch / "k.asm",
                    many = scratch / "many.hlo";
  const std::string validating =
      "interrupted while the kernel was validated, after [1-9][0-9]* instructions";
  const std::vector<std::tuple<double, std::vector<std::string>, std::string>> commands = {
      {0.5, {"eval", scratch / "large.hlo", "--random", "1"}, "interrupted"},
      {0.5, {"eval", scratch / "large.hlo", "--boundary", "1"}, "interrupted"},
      {0.1, {"eval", many, "--random", "1"}, "interrupted.*"},
      {0.5, {"run", kernel, "--isa", "qkv", "--random", "1"}, validating},
      {0.5, {"verify", kernel, "--isa", "qkv", "--against", identity}, validating},
      {0.5, {"cost", kernel, "--isa", "qkv"}, validating},
      {0.5, {"rules", "audit", "--no-cache", "semantics/rules/tensorright.rules"}, "interrupted"},
      {0.3, {"isa", "check", "gemmini_rocc"}, "interrupted in instruction .*"}};
  for (auto [seconds, arguments, words] : commands) {
    arguments.push_back("--json");
    Outcome outcome = interrupt_after(seconds, arguments);
    INFO(outcome.describe());
    CHECK(outcome.status == 3);
    CHECK(std::regex_match(outcome.err, std::regex("stopped: " + words + "\n")));
    CHECK(nlohmann::json::parse(outcome.out)["verdict"] == "unknown");
  }
}

TEST_CASE("profiles are compared until the time is up") {
  Outcome outcome = run_isamorph({"numerics", "diff", "xla_cpu", "xla_cpu", "--k", "1000",
                                  "--tests", "1000000", "--time-limit", "0.05"});
  INFO(outcome.describe());
  CHECK(outcome.status == 3);
  CHECK(std::regex_match(
      outcome.err, std::regex("stopped: out of time \\(0.05 s\\) after [1-9][0-9]* tests\n")));
  CHECK(outcome.out.find("no difference found so far") != std::string::npos);
}

TEST_CASE("an interrupted audit leaves the table as it was", "[slow]") {
  ScratchFolder scratch;
  write_file(scratch / "table.md", "an earlier table\n");
  Outcome outcome =
      interrupt_after(0.7, {"rules", "audit", "semantics/rules/tensorright.rules", "--no-cache",
                            "--json", "--markdown", scratch / "table.md"});
  INFO(outcome.describe());
  CHECK(outcome.status == 3);
  CHECK(is_json(outcome.out));
  CHECK(read_file(scratch / "table.md") == "an earlier table\n");
}

TEST_CASE("no time is no proof, and nothing that was tried before") {
  Outcome outcome =
      run_isamorph({"rules", "prove", "transpose_dot", "--no-cache", "--time-limit", "0"});
  INFO(outcome.describe());
  CHECK(outcome.status == 3);
  CHECK(outcome.out.find("no answer within 0 ms") != std::string::npos);
  CHECK(outcome.out.find("before") == std::string::npos);
}

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
