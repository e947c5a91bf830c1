// isamorph eval: what a graph computes under a numerics profile.
#include "cli/common.h"

#include "semantics/evaluator.h"
#include "semantics/hlo.h"
#include "semantics/interrupt_point.h"

namespace isamorph::cli {
namespace {

struct EvalOptions {
  std::string graph, numerics = "xla_cpu";
  std::vector<std::string> inputs;
  FillOptions fill;
  ResultOptions results;
};

int run(const EvalOptions &options) {
  semantics::InterruptScope interruptible(interrupted());
  Stopwatch watch;
  watch.start("parse");
  const semantics::NumericsProfile &profile = semantics::numerics_profile(options.numerics);
  semantics::TensorGraph graph = semantics::parse_hlo(semantics::read_source(options.graph));
  std::vector<ExpectedTensor> expected, names;
  for (semantics::NodeId id : graph.parameters)
    expected.push_back({graph[id].name, graph[id].shape});
  for (semantics::NodeId id : graph.results)
    names.push_back({graph[id].name, graph[id].shape});
  watch.start("read");
  std::vector<semantics::Tensor> inputs = read_inputs(options.inputs, expected, options.fill);
  std::vector<semantics::Tensor> golden = read_golden(options.results, names);
  watch.start("evaluate");
  std::vector<semantics::Tensor> results = semantics::evaluate(graph, inputs, profile);
  watch.stop();
  return report_results(options.results, results, golden, names, watch);
}

} // namespace

void add_eval(CLI::App &app, Context &context) {
  CLI::App *command =
      app.add_subcommand("eval", "Evaluate a tensor graph, bit for bit, under a numerics profile");
  auto options = std::make_shared<EvalOptions>();
  command->add_option("GRAPH", options->graph, "HLO text")->required();
  command->add_option("--numerics", options->numerics, "How operations round")
      ->type_name("PROFILE")
      ->capture_default_str();
  command->add_option("--input", options->inputs, "Inputs in parameter order, or by name")
      ->type_name("[NAME=]FILE")
      ->expected(1, -1);
  add_fill_options(*command, options->fill);
  add_result_options(*command, options->results);
  command->footer(example("  isamorph eval corpus/qkv/attention.hlo --random 1 --output o.npy"));
  command->callback([options, &context] { context.status = run(*options); });
}

} // namespace isamorph::cli
