// Random damage to a certificate, to its bytes, its values and its embedded texts: it never crashes
// the checker, and is accepted only where what is left is the same or true.
#include "certified_product.h"
#include "tests/effort.h"

#include <array>
#include <random>

using namespace isamorph;
using namespace isamorph::verify;
using test::fit_digests;
using test::outcome;
using test::places;
using Json = nlohmann::json;
using Pointer = Json::json_pointer;

TEST_CASE("random damage to bytes is never accepted unless the document is the same") {
  const Json good = test::tile_certificate();
  const std::string text = good.dump(1);
  std::mt19937_64 random(1);
  int same = 0;
  for (std::size_t round = 0; round < effort::repetitions(2000); ++round) {
    std::string bad = text;
    for (std::uint64_t edits = 1 + random() % 3; edits > 0; --edits) {
      std::size_t at = random() % bad.size();
      switch (random() % 4) {
      case 0:
        bad[at] = static_cast<char>(random());
        break;
      case 1:
        bad.erase(at, random() % 8);
        break;
      case 2:
        bad.insert(at, bad.substr(random() % bad.size(), random() % 40));
        break;
      default:
        bad[at] = "0123456789{}[]\",:. -"[random() % 20];
      }
    }
    CheckOptions options;
    options.solver = test::credulous;
    bool accepted = false;
    try {
      accepted = check_certificate(semantics::make_source("damaged.json", bad), options).accepted;
    } catch (const semantics::InputError &error) {
      CHECK(error.line() > 0);
    }
    same += accepted;
    if (accepted) {
      INFO(bad);
      CHECK(Json::parse(bad) == good);
    }
  }
  CHECK(same > 0); // white space
}

TEST_CASE("random damage to values is never accepted unless they are labels") {
  const Json good = test::tile_certificate();
  std::vector<Pointer> everywhere = places(good);
  const std::set<std::string> labels = {"/tool/name", "/tool/version", "/options/time_limit_ms",
                                        "/sha256"};
  std::mt19937_64 random(2);
  int refused = 0;
  for (std::size_t round = 0; round < effort::repetitions(1500); ++round) {
    Json bad = good;
    Pointer to = everywhere[1 + random() % (everywhere.size() - 1)],
            from = everywhere[random() % everywhere.size()];
    bad[to] = good[from];
    fit_digests(bad);
    if (outcome(bad) != "accepted") {
      ++refused;
      continue;
    }
    for (const Json &change : Json::diff(good, bad)) {
      INFO(change.dump());
      CHECK((labels.count(change["path"]) || change["path"].get<std::string>().ends_with("/file") ||
             change["path"].get<std::string>().ends_with("/sha256")));
    }
  }
  CHECK(refused > static_cast<int>(effort::repetitions(1000)));
}

TEST_CASE("random damage to embedded texts is accepted only if the verifier proves what it says") {
  const Json good = test::tile_certificate();
  std::mt19937_64 random(3);
  int accepted = 0, refused = 0;
  for (std::size_t round = 0; round < effort::repetitions(1500); ++round) {
    Json bad = good;
    const char *part = std::array{"program", "isa", "kernel"}[random() % 3];
    std::string text = bad[part]["text"];
    for (std::uint64_t edits = 1 + random() % 2; edits > 0; --edits) {
      std::size_t at = random() % text.size();
      switch (random() % 4) {
      case 0:
        text[at] = "0123456789{}[]%=,: abrst"[random() % 24];
        break;
      case 1:
        text.erase(at, random() % 4);
        break;
      case 2:
        text.insert(at, 1, text[random() % text.size()]);
        break;
      default: // one digit for another keeps more texts readable
        at = text.find_first_of("0123456789", at);
        if (at != std::string::npos)
          text[at] = static_cast<char>('0' + random() % 10);
      }
    }
    bad[part]["text"] = text;
    fit_digests(bad);
    if (outcome(bad) != "accepted") {
      ++refused;
      continue;
    }
    ++accepted;
    INFO(part << ": " << text);
    spec::Isa isa = spec::parse_isa(semantics::make_source("<isa>", bad["isa"]["text"]));
    VerifyOptions options;
    options.level = Level::Finite;
    CHECK(verify_kernel(
              spec::parse_kernel(semantics::make_source("<kernel>", bad["kernel"]["text"]), isa),
              isa, semantics::parse_hlo(semantics::make_source("<p>", bad["program"]["text"])),
              options)
              .outcome == Outcome::Equivalent);
  }
  CHECK(refused > static_cast<int>(effort::repetitions(1000)));
  CHECK(accepted > 0); // names, white space and addresses of no consequence
}
