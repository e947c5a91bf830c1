// isamorph egraph saturate: equality saturation of a text file.
#include "cli/common.h"

#include "search/egraph_dump.h"
#include "search/rewrite_proof.h"
#include "semantics/output_files.h"

#include <fmt/format.h>
#include <thread>

namespace isamorph::cli {
namespace {

struct EgraphSaturateOptions {
  std::string file, dump, proof;
  int jobs = 1;
  bool json = false, explain = false, exhaust = false, full = false;
};

/// Longer explanations are only counted.
constexpr std::size_t kShownSteps = 200, kShownCharacters = 100'000;

std::string goal_text(const search::Goal &goal, const search::OperatorNames &names) {
  return to_string(goal.left, names, {}) + " = " + to_string(goal.right, names, goal.variables);
}

void print_explanation(const search::Explanation &explanation,
                       const search::SaturationProgram &program,
                       const search::ProofForest &forest) {
  auto steps = search::flatten(explanation, program, forest, kShownSteps, kShownCharacters);
  if (!steps) {
    fmt::print("  {} steps in {} lemmas, too many to print; --proof FILE writes them\n",
               explanation.length, explanation.lemmas.size());
    return;
  }
  std::size_t width = 0;
  for (const search::FlatStep &step : *steps)
    width = std::max(width, step.by.size());
  for (const search::FlatStep &step : *steps)
    fmt::print("  {:{}}  {}\n", step.by, width, step.term);
}

Json iterations_json(const search::RewriteReport &report) {
  Json out = Json::array();
  for (std::size_t i = 0; i < report.iterations.size(); ++i) {
    std::size_t matches = 0, applied = 0;
    for (const search::RuleReport &rule : report.rules[i]) {
      matches += rule.matches;
      applied += rule.applied;
    }
    out.push_back({{"nodes", report.iterations[i].nodes},
                   {"classes", report.iterations[i].classes},
                   {"matches", matches},
                   {"applied", applied}});
  }
  return out;
}

/// Where the saturation ends well: it ran to its end, or proved what it was to prove.
int status_of(const search::SaturationProgram &program, const search::ProgramResult &result) {
  bool all = std::all_of(result.goals.begin(), result.goals.end(),
                         [](const search::GoalResult &g) { return g.proved; });
  if (result.report.reason == search::StopReason::Contradiction)
    return kDifferent;
  if (!program.goals.empty())
    return all                                                     ? kDone
           : result.report.reason == search::StopReason::Saturated ? kDifferent
                                                                   : kUnknown;
  return result.report.reason == search::StopReason::Interrupted ? kUnknown : kDone;
}

void print_people(const Json &iterations, const search::SaturationProgram &program,
                  const search::ProgramResult &result) {
  fmt::print("iteration     nodes   classes   matches   applied\n");
  for (std::size_t i = 0; i < iterations.size(); ++i)
    fmt::print("{:9} {:9} {:9} {:9} {:9}\n", i + 1, iterations[i]["nodes"].get<std::size_t>(),
               iterations[i]["classes"].get<std::size_t>(),
               iterations[i]["matches"].get<std::size_t>(),
               iterations[i]["applied"].get<std::size_t>());
  fmt::print("stopped: {}\n", name(result.report.reason));
  for (std::size_t g = 0; g < result.goals.size(); ++g) {
    fmt::print("{}: {}\n", result.goals[g].proved ? "proved" : "not proved",
               goal_text(program.goals[g], program.names));
    if (auto terms = result.goals[g].terms)
      print_explanation(result.graph->explain(terms->first, terms->second), program,
                        *result.graph->proofs());
  }
  if (const auto &contradiction = result.graph->contradiction()) {
    fmt::print("contradiction: {}\n", contradiction->what);
    if (contradiction->terms)
      print_explanation(
          result.graph->explain(contradiction->terms->first, contradiction->terms->second), program,
          *result.graph->proofs());
    else
      fmt::print("  --explain shows how it comes about\n");
  }
}

void check_outputs(const EgraphSaturateOptions &options) {
  for (const std::string &path : {options.dump, options.proof})
    if (!path.empty())
      semantics::check_writable(path);
}

/// None when no goal was proved.
std::optional<std::string> proofs_text(const search::SaturationProgram &program,
                                       const search::ProgramResult &result) {
  std::vector<search::NamedProof> proofs;
  for (const search::GoalResult &goal : result.goals)
    if (goal.terms)
      proofs.push_back({goal.terms->first, goal.terms->second,
                        result.graph->explain(goal.terms->first, goal.terms->second)});
  if (result.graph->contradiction() && result.graph->contradiction()->terms) {
    auto [a, b] = *result.graph->contradiction()->terms;
    proofs.push_back({a, b, result.graph->explain(a, b)});
  }
  if (proofs.empty() && program.goals.empty() && !interrupted())
    throw semantics::InputError("nothing was proved, so there is no proof to write");
  if (proofs.empty())
    return std::nullopt;
  return search::proof_json(program, *result.graph->proofs(), proofs);
}

/// Together, but for a proof of nothing.
void write_files(const EgraphSaturateOptions &options, const search::SaturationProgram &program,
                 const search::ProgramResult &result) {
  semantics::OutputFiles files;
  if (!options.dump.empty()) {
    search::SerializedEGraph graph = search::serialize(*result.graph, program.names, result.roots);
    bool dot = options.dump.ends_with(".dot") || options.dump.ends_with(".gv");
    files.stage(options.dump, dot ? search::print_graphviz(graph) : search::print_egraph(graph));
  }
  std::optional<std::string> proof;
  if (!options.proof.empty() && (proof = proofs_text(program, result)))
    files.stage(options.proof, *proof);
  else if (!options.proof.empty())
    std::cerr << "nothing was proved: " << options.proof << " is not written\n";
  files.commit();
}

int run(const EgraphSaturateOptions &options) {
  Stopwatch watch;
  watch.start("parse");
  semantics::SourceRef source = semantics::read_source(options.file);
  search::SaturationProgram program = search::parse_saturation_program(source);
  if (program.terms.empty() && program.goals.empty())
    semantics::fail({source, static_cast<std::uint32_t>(source->text.size())},
                    "there is no term to start from", "expected `term T` or `prove T = P`");
  check_outputs(options);
  search::ProgramOptions how;
  how.jobs = options.jobs > 0 ? options.jobs
                              : static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  how.explain = options.explain || !options.proof.empty();
  how.incremental = !options.full;
  how.stop_when_proved = !options.exhaust;
  how.interrupt = &interrupted();
  how.progress = [](const search::RewriteReport &report) {
    show_progress(fmt::format("iteration {}: {} nodes, {} classes", report.iterations.size(),
                              report.iterations.back().nodes, report.iterations.back().classes));
  };
  watch.start("saturate");
  search::ProgramResult result = search::run(program, how);
  clear_progress();
  watch.start("write");
  write_files(options, program, result);
  watch.stop();
  Json iterations = iterations_json(result.report);
  if (!options.json) {
    print_people(iterations, program, result);
    return status_of(program, result);
  }
  Json json = {{"status", name(result.report.reason)},
               {"enodes", result.graph->node_count()},
               {"eclasses", result.graph->class_count()},
               {"iterations", iterations}};
  if (!result.goals.empty()) {
    json["goals"] = Json::array();
    for (std::size_t g = 0; g < result.goals.size(); ++g) {
      Json goal = {{"goal", goal_text(program.goals[g], program.names)},
                   {"proved", result.goals[g].proved}};
      if (auto terms = result.goals[g].terms)
        goal["steps"] = result.graph->explain(terms->first, terms->second).length;
      json["goals"].push_back(std::move(goal));
    }
  }
  if (const auto &contradiction = result.graph->contradiction())
    json["contradiction"] = contradiction->what;
  json["seconds"] = watch.json();
  print_json(json);
  return status_of(program, result);
}

} // namespace

void add_egraph_saturate(CLI::App &egraph, Context &context) {
  CLI::App *command =
      egraph.add_subcommand("saturate", "Saturate terms with rewrite rules, from a text file");
  auto options = std::make_shared<EgraphSaturateOptions>();
  command
      ->add_option("FILE", options->file,
                   "term T; rule NAME: P => P [if ...]; prove T = P; fold + - * /; limit ...; "
                   "scheduler ...; include \"FILE\"")
      ->required();
  add_jobs_option(*command, options->jobs);
  command->add_flag("--explain", options->explain, "Show why each goal holds, step by step");
  command->add_option("--proof", options->proof,
                      "Write the proofs of the goals as JSON, for `isamorph check`");
  command->add_option("--dump", options->dump,
                      "Write the e-graph: Graphviz if FILE ends in .dot, else JSON for extract");
  command->add_flag("--exhaust", options->exhaust, "Go on when all goals are proved");
  command->add_flag("--full-matching", options->full,
                    "Match everything in every iteration, not only what is new");
  command->add_flag("--json", options->json, "Print one JSON object on standard output");
  command->footer(example("  isamorph egraph saturate tests/search/programs/derivative.eqsat "
                          "--explain"));
  command->callback([options, &context] { context.status = run(*options); });
}

} // namespace isamorph::cli
