// Every file under tests/bad is a user's mistake: the command names the place, exits with 2 and
// writes nothing.
//
// FILE.expected begins with LINE:COLUMN; what follows, there and on further lines, are texts that
// the message contains.
#include "tests/cli/process.h"
#include "tests/effort.h"

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

/// A folder of bad files, and the command that is to refuse them: FILE stands for the file, OUT/
/// for a folder that must stay empty.
struct Kind {
  std::string folder;
  std::vector<std::string> command;
  std::size_t least; ///< files that there are at least
};

const std::vector<Kind> kKinds = {
    {"hlo",
     {"synth", "FILE", "--isa", "qkv", "-o", "OUT/kernel.out", "--certificate", "OUT/proof.json"},
     40},
    {"isa", {"isa", "check", "FILE"}, 20},
    {"kernel",
     {"verify", "FILE", "--isa", "qkv", "--against", "corpus/qkv/identity.hlo", "--certificate",
      "OUT/proof.json"},
     30},
    {"egraph", {"egraph", "extract", "FILE", "-o", "OUT/choices.json"}, 10},
    {"eqsat",
     {"egraph", "saturate", "FILE", "--dump", "OUT/egraph.json", "--proof", "OUT/proof.json"},
     10},
    {"allocation", {"allocate", "FILE", "--capacity", "100", "-o", "OUT/placed.csv"}, 10},
};

void check_refused(const fs::path &file, std::vector<std::string> command) {
  std::string name = fs::relative(file, ISAMORPH_SOURCE_DIR).string();
  ScratchFolder scratch;
  for (std::string &argument : command)
    if (argument == "FILE")
      argument = name;
    else if (argument.starts_with("OUT/"))
      argument = scratch / argument.substr(4);
  Outcome outcome = run_isamorph(command, {.seconds = 60});
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

TEST_CASE("every folder of bad inputs is known, and each input has its expectation") {
  std::size_t folders = 0;
  for (const auto &entry : fs::directory_iterator(kBad))
    folders += entry.is_directory();
  CHECK(folders == kKinds.size());
  for (const Kind &kind : kKinds) {
    std::vector<fs::path> files = bad_files(kind.folder);
    INFO(kind.folder);
    CHECK(files.size() >= kind.least);
    for (const fs::path &file : files) {
      INFO(file);
      CHECK(fs::exists(file.string() + ".expected"));
    }
  }
}

// One test for each folder, so that they run side by side.
void check_folder(const std::string &folder) {
  for (const Kind &kind : kKinds)
    if (kind.folder == folder) {
      std::vector<fs::path> files = bad_files(folder);
      for (std::size_t i = 0; i < files.size(); i += isamorph::effort::kEvery)
        check_refused(files[i], kind.command);
    }
}

TEST_CASE("bad graphs are refused") { check_folder("hlo"); }
TEST_CASE("bad ISAs are refused") { check_folder("isa"); }
TEST_CASE("bad kernels are refused") { check_folder("kernel"); }
TEST_CASE("bad e-graphs are refused") { check_folder("egraph"); }
TEST_CASE("bad saturation programs are refused") { check_folder("eqsat"); }
TEST_CASE("bad live ranges are refused") { check_folder("allocation"); }

} // namespace
