// isamorph run: a kernel on the bit-exact simulator.
#include "cli/common.h"
#include "cli/debugger.h"

#include "costmodel/cost_model.h"
#include "semantics/interrupt_point.h"
#include "semantics/output_files.h"
#include "sim/simulator.h"

#include <tbb/global_control.h>

namespace isamorph::cli {
namespace {

struct RunOptions {
  std::string kernel, isa, trace;
  int jobs = 0;
  std::vector<std::string> inputs;
  FillOptions fill;
  DebugOptions debug;
  ResultOptions results;
};

std::vector<ExpectedTensor> tensors(const std::vector<spec::Placed> &placed) {
  std::vector<ExpectedTensor> out;
  for (const spec::Placed &p : placed)
    out.push_back({p.name, p.shape});
  return out;
}

int run(const RunOptions &options) {
  semantics::InterruptScope interruptible(interrupted());
  std::optional<tbb::global_control> threads;
  if (options.jobs > 0)
    threads.emplace(tbb::global_control::max_allowed_parallelism,
                    static_cast<std::size_t>(options.jobs));
  Stopwatch watch;
  watch.start("parse");
  spec::Isa isa = spec::load_isa(options.isa);
  spec::Kernel kernel = spec::parse_kernel(semantics::read_source(options.kernel), isa);
  watch.start("read");
  std::vector<semantics::Tensor> inputs =
      read_inputs(options.inputs, tensors(kernel.inputs), options.fill);
  std::vector<ExpectedTensor> outputs = tensors(kernel.outputs);
  std::vector<semantics::Tensor> golden = read_golden(options.results, outputs);
  if (!options.trace.empty())
    semantics::check_writable(options.trace, "trace");
  watch.start("prepare");
  sim::Simulator simulator(isa, kernel);
  watch.start("simulate");
  std::optional<Debugger> debugger;
  if (options.debug.any())
    debugger.emplace(options.debug, isa, kernel, inputs, options.results.json);
  auto results = debugger ? simulator.run(inputs, *debugger) : simulator.run(inputs);
  watch.stop();
  if (!options.trace.empty())
    semantics::write_file_atomically(options.trace, costmodel::chrome_trace(isa, kernel));
  Json events = debugger ? debugger->json() : Json::object();
  if (results)
    return report_results(options.results, *results, golden, outputs, watch, events);
  if (options.results.json) {
    events["seconds"] = watch.json();
    print_json(events);
  }
  return debugger->status();
}

} // namespace

void add_run(CLI::App &app, Context &context) {
  CLI::App *command = app.add_subcommand("run", "Run a kernel on the bit-exact simulator");
  auto options = std::make_shared<RunOptions>();
  command->add_option("KERNEL", options->kernel, "Assembly: isamorph's own, Python, or JSON")
      ->required();
  command->add_option("--isa", options->isa, "A shipped ISA or a path")->required();
  command->add_option("--input", options->inputs, "Inputs in the kernel's order, or by name")
      ->type_name("[NAME=]FILE")
      ->expected(1, -1);
  add_jobs_option(*command, options->jobs);
  add_fill_options(*command, options->fill);
  command
      ->add_option("--trace", options->trace,
                   "Write a Chrome trace (chrome://tracing, Perfetto): one row a unit")
      ->type_name("FILE");
  add_debug_options(*command, options->debug);
  add_result_options(*command, options->results);
  command->footer(
      example("  isamorph eval corpus/qkv/attention.hlo --random 1 --output o.npy\n"
              "  isamorph run corpus/qkv/attention.py --isa qkv --random 1 --golden o.npy"));
  command->callback([options, &context] { context.status = run(*options); });
}

} // namespace isamorph::cli
