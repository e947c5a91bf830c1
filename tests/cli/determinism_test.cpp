// The same answer from run to run and for every number of threads.
#include "tests/cli/process.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

namespace {

using namespace isamorph::cli_tests;
using Json = nlohmann::json;

struct Answer {
  std::string kernel, certificate;
  Json json; ///< without `seconds`
};

Answer synthesize(const std::string &graph, const std::string &isa, const std::string &cost,
                  const std::string &jobs) {
  ScratchFolder scratch;
  Outcome outcome = run_isamorph({"synth", std::string(ISAMORPH_SOURCE_DIR) + "/" + graph, "--isa",
                                  isa, "--cost", cost, "--jobs", jobs, "-o", "kernel.json",
                                  "--certificate", "certificate.json", "--json"},
                                 {.directory = scratch.path()});
  INFO(outcome.describe());
  REQUIRE(outcome.status == 0);
  Answer answer{read_file(scratch / "kernel.json"), read_file(scratch / "certificate.json"),
                Json::parse(outcome.out)};
  CHECK(answer.json.at("seconds").at("total").get<double>() > 0);
  answer.json.erase("seconds");
  return answer;
}

void check_same(const Answer &a, const Answer &b) {
  CHECK(a.kernel == b.kernel);
  CHECK(a.certificate == b.certificate);
  CHECK(a.json == b.json);
}

TEST_CASE("one and two threads, and two runs, give the same kernel, certificate and JSON",
          "[slow]") {
  for (const char *isa : {"qkv", "qkv_new"}) {
    for (const char *cost : {"count", "latency", "overlap"}) {
      INFO(isa << " by " << cost);
      Answer one = synthesize("corpus/qkv/attention.hlo", isa, cost, "1");
      check_same(one, synthesize("corpus/qkv/attention.hlo", isa, cost, "1"));
      check_same(one, synthesize("corpus/qkv/attention.hlo", isa, cost, "2"));
      CHECK(one.json.at("verdict") == "equivalent");
      CHECK(one.json.at("level") == "bits");
      CHECK(one.json.at("cost").get<int>() - one.json.at("bound").get<int>() ==
            one.json.at("gap").get<int>());
    }
  }
}

TEST_CASE("a kernel run on one, two and four threads gives the same bytes") {
  auto result = [](const std::string &jobs) {
    ScratchFolder scratch;
    Outcome outcome =
        run_isamorph({"run", std::string(ISAMORPH_SOURCE_DIR) + "/corpus/qkv/attention.py", "--isa",
                      "qkv", "--boundary", "7", "--jobs", jobs, "--output", "o.dat"},
                     {.directory = scratch.path()});
    INFO(outcome.describe());
    REQUIRE(outcome.status == 0);
    return read_file(scratch / "o.dat");
  };
  std::string one = result("1");
  CHECK(one.size() == 8192);
  CHECK(result("2") == one);
  CHECK(result("4") == one);
}

TEST_CASE("two attention heads give the same kernel on one and two threads", "[slow]") {
  check_same(synthesize("tests/corpus/programs/two_heads.hlo", "qkv", "count", "1"),
             synthesize("tests/corpus/programs/two_heads.hlo", "qkv", "count", "2"));
}

} // namespace
