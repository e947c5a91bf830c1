// What the README shows is what the command prints.
#include "tests/cli/console.h"

#include <catch2/catch.hpp>

namespace {

using namespace isamorph::cli_tests;

using Lines = std::vector<std::string>;

TEST_CASE("the README's sessions print what it shows", "[slow]") {
  ScratchFolder scratch;
  link_project(scratch);
  int sessions = 0;
  for (const FencedBlock &block : fenced_blocks(read_file(ISAMORPH_SOURCE_DIR "/README.md"))) {
    if (!block.file_name.empty())
      write_file(scratch / block.file_name, block.text);
    if (block.language != "console")
      continue;
    std::vector<SessionStep> steps = session_steps(block.text, block.line + 1);
    check_session("README.md", steps, scratch.path());
    sessions += !steps.empty();
  }
  CHECK(sessions >= 3);
}

TEST_CASE("fenced blocks and sessions are read") {
  auto blocks = fenced_blocks(
      "text\n```text a.txt\none\ntwo\n```\n\n```console\n$ isamorph x\nout\n$ echo $?\n1\n```\n");
  REQUIRE(blocks.size() == 2);
  CHECK(blocks[0].file_name == "a.txt");
  CHECK(blocks[0].text == "one\ntwo\n");
  CHECK(session_steps(blocks[0].text, 1).empty());
  auto steps = session_steps(blocks[1].text, blocks[1].line + 1);
  REQUIRE(steps.size() == 2);
  CHECK(steps[0].command == "isamorph x");
  CHECK(steps[0].expected == Lines{"out"});
  CHECK(steps[0].line == 8);
  CHECK(steps[1].command == "echo $?");
}

TEST_CASE("the wildcard of sessions stands for text within a line, or for lines") {
  CHECK(matches(Lines{"took ... ms"}, Lines{"took 12.5 ms"}));
  CHECK_FALSE(matches(Lines{"took ... ms"}, Lines{"took 12.5 s"}));
  CHECK_FALSE(matches(Lines{"took ... ms"}, Lines{"took 1", "2 ms"}));
  CHECK(matches(Lines{"a", "...", "z"}, Lines{"a", "b", "c", "z"}));
  CHECK(matches(Lines{"a", "...", "z"}, Lines{"a", "z"}));
  CHECK_FALSE(matches(Lines{"a", "...", "z"}, Lines{"a", "b"}));
  CHECK_FALSE(matches(Lines{"a"}, Lines{"a", "b"}));
  CHECK_FALSE(matches(Lines{"a", "b"}, Lines{"a"}));
  CHECK(matches(Lines{}, Lines{}));
}

} // namespace
