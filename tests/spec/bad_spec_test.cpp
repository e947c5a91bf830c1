// Every file under tests/bad/isa and tests/bad/kernel is refused where and as its .expected file
// says.
#include "spec/kernel.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

using namespace isamorph;
namespace fs = std::filesystem;

namespace {

std::vector<fs::path> files(const std::string &folder) {
  std::vector<fs::path> out;
  for (const auto &entry :
       fs::directory_iterator(fs::path(ISAMORPH_SOURCE_DIR) / "tests" / "bad" / folder))
    if (entry.path().extension() != ".expected")
      out.push_back(entry.path());
  std::sort(out.begin(), out.end());
  return out;
}

void check(const fs::path &path, const std::function<void(const semantics::SourceRef &)> &read) {
  INFO(path);
  std::ifstream stream(path.string() + ".expected");
  std::string expected;
  REQUIRE(std::getline(stream, expected));
  std::string place = expected.substr(0, expected.find(": ")),
              message = expected.substr(place.size() + 2);
  try {
    read(semantics::read_source(path.string()));
    FAIL("not refused");
  } catch (const semantics::InputError &error) {
    INFO(error.what());
    CHECK(std::to_string(error.line()) + ":" + std::to_string(error.column()) == place);
    CHECK(error.message().find(message) != std::string::npos);
    CHECK(error.file() == path.string());
  }
}

} // namespace

TEST_CASE("bad ISAs are refused at their place") {
  auto all = files("isa");
  CHECK(all.size() >= 17);
  for (const fs::path &path : all)
    check(path, [](const semantics::SourceRef &source) { spec::parse_isa(source); });
}

TEST_CASE("bad kernels are refused at their place") {
  spec::Isa isa = spec::load_isa("qkv");
  auto all = files("kernel");
  CHECK(all.size() >= 17);
  for (const fs::path &path : all)
    check(path, [&](const semantics::SourceRef &source) { spec::parse_kernel(source, isa); });
}
