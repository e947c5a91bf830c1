// What the README shows is what the command prints.
#include "tests/cli/console.h"
#include "tests/cli/process.h"

#include <catch2/catch.hpp>

namespace {

namespace fs = std::filesystem;
using namespace isamorph::cli_tests;

using Lines = std::vector<std::string>;

std::string joined(const Lines &lines) {
  std::string text;
  for (const std::string &line : lines)
    text += line + "\n";
  return text;
}

/// Runs one session; `echo $?` sees the status of the command before it.
void check_session(const std::vector<SessionStep> &steps, const fs::path &directory) {
  int last = 0;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    Lines actual;
    if (steps[i].command == "echo $?") {
      actual = {std::to_string(last)};
    } else {
      Outcome outcome = run({"sh", "-c", steps[i].command},
                            {.directory = directory, .seconds = 300, .merge_streams = true});
      actual = lines_of(outcome.out);
      last = outcome.status;
    }
    INFO("README.md:" << steps[i].line << ": $ " << steps[i].command << "\n--- shown\n"
                      << joined(steps[i].expected) << "--- printed\n"
                      << joined(actual) << "---");
    CHECK(matches(steps[i].expected, actual));
    bool status_shown = i + 1 < steps.size() && steps[i + 1].command == "echo $?";
    CHECK((last == 0 || status_shown || steps[i].command == "echo $?"));
  }
}

TEST_CASE("the README's sessions print what it shows") {
  ScratchFolder scratch;
  for (const char *folder : {"corpus", "spec", "semantics", "tests"})
    fs::create_directory_symlink(fs::path(ISAMORPH_SOURCE_DIR) / folder, scratch.path() / folder);
  int sessions = 0;
  for (const FencedBlock &block : fenced_blocks(read_file(ISAMORPH_SOURCE_DIR "/README.md"))) {
    if (!block.file_name.empty())
      write_file(scratch / block.file_name, block.text);
    std::vector<SessionStep> steps = session_steps(block);
    check_session(steps, scratch.path());
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
  CHECK(session_steps(blocks[0]).empty());
  auto steps = session_steps(blocks[1]);
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
