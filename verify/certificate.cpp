#include "verify/certificate.h"

#include "semantics/hlo.h"
#include "verify/digest.h"
#include "verify/lemmas.h"

#include <nlohmann/json.hpp>

namespace isamorph::verify {
namespace {

using Json = nlohmann::ordered_json;

Json text_json(const std::string &text) { return {{"text", text}, {"sha256", sha256(text)}}; }

Json lemma_json(const std::string &name) {
  Json obligations = Json::array();
  if (auto list = lemma_obligations(name))
    for (const Obligation &o : *list)
      obligations.push_back({{"name", o.name}, {"smtlib", o.smtlib}, {"sha256", sha256(o.smtlib)}});
  return {{"name", name}, {"obligations", obligations}};
}

Json optimality_json(const OptimalityClaim &claim) {
  Json actions = Json::array(), landmarks = Json::array();
  for (const auto &a : claim.actions)
    actions.push_back({{"name", a.name}, {"needs", a.needs}, {"adds", a.adds}, {"cost", a.cost}});
  for (const auto &l : claim.landmarks)
    landmarks.push_back({{"actions", l.actions}, {"weight", l.weight}});
  Json out = {{"model", claim.model}};
  if (!claim.unit.empty())
    out["unit"] = claim.unit;
  out["cost"] = claim.cost;
  out["bound"] = claim.bound;
  out["landmark_bound"] = claim.landmark_bound;
  out["facts"] = claim.facts;
  out["actions"] = actions;
  out["initial"] = claim.initial;
  out["goal"] = claim.goal;
  out["landmarks"] = landmarks;
  return out;
}

} // namespace

std::string make_certificate(const spec::Kernel &kernel, const spec::Isa &isa,
                             const semantics::TensorGraph &graph, const Verdict &verdict,
                             const OptimalityClaim *optimality) {
  Json lemmas = Json::array();
  for (const std::string &name : verdict.lemmas)
    lemmas.push_back(lemma_json(name));
  Json json = {{"format", "isamorph certificate"},
               {"version", 1},
               {"program", text_json(semantics::print_hlo(graph))},
               {"isa", text_json(spec::print_isa(isa))},
               {"kernel", text_json(spec::print_kernel(kernel, isa, "asm"))},
               {"claim",
                {{"verdict", std::string(name(verdict.outcome))},
                 {"level", std::string(semantics::name(verdict.level))},
                 {"reach", verdict.reach}}},
               {"lemmas", lemmas}};
  if (optimality)
    json["optimality"] = optimality_json(*optimality);
  return json.dump(1) + "\n";
}

} // namespace isamorph::verify
