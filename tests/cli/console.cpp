#include "tests/cli/console.h"

#include "tests/cli/process.h"

#include <span>
#include <sstream>
#include <string_view>

namespace isamorph::cli_tests {
namespace {

bool line_matches(std::string_view expected, std::string_view actual) {
  std::size_t wildcard = expected.find("...");
  if (wildcard == std::string_view::npos)
    return expected == actual;
  if (actual.substr(0, wildcard) != expected.substr(0, wildcard))
    return false;
  std::string_view rest = expected.substr(wildcard + 3);
  for (std::size_t i = wildcard; i <= actual.size(); ++i)
    if (line_matches(rest, actual.substr(i)))
      return true;
  return false;
}

bool lines_match(std::span<const std::string> expected, std::span<const std::string> actual) {
  if (expected.empty())
    return actual.empty();
  if (expected[0] == "...") {
    for (std::size_t i = 0; i <= actual.size(); ++i)
      if (lines_match(expected.subspan(1), actual.subspan(i)))
        return true;
    return false;
  }
  return !actual.empty() && line_matches(expected[0], actual[0]) &&
         lines_match(expected.subspan(1), actual.subspan(1));
}

} // namespace

std::vector<FencedBlock> fenced_blocks(const std::string &markdown) {
  std::vector<FencedBlock> blocks;
  bool inside = false;
  int number = 0;
  for (const std::string &line : lines_of(markdown)) {
    ++number;
    bool fence = line.rfind("```", 0) == 0;
    if (inside && !fence) {
      blocks.back().text += line + "\n";
    } else if (fence) {
      if (!inside) {
        FencedBlock block;
        std::istringstream(line.substr(3)) >> block.language >> block.file_name;
        block.line = number;
        blocks.push_back(block);
      }
      inside = !inside;
    }
  }
  return blocks;
}

std::vector<SessionStep> session_steps(const FencedBlock &block) {
  std::vector<SessionStep> steps;
  if (block.language != "console" || block.text.rfind("$ isamorph", 0) != 0)
    return steps;
  int number = block.line;
  for (const std::string &line : lines_of(block.text)) {
    ++number;
    if (line.rfind("$ ", 0) == 0)
      steps.push_back({line.substr(2), {}, number});
    else
      steps.back().expected.push_back(line);
  }
  return steps;
}

bool matches(const std::vector<std::string> &expected, const std::vector<std::string> &actual) {
  return lines_match(expected, actual);
}

} // namespace isamorph::cli_tests
