// Every file under tests/bad is a user's mistake: the command names the place, exits with 2 and
// writes nothing.
//
// FILE.expected begins with LINE:COLUMN; what follows, there and on further lines, are texts that
// the message contains.
#include "tests/cli/process.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <regex>

namespace {

namespace fs = std::filesystem;
using namespace isamorph::cli_tests;

const fs::path kBad = fs::path(ISAMORPH_SOURCE_DIR) / "tests/bad";

std::vector<fs::path> bad_files(const std::string &kind) {
  std::vector<fs::path> files;
  for (const auto &entry : fs::directory_iterator(kBad / kind))
    if (entry.path().extension() != ".expected" && entry.path().extension() != ".md")
      files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

struct Expectation {
  std::string place; ///< "LINE:COLUMN"
  std::vector<std::string> texts;
};

Expectation read_expectation(const fs::path &file) {
  std::vector<std::string> lines = lines_of(read_file(file.string() + ".expected"));
  static const std::regex first_line(R"(\s*(\d+:\d+):?\s*(.*))");
  std::smatch match;
  if (lines.empty() || !std::regex_match(lines[0], match, first_line))
    throw std::runtime_error(file.string() + ".expected must begin with LINE:COLUMN");
  Expectation expectation{match[1], {}};
  lines[0] = match[2];
  for (const std::string &line : lines)
    if (!line.empty())
      expectation.texts.push_back(line);
  return expectation;
}

void check_refused(const fs::path &file, std::vector<std::string> arguments, bool writes) {
  std::string name = fs::relative(file, ISAMORPH_SOURCE_DIR).string();
  ScratchFolder scratch;
  std::replace(arguments.begin(), arguments.end(), std::string("FILE"), name);
  if (writes)
    arguments.insert(arguments.end(), {"--certificate", scratch / "certificate.json"});
  if (arguments[0] == "synth")
    arguments.insert(arguments.end(), {"-o", scratch / "kernel.out"});
  Outcome outcome = run_isamorph(arguments, {.seconds = 60});
  INFO(name << ": " << outcome.describe());
  Expectation expectation = read_expectation(file);
  CHECK(outcome.status == 2);
  CHECK(outcome.out.empty());
  CHECK(outcome.err.find(name + ":" + expectation.place + ":") != std::string::npos);
  for (const std::string &text : expectation.texts) {
    INFO("looked for: " << text);
    CHECK(outcome.err.find(text) != std::string::npos);
  }
  CHECK(scratch.files().empty());
}

TEST_CASE("there are at least 60 bad inputs, each with its expectation") {
  std::size_t count = 0;
  for (const char *kind : {"hlo", "isa", "kernel"}) {
    for (const fs::path &file : bad_files(kind)) {
      INFO(file);
      CHECK(fs::exists(file.string() + ".expected"));
      ++count;
    }
  }
  CHECK(count >= 60);
}

TEST_CASE("bad graphs are refused") {
  for (const fs::path &file : bad_files("hlo"))
    check_refused(file, {"synth", "FILE", "--isa", "qkv"}, true);
}

TEST_CASE("bad ISAs are refused") {
  for (const fs::path &file : bad_files("isa"))
    check_refused(file, {"isa", "check", "FILE"}, false);
}

TEST_CASE("bad kernels are refused") {
  for (const fs::path &file : bad_files("kernel"))
    check_refused(file, {"verify", "FILE", "--isa", "qkv", "--against", "corpus/qkv/identity.hlo"},
                  true);
}

} // namespace
