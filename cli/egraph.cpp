// isamorph egraph: serialized e-graphs.
#include "cli/common.h"

#include "search/extraction.h"
#include "semantics/output_files.h"
#include "semantics/source.h"

#include <cmath>
#include <fmt/format.h>
#include <memory>
#include <stdexcept>

namespace isamorph::cli {
namespace {

struct ExtractOptions {
  std::string file, cost = "dag", output;
  double time_limit = 10;
  bool json = false;
};

const char *name(search::ExtractionStatus status) {
  return status == search::ExtractionStatus::Optimal ? "optimal" : "feasible";
}

search::ExtractionResult run_extractor(const search::SerializedEGraph &graph,
                                       const ExtractOptions &options) {
  if (options.cost == "tree")
    return search::extract_tree(graph);
  search::ExtractionOptions how;
  how.time_limit = options.time_limit;
  how.interrupt = &interrupted();
  how.progress = [](const search::ExtractionProgress &now) {
    show_progress(fmt::format("cost {}, bound {:.6g}, {} branches",
                              std::isfinite(now.cost) ? fmt::format("{:.6g}", now.cost) : "unknown",
                              now.bound, now.branches));
  };
  search::ExtractionResult result = search::extract_dag(graph, how);
  clear_progress();
  return result;
}

/// {"choices": {class: node}} for the classes that the roots need, in the order of the file.
std::string choices_of(const search::SerializedEGraph &graph,
                       const search::Extraction &extraction) {
  std::string out = "{\n  \"choices\": {";
  const char *separator = "\n    ";
  for (std::uint32_t c = 0; c < graph.classes(); ++c)
    if (std::uint32_t node = extraction.choice[c]; node != search::kNoNode) {
      out += separator + search::json_quoted(graph.class_names[c]) + ": " +
             search::json_quoted(graph.node_names[node]);
      separator = ",\n    ";
    }
  return out + "\n  }\n}\n";
}

int extract(const ExtractOptions &options) {
  if (options.cost != "tree" && options.cost != "dag")
    throw semantics::InputError("unknown cost '" + options.cost + "'; costs: tree, dag");
  Stopwatch watch;
  watch.start("read");
  search::SerializedEGraph graph = search::read_egraph(semantics::read_source(options.file));
  if (!options.output.empty())
    semantics::check_writable(options.output);
  watch.start("extract");
  search::ExtractionResult result = run_extractor(graph, options);
  watch.start("check");
  if (result.status == search::ExtractionStatus::Infeasible)
    throw semantics::InputError(options.file + ": a root class has no term without cycles");
  std::string wrong = search::check_extraction(
      graph, result.extraction,
      options.cost == "tree" ? search::CostKind::Tree : search::CostKind::Dag, result.cost);
  if (!wrong.empty())
    throw std::logic_error("the extraction does not check: " + wrong);
  watch.stop();
  if (!options.output.empty())
    semantics::write_file_atomically(options.output, choices_of(graph, result.extraction));
  if (options.json) {
    print_json({{"cost", result.cost},
                {"bound", result.bound},
                {"gap", result.gap()},
                {"status", name(result.status)},
                {"classes", graph.classes()},
                {"nodes", graph.nodes()},
                {"seconds", watch.json()}});
    return kDone;
  }
  fmt::print("{} nodes in {} classes\n{} cost {}: {}\n", graph.nodes(), graph.classes(),
             options.cost, result.cost,
             result.status == search::ExtractionStatus::Optimal
                 ? "optimal"
                 : fmt::format("at least {}", result.bound));
  return kDone;
}

void add_extract(CLI::App &egraph, Context &context) {
  CLI::App *command =
      egraph.add_subcommand("extract", "The cheapest terms that a serialized e-graph holds");
  auto options = std::make_shared<ExtractOptions>();
  command
      ->add_option("FILE", options->file,
                   "JSON: {\"nodes\": {ID: {op, children, eclass, cost}}, \"root_eclasses\"}")
      ->required();
  command->add_option("--cost", options->cost, "tree (shared parts count each time) or dag (once)")
      ->capture_default_str();
  command
      ->add_option("--time-limit", options->time_limit,
                   "Seconds for the dag cost; then the best so far, with its bound")
      ->type_name("S")
      ->check(not_negative())
      ->capture_default_str();
  command->add_option("-o,--output", options->output,
                      "Write the chosen node of each needed class, as JSON");
  command->add_flag("--json", options->json, "Print one JSON object on standard output");
  command->footer(example(
      "  isamorph egraph saturate tests/search/programs/derivative.eqsat --dump egraph.json\n"
      "  isamorph egraph extract egraph.json --cost dag -o choices.json"));
  command->callback([options, &context] { context.status = extract(*options); });
}

} // namespace

void add_egraph(CLI::App &app, Context &context) {
  CLI::App *egraph = app.add_subcommand("egraph", "The e-graph engine alone: saturate and extract");
  egraph->require_subcommand(1);
  egraph->footer(example(
      "  isamorph egraph saturate tests/search/programs/derivative.eqsat --dump egraph.json\n"
      "  isamorph egraph extract egraph.json --cost tree"));
  add_egraph_saturate(*egraph, context);
  add_extract(*egraph, context);
}

} // namespace isamorph::cli
