// Bounds on what every kernel must do, in certificates: found again, and refused when any number is
// another.
#include "certified_product.h"

using namespace isamorph;
using namespace isamorph::verify;
using Json = nlohmann::json;
using test::fit_digests;
using test::outcome;

namespace {

/// Both operands in one load of up to 64 bytes, the result in one store, all products in one gemm.
BoundsClaim count_claim() {
  BoundsClaim out;
  out.model = "count";
  out.cost = 6;
  out.cost_bound = 3;
  out.bytes = 128;
  out.bytes_bound = out.moved = 96;
  out.loaded = 64;
  out.stored = 32;
  out.multiplied = 64;
  return out;
}

Json certificate(const BoundsClaim &claim) {
  semantics::TensorGraph graph =
      semantics::parse_hlo(semantics::make_source("product.hlo", test::kTileProgram));
  spec::Isa isa = spec::parse_isa(semantics::make_source("tile.isa", test::kTileIsa));
  spec::Kernel kernel =
      spec::parse_kernel(semantics::make_source("product.asm", test::kTileKernel), isa);
  VerifyOptions options;
  options.level = Level::Finite;
  Verdict verdict = verify_kernel(kernel, isa, graph, options);
  REQUIRE(verdict.outcome == Outcome::Equivalent);
  return Json::parse(
      make_certificate(kernel, isa, graph, verdict, nullptr, {Level::Finite, 60}, nullptr, &claim));
}

} // namespace

TEST_CASE("bounds are found again under every cost model") {
  BoundsClaim claim = count_claim();
  CHECK(outcome(certificate(claim)) == "accepted");
  // Loads and stores of n rows take 4 + n cycles for 8 n bytes: 12 for 64; a gemm takes 7.
  claim.model = "latency";
  claim.cost = 4 * 8 + 2 * 7;
  claim.cost_bound = 12 + 6 + 7;
  CHECK(outcome(certificate(claim)) == "accepted");
  claim.model = "overlap";
  claim.cost = 3 * 8 + 7 + 8; // the first gemm is hidden
  claim.cost_bound = 12 + 6;  // of the unit that moves
  CHECK(outcome(certificate(claim)) == "accepted");
}

TEST_CASE("bounds that are not what is found are refused") {
  const Json good = certificate(count_claim());
  auto refused = [&](const std::string &blamed, const std::function<void(Json &)> &change) {
    Json bad = good;
    change(bad);
    INFO(blamed << "\n" << bad.value("bounds", Json()).dump());
    CHECK(bad != good);
    fit_digests(bad);
    std::string why = outcome(bad);
    INFO(why);
    CHECK(why.find(blamed) != std::string::npos);
  };
  for (const char *key : {"cost", "cost_bound", "bytes", "bytes_bound", "work/loaded",
                          "work/stored", "work/moved", "work/multiplied"}) {
    Json::json_pointer at(std::string("/bounds/") + key);
    std::string path = "$." + at.to_string().substr(1);
    std::replace(path.begin(), path.end(), '/', '.');
    std::int64_t value = good.at(at);
    for (std::int64_t other : {value - 1, value + 1, 2 * value, -value, std::int64_t{0}, INT64_MAX})
      refused(path, [&](Json &j) { j[at] = other; });
    refused(path, [&](Json &j) { j[at] = "many"; });
    refused(path, [&](Json &j) { j[at] = 0.5; });
    refused(path, [&](Json &j) { j[at.parent_pointer()].erase(at.back()); });
  }
  for (const char *model : {"latency", "overlap"})
    refused("$.bounds.cost",
            [&](Json &j) { j["bounds"]["model"] = j["options"]["model"] = model; });
  refused("$.options.model", [](Json &j) { j["options"]["model"] = "latency"; });
  refused("$.bounds.model",
          [](Json &j) { j["bounds"]["model"] = j["options"]["model"] = "speed"; });
  refused("$.options: a cost model is chosen", [](Json &j) { j["options"].erase("model"); });
  refused("$.options: a cost model is chosen", [](Json &j) { j.erase("bounds"); });
  refused("$.bounds", [](Json &j) { j["bounds"]["proof"] = "obvious"; });
  refused("$.bounds.work", [](Json &j) { j["bounds"]["work"]["computed"] = 0; });
  // The bounds of another program, or of another machine.
  auto replace = [](Json &j, const char *part, const std::string &from, const std::string &to) {
    std::string text = j[part]["text"];
    REQUIRE(text.find(from) != std::string::npos);
    j[part]["text"] = text.replace(text.find(from), from.size(), to);
  };
  refused("$.bounds.cost_bound", [&](Json &j) { replace(j, "isa", "n <= 8", "n <= 4"); });
}
