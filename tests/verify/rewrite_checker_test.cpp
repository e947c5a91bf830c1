// Proofs that the e-graph engine writes are accepted by the checker, which shares no code with it;
// changed ones are not.
#include "search/rewrite_proof.h"
#include "verify/checker/checker.h"

#include <catch2/catch.hpp>
#include <functional>
#include <nlohmann/json.hpp>

using namespace isamorph;
using Json = nlohmann::json;

namespace {

std::string prove(const std::string &text) {
  search::SaturationProgram program = search::parse_saturation_program(
      semantics::make_source(ISAMORPH_SOURCE_DIR "/tests/search/programs/test.eqsat", text));
  search::ProgramOptions options;
  options.explain = true;
  search::ProgramResult result = search::run(program, options);
  std::vector<search::NamedProof> proofs;
  for (const search::GoalResult &goal : result.goals) {
    REQUIRE(goal.proved);
    proofs.push_back({goal.terms->first, goal.terms->second,
                      result.graph->explain(goal.terms->first, goal.terms->second)});
  }
  if (const auto &contradiction = result.graph->contradiction()) {
    auto [a, b] = contradiction->terms.value();
    proofs.push_back({a, b, result.graph->explain(a, b)});
  }
  return search::proof_json(program, *result.graph->proofs(), proofs);
}

verify::CheckReport check(const std::string &text) {
  return verify::check_certificate(semantics::make_source("<proof>", text));
}

const char *const kMath = "include \"math.rules\"\nscheduler backoff\nlimit nodes 20000\n";

} // namespace

TEST_CASE("proofs of theorems are accepted") {
  for (const char *goal : {
           "(+ x (+ x (+ x x))) = (* 4 x)",
           "(* (pow 2 x) (pow 2 y)) = (pow 2 (+ x y))",
           "(+ 1 (- a (* (- 2 1) a))) = 1",
           "(/ 1 (- (/ (+ 1 (sqrt five)) 2) (/ (- 1 (sqrt five)) 2))) = (/ 1 (sqrt five))",
           "(* (+ x 3) (+ x 1)) = (+ (+ (* x x) (* 4 x)) 3)",
           "(pow (+ x 1) 2) = (+ (* x x) (+ (* 2 x) 1))",
           "(d x x) = 1",
           "(d x y) = 0",
           "(d x (+ 1 (* 2 x))) = 2",
           "(d x (+ 1 (* y x))) = y",
           "(d x (ln x)) = (/ 1 x)",
           "(d x (pow x 3)) = (* 3 (pow x 2))",
           "(d x (- (pow x 3) (* 7 (pow x 2)))) = (* x (- (* 3 x) 14))\n"
           "term (* x (- (* 3 x) 14))",
           "(i 1 x) = x",
           "(i (cos x) x) = (sin x)",
           "(i (pow x 1) x) = (/ (pow x 2) 2)",
           "(i (* x (cos x)) x) = (+ (* x (sin x)) (cos x))",
           "(i (* (cos x) x) x) = (+ (* x (sin x)) (cos x))",
           "(i (ln x) x) = (- (* x (ln x)) x)",
           "(+ x 0) = x\nprove (* x 1) = x", // two goals in one file
       }) {
    INFO(goal);
    verify::CheckReport report = check(prove(std::string(kMath) + "prove " + goal));
    INFO(report.reason);
    CHECK(report.accepted);
  }
  for (const char *goal : {"(-> x y) = (-> (~ y) (~ x))", "(| (~ x) (~ (~ y))) = (-> x y)",
                           "(| x (~ x)) = true", "(& (-> x y) (-> (~ x) z)) = (| y z)"}) {
    INFO(goal);
    CHECK(check(prove(std::string("include \"logic.rules\"\nlimit nodes 20000\nscheduler backoff\n"
                                  "prove ") +
                      goal))
              .accepted);
  }
}

TEST_CASE("the contradiction of rounded arithmetic is proved step by step", "[slow]") {
  // Rules over the reals with constants folded in f64: known to end in two constants for one class.
  verify::CheckReport report =
      check(prove("include \"math.rules\"\ninclude \"math_terms.rules\"\nlimit iterations 8"));
  INFO(report.reason);
  CHECK(report.accepted);
}

TEST_CASE("changed proofs are refused") {
  std::string text = prove(std::string(kMath) + "prove (i (* x (cos x)) x) = "
                                                "(+ (* x (sin x)) (cos x))");
  REQUIRE(check(text).accepted);
  Json good = Json::parse(text);
  auto step = [](Json &j, const char *kind) -> Json & {
    for (Json &lemma : j["proofs"][0]["lemmas"])
      for (Json &s : lemma["steps"])
        if (s.contains(kind))
          return s;
    throw std::logic_error("no such step");
  };
  std::vector<std::function<void(Json &)>> changes = {
      [](Json &j) { j["version"] = 2; },
      [](Json &j) { j["proofs"] = Json::array(); },
      [](Json &j) { j["proofs"][0]["right"] = j["proofs"][0]["left"]; },
      [](Json &j) { j["proofs"][0]["left"] = 100000; },
      [](Json &j) { j["proofs"][0]["left"] = -1; },
      [](Json &j) { j["proofs"][0]["lemmas"].erase(0); },
      [](Json &j) { j["proofs"][0]["lemmas"].back()["steps"].erase(0); },
      [](Json &j) { j["proofs"][0]["lemmas"] = Json::array(); },
      [](Json &j) { j["proofs"][0]["terms"][0] = Json::array({"other"}); },
      [](Json &j) { std::swap(j["proofs"][0]["terms"][0], j["proofs"][0]["terms"].back()); },
      [&](Json &j) { step(j, "rule")["rule"] = "no such rule"; },
      [&](Json &j) { step(j, "rule")["forward"] = !step(j, "rule")["forward"].get<bool>(); },
      [&](Json &j) { step(j, "fold")["to"] = j["proofs"][0]["left"]; },
      [&](Json &j) { step(j, "lemmas")["lemmas"][0] = 1000; },
      [&](Json &j) { step(j, "lemmas")["lemmas"].erase(0); },
      [](Json &j) { j["fold"] = Json::array(); },
      [](Json &j) {
        for (Json &rule : j["rules"])
          if (rule["name"] == "i-parts")
            rule["to"] = "(- (* ?a (i ?b ?x)) (i (* (d ?x ?b) (i ?b ?x)) ?x))";
      },
      [](Json &j) { j["rules"].push_back(j["rules"][0]); },
      [](Json &j) { j["rules"][0]["from"] = "(?f x)"; },
      [](Json &j) { j["rules"][0]["from"] = "(f x"; },
  };
  for (std::size_t i = 0; i < changes.size(); ++i) {
    INFO("change " << i);
    Json bad = good;
    changes[i](bad);
    verify::CheckReport report = check(bad.dump());
    CHECK_FALSE(report.accepted);
    CHECK_FALSE(report.reason.empty());
  }
  Json lacking = good;
  lacking.erase("rules");
  CHECK_THROWS_AS(check(lacking.dump()), semantics::InputError);
}

TEST_CASE("conditions of rules that a proof uses are listed") {
  verify::CheckReport report = check(prove(std::string(kMath) + "prove (d x y) = 0"));
  REQUIRE(report.accepted);
  CHECK(std::find(report.steps.begin(), report.steps.end(),
                  "taken for granted: d-constant: distinct ?c ?x") != report.steps.end());
}
