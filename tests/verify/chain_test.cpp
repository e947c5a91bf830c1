// Chains of rewriting in certificates: what the search finds is accepted; whatever a forger changes
// in a chain or in the lemmas of its rules, making all digests fit again and with a solver that
// believes everything, is refused with a reason about what was changed.
#include "chained_product.h"

#include "verify/checker/refusal.h"

#include <functional>

using namespace isamorph;
using namespace isamorph::verify;
using Json = nlohmann::json;
using Pointer = Json::json_pointer;

namespace {

CheckOptions options() {
  CheckOptions out;
  out.prove_rule = test::remembered_proof;
  return out;
}

std::string careful(Json json) {
  test::fit_digests(json);
  return test::outcome(json, options());
}

/// The chain is refused under one of the paths or words.
void refused(const Json &json, const std::string &what, std::vector<std::string> blamed) {
  std::string reason = careful(json);
  INFO(what << "\nreason: " << reason);
  CHECK(reason != "accepted");
  bool named = std::any_of(blamed.begin(), blamed.end(), [&](const std::string &b) {
    return reason.find(b) != std::string::npos;
  });
  CHECK(named);
}

/// Every list of steps.
std::vector<Pointer> paths(const Json &json) {
  std::vector<Pointer> out;
  for (const char *list : {"parts", "outputs"})
    for (std::size_t i = 0; i < json["chain"][list].size(); ++i)
      out.push_back(Pointer("/chain") / list / i / "steps");
  return out;
}

std::vector<Json> all() {
  return {test::product_certificate(), test::doubled_certificate(),
          test::pieces_certificate(),  test::joint_certificate(),
          test::tiled_certificate(),   test::accumulated_certificate()};
}

} // namespace

TEST_CASE("what the search found is accepted, and says so") {
  for (const Json &json : all()) {
    CHECK(test::outcome(json, options()) == "accepted");
    CHECK(json["chain"]["outputs"].size() == 1);
    CHECK_FALSE(json["chain"]["rules"].empty());
  }
  CHECK(test::product_certificate()["chain"].dump().find("\"fold\":true") != std::string::npos);
  for (const Json &json : {test::pieces_certificate(), test::joint_certificate()})
    CHECK(json["chain"].dump().find("\"move\":true") != std::string::npos);
  CHECK(test::accumulated_certificate()["chain"]["rules"].dump().find("sum_of_products") !=
        std::string::npos);
  CheckOptions how = options();
  how.solver = test::credulous;
  CheckReport report =
      check_certificate(semantics::make_source("c.json", test::doubled_certificate().dump()), how);
  REQUIRE(report.accepted);
  bool enumerated = std::any_of(report.steps.begin(), report.steps.end(), [](const auto &step) {
    return step.find("enumerations") != std::string::npos;
  });
  CHECK(enumerated);
}

TEST_CASE("a certificate without its chain claims less, and is accepted") {
  Json json = test::product_certificate();
  json.erase("chain");
  CHECK(careful(json) == "accepted");
}

TEST_CASE("why there is no chain is said where there is none, and printed") {
  Json json = test::product_certificate();
  Json chain = json["chain"];
  json.erase("chain");
  json["chain_absent"] = "the kernel is too long";
  test::fit_digests(json);
  CheckOptions how = options();
  how.solver = test::credulous;
  CheckReport report = check_certificate(semantics::make_source("c.json", json.dump()), how);
  CHECK(report.accepted);
  CHECK(std::ranges::count(report.steps,
                           "no chain of rewriting; it says why: the kernel is too long") == 1);
  json["chain_absent"] = "";
  CHECK(careful(json) == "$.chain_absent: says nothing");
  json["chain_absent"] = 7;
  CHECK(careful(json).find("$.chain_absent") != std::string::npos);
  json["chain_absent"] = "there is none";
  json["chain"] = chain;
  CHECK(careful(json) == "$.chain_absent: there is a chain");
}

TEST_CASE("without the rule encoder the obligations are put to the solver as they stand") {
  CheckOptions how;
  std::size_t asked = 0;
  how.solver = [&](const Obligation &) {
    ++asked;
    return SmtResult{SmtAnswer::Proved, {}, 0};
  };
  CheckReport report =
      check_certificate(semantics::make_source("c.json", test::product_certificate().dump()), how);
  CHECK(report.accepted);
  CHECK(asked > 0);
  how.solver = [](const Obligation &o) {
    bool of_rule = o.name.find("transpose_dot") != std::string::npos;
    return SmtResult{of_rule ? SmtAnswer::Unknown : SmtAnswer::Proved, "no idea", 0};
  };
  report =
      check_certificate(semantics::make_source("c.json", test::product_certificate().dump()), how);
  CHECK_FALSE(report.accepted);
  CHECK(report.reason.find("$.chain") != std::string::npos);
}

TEST_CASE("steps that are dropped, doubled or exchanged are refused", "[slow]") {
  std::size_t corruptions = 0;
  for (const Json &good : all())
    for (const Pointer &steps : paths(good))
      for (std::size_t i = 0; i < good[steps].size(); ++i) {
        auto at = static_cast<std::ptrdiff_t>(i);
        Json bad = good;
        bad[steps].erase(bad[steps].begin() + at);
        refused(bad, "dropped " + (steps / i).to_string(), {"$.chain"});
        bad = good;
        bad[steps].insert(bad[steps].begin() + at, good[steps][i]);
        refused(bad, "doubled " + (steps / i).to_string(), {"$.chain"});
        corruptions += 2;
        for (std::size_t j = i + 1; j < good[steps].size(); ++j, ++corruptions) {
          bad = good;
          std::swap(bad[steps][i], bad[steps][j]);
          refused(bad, "exchanged " + (steps / i).to_string(), {"$.chain"});
        }
      }
  CHECK(corruptions >= 50);
}

TEST_CASE("another direction, place, rule, term or substitution is refused at its step", "[slow]") {
  std::size_t corruptions = 0;
  for (const Json &good : all())
    for (const Pointer &steps : paths(good))
      for (std::size_t i = 0; i < good[steps].size(); ++i) {
        Pointer step = steps / i;
        std::vector<std::string> blamed = {"$.chain.parts[", "$.chain.outputs["};
        auto change = [&](const std::string &what, const std::function<void(Json &)> &f) {
          Json bad = good;
          f(bad[step]);
          refused(bad, what + " in " + step.to_string(), blamed);
          ++corruptions;
        };
        if (!good[step].contains("move")) // which may be one below, too
          change("another place", [](Json &s) { s["at"].push_back(0); });
        change("an impossible place", [](Json &s) { s["at"].push_back(77); });
        if (!good[step]["at"].empty()) {
          if (!good[step].contains("move")) // which is one above, too
            change("the place above", [](Json &s) { s["at"].erase(s["at"].size() - 1); });
          change("a place beside", [](Json &s) { s["at"].back() = s["at"].back().get<int>() + 1; });
        }
        for (int other : {0, 1, 2, 100000})
          if (good[step]["to"] != other)
            change("another term", [other](Json &s) { s["to"] = other; });
        if (good[step].contains("part"))
          change("another part", [](Json &s) { s["part"] = 99; });
        if (good[step].contains("fold")) {
          change("no fold", [](Json &s) { s["fold"] = false; });
          change("nothing done", [](Json &s) { s.erase("fold"); });
        }
        if (good[step].contains("move")) {
          change("no movement", [](Json &s) { s["move"] = false; });
          change("no step", [](Json &s) { s.erase("move"); });
          change("a fold", [](Json &s) {
            s.erase("move");
            s["fold"] = true;
          });
        }
        if (!good[step].contains("rule"))
          continue;
        change("another direction", [](Json &s) { s["forward"] = !s["forward"].get<bool>(); });
        for (std::size_t r = 0; r < good["chain"]["rules"].size(); ++r)
          if (good[step]["rule"] != r)
            change("another rule", [r](Json &s) { s["rule"] = r; });
        change("no parameter", [](Json &s) { s["parameters"] = Json::array(); });
        change("a parameter more", [](Json &s) { s["parameters"].push_back(0); });
        change("a symbol more", [](Json &s) { s["symbols"]["zz"] = 1; });
        for (const auto &[name, value] : good[step]["symbols"].items()) {
          change("without " + name, [n = name](Json &s) { s["symbols"].erase(n); });
          change("nonsense for " + name, [n = name](Json &s) { s["symbols"][n] = "nonsense"; });
          if (value.is_number())
            change("one more",
                   [n = name](Json &s) { s["symbols"][n] = s["symbols"][n].get<int>() + 1; });
          if (value.is_array())
            change("a longer shape", [n = name](Json &s) { s["symbols"][n].push_back(1); });
          if (value.is_string())
            change("another type", [n = name](Json &s) {
              s["symbols"][n] = s["symbols"][n] == "s64" ? "u64" : "s64";
            });
        }
      }
  WARN(corruptions << " corruptions of single steps, all refused");
  CHECK(corruptions >= 200);
}

TEST_CASE("other ends are refused", "[slow]") {
  for (const Json &good : all()) {
    for (const char *end : {"from", "to"}) {
      Json bad = good;
      bad["chain"]["outputs"][0][end] = 0;
      refused(bad, end, {"$.chain.outputs[0]"});
    }
    Json bad = good; // a chain from the program to itself, true but about another kernel
    bad["chain"]["outputs"][0]["to"] = bad["chain"]["outputs"][0]["from"];
    bad["chain"]["outputs"][0]["steps"] = Json::array();
    refused(bad, "nothing rewritten", {"is not what the kernel computes"});
    bad = good; // true, but about another program
    bad["chain"]["outputs"][0]["from"] = bad["chain"]["outputs"][0]["to"];
    bad["chain"]["outputs"][0]["steps"] = Json::array();
    refused(bad, "nothing rewritten", {"is not the memory image of the program's result 0"});
    bad = good;
    bad["chain"]["outputs"].push_back(bad["chain"]["outputs"][0]);
    refused(bad, "an output more", {"$.chain.outputs: the program has 1 results"});
    bad = good;
    bad["chain"]["parts"].push_back(bad["chain"]["outputs"][0]);
    refused(bad, "a part of no use", {"$.chain.parts: no step uses part"});
  }
}

TEST_CASE("terms that are changed are refused") {
  for (const Json &good : all()) {
    const std::string text = good["chain"]["terms"]["text"];
    auto change = [&](const std::string &from, const std::string &to) {
      Json bad = good;
      std::string changed = text;
      std::size_t at = changed.find(from);
      if (at == std::string::npos)
        return;
      bad["chain"]["terms"]["text"] = changed.replace(at, from.size(), to);
      refused(bad, from + " -> " + to, {"$.chain"});
    };
    change("bf16[4,4] parameter(0)", "bf16[4,4] parameter(1)");
    change("ENTRY", "ENTRIE");
    change("%t0 =", "%q0 =");
    change(" add(", " subtract(");
    change(" dot(", " dott(");
    change("dimensions={1}", "dimensions={0}");
    change("dimensions={1,0}", "dimensions={0,1}");
    change("iota_dimension=0", "iota_dimension=1");
  }
}

TEST_CASE("rules that are changed, of weaker levels, or of no use are refused", "[slow]") {
  for (const Json &good : all())
    for (std::size_t r = 0; r < good["chain"]["rules"].size(); ++r) {
      Pointer rule = Pointer("/chain/rules") / r;
      std::string name = "$.chain.rules[" + std::to_string(r) + "]";
      auto text = [&](const std::string &from, const std::string &to,
                      std::vector<std::string> blamed) {
        Json bad = good;
        std::string changed = bad[rule]["text"];
        std::size_t at = changed.find(from);
        if (at == std::string::npos)
          return;
        bad[rule]["text"] = changed.replace(at, from.size(), to);
        refused(bad, from + " -> " + to + " in rule " + std::to_string(r), std::move(blamed));
      };
      text(" bits ", " real ", {name + ".text", "which is weaker than"});
      text(" finite ", " real ", {name + ".text", "which is weaker than"});
      text("rule ", "rul ", {name});
      text("ROOT %x }", "ROOT %nothing }", {name});
      text("{1,0}", "{0,1}", {"$.chain"});
      text("concatenate(%a, %c)", "concatenate(%c, %a)", {"$.chain"});
      text("add(", "subtract(", {"$.chain"});
      text("constant(2)", "constant(3)", {"$.chain"});
      Json bad = good;
      bad[rule]["text"] =
          good[rule]["text"].get<std::string>() + " " + good[rule]["text"].get<std::string>();
      refused(bad, "two rules", {name});
      bad = good;
      bad["chain"]["rules"].push_back(good[rule]);
      refused(bad, "a rule of no use", {"$.chain.rules: no step uses rule"});
    }
}

TEST_CASE("weakened lemmas of rules are refused", "[slow]") {
  for (const Json &good : all())
    for (std::size_t r = 0; r < good["chain"]["rules"].size(); ++r) {
      Pointer lemma = Pointer("/chain/rules") / r / "lemma";
      std::string name = "$.chain.rules[" + std::to_string(r) + "].lemma";
      auto change = [&](const std::string &what, const std::function<void(Json &)> &f) {
        Json bad = good;
        f(bad[lemma]);
        refused(bad, what, {name, "$.chain.lemmas"});
      };
      change("another method", [](Json &l) { l["method"] = "believe me"; });
      change("the other method",
             [](Json &l) { l["method"] = l["method"] == "smt" ? "single elements" : "smt"; });
      change("a lemma that nothing proves", [](Json &l) { l["lemmas"].push_back("add is fine"); });
      change("a law", [](Json &l) { l["laws"].push_back("0=1"); });
      change("no obligations", [](Json &l) {
        l["obligations"] = Json::array();
        l["enumerations"] = Json::array();
      });
      if (!good[lemma]["obligations"].empty()) {
        change("an obligation dropped",
               [](Json &l) { l["obligations"].erase(l["obligations"].begin()); });
        change("a trivial obligation", [](Json &l) {
          l["obligations"][0]["smtlib"] = "(set-logic QF_UF)(assert false)(check-sat)";
        });
        change("another name", [](Json &l) { l["obligations"][0]["name"] = "x"; });
      }
      for (std::size_t e = 0; e < good[lemma]["enumerations"].size(); ++e) {
        change("one case fewer", [e](Json &l) {
          l["enumerations"][e]["cases"] = l["enumerations"][e]["cases"].get<int>() - 1;
        });
        change("another digest", [e](Json &l) {
          std::string digest = l["enumerations"][e]["sha256"];
          digest[0] = digest[0] == '0' ? '1' : '0';
          l["enumerations"][e]["sha256"] = digest;
        });
        change("a short digest", [e](Json &l) { l["enumerations"][e]["sha256"] = "00"; });
        change("another subject",
               [e](Json &l) { l["enumerations"][e]["subject"] = "double, f16"; });
        change("an enumeration dropped", [e](Json &l) {
          l["enumerations"].erase(l["enumerations"].begin() + static_cast<std::ptrdiff_t>(e));
        });
        change("an enumeration twice",
               [e](Json &l) { l["enumerations"].push_back(l["enumerations"][e]); });
      }
    }
}

TEST_CASE("movements of other bytes are refused") {
  Json good = test::pieces_certificate();
  std::size_t moves = 0;
  for (const Pointer &steps : paths(good))
    for (std::size_t i = 0; i < good[steps].size(); ++i) {
      const Json &step = good[steps][i];
      if (!step.contains("move"))
        continue;
      ++moves;
      for (std::size_t other = 0; other < 40; ++other) {
        if (step["to"] == other)
          continue;
        Json bad = good;
        bad[steps][i]["to"] = other;
        refused(bad, "another term", {"$.chain"});
      }
      Json bad = good;
      bad[steps][i]["move"] = false;
      refused(bad, "no movement", {"must be true"});
      bad[steps][i].erase("move");
      bad[steps][i]["fold"] = true;
      refused(bad, "a movement as a fold", {"a fold is of an operation on constants"});
    }
  CHECK(moves > 0);
  for (const Pointer &steps : paths(test::product_certificate()))
    for (std::size_t i = 0; i < test::product_certificate()[steps].size(); ++i) {
      Json bad = test::product_certificate();
      if (!bad[steps][i].contains("fold"))
        continue;
      bad[steps][i].erase("fold");
      bad[steps][i]["move"] = true;
      refused(bad, "a fold as a movement", {"has other bytes"});
    }
}

TEST_CASE("a kernel that reads what it did not write has no term") {
  test::Chained subject = test::doubled();
  for (spec::KernelInstruction &call : subject.kernel.instructions)
    if (subject.isa.instructions[call.instruction].name == "twice")
      call.attributes[0] = 2; // half of what was loaded
  semantics::TensorTerms terms;
  std::vector<semantics::NodeId> values = terms.add(subject.graph), inputs = {values[0]};
  CHECK_THROWS_AS(kernel_images(terms, subject.kernel, subject.isa, inputs), Refused);
}

TEST_CASE("another numerics profile than the one that is known is refused") {
  Json bad = test::product_certificate();
  std::string text = bad["profile"]["text"];
  std::size_t at = text.find("order sequential");
  REQUIRE(at != std::string::npos);
  bad["profile"]["text"] = text.replace(at, 16, "order pairwise");
  refused(bad, "another order", {"$.profile.text: this isamorph knows"});
}
