// isamorph verify: is this kernel this program?
#include "cli/common.h"

#include "semantics/hlo.h"
#include "semantics/interrupt_point.h"
#include "semantics/output_files.h"
#include "spec/unroll.h"
#include "verify/certificate.h"
#include "verify/equivalence.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <iostream>

namespace isamorph::cli {
namespace {

struct VerifyOptions {
  std::string kernel, isa, graph, level = "bits", counterexample, certificate;
  double time_limit = 60;
  std::uint64_t seed = 1;
  bool json = false;
};

/// The name, with `_` after it for as long as a parameter has it.
std::string unused_name(const semantics::TensorGraph &graph, std::string name) {
  while (std::ranges::any_of(graph.parameters,
                             [&](semantics::NodeId id) { return graph[id].name == name; }))
    name += '_';
  return name;
}

/// One .npy file an input, and one for each result that the program gives for them; returns the
/// command that shows the difference again.
std::string write_counterexample(const VerifyOptions &options, const semantics::TensorGraph &graph,
                                 const spec::Isa &isa, const verify::Counterexample &found) {
  std::filesystem::path folder = options.counterexample;
  std::error_code error; // files that cannot be written say so
  std::filesystem::create_directories(folder, error);
  semantics::OutputFiles files;
  std::string inputs, golden;
  auto write = [&](const std::string &name, const semantics::Tensor &tensor, std::string &list) {
    std::string path = (folder / (name + ".npy")).string();
    semantics::stage_tensor(files, path, tensor);
    list += " " + shell_word(path);
  };
  for (std::size_t i = 0; i < found.inputs.size(); ++i)
    write(graph[graph.parameters[i]].name, found.inputs[i], inputs);
  std::vector<semantics::Tensor> results = semantics::evaluate(graph, found.inputs, isa.numerics);
  for (std::size_t i = 0; i < results.size(); ++i)
    write(unused_name(graph, "expected_" + std::to_string(i)), results[i], golden);
  files.commit();
  return fmt::format("isamorph run {} --isa {} --input{} --golden{}", shell_word(options.kernel),
                     shell_word(options.isa), inputs, golden);
}

/// The counterexample's folder, where there is none yet, can be made; it is not made here.
void check_outputs(const VerifyOptions &options) {
  if (!options.certificate.empty())
    semantics::check_writable(options.certificate, "certificate");
  if (options.counterexample.empty())
    return;
  std::filesystem::path folder = std::filesystem::absolute(options.counterexample);
  while (!std::filesystem::exists(folder))
    folder = folder.parent_path();
  if (!std::filesystem::is_directory(folder))
    throw semantics::InputError(options.counterexample +
                                ": cannot be a folder: " + folder.string() + " is a file");
  semantics::check_writable((folder / "counterexample").string());
}

void print_nonzero(const semantics::TensorGraph &graph, const verify::Counterexample &found) {
  constexpr int kShown = 12;
  int shown = 0;
  for (std::size_t t = 0; t < found.inputs.size(); ++t)
    for (std::int64_t i = 0; i < found.inputs[t].elements(); ++i) {
      const semantics::Shape &shape = found.inputs[t].shape();
      if (found.inputs[t].bits(i) != 0 && shown++ < kShown)
        fmt::print("  {}{} = {}\n", graph[graph.parameters[t]].name, element_position(shape, i),
                   semantics::element_text(shape.type, found.inputs[t].bits(i)));
    }
  fmt::print("{}", shown > kShown ? fmt::format("  and {} more\n", shown - kShown) : "");
}

void print_verdict(const verify::Verdict &verdict, const semantics::TensorGraph &graph,
                   const std::string &replay) {
  fmt::print("{} at {}\n", verify::name(verdict.outcome), semantics::name(verdict.level));
  if (!verdict.reach.empty())
    fmt::print("for {}\n", verdict.reach);
  fmt::print("{}\n", verdict.reason);
  for (const std::string &lemma : verdict.lemmas)
    fmt::print("lemma: {}\n", lemma);
  if (verdict.ulps)
    fmt::print("differences seen in {} tests: {}; largest: {} ulp\n", verdict.ulps->tests,
               to_string(*verdict.ulps), verdict.ulps->max);
  if (verdict.counterexample) {
    fmt::print("the input (all else is 0):\n");
    print_nonzero(graph, *verdict.counterexample);
  }
  if (!replay.empty())
    fmt::print("replay: {}\n", replay);
}

Json to_json(const verify::Verdict &verdict, const spec::Kernel &kernel,
             const VerifyOptions &options, const std::string &replay, const Stopwatch &watch) {
  Json json = {{"verdict", std::string(verify::name(verdict.outcome))},
               {"level", std::string(semantics::name(verdict.level))},
               {"reason", verdict.reason}};
  if (!verdict.reach.empty())
    json["reach"] = verdict.reach;
  if (!verdict.induction.empty())
    json["induction"] = spec::variables_of(kernel, verdict.induction);
  if (!verdict.lemmas.empty())
    json["lemmas"] = verdict.lemmas;
  if (verdict.equivalent_at)
    json["equivalent_at"] = std::string(semantics::name(*verdict.equivalent_at));
  if (verdict.ulps) {
    json["max_ulp"] = verdict.ulps->max;
    json["ulp_histogram"] = verdict.ulps->counts;
  }
  if (verdict.counterexample) {
    json["mismatches"] = verdict.counterexample->mismatches;
    json["nonzero_inputs"] = verdict.counterexample->nonzero_inputs;
    if (!options.counterexample.empty()) {
      json["counterexample"] = options.counterexample;
      json["replay"] = replay;
    }
  }
  json["terms"] = verdict.terms;
  json["tests"] = verdict.tests;
  json["seconds"] = watch.json();
  return json;
}

int run(const VerifyOptions &options) {
  std::optional<semantics::InterruptScope> interruptible(std::in_place, interrupted());
  Stopwatch watch;
  watch.start("parse");
  auto level = semantics::level(options.level);
  if (!level)
    throw semantics::InputError("unknown equivalence level '" + options.level +
                                "'; levels: bits, finite, real");
  spec::Isa isa = spec::load_isa(options.isa);
  semantics::TensorGraph graph = semantics::parse_hlo(semantics::read_source(options.graph));
  spec::Kernel kernel = spec::parse_kernel(semantics::read_source(options.kernel), isa);
  check_outputs(options);
  watch.start("verify");
  verify::VerifyOptions how;
  how.level = *level;
  how.tests.seed = options.seed;
  how.tests.time_limit_seconds = options.time_limit;
  how.tests.interrupt = &interrupted();
  how.stop = {&interrupted(), options.time_limit};
  verify::Verdict verdict = verify::verify_kernel(kernel, isa, graph, how);
  interruptible.reset(); // what was found is shown
  watch.stop();
  std::string replay;
  if (verdict.counterexample && !options.counterexample.empty())
    replay = write_counterexample(options, graph, isa, *verdict.counterexample);
  if (verdict.outcome == verify::Outcome::Equivalent && !options.certificate.empty()) {
    verify::ChainClaim none{{}, {}, "the kernel was given: no search led to it"};
    verify::write_certificate(options.certificate,
                              verify::make_certificate(kernel, isa, graph, verdict, nullptr,
                                                       {*level, options.time_limit}, &none));
  }
  if (options.json)
    print_json(to_json(verdict, kernel, options, replay, watch));
  else
    print_verdict(verdict, graph, replay);
  switch (verdict.outcome) {
  case verify::Outcome::Equivalent:
    return kDone;
  case verify::Outcome::Different:
    return kDifferent;
  default:
    return kUnknown;
  }
}

} // namespace

void add_verify(CLI::App &app, Context &context) {
  CLI::App *command = app.add_subcommand(
      "verify", "Say whether a kernel computes a tensor graph, with a proof or an input");
  auto options = std::make_shared<VerifyOptions>();
  command->add_option("KERNEL", options->kernel, "Assembly: isamorph's own, Python, or JSON")
      ->required();
  command->add_option("--isa", options->isa, "A shipped ISA or a path")->required();
  command->add_option("--against", options->graph, "HLO text")->type_name("GRAPH")->required();
  command->add_option("--equiv", options->level, "bits, finite or real")
      ->type_name("LEVEL")
      ->capture_default_str();
  command
      ->add_option("--counterexample", options->counterexample,
                   "Write the input that shows a difference here")
      ->type_name("DIR");
  command
      ->add_option("--certificate", options->certificate, "Write what `isamorph check` re-checks")
      ->type_name("FILE");
  command->add_option("--time-limit", options->time_limit, "Seconds; then the answer is unknown")
      ->type_name("S")
      ->check(not_negative())
      ->capture_default_str();
  command->add_option("--seed", options->seed, "Of the tests' inputs")
      ->type_name("N")
      ->check(whole_number(kAnySeed))
      ->capture_default_str();
  command->add_flag("--json", options->json, "Print one JSON object on standard output");
  command->footer(example(
      "  isamorph verify corpus/qkv/attention.py --isa qkv --against corpus/qkv/attention.hlo"));
  command->callback([options, &context] { context.status = run(*options); });
}

} // namespace isamorph::cli
