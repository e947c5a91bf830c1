#include "tests/cli/process.h"

#include <catch2/catch.hpp>

namespace {

using namespace isamorph::cli_tests;

TEST_CASE("a process's streams, status and signal are kept") {
  Outcome outcome = run({"sh", "-c", "echo one; echo two >&2; exit 3"});
  CHECK(outcome.out == "one\n");
  CHECK(outcome.err == "two\n");
  CHECK(outcome.status == 3);
  CHECK(run({"sh", "-c", "echo one; echo two >&2"}, {.merge_streams = true}).out == "one\ntwo\n");
  CHECK(run({"sh", "-c", "kill -SEGV $$"}).signal == 11);
  CHECK(run({"no-such-program-anywhere"}).status == 127);
}

TEST_CASE("a process that hangs is killed") {
  Outcome outcome = run({"sleep", "60"}, {.seconds = 1});
  CHECK(outcome.timed_out);
  CHECK(outcome.status == -1);
}

TEST_CASE("a scratch folder lists its files and goes away") {
  std::filesystem::path path;
  {
    ScratchFolder scratch;
    path = scratch.path();
    write_file(scratch / "b", "x");
    write_file(scratch / "a", "y");
    CHECK(scratch.files() == std::vector<std::string>{"a", "b"});
    CHECK(read_file(scratch / "b") == "x");
  }
  CHECK_FALSE(std::filesystem::exists(path));
}

} // namespace
