// Random damage to shipped and to bad texts, for every reader of readers.h: it either accepts the
// text and keeps its promises, or reports an InputError with a place inside the text; nothing else
// may come out. The damage is the same in every run. ISAMORPH_FUZZ_INPUTS sets how many damaged
// texts each reader gets, for longer runs; `./dev fuzz` searches with libFuzzer instead.
#include "tests/effort.h"
#include "tests/fuzz/readers.h"
#include "verify/checker/checker.h"

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

namespace {

namespace fs = std::filesystem;
using namespace isamorph;

/// How many damaged texts each reader gets.
std::size_t inputs() {
  const char *text = std::getenv("ISAMORPH_FUZZ_INPUTS");
  return text ? std::strtoull(text, nullptr, 10) : effort::repetitions(4000);
}

std::vector<std::string> texts_under(const std::vector<std::string> &folders,
                                     const std::vector<std::string> &extensions) {
  std::vector<fs::path> files;
  for (const std::string &folder : folders) {
    fs::path path = fs::path(ISAMORPH_SOURCE_DIR) / folder;
    if (!fs::exists(path))
      continue;
    for (const auto &entry : fs::recursive_directory_iterator(path))
      if (std::count(extensions.begin(), extensions.end(), entry.path().extension().string()))
        files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<std::string> texts;
  for (const fs::path &file : files) {
    std::ifstream stream(file, std::ios::binary);
    std::stringstream text;
    text << stream.rdbuf();
    if (text.str().size() <= 32768)
      texts.push_back(text.str());
  }
  return texts;
}

class Damage {
public:
  explicit Damage(std::uint64_t seed) : engine_(seed) {}

  std::string apply(std::string text) {
    for (std::size_t i = 0, steps = 1 + below(3); i < steps; ++i)
      step(text);
    return text;
  }

private:
  std::size_t below(std::size_t bound) { return bound ? engine_() % bound : 0; }

  void step(std::string &text) {
    static const std::array<const char *, 24> pieces = {
        "{",         "}",    "(",  ")",    "[",   "]",          ",",    "=",
        "%",         "`",    "\"", "-1",   "0",   "64",         "bf16", "add",
        "parameter", "ROOT", "/*", "\n\n", "if ", "4294967296", "e99",  "\xff"};
    std::size_t at = below(text.size() + 1), length = below(12);
    switch (below(6)) {
    case 0:
      text.erase(at, length);
      break;
    case 1:
      text.insert(at, pieces[below(pieces.size())]);
      break;
    case 2:
      text.replace(at, std::min<std::size_t>(1, text.size() - at), pieces[below(pieces.size())]);
      break;
    case 3:
      text.insert(below(text.size() + 1), text.substr(at, 4 * length));
      break;
    case 4:
      text.resize(at);
      break;
    default:
      change_number(text, at);
    }
  }

  void change_number(std::string &text, std::size_t at) {
    static const std::array<const char *, 8> numbers = {
        "0", "1", "63", "65", "128", "2147483648", "9223372036854775807", "99999999999999999999"};
    std::size_t begin = text.find_first_of("0123456789", at);
    if (begin == std::string::npos)
      return;
    std::size_t end = std::min(text.find_first_not_of("0123456789", begin), text.size());
    text.replace(begin, end - begin, numbers[below(numbers.size())]);
  }

  std::mt19937_64 engine_;
};

/// What readers.txt says of one reader.
struct Entry {
  std::vector<std::string> endings, folders;
};

Entry entry_of(const std::string &reader) {
  std::ifstream list(fs::path(ISAMORPH_SOURCE_DIR) / "tests/fuzz/readers.txt");
  for (std::string line; std::getline(list, line);) {
    std::istringstream words(line);
    std::string name, endings, word;
    if (!(words >> name >> endings) || name != reader)
      continue;
    Entry entry;
    std::istringstream parts(endings);
    while (std::getline(parts, word, ','))
      entry.endings.push_back(word);
    while (words >> word)
      entry.folders.push_back(word);
    return entry;
  }
  return {};
}

void check_reader(const std::string &name, fuzz::Reader &reader) {
  Entry entry = entry_of(name);
  std::vector<std::string> texts = texts_under(entry.folders, entry.endings);
  REQUIRE_FALSE(texts.empty());
  std::size_t rounds = std::max<std::size_t>(1, inputs() / texts.size());
  std::size_t accepted = 0, refused = 0;
  for (std::size_t t = 0; t < texts.size(); ++t) {
    Damage damage(t);
    for (std::size_t i = 0; i < rounds; ++i) {
      std::string text = damage.apply(texts[t]);
      INFO("text " << t << ", round " << i << ":\n" << text);
      bool is_accepted = false;
      REQUIRE_NOTHROW(is_accepted = fuzz::accepts(reader, text));
      ++(is_accepted ? accepted : refused);
    }
  }
  CHECK(refused > 0);
  if (effort::kEvery == 1) // of few, all may be refused
    CHECK(accepted > 0);
}

TEST_CASE("undamaged texts that are to be read are accepted") {
  struct Good {
    std::string reader, folder;
    fuzz::Reader &read;
  };
  for (const Good &good :
       {Good{"hlo", "corpus", fuzz::hlo}, Good{"isa", "spec/isa", fuzz::isa},
        Good{"rules", "semantics/rules", fuzz::rules}, Good{"kernel", "corpus/qkv", fuzz::kernel},
        Good{"numerics", "semantics/numerics", fuzz::numerics}})
    for (const std::string &text : texts_under({good.folder}, entry_of(good.reader).endings)) {
      INFO(text);
      CHECK(fuzz::accepts(good.read, text));
    }
}

TEST_CASE("the certificates that damage begins with are accepted by the checker as it is now") {
  verify::CheckOptions options;
  options.solver = [](const verify::Obligation &) {
    return verify::SmtResult{verify::SmtAnswer::Proved, {}, 0};
  };
  std::vector<std::string> texts = texts_under(entry_of("certificate").folders, {".json"});
  CHECK(texts.size() >= 5);
  for (const std::string &text : texts)
    CHECK(verify::check_certificate(semantics::make_source("seed", text), options).reason == "");
}

TEST_CASE("damaged HLO text is read or refused") { check_reader("hlo", fuzz::hlo); }
TEST_CASE("damaged ISAs are read or refused") { check_reader("isa", fuzz::isa); }
TEST_CASE("damaged kernels are read or refused") { check_reader("kernel", fuzz::kernel); }
TEST_CASE("damaged rules are read or refused") { check_reader("rules", fuzz::rules); }
TEST_CASE("damaged numerics are read or refused") { check_reader("numerics", fuzz::numerics); }
TEST_CASE("damaged certificates are read or refused") {
  check_reader("certificate", fuzz::certificate);
}
TEST_CASE("damaged e-graphs are read or refused") { check_reader("egraph", fuzz::egraph); }
TEST_CASE("damaged saturation programs are read or refused") {
  check_reader("saturation_program", fuzz::saturation_program);
}
TEST_CASE("damaged live ranges are read or refused") {
  check_reader("allocation", fuzz::allocation);
}
TEST_CASE("damaged tensor files are read or refused") { check_reader("tensor", fuzz::tensor); }
TEST_CASE("damaged checkpoints are read or refused") {
  check_reader("checkpoint", fuzz::checkpoint);
}
TEST_CASE("damaged equalities of TASO are read or refused") {
  check_reader("taso_rules", fuzz::taso_rules);
}

} // namespace
