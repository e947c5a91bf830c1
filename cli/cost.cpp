// isamorph cost: what the analytic cost models say of a kernel.
#include "cli/common.h"

#include "costmodel/cost_model.h"
#include "semantics/source.h"
#include "spec/unroll.h"

#include <fmt/format.h>

namespace isamorph::cli {
namespace {

struct Options {
  std::string kernel, isa, model = "all";
  bool json = false;
};

int run(const Options &options) {
  Stopwatch watch;
  spec::Isa isa = spec::load_isa(options.isa);
  std::vector<std::string> models = costmodel::cost_model_names();
  if (options.model != "all") {
    if (!costmodel::cost_model(options.model))
      throw semantics::InputError("unknown cost model '" + options.model + "'; models: all, " +
                                  semantics::join(models));
    models = {options.model};
  }
  spec::Kernel kernel = spec::parse_kernel(semantics::read_source(options.kernel), isa);
  Json costs = Json::object();
  for (const std::string &model : models)
    costs[model] = costmodel::cost(isa, kernel, *costmodel::cost_model(model));
  if (options.json) {
    Json json = {{"instructions", spec::instance_count(kernel)}};
    if (models.size() == 1) {
      json["model"] = models[0];
      json["cost"] = costs[models[0]];
    } else {
      json["costs"] = costs;
    }
    json["seconds"] = watch.json();
    print_json(json);
    return kDone;
  }
  fmt::print("{} instructions\n", spec::instance_count(kernel));
  for (const std::string &model : models)
    fmt::print("{:<8} {:>8}{}\n", model, costs[model].get<std::int64_t>(),
               model == "count" ? "" : " cycles");
  if (options.model != "all" && options.model != "overlap")
    return kDone;
  if (spec::instance_count(kernel) > spec::kMaxUnrolled) {
    fmt::print("\nunder overlap: too many instructions to be listed\n");
    return kDone;
  }
  fmt::print("\nunder overlap:\n");
  std::vector<costmodel::Interval> schedule = costmodel::schedule(isa, kernel);
  std::vector<spec::KernelInstruction> calls = spec::unrolled(kernel).instructions;
  for (std::size_t i = 0; i < schedule.size(); ++i)
    fmt::print("  {:>6} .. {:<6} {:<4} {}\n", schedule[i].start, schedule[i].end,
               isa.units[schedule[i].unit], spec::to_string(calls[i], isa));
  return kDone;
}

} // namespace

void add_cost(CLI::App &app, Context &context) {
  CLI::App *command = app.add_subcommand("cost", "Price a kernel with the analytic cost models");
  auto options = std::make_shared<Options>();
  command->add_option("KERNEL", options->kernel, "Assembly: isamorph's own, Python, or JSON")
      ->required();
  command->add_option("--isa", options->isa, "A shipped ISA or a path")->required();
  command->add_option("--model", options->model, "all, count, latency or overlap")
      ->capture_default_str();
  command->add_flag("--json", options->json, "Print one JSON object on standard output");
  command->footer(example("  isamorph cost corpus/qkv/attention.py --isa qkv --model all"));
  command->callback([options, &context] { context.status = run(*options); });
}

} // namespace isamorph::cli
