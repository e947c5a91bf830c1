#include "tests/cli/console.h"

#include <catch2/catch.hpp>
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

std::string joined(const std::vector<std::string> &lines) {
  std::string text;
  for (const std::string &line : lines)
    text += line + "\n";
  return text;
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

std::vector<SessionStep> session_steps(const std::string &text, int line) {
  std::vector<SessionStep> steps;
  if (text.rfind("$ isamorph", 0) != 0)
    return steps;
  for (const std::string &content : lines_of(text)) {
    if (content.rfind("$ ", 0) == 0)
      steps.push_back({content.substr(2), {}, line});
    else
      steps.back().expected.push_back(content);
    ++line;
  }
  return steps;
}

bool matches(const std::vector<std::string> &expected, const std::vector<std::string> &actual) {
  return lines_match(expected, actual);
}

void link_project(const ScratchFolder &scratch) {
  for (const char *folder : {"corpus", "spec", "semantics", "tests"})
    std::filesystem::create_directory_symlink(std::filesystem::path(ISAMORPH_SOURCE_DIR) / folder,
                                              scratch.path() / folder);
}

std::vector<std::vector<std::string>> check_session(const std::string &document,
                                                    const std::vector<SessionStep> &steps,
                                                    const std::filesystem::path &directory) {
  std::vector<std::vector<std::string>> printed;
  int last = 0;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const auto &[command, expected, line] = steps[i];
    if (command == "echo $?") {
      printed.push_back({std::to_string(last)});
    } else {
      RunOptions options{.directory = directory, .seconds = 300, .merge_streams = true};
      Outcome outcome = run({"sh", "-c", command}, options);
      printed.push_back(lines_of(outcome.out));
      last = outcome.status;
    }
    INFO(document << ":" << line << ": $ " << command << "\n--- shown\n"
                  << joined(expected) << "--- printed\n"
                  << joined(printed.back()) << "---");
    CHECK(matches(expected, printed.back()));
    bool status_shown = i + 1 < steps.size() && steps[i + 1].command == "echo $?";
    CHECK((last == 0 || status_shown || command == "echo $?"));
  }
  return printed;
}

} // namespace isamorph::cli_tests
