// Files that commands write: all or none, and nothing beside them.
#include "semantics/output_files.h"

#include "semantics/source.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <unistd.h>

namespace fs = std::filesystem;
using namespace isamorph::semantics;

namespace {

/// A folder of its own that goes away.
class Scratch {
public:
  Scratch() : path_(fs::temp_directory_path() / ("isamorph-outputs-" + std::to_string(getpid()))) {
    fs::remove_all(path_);
    fs::create_directories(path_ / "folder");
  }
  ~Scratch() { fs::remove_all(path_); }
  Scratch(const Scratch &) = delete;
  std::string operator/(const std::string &name) const { return (path_ / name).string(); }
  std::set<std::string> names() const {
    std::set<std::string> out;
    for (const auto &entry : fs::directory_iterator(path_))
      out.insert(entry.path().filename().string());
    return out;
  }

private:
  fs::path path_;
};

std::string content(const std::string &path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

using Names = std::set<std::string>;

TEST_CASE("staged files appear together, or none does") {
  Scratch scratch;
  write_file_atomically(scratch / "a", "old");
  {
    OutputFiles files;
    files.stage(scratch / "a", "new");
    files.stage(scratch / "b", "more");
    CHECK(content(scratch / "a") == "old");
    CHECK_FALSE(fs::exists(scratch / "b"));
    CHECK_THROWS_AS(files.stage(scratch / "missing/c", "x"), InputError);
  }
  CHECK(scratch.names() == Names{"a", "folder"});
  CHECK(content(scratch / "a") == "old");
  OutputFiles files;
  files.stage(scratch / "a", "new");
  files.stage(scratch / "b", "more");
  CHECK_THROWS_WITH(files.stage(scratch / "b", "twice"),
                    Catch::Matchers::Contains("named for two outputs"));
  files.commit();
  CHECK(scratch.names() == Names{"a", "b", "folder"});
  CHECK(content(scratch / "a") == "new");
  CHECK(content(scratch / "b") == "more");
}

TEST_CASE("what can be written is found out without leaving anything") {
  Scratch scratch;
  write_file_atomically(scratch / "a", "old");
  CHECK_NOTHROW(check_writable(scratch / "a"));
  CHECK_NOTHROW(check_writable(scratch / "b"));
  CHECK_NOTHROW(check_writable("/dev/null"));
  CHECK(content(scratch / "a") == "old");
  CHECK_THROWS_WITH(check_writable(scratch / "folder"), Catch::Matchers::Contains("is a folder"));
  CHECK_THROWS_WITH(check_writable(scratch / "missing/x.json", "certificate"),
                    Catch::Matchers::Contains("the certificate") &&
                        Catch::Matchers::Contains("missing/x.json: cannot be written: No such"));
  CHECK(scratch.names() == Names{"a", "folder"});
}

TEST_CASE("suggestions are the nearest names") {
  const std::vector<std::string> operations = {"abs", "and", "add", "dimensions", "qkv", "amx"};
  for (const auto &[wrong, right] : std::vector<std::pair<std::string, std::string>>{
           {"ad", "add"}, {"an", "and"}, {"dimension", "dimensions"}, {"qvk", "qkv"}}) {
    INFO(wrong);
    CHECK(suggest(wrong, operations) == "did you mean '" + right + "'?");
  }
  CHECK(suggest("softmax", operations).empty());
}

} // namespace
