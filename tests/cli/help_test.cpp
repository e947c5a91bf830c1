// What --help shows as an example works when it is pasted.
#include "tests/cli/console.h"

#include <algorithm>
#include <catch2/catch.hpp>

namespace {

using namespace isamorph::cli_tests;
using Words = std::vector<std::string>;

/// The indented lines after a heading, up to an empty one.
Words section(const std::string &help, const std::string &heading) {
  Words lines = lines_of(help), out;
  auto at = std::find(lines.begin(), lines.end(), heading);
  while (at != lines.end() && ++at != lines.end() && at->starts_with("  "))
    out.push_back(at->substr(2));
  return out;
}

/// The examples of a command and of all commands below it, with the command's words.
void collect(const Words &command, std::vector<std::pair<std::string, Words>> &out) {
  Words arguments = command;
  arguments.push_back("--help");
  Outcome help = run_isamorph(arguments);
  INFO(help.describe());
  REQUIRE(help.status == 0);
  std::string name = "isamorph";
  for (const std::string &word : command)
    name += " " + word;
  out.emplace_back(name, section(help.out, "Example:"));
  for (const std::string &line : section(help.out, "Subcommands:")) {
    Words below = command;
    below.push_back(line.substr(0, line.find(' ')));
    collect(below, out);
  }
}

TEST_CASE("the example of every --help works when pasted", "[slow]") {
  std::vector<std::pair<std::string, Words>> examples;
  collect({}, examples);
  CHECK(examples.size() >= 20);
  for (const auto &[name, lines] : examples) {
    ScratchFolder scratch;
    link_project(scratch);
    INFO(name);
    CHECK_FALSE(lines.empty());
    for (const std::string &line : lines) {
      if (line.find("--solver") != std::string::npos) // not everyone has it
        continue;
      Outcome outcome = run({"sh", "-c", line}, {.directory = scratch.path()});
      INFO(line << "\n" << outcome.describe());
      // 1: the things compared differ
      CHECK((outcome.status == 0 || (outcome.status == 1 && line.find(" diff ") != line.npos)));
    }
  }
}

} // namespace
