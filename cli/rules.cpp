// isamorph rules: list the rewrite rules, prove them, audit equalities of other projects.
#include "cli/common.h"

#include "semantics/rule_facts.h"
#include "semantics/source.h"
#include "semantics/sum_rules.h"
#include "verify/checker/lemmas.h"
#include "verify/prover.h"

#include <algorithm>
#include <fmt/format.h>
#include <iostream>
#include <iterator>

namespace isamorph::cli {
namespace {

constexpr unsigned kLongestLimit =
    1'000'000; ///< seconds: in milliseconds it fits the solver's 32 bits

struct RulesOptions {
  std::vector<std::string> names;
  std::string level, file, smtlib;
  bool no_cache = false, json = false, stronger = false;
  int jobs = 0;
  unsigned time_limit = 60;
};

/// A name that ends in .rules is a file.
void take_file(RulesOptions &options) {
  for (auto name = options.names.begin(); name != options.names.end();) {
    if (!name->ends_with(".rules")) {
      ++name;
      continue;
    }
    if (!options.file.empty())
      throw semantics::InputError("two files of rules: " + options.file + " and " + *name);
    options.file = *name;
    name = options.names.erase(name);
  }
}

std::string list_command(const RulesOptions &options) {
  return "isamorph rules list" +
         (options.file.empty() ? "" : " --file " + shell_word(options.file));
}

std::vector<semantics::RewriteRule> chosen_rules(const RulesOptions &options) {
  std::vector<semantics::RewriteRule> all =
      options.file.empty() ? semantics::shipped_rules() : rules_of_file(options.file);
  if (options.file.empty())
    for (const auto *more : {&semantics::sum_rules(), &semantics::scalar_facts()})
      all.insert(all.end(), more->begin(), more->end());
  std::vector<std::string> known;
  for (const auto &rule : all)
    known.push_back(rule.name);
  for (const std::string &name : options.names)
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      std::string nearest = semantics::suggest(name, known);
      throw semantics::InputError(fmt::format(
          "unknown rule '{}'{}; {}", name, options.file.empty() ? "" : " of " + options.file,
          nearest.empty() ? list_command(options) + " shows them" : nearest));
    }
  if (!options.level.empty() && !semantics::level(options.level))
    throw semantics::InputError("unknown equivalence level '" + options.level +
                                "'; levels: bits, finite, real");
  std::erase_if(all, [&](const semantics::RewriteRule &rule) {
    bool named = options.names.empty() || std::find(options.names.begin(), options.names.end(),
                                                    rule.name) != options.names.end();
    return !named || (!options.level.empty() && rule.level != *semantics::level(options.level));
  });
  if (all.empty())
    throw semantics::InputError("no rule is both named and of the level '" + options.level + "'");
  return all;
}

int list(const RulesOptions &options) {
  std::vector<semantics::RewriteRule> rules = chosen_rules(options);
  Json json = Json::array();
  for (const auto &rule : rules) {
    if (options.json)
      json.push_back({{"name", rule.name},
                      {"level", std::string(semantics::name(rule.level))},
                      {"text", rule.text}});
    else
      fmt::print("{:<7} {}\n", semantics::name(rule.level), rule.name);
  }
  if (options.json)
    print_json(json);
  return kDone;
}

std::string_view answer_name(verify::SmtAnswer answer) {
  return answer == verify::SmtAnswer::Proved    ? "proved"
         : answer == verify::SmtAnswer::Refuted ? "refuted"
                                                : "unknown";
}

/// One SMT-LIB file an obligation, for other solvers.
void write_obligations(const std::string &folder, const verify::ClaimProof &proof) {
  for (std::size_t i = 0; i < proof.obligations.size(); ++i)
    semantics::write_file_atomically(fmt::format("{}/{}.{}.smt2", folder, proof.name, i),
                                     "; " + proof.obligations[i].name + "\n" +
                                         proof.obligations[i].smtlib);
}

Json levels_json(const std::vector<verify::StrongerLevel> &levels) {
  Json out = Json::array();
  for (const verify::StrongerLevel &answer : levels)
    out.push_back({{"level", std::string(semantics::name(answer.level))},
                   {"answer", std::string(answer_name(answer.answer))},
                   {"detail", answer.detail}});
  return out;
}

Json enumerations_json(const std::vector<verify::EnumerationRecord> &records) {
  Json out = Json::array();
  for (const verify::EnumerationRecord &record : records)
    out.push_back({{"subject", record.subject},
                   {"cases", record.cases},
                   {"failures", record.failures},
                   {"sha256", record.digest}});
  return out;
}

Json proof_json(const verify::ClaimProof &proof) {
  Json out = {{"name", proof.name},
              {"answer", std::string(answer_name(proof.answer))},
              {"method", proof.method},
              {"detail", proof.detail},
              {"seconds", proof.seconds}};
  if (proof.answer == verify::SmtAnswer::Proved && !proof.reach.empty())
    out["reach"] = proof.reach;
  if (!proof.enumerations.empty())
    out["enumerations"] = enumerations_json(proof.enumerations);
  return out;
}

Json rule_json(const semantics::RewriteRule &rule, const verify::ClaimProof &proof) {
  Json out = proof_json(proof);
  out["level"] = std::string(semantics::name(rule.level));
  out["lemmas"] = proof.lemmas;
  if (!proof.stronger.empty())
    out["stronger"] = levels_json(proof.stronger);
  return out;
}

void print_proof(const semantics::RewriteRule &rule, const verify::ClaimProof &proof) {
  fmt::print("{:<8} {:<7} {:<28} {}\n", answer_name(proof.answer), semantics::name(rule.level),
             proof.name, proof.method);
  if (proof.answer != verify::SmtAnswer::Proved)
    fmt::print("         {}\n", proof.detail);
  for (const verify::StrongerLevel &answer : proof.stronger)
    fmt::print("         at {}: {}{}{}\n", semantics::name(answer.level),
               answer_name(answer.answer), answer.detail.empty() ? "" : ", ", answer.detail);
}

int prove(const RulesOptions &options) {
  Stopwatch watch;
  std::vector<semantics::RewriteRule> rules = chosen_rules(options);
  verify::ProveOptions how;
  how.use_cache = !options.no_cache && options.smtlib.empty();
  how.jobs = options.jobs;
  how.timeout_ms = options.time_limit * 1000;
  how.interrupt = &interrupted();
  how.progress = show_progress;
  how.stronger_levels = options.stronger || options.file.empty();
  how.count_failures = !options.file.empty();
  std::vector<verify::ClaimProof> lemmas;
  std::vector<verify::ClaimProof> proofs = verify::prove_rules(rules, how, &lemmas);
  bool all = options.file.empty() && options.names.empty() && options.level.empty();
  if (all)
    std::ranges::move(verify::prove_lemmas(verify::shipped_lemmas(), how),
                      std::back_inserter(lemmas));
  clear_progress();
  Json list = Json::array(), lemma_list = Json::array();
  std::size_t counts[3] = {0, 0, 0};
  for (std::size_t i = 0; i < proofs.size(); ++i) {
    const verify::ClaimProof &proof = proofs[i];
    ++counts[static_cast<std::size_t>(proof.answer)];
    if (!options.smtlib.empty())
      write_obligations(options.smtlib, proof);
    list.push_back(rule_json(rules[i], proof));
    if (!options.json)
      print_proof(rules[i], proof);
  }
  bool lemmas_hold = true;
  for (const verify::ClaimProof &lemma : lemmas) {
    lemmas_hold &= lemma.answer == verify::SmtAnswer::Proved;
    lemma_list.push_back(proof_json(lemma));
    if (all && !options.json)
      fmt::print("{:<8} lemma   {:<28} {}\n", answer_name(lemma.answer), lemma.name, lemma.method);
  }
  if (options.json)
    print_json({{"rules", proofs.size()},
                {"proved", counts[0]},
                {"refuted", counts[1]},
                {"unknown", counts[2]},
                {"list", list},
                {"lemmas", lemma_list},
                {"seconds", watch.json()}});
  else
    fmt::print("{} rule{}: {} proved, {} refuted, {} unknown\n", proofs.size(),
               proofs.size() == 1 ? "" : "s", counts[0], counts[1], counts[2]);
  return counts[1] ? kDifferent : counts[2] || !lemmas_hold ? kUnknown : kDone;
}

} // namespace

void add_rules(CLI::App &app, Context &context) {
  CLI::App *rules = app.add_subcommand("rules", "Rewrite rules: list, prove, audit");
  rules->require_subcommand(1);
  rules->footer(example("  isamorph rules list\n  isamorph rules prove transpose_dot"));
  add_rules_audit(*rules, context);
  auto options = std::make_shared<RulesOptions>();
  auto add = [&](const char *name, const char *about, int (*action)(const RulesOptions &)) {
    CLI::App *command = rules->add_subcommand(name, about);
    command->add_option("NAME", options->names,
                        "Only these rules; FILE.rules is --file FILE.rules");
    command->add_option("--level", options->level, "Only rules of this level: bits, finite, real")
        ->type_name("LEVEL");
    command->add_option("--file", options->file, "Rules of a file instead of the shipped ones")
        ->type_name("FILE");
    command->add_flag("--json", options->json, "Print JSON on standard output");
    command->callback([options, action, &context] {
      take_file(*options);
      context.status = action(*options);
    });
    return command;
  };
  add("list", "The rules and their levels", list)
      ->footer(example("  isamorph rules list --level finite"));
  CLI::App *command = add("prove", "Prove rules for every shape by SMT", prove);
  command->add_flag("--no-cache", options->no_cache, "Believe no earlier proof");
  command->add_flag("--stronger", options->stronger,
                    "With --file, also decide the levels stronger than each rule's, with "
                    "counterexamples, as is done for the shipped rules");
  add_jobs_option(*command, options->jobs);
  command->add_option("--time-limit", options->time_limit, "Seconds for each obligation")
      ->type_name("S")
      ->check(whole_number(kLongestLimit));
  command
      ->add_option("--smtlib", options->smtlib,
                   "Also write every obligation as an SMT-LIB 2 file into this folder")
      ->type_name("DIR")
      ->check(CLI::ExistingDirectory);
  command->footer(example("  isamorph rules prove transpose_dot --no-cache"));
}

} // namespace isamorph::cli
