#include "verify/chain_json.h"

#include "semantics/hlo.h"
#include "verify/checker/digest.h"
#include "verify/checker/lemmas.h"
#include "verify/checker/rule_lemma.h"

#include <algorithm>
#include <cctype>
#include <fmt/format.h>

namespace isamorph::verify {
namespace {

using Json = nlohmann::ordered_json;
using semantics::NodeId;

/// "03-unit-vector-dot-bf16-in-f32--a-.smt2"
std::string file_name(std::size_t number, const std::string &obligation) {
  std::string out = fmt::format("{:02}-{}", number, obligation);
  for (char &c : out)
    if (!std::isalnum(static_cast<unsigned char>(c)))
      c = '-';
  return out + ".smt2";
}

Json numbers(std::span<const NodeId> terms) {
  Json out = Json::array();
  for (NodeId term : terms)
    out.push_back(term.v);
  return out;
}

Json symbols_json(const semantics::Symbols &symbols, const semantics::SymbolValues &values) {
  Json out = Json::object();
  for (std::size_t i = 0; i < symbols.integers.names.size(); ++i)
    out[symbols.integers.names[i]] = *values.integers[i];
  for (std::size_t t = 0; t < symbols.types.names.size(); ++t)
    out[symbols.types.names[t]] = std::string(semantics::name(*values.types[t]));
  for (std::size_t s = 0; s < symbols.shapes.names.size(); ++s)
    out[symbols.shapes.names[s]] = *values.shapes[s];
  for (std::size_t o = 0; o < symbols.operations.names.size(); ++o)
    out[symbols.operations.names[o]] = std::string(semantics::info(values.operations[o]->op).name);
  return out;
}

Json step_json(const semantics::RewriteStep &step, const semantics::RewriteChain &chain) {
  Json out = {{"at", step.at}};
  if (const auto *instance = std::get_if<semantics::RuleInstance>(&step.by)) {
    out["rule"] = instance->rule;
    out["forward"] = instance->forward;
    out["symbols"] = symbols_json(chain.rules[instance->rule].symbols, instance->values);
    out["parameters"] = numbers(instance->parameters);
  } else if (const auto *use = std::get_if<semantics::PartUse>(&step.by)) {
    out["part"] = use->part;
  } else if (std::holds_alternative<semantics::MoveInstance>(step.by)) {
    out["move"] = true;
  } else {
    out["fold"] = true;
  }
  out["to"] = step.to.v;
  return out;
}

Json paths_json(std::span<const semantics::RewritePath> paths,
                const semantics::RewriteChain &chain) {
  Json out = Json::array();
  for (const semantics::RewritePath &path : paths) {
    Json steps = Json::array();
    for (const semantics::RewriteStep &step : path.steps)
      steps.push_back(step_json(step, chain));
    out.push_back({{"from", path.from.v}, {"to", path.to.v}, {"steps", steps}});
  }
  return out;
}

/// Of claims about single elements, what was enumerated needs no circuit.
Json rule_lemma_json(const ClaimProof &proof, LemmaPrinter &lemmas) {
  std::set<std::string> enumerated;
  Json enumerations = Json::array();
  for (const EnumerationRecord &record : proof.enumerations) {
    enumerated.insert(record.subject);
    enumerations.push_back(
        {{"subject", record.subject}, {"cases", record.cases}, {"sha256", record.digest}});
  }
  std::vector<Obligation> obligations = proof.obligations;
  std::erase_if(obligations, [&](const Obligation &o) { return enumerated.contains(o.name); });
  return {{"method", proof.methods.empty() ? "smt" : kSingleElements},
          {"obligations", lemmas.obligations(obligations)},
          {"enumerations", enumerations},
          {"lemmas", proof.lemmas},
          {"laws", proof.laws}};
}

} // namespace

Json text_json(const std::string &text) { return {{"text", text}, {"sha256", sha256(text)}}; }

Json LemmaPrinter::obligations(std::span<const Obligation> list) {
  Json out = Json::array();
  for (const Obligation &o : list)
    out.push_back({{"name", o.name},
                   {"file", file_name(++files_, o.name)},
                   {"smtlib", o.smtlib},
                   {"sha256", sha256(o.smtlib)}});
  return out;
}

Json LemmaPrinter::lemmas(std::span<const std::string> names) {
  Json out = Json::array();
  for (const std::string &name : names)
    out.push_back({{"name", name},
                   {"method", is_law(name) ? "law" : "smt"},
                   {"obligations",
                    obligations(lemma_obligations(name).value_or(std::vector<Obligation>{}))}});
  return out;
}

Json chain_json(const ChainClaim &claim, LemmaPrinter &lemmas) {
  const semantics::RewriteChain &chain = claim.chain;
  Json rules = Json::array();
  std::set<std::string> scalar;
  for (std::size_t r = 0; r < chain.rules.size(); ++r) {
    Json rule = text_json(chain.rules[r].text);
    rule["lemma"] = rule_lemma_json(claim.proofs[r], lemmas);
    rules.push_back(std::move(rule));
    scalar.insert(claim.proofs[r].lemmas.begin(), claim.proofs[r].lemmas.end());
  }
  std::vector<std::string> names(scalar.begin(), scalar.end());
  return {{"terms", text_json(semantics::print_hlo(chain.terms))},
          {"rules", rules},
          {"lemmas", lemmas.lemmas(names)},
          {"parts", paths_json(chain.parts, chain)},
          {"outputs", paths_json(chain.outputs, chain)}};
}

std::vector<Json> all_obligations(const Json &certificate) {
  std::vector<Json> out;
  auto take = [&](const Json &obligations) {
    out.insert(out.end(), obligations.begin(), obligations.end());
  };
  for (const Json &lemma : certificate.at("lemmas"))
    take(lemma.at("obligations"));
  if (certificate.contains("chain")) {
    for (const Json &rule : certificate.at("chain").at("rules"))
      take(rule.at("lemma").at("obligations"));
    for (const Json &lemma : certificate.at("chain").at("lemmas"))
      take(lemma.at("obligations"));
  }
  return out;
}

} // namespace isamorph::verify
