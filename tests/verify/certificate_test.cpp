// Certificates are accepted as written and refused with a reason after any of many corruptions.
#include "verify/certificate.h"

#include "semantics/hlo.h"
#include "verify/checker/checker.h"
#include "verify/checker/digest.h"
#include "verify/equivalence.h"

#include <catch2/catch.hpp>
#include <functional>
#include <nlohmann/json.hpp>

using namespace isamorph;
using Json = nlohmann::json;

namespace {

const char *const kProgram = R"(HloModule product
ENTRY product {
  a = bf16[64,64] parameter(0)
  b = bf16[64,64] parameter(1)
  ROOT c = bf16[64,64] dot(a, b), lhs_contracting_dims={1}, rhs_contracting_dims={0}
}
)";

const char *const kKernel = R"(kernel product {
  memory 24576
  input a @ 0 : bf16[64,64]
  input b @ 8192 : bf16[64,64]
  output c @ 16384 : bf16[64,64]
  load_rm(n=64, addr_in=0, addr_out=0)
  load_rm(n=64, addr_in=8192, addr_out=64)
  gemm(addr_1=0, addr_2=64, addr_out=0)
  mov(n=64, addr_in=0, addr_out=0)
  store_rm(n=64, addr_in=0, addr_out=16384)
}
)";

/// The product's planning task by hand: a and b loaded, multiplied, moved, stored; each step
/// unavoidable.
verify::OptimalityClaim claim() {
  verify::OptimalityClaim out;
  out.model = "count";
  out.cost = out.bound = out.landmark_bound = 5;
  out.facts = {"a in d0", "b in d0", "a in d1", "b in d1",
               "c in d2", "c in d1", "c in d0", "c as output 0"};
  out.actions = {{"load_rm(n=64): a in d0 -> a in d1", {0}, {2}, 1},
                 {"load_rm(n=64): b in d0 -> b in d1", {1}, {3}, 1},
                 {"gemm(): a in d1, b in d1 -> c in d2", {2, 3}, {4}, 1},
                 {"mov(n=64): c in d2 -> c in d1", {4}, {5}, 1},
                 {"store_rm(n=64): c in d1 -> c in d0 as output 0", {5}, {6, 7}, 1},
                 {"store_rm(n=64): a in d1 -> a in d0", {2}, {0}, 1}};
  out.initial = {0, 1};
  out.goal = {7};
  for (std::uint32_t a = 0; a < 5; ++a)
    out.landmarks.push_back({{a}, 1});
  return out;
}

Json certificate() {
  semantics::TensorGraph graph =
      semantics::parse_hlo(semantics::make_source("product.hlo", kProgram));
  spec::Isa isa = spec::load_isa("qkv");
  spec::Kernel kernel = spec::parse_kernel(semantics::make_source("product.isam", kKernel), isa);
  verify::Verdict verdict = verify::verify_kernel(kernel, isa, graph, {});
  REQUIRE(verdict.outcome == verify::Outcome::Equivalent);
  verify::OptimalityClaim optimality = claim();
  return Json::parse(verify::make_certificate(kernel, isa, graph, verdict, &optimality));
}

verify::CheckReport check(const Json &json) {
  return verify::check_certificate(semantics::make_source("certificate.json", json.dump()));
}

/// Replaces text within a part and makes its digest fit again: a careful forger.
void forge(Json &json, const char *part, const std::string &from, const std::string &to) {
  auto text = json[part]["text"].get<std::string>();
  std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  text.replace(at, from.size(), to);
  json[part]["text"] = text;
  json[part]["sha256"] = verify::sha256(text);
}

using Corruption = std::function<void(Json &)>;

std::vector<Corruption> forgeries() {
  auto kernel = [](std::string from, std::string to) {
    return [=](Json &j) { forge(j, "kernel", from, to); };
  };
  auto program = [](std::string from, std::string to) {
    return [=](Json &j) { forge(j, "program", from, to); };
  };
  auto isa = [](std::string from, std::string to) {
    return [=](Json &j) { forge(j, "isa", from, to); };
  };
  return {
      kernel("addr_in=8192", "addr_in=0"), kernel("addr_1=0, addr_2=64", "addr_1=64, addr_2=0"),
      kernel("addr_1=0, addr_2=64", "addr_1=0, addr_2=0"),
      kernel("addr_1=0, addr_2=64", "addr_1=0, addr_2=65"),
      kernel("  mov(n=64, addr_in=0, addr_out=0)\n", ""),
      kernel("  gemm(addr_1=0, addr_2=64, addr_out=0)\n", ""),
      kernel("  mov(n=64, addr_in=0, addr_out=0)\n", "  mov(n=63, addr_in=0, addr_out=0)\n"),
      kernel("  mov(n=64, addr_in=0, addr_out=0)\n", "  mov(n=64, addr_in=0, addr_out=64)\n"),
      kernel("store_rm(n=64", "store_cm(n=64"),
      kernel("load_rm(n=64, addr_in=0", "load_cm(n=64, addr_in=0"),
      kernel("gemm(addr_1=0, addr_2=64, addr_out=0)",
             "gemm(addr_1=0, addr_2=64, addr_out=0)\n  softmax(n=64, addr=0)"),
      kernel(
          "gemm(addr_1=0, addr_2=64, addr_out=0)",
          "gemm(addr_1=0, addr_2=64, addr_out=0)\n  gemm(addr_1=0, addr_2=64, addr_out=0)"), // equal,
                                                                                             // but
                                                                                             // costs
                                                                                             // 6
      kernel("addr_out=16384", "addr_out=16383"), kernel("memory 24576", "memory 24575"),
      kernel("bf16[64,64]", "bf16[64,63]"), kernel("kernel product {", "kernel product"),
      program("lhs_contracting_dims={1}", "lhs_contracting_dims={0}"),
      program("dot(%a, %b)", "dot(%b, %a)"), program("parameter(1)", "parameter(2)"),
      program(" dot(", " dort("), isa("dot(%a, %b)", "dot(%b, %a)"), isa("latency", "latncy"),
      isa("unit dma, mxu, vpu", "unit dma, mxu")};
}

std::vector<Corruption> plain_corruptions() {
  return {
      [](Json &j) { j["version"] = 1; },
      [](Json &j) { j["format"] = "isamorph"; },
      [](Json &j) { j["version"] = 1.0; },
      [](Json &j) { j["claim"]["verdict"] = "different"; },
      [](Json &j) { j["claim"]["reach"] = "every input of every shape"; },
      [](Json &j) { j["claim"]["level"] = "finite"; }, // weaker, but reaches what bits reaches
      [](Json &j) { j["claim"]["level"] = "approximately"; },
      [](Json &j) { j["kernel"]["text"] = j["kernel"]["text"].get<std::string>() + " "; },
      [](Json &j) { j["isa"]["sha256"] = std::string(64, '0'); },
      [](Json &j) { j["program"]["sha256"] = ""; },
      [](Json &j) {
        j["lemmas"].push_back({{"name", "everything is equal"}, {"obligations", Json::array()}});
      },
      [](Json &j) {
        j["lemmas"].push_back(
            {{"name", "join extract"},
             {"obligations", {{{"name", "x"}, {"smtlib", "(assert false)"}, {"sha256", ""}}}}});
      },
      [](Json &j) {
        j["lemmas"].push_back({{"name", "join extract"}, {"obligations", Json::array()}});
      },
      [](Json &j) { j["optimality"]["cost"] = 4; },
      [](Json &j) { j["optimality"]["cost"] = 5.9; },
      [](Json &j) { j["optimality"]["landmarks"][0]["weight"] = 1.5; },
      [](Json &j) { j["optimality"]["goal"] = {7 + (std::int64_t{1} << 32)}; },
      [](Json &j) {
        j["optimality"]["initial"] = {-1, 0, 1};
      },
      [](Json &j) { j["optimality"]["bound"] = 18446744073709551615u; },
      [](Json &j) { j["optimality"]["bound"] = 6; },
      [](Json &j) { j["optimality"]["bound"] = 4; },
      [](Json &j) { j["optimality"]["landmark_bound"] = 4; },
      [](Json &j) { j["optimality"]["landmark_bound"] = 6; },
      [](Json &j) { j["optimality"]["model"] = "speed"; },
      [](Json &j) { j["optimality"]["model"] = "latency"; },
      [](Json &j) { j["optimality"]["model"] = "overlap"; },
      [](Json &j) { j["optimality"]["unit"] = "dma"; },
      [](Json &j) { j["optimality"]["landmarks"][0]["weight"] = 2; },
      [](Json &j) { j["optimality"]["landmarks"][0]["weight"] = -1; },
      [](Json &j) { j["optimality"]["landmarks"][1]["actions"] = {0}; }, // overlaps the first
      [](Json &j) { j["optimality"]["landmarks"][0]["actions"] = {5}; }, // avoidable
      [](Json &j) { j["optimality"]["landmarks"][0]["actions"] = {99}; },
      [](Json &j) {
        j["optimality"]["landmarks"][0]["actions"] = {0, 0};
      },
      [](Json &j) { j["optimality"]["landmarks"][0]["actions"] = Json::array(); },
      [](Json &j) { j["optimality"]["landmarks"].erase(0); },
      [](Json &j) {
        j["optimality"]["landmarks"].push_back({{"actions", {5}}, {"weight", 1}});
      },
      [](Json &j) { j["optimality"]["actions"][2]["cost"] = 2; },
      [](Json &j) {
        j["optimality"]["actions"][2]["needs"] = {2, 77};
      },
      [](Json &j) {
        j["optimality"]["actions"][2]["adds"] = {4, 6};
      }, // then moving and storing can be avoided
      [](Json &j) { j["optimality"]["actions"].erase(2); },
      [](Json &j) { j["optimality"]["actions"][3]["name"] = "jump(): a in d1 -> b in d1"; },
      [](Json &j) {
        j["optimality"]["initial"] = {0, 1, 7};
      },
      [](Json &j) { j["optimality"]["initial"] = {0}; },
      [](Json &j) { j["optimality"]["goal"] = Json::array(); },
      [](Json &j) { j["optimality"]["goal"] = {0}; },
      [](Json &j) { j["optimality"]["facts"].erase(0); }};
}

} // namespace

TEST_CASE("a certificate is accepted as written") {
  verify::CheckReport report = check(certificate());
  INFO(report.reason);
  CHECK(report.accepted);
  CHECK(report.cost == 5);
  CHECK(report.bound == 5);
  CHECK(report.steps.size() == 3);
}

TEST_CASE("a check tells among which kernels a bound holds") {
  for (const auto &[saturation, said] : std::vector<std::pair<Json, std::string>>{
           {"saturated", "all values that its rules lead to"},
           {"iteration limit", "not a bound for all kernels: it says that saturation ended early "
                               "(iteration limit)"}}) {
    Json json = certificate();
    json["optimality"]["saturation"] = saturation;
    json.erase("sha256");
    json["sha256"] = verify::sha256(nlohmann::json(json).dump());
    verify::CheckReport report = check(json);
    INFO(report.reason);
    REQUIRE(report.accepted);
    CHECK_THAT(report.steps.back(), Catch::Contains(said));
  }
  Json bad = certificate();
  bad["optimality"]["saturation"] = 7;
  CHECK_THROWS_AS(check(bad), semantics::InputError);
}

TEST_CASE("corrupted certificates are refused with a reason", "[slow]") {
  const Json good = certificate();
  std::vector<Corruption> all = forgeries();
  std::vector<Corruption> plain = plain_corruptions();
  all.insert(all.end(), plain.begin(), plain.end());
  CHECK(all.size() >= 65);
  for (std::size_t i = 0; i < all.size(); ++i) {
    INFO("corruption " << i);
    Json bad = good;
    all[i](bad);
    try {
      verify::CheckReport report = check(bad);
      CHECK_FALSE(report.accepted);
      CHECK_FALSE(report.reason.empty());
    } catch (const semantics::InputError &) { // lacks a part
    }
  }
}

TEST_CASE("a certificate that is no JSON or lacks a part is bad input") {
  const Json good = certificate();
  CHECK_THROWS_AS(verify::check_certificate(semantics::make_source("c.json", "{\"format\": ")),
                  semantics::InputError);
  CHECK_THROWS_AS(verify::check_certificate(semantics::make_source("c.json", "[]")),
                  semantics::InputError);
  for (const char *part : {"format", "version", "tool", "options", "program", "isa", "kernel",
                           "claim", "lemmas", "sha256"}) {
    Json bad = good;
    bad.erase(part);
    INFO(part);
    CHECK_THROWS_AS(check(bad), semantics::InputError);
  }
  for (const char *part : {"model", "cost", "bound", "landmark_bound", "facts", "actions",
                           "initial", "goal", "landmarks"}) {
    Json bad = good;
    bad["optimality"].erase(part);
    INFO(part);
    CHECK_THROWS_AS(check(bad), semantics::InputError);
    bad["optimality"][part] = "text";
    if (std::string(part) != "model")
      CHECK_THROWS_AS(check(bad), semantics::InputError);
  }
}
