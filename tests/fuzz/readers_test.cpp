// Random damage to every shipped and every bad text: a reader either accepts it or reports an
// InputError with a place inside the text; nothing else may come out. The damage is the same in
// every run. ISAMORPH_FUZZ_ROUNDS sets how often each text is damaged, for longer runs.
#include "semantics/hlo.h"
#include "semantics/rules.h"
#include "spec/isa.h"
#include "spec/kernel.h"

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <sstream>

namespace {

namespace fs = std::filesystem;
using namespace isamorph;

using Reader = std::function<void(const semantics::SourceRef &)>;

int rounds() {
  const char *text = std::getenv("ISAMORPH_FUZZ_ROUNDS");
  return text ? std::atoi(text) : 500;
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
    if (text.str().size() <= 20000)
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

void check_reader(const std::vector<std::string> &texts, const Reader &read) {
  REQUIRE_FALSE(texts.empty());
  int accepted = 0, refused = 0;
  for (std::size_t t = 0; t < texts.size(); ++t) {
    Damage damage(t);
    for (int i = 0; i < rounds(); ++i) {
      std::string text = damage.apply(texts[t]);
      INFO("text " << t << ", round " << i << ":\n" << text);
      try {
        read(semantics::make_source("damaged", text));
        ++accepted;
      } catch (const semantics::InputError &error) {
        ++refused;
        if (error.line() == 0)
          FAIL("no place in: " << error.what());
        if (error.file() == "damaged" &&
            error.line() > 1 + std::count(text.begin(), text.end(), '\n'))
          FAIL("a place outside the text: " << error.what());
      }
    }
  }
  CHECK(accepted > 0);
  CHECK(refused > 0);
}

TEST_CASE("damaged HLO text is read or refused") {
  check_reader(texts_under({"corpus", "tests/corpus", "tests/bad/hlo"}, {".hlo"}),
               [](const auto &source) { semantics::parse_hlo(source); });
}

TEST_CASE("damaged ISAs are read or refused") {
  check_reader(texts_under({"spec/isa", "tests/bad/isa"}, {".isa"}),
               [](const auto &source) { spec::parse_isa(source); });
}

TEST_CASE("damaged rules are read or refused") {
  check_reader(texts_under({"semantics/rules"}, {".rules"}),
               [](const auto &source) { semantics::parse_rules(source); });
}

TEST_CASE("damaged kernels are read or refused") {
  spec::Isa isa = spec::load_isa(ISAMORPH_SOURCE_DIR "/spec/isa/qkv.isa");
  check_reader(
      texts_under({"corpus", "tests/corpus", "tests/bad/kernel"}, {".py", ".asm", ".json"}),
      [&](const auto &source) { spec::parse_kernel(source, isa); });
}

} // namespace
