// Certificates on disk: the obligations lie beside them as files, and messages name what is
// missing.
#include "certified_product.h"

#include "verify/checker/checker.h"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <unistd.h>

using namespace isamorph;
using namespace isamorph::verify;
namespace fs = std::filesystem;

namespace {

/// A folder of its own that goes away.
class Scratch {
public:
  Scratch() : path_(fs::temp_directory_path() / ("isamorph-files-" + std::to_string(getpid()))) {
    fs::remove_all(path_);
    fs::create_directories(path_);
  }
  ~Scratch() { fs::remove_all(path_); }
  Scratch(const Scratch &) = delete;
  std::string operator/(const std::string &name) const { return (path_ / name).string(); }
  std::size_t entries() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(path_), fs::directory_iterator()));
  }

private:
  fs::path path_;
};

std::string read(const std::string &path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

CheckReport check_file(const std::string &path) {
  CheckOptions options;
  options.solver = test::credulous;
  options.obligations_folder = obligations_folder(path);
  return check_certificate(semantics::read_source(path), options);
}

std::string message(const std::string &text) {
  try {
    check_certificate(semantics::make_source("c.json", text));
  } catch (const semantics::InputError &error) {
    return error.message();
  }
  return "no error";
}

} // namespace

TEST_CASE("obligations are written beside their certificate") {
  Scratch scratch;
  std::string path = scratch / "proof.json", folder = scratch / "proof.obligations";
  CHECK(obligations_folder(path) == folder);
  nlohmann::json good = test::tile_certificate();
  fs::create_directories(folder);
  std::ofstream(folder + "/old.smt2") << "(check-sat)\n";
  write_certificate(path, good.dump(1));
  CHECK(read(path) == good.dump(1));
  std::size_t count = 0;
  for (const auto &lemma : good["lemmas"])
    for (const auto &obligation : lemma["obligations"]) {
      ++count;
      CHECK(read(folder + "/" + obligation["file"].get<std::string>()) == obligation["smtlib"]);
    }
  CHECK(count >= 6);
  CHECK(static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), {})) == count);
  CHECK_FALSE(fs::exists(folder + "/old.smt2"));
  CHECK(scratch.entries() == 2);
  CHECK(check_file(path).accepted);

  std::string first = good["lemmas"][0]["obligations"][0]["file"];
  std::ofstream(folder + "/" + first) << "(assert false)\n(check-sat)\n";
  CheckReport changed = check_file(path);
  CHECK_FALSE(changed.accepted);
  CHECK(changed.reason.starts_with("$.lemmas[0].obligations[0].file: "));
  CHECK(changed.reason.find("is not the obligation of the certificate") != std::string::npos);
  fs::remove_all(folder); // the texts are in the certificate
  CHECK(check_file(path).accepted);
}

TEST_CASE("a certificate without lemmas leaves no folder, and one that cannot be written nothing") {
  Scratch scratch;
  nlohmann::json good = test::tile_certificate();
  write_certificate(scratch / "a.json", good.dump());
  nlohmann::json plain = good;
  plain["lemmas"] = nlohmann::json::array();
  write_certificate(scratch / "a.json", plain.dump());
  CHECK(scratch.entries() == 1);
  CHECK_THROWS_AS(write_certificate(scratch / "none/a.json", good.dump()), semantics::InputError);
  fs::create_directories(scratch / "folder.json");
  CHECK_THROWS_AS(write_certificate(scratch / "folder.json", good.dump()), semantics::InputError);
  CHECK(scratch.entries() == 2);
}

TEST_CASE("what is missing or of another type is named by its path") {
  const nlohmann::json good = test::tile_certificate();
  auto without = [&](const char *pointer) {
    nlohmann::json bad = good;
    nlohmann::json::json_pointer at(pointer);
    bad[at.parent_pointer()].erase(at.back());
    return message(bad.dump());
  };
  CHECK(without("/claim/level") == "$.claim.level is missing");
  CHECK(without("/format") == "$.format is missing");
  auto with = [&](const char *pointer, const nlohmann::json &value) {
    nlohmann::json bad = good;
    bad[nlohmann::json::json_pointer(pointer)] = value;
    return message(bad.dump());
  };
  CHECK(with("/version", "2") == "$.version must be a whole number, not string");
  CHECK(with("/program", nullptr) == "$.program must be an object, not null");
  CHECK(with("/lemmas", 3) == "$.lemmas must be an array, not number");
  CHECK(message("[]") == "$ must be an object, not array");
}

TEST_CASE("mistakes of syntax have a line and a column") {
  auto place = [](const std::string &text) {
    try {
      check_certificate(semantics::make_source("c.json", text));
    } catch (const semantics::InputError &error) {
      return std::to_string(error.line()) + ":" + std::to_string(error.column());
    }
    return std::string("no error");
  };
  CHECK(place("{\n \"format\": \"isamorph certificate\",\n \"version\" 2\n}") == "3:12");
  CHECK(place("") == "1:1");
  CHECK(message("{\"format\": ") == "not valid JSON");
  CHECK(message("{\"format\": \"x\", \"format\": \"y\"}") ==
        "the key \"format\" is given twice in one object");
  CHECK(message(std::string(1000, '[')) == "nested deeper than 64");
  CHECK(message(std::string(100000, '[') + std::string(100000, ']')) == "nested deeper than 64");
  CHECK(message("{\"format\": 1e999}").find("not valid JSON") == 0);
  CHECK(message("{\"format\": \"\xff\"}") == "not valid JSON");
}

TEST_CASE("unknown versions and formats are refused with what is known") {
  nlohmann::json other = test::tile_certificate();
  other["version"] = 5;
  CHECK(check_certificate(semantics::make_source("c.json", other.dump())).reason ==
        "$.version: this isamorph reads version 4, not version 5");
  other["format"] = "another tool's";
  CHECK(check_certificate(semantics::make_source("c.json", other.dump())).reason ==
        "$.format: 'another tool's' is no format that isamorph checks");
}
