#include "verify/checker.h"

#include "costmodel/cost_model.h"
#include "semantics/hlo.h"
#include "spec/unroll.h"
#include "verify/digest.h"
#include "verify/landmark_checker.h"
#include "verify/lemmas.h"
#include "verify/proof.h"
#include "verify/rewrite_checker.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <fmt/format.h>
#include <limits>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace isamorph::verify {
namespace {

using semantics::InputError;
using Json = nlohmann::json;

/// A whole number, written as one: 5.9 is no cost, and 2^32 is not 0. What is no number at all has
/// the wrong type.
std::int64_t integer(const Json &json) {
  bool fits = json.is_number_integer() &&
              !(json.is_number_unsigned() &&
                json.get<std::uint64_t>() >
                    static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()));
  if (json.is_number() && !fits)
    refuse(json.dump() + " stands where a whole number must");
  return json.get<std::int64_t>();
}

std::vector<std::uint32_t> indices(const Json &json) {
  std::vector<std::uint32_t> out;
  for (const Json &element : json.get<std::vector<Json>>()) {
    std::int64_t value = integer(element);
    if (value < 0 || value > std::numeric_limits<std::uint32_t>::max())
      refuse(fmt::format("{} is no number of a fact or an action", value));
    out.push_back(static_cast<std::uint32_t>(value));
  }
  return out;
}

/// An embedded text whose digest fits.
semantics::SourceRef embedded(const Json &json, const char *part) {
  std::string text = json.at(part).at("text").get<std::string>();
  if (sha256(text) != json.at(part).at("sha256").get<std::string>())
    refuse(fmt::format("the digest of the {} does not fit its text", part));
  return semantics::make_source(fmt::format("<certificate: {}>", part), text);
}

/// Asks an outside solver: unsat in its output, and neither sat nor unknown.
SmtAnswer ask(const std::string &command, const Obligation &obligation) {
  std::string path =
      (std::filesystem::temp_directory_path() / fmt::format("isamorph-{}.smt2", getpid())).string();
  semantics::write_file_atomically(path, obligation.smtlib);
  FILE *pipe = popen((command + " " + path).c_str(), "r");
  std::string output;
  if (pipe) {
    std::array<char, 4096> buffer{};
    while (fgets(buffer.data(), static_cast<int>(buffer.size()), pipe))
      output += buffer.data();
    pclose(pipe);
  }
  std::error_code ignored;
  std::filesystem::remove(path, ignored);
  if (output.starts_with("unsat"))
    return SmtAnswer::Proved;
  return output.starts_with("sat") ? SmtAnswer::Refuted : SmtAnswer::Unknown;
}

void check_lemmas(const Json &json, const CheckOptions &options, std::vector<std::string> &listed,
                  CheckReport &report) {
  for (const Json &lemma : json.at("lemmas")) {
    std::string name = lemma.at("name").get<std::string>();
    auto obligations = lemma_obligations(name);
    if (!obligations)
      refuse("unknown lemma '" + name + "'");
    const Json &written = lemma.at("obligations");
    if (written.size() != obligations->size())
      refuse("lemma '" + name + "' does not list its obligations");
    for (std::size_t i = 0; i < obligations->size(); ++i) {
      if (written[i].at("smtlib").get<std::string>() != (*obligations)[i].smtlib ||
          written[i].at("sha256").get<std::string>() != sha256((*obligations)[i].smtlib))
        refuse("an obligation of lemma '" + name + "' is not what the lemma says");
      SmtAnswer answer = options.solver.empty() ? check((*obligations)[i], options.smt).answer
                                                : ask(options.solver, (*obligations)[i]);
      if (answer != SmtAnswer::Proved)
        refuse("the solver does not prove '" + (*obligations)[i].name + "'");
    }
    report.steps.push_back(
        fmt::format("lemma {}: {} obligations proved", name, obligations->size()));
    listed.push_back(name);
  }
}

void check_equality(const spec::Kernel &kernel, const spec::Isa &isa,
                    const semantics::TensorGraph &graph, semantics::Level level,
                    const std::vector<std::string> &listed, CheckReport &report) {
  TermGraph terms(isa.numerics);
  Proof proof = prove(terms, kernel, isa, graph, level);
  if (!proof.proved || !semantics::implies(proof.level, level))
    refuse(fmt::format("program and kernel are not the same terms at {}: {}",
                       semantics::name(level), proof.difference));
  for (const std::string &lemma : proof.lemmas)
    if (std::find(listed.begin(), listed.end(), lemma) == listed.end())
      refuse("the proof needs lemma '" + lemma + "', which the certificate does not list");
  report.steps.push_back(fmt::format(
      "program and kernel executed symbolically: {} terms, every output element equal at {}",
      proof.terms, semantics::name(level)));
}

LandmarkTask task_of(const Json &json) {
  LandmarkTask task;
  task.facts = json.at("facts").get<std::vector<std::string>>().size();
  for (const Json &a : json.at("actions"))
    task.actions.push_back({a.at("name").get<std::string>(), indices(a.at("needs")),
                            indices(a.at("adds")), integer(a.at("cost"))});
  task.initial = indices(json.at("initial"));
  task.goal = indices(json.at("goal"));
  for (const Json &l : json.at("landmarks"))
    task.landmarks.push_back({indices(l.at("actions")), integer(l.at("weight"))});
  return task;
}

/// "gemm(n=64)" of an action's name "gemm(n=64): ...".
std::string instance_of(const std::string &action) {
  return action.substr(0, action.find("): ") + 1);
}

std::string instance_of(const spec::KernelInstruction &step, const spec::Isa &isa) {
  const spec::Instruction &instruction = isa.instructions[step.instruction];
  std::string out = instruction.name + "(";
  for (std::uint32_t i = 0; i < instruction.computational; ++i)
    out += fmt::format("{}{}={}", i ? ", " : "", instruction.symbols.integers.names[i],
                       step.attributes[i]);
  return out + ")";
}

/// Every instruction of the kernel stands among the actions, and at no other price than the cost
/// model's.
void check_prices(const spec::Kernel &kernel, const spec::Isa &isa, const LandmarkTask &task,
                  costmodel::CostModel model, const std::string &unit) {
  for (const spec::KernelInstruction &step : spec::unrolled(kernel).instructions) {
    const spec::Instruction &instruction = isa.instructions[step.instruction];
    semantics::Bindings attributes(step.attributes.begin(), step.attributes.end());
    std::int64_t price = costmodel::instruction_cost(instruction, attributes, model);
    if (!unit.empty() && isa.units[instruction.cost.unit] != unit)
      price = 0;
    std::string instance = instance_of(step, isa);
    bool found = false;
    for (const LandmarkTask::Action &action : task.actions) {
      if (instance_of(action.name) != instance)
        continue;
      found = true;
      if (action.cost != price)
        refuse(fmt::format("action '{}' costs {} in the certificate and {} by the cost model",
                           action.name, action.cost, price));
    }
    if (!found)
      refuse(fmt::format("the kernel's {} is no action of the certificate", instance));
  }
}

void check_optimality(const Json &json, const spec::Kernel &kernel, const spec::Isa &isa,
                      CheckReport &report) {
  std::string name = json.at("model").get<std::string>(), unit = json.value("unit", "");
  auto model = costmodel::cost_model(name);
  if (!model)
    refuse("unknown cost model '" + name + "'");
  bool overlap = *model == costmodel::CostModel::Overlap;
  if (overlap == unit.empty() ||
      (overlap && std::find(isa.units.begin(), isa.units.end(), unit) == isa.units.end()))
    refuse("a makespan is bounded by the work of one of the ISA's units, a sum by none");
  report.cost = costmodel::cost(isa, kernel, *model);
  if (report.cost != integer(json.at("cost")))
    refuse(fmt::format("the kernel costs {}, not {}", report.cost, integer(json.at("cost"))));
  LandmarkTask task = task_of(json);
  check_prices(kernel, isa, task, *model, unit);
  std::string wrong = check_landmarks(task, integer(json.at("landmark_bound")));
  if (!wrong.empty())
    refuse(wrong);
  report.bound = integer(json.at("landmark_bound"));
  if (report.bound > report.cost || integer(json.at("bound")) > report.cost ||
      integer(json.at("bound")) < report.bound)
    refuse("the bounds contradict the cost");
  report.has_bound = true;
  report.steps.push_back(fmt::format(
      "{} landmarks: each unavoidable in the placement graph, together {} of the kernel's {} {}",
      task.landmarks.size(), report.bound, report.cost, name));
}

void run_steps(const Json &json, const CheckOptions &options, CheckReport &report) {
  if (json.at("format") != "isamorph certificate" || integer(json.at("version")) != 1)
    refuse("not a certificate of version 1");
  semantics::TensorGraph graph = semantics::parse_hlo(embedded(json, "program"));
  spec::Isa isa = spec::parse_isa(embedded(json, "isa"));
  spec::Kernel kernel = spec::parse_kernel(embedded(json, "kernel"), isa);
  check_interface(kernel, graph);
  report.steps.push_back(fmt::format(
      "program, ISA {} and kernel of {} instructions read; the kernel breaks no rule of the ISA",
      isa.name, kernel.instructions.size()));
  report.level = json.at("claim").at("level").get<std::string>();
  auto level = semantics::level(report.level);
  if (!level || json.at("claim").at("verdict") != "equivalent")
    refuse("the claim is not equivalence at a known level");
  if (json.at("claim").at("reach").get<std::string>() != reach(graph, *level))
    refuse("the claim reaches other inputs than '" + reach(graph, *level) + "'");
  std::vector<std::string> listed;
  check_lemmas(json, options, listed, report);
  check_equality(kernel, isa, graph, *level, listed, report);
  if (json.contains("optimality"))
    check_optimality(json.at("optimality"), kernel, isa, report);
}

} // namespace

CheckReport check_certificate(const semantics::SourceRef &source, const CheckOptions &options) {
  Json json;
  try {
    json = Json::parse(source->text);
  } catch (const Json::parse_error &error) {
    semantics::fail({source, static_cast<std::uint32_t>(error.byte ? error.byte - 1 : 0)},
                    "not valid JSON");
  }
  CheckReport report;
  try {
    if (json.is_object() && json.contains("format") && json["format"] == "isamorph rewrite proof")
      check_rewrite_proofs(json, report);
    else
      run_steps(json, options, report);
    report.accepted = true;
  } catch (const Refused &refused) {
    report.reason = refused.reason;
  } catch (const InputError &error) { // of an embedded text
    report.reason = error.what();
  } catch (const Json::exception &error) {
    semantics::fail({source, 0},
                    std::string("the certificate lacks a part or has one of another type: ") +
                        error.what());
  }
  return report;
}

} // namespace isamorph::verify
