// Certificates of integer kernels with loops: accepted as written, refused without any one of their
// lemmas and with any changed number of the kernel, although all digests fit again.
#include "certified_product.h"

#include "tests/integer/machine.h"

#include <cctype>

using namespace isamorph;
using namespace isamorph::verify;
using Json = nlohmann::json;

namespace {

struct Certified {
  spec::Isa isa = isamorph::test::integer_machine();
  spec::Kernel kernel;
  semantics::TensorGraph graph;
  Json json;

  explicit Certified(const std::string &name)
      : kernel(isamorph::test::integer_kernel(name, isa)),
        graph(isamorph::test::integer_program(name)) {
    Verdict verdict = verify_kernel(kernel, isa, graph, {});
    REQUIRE(verdict.outcome == Outcome::Equivalent);
    REQUIRE(verdict.level == Level::Bits);
    json = Json::parse(make_certificate(kernel, isa, graph, verdict, nullptr));
  }
};

/// The text with each of its numbers, one at a time, changed by a step.
std::vector<std::string> changed_numbers(const std::string &text, std::int64_t step) {
  std::vector<std::string> out;
  for (std::size_t i = text.find('{'); i < text.size(); ++i) {
    if (!std::isdigit(static_cast<unsigned char>(text[i])) ||
        std::isalnum(static_cast<unsigned char>(text[i - 1])))
      continue;
    std::size_t end = text.find_first_not_of("0123456789", i);
    std::int64_t changed = std::stoll(text.substr(i, end - i)) + step;
    if (changed >= 0)
      out.push_back(text.substr(0, i) + std::to_string(changed) + text.substr(end));
    i = end;
  }
  return out;
}

} // namespace

TEST_CASE("certificates of integer kernels are refused without a lemma that they need") {
  struct Case {
    const char *name;
    std::set<std::string> needed; ///< without any other one, the proof stands
  };
  for (const Case &c : {Case{"gemm", {"integer ring"}}, Case{"saturated", {"integer ring"}},
                        Case{"sorted", {"integer ring", "lattice s32"}}}) {
    Json good = Certified(c.name).json;
    REQUIRE(verify::test::outcome(good) == "accepted");
    std::size_t needed = 0;
    for (std::size_t i = 0; i < good["lemmas"].size(); ++i) {
      Json json = good;
      std::string lemma = json["lemmas"][i]["name"];
      json["lemmas"].erase(json["lemmas"].begin() + static_cast<std::ptrdiff_t>(i));
      verify::test::fit_digests(json);
      INFO(c.name << ": " << lemma);
      CHECK_THAT(verify::test::outcome(json),
                 Catch::Contains(c.needed.count(lemma)
                                     ? "$.claim: program and kernel do not compute the same at "
                                       "bits by the listed lemmas"
                                     : "accepted"));
      needed += c.needed.count(lemma);
    }
    CHECK(needed == c.needed.size());
  }
}

TEST_CASE("certificates of integer kernels are refused with a lemma that is of no use") {
  for (const char *lemma : {"lattice u64", "semilattice and s32", "integer range"}) {
    Certified c("sorted");
    Verdict verdict = verify_kernel(c.kernel, c.isa, c.graph, {});
    verdict.lemmas.emplace_back(lemma);
    Json json = Json::parse(make_certificate(c.kernel, c.isa, c.graph, verdict, nullptr));
    CHECK_THAT(verify::test::outcome(json),
               Catch::Contains("$.lemmas: the proof has no use for lemma '" + std::string(lemma)));
  }
}

TEST_CASE("certificates of integer kernels are refused with another number in the kernel") {
  for (const char *name : {"gemm", "saturated", "sorted"}) {
    Certified c(name);
    const Json &good = c.json;
    int refused = 0;
    for (std::int64_t step : {1, 4}) {
      for (const std::string &text : changed_numbers(good["kernel"]["text"], step)) {
        INFO(text);
        Json json = good;
        json["kernel"]["text"] = text;
        verify::test::fit_digests(json);
        if (verify::test::outcome(json) != "accepted") {
          ++refused;
          continue;
        }
        // more memory, or a number that changes nothing: the tests must find no difference either
        spec::Kernel changed =
            spec::parse_kernel(semantics::make_source("changed.asm", text), c.isa);
        VerifyOptions options;
        options.tests.minimize = false;
        CHECK(verify_kernel(changed, c.isa, c.graph, options).outcome == Outcome::Equivalent);
      }
    }
    INFO(name);
    CHECK(refused > 30);
  }
}
