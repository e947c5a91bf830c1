// Ctrl-C, as `timeout` sends it: twice, to the real command, at many moments.
#include "tests/cli/process.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

namespace {

using namespace isamorph::cli_tests;

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
  Outcome outcome = interrupt_after(0.5, {"numerics", "diff", "xla_cpu", "tensix", "--k", "10000",
                                          "--tests", "100000", "--json"});
  INFO(outcome.describe());
  CHECK(outcome.status == 3);
  CHECK(nlohmann::json::parse(outcome.out) ==
        nlohmann::json{{"verdict", "unknown"}, {"reason", "interrupted"}});
  CHECK(outcome.err == "stopped: interrupted\n");
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

} // namespace
