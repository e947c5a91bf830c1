// Sessions with the command, one file each under tests/cli/golden. A file whose steps print
// something else fails; with ISAMORPH_UPDATE_GOLDEN set, the steps that do not match are also
// rewritten in place, to be read before they are kept.
#include "tests/cli/console.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>

namespace {

namespace fs = std::filesystem;
using namespace isamorph::cli_tests;

void rewrite(const fs::path &file, const std::vector<SessionStep> &steps,
             const std::vector<std::vector<std::string>> &printed) {
  std::string text;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    text += "$ " + steps[i].command + "\n";
    for (const std::string &line :
         matches(steps[i].expected, printed[i]) ? steps[i].expected : printed[i])
      text += line + "\n";
  }
  write_file(file, text);
}

TEST_CASE("golden sessions print what they show", "[slow]") {
  std::vector<fs::path> files;
  for (const auto &entry : fs::directory_iterator(ISAMORPH_SOURCE_DIR "/tests/cli/golden"))
    files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  REQUIRE(files.size() >= 10);
  for (const fs::path &file : files) {
    ScratchFolder scratch;
    link_project(scratch);
    std::vector<SessionStep> steps = session_steps(read_file(file), 1);
    std::string name = fs::relative(file, ISAMORPH_SOURCE_DIR).string();
    INFO(name);
    REQUIRE_FALSE(steps.empty());
    auto printed = check_session(name, steps, scratch.path());
    if (std::getenv("ISAMORPH_UPDATE_GOLDEN"))
      rewrite(file, steps, printed);
  }
}

} // namespace
