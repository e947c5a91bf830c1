// isamorph numerics: list, show and compare numerics profiles.
#include "cli/common.h"

#include "semantics/source.h"
#include "semantics/summation_order.h"
#include "verify/profile_difference.h"

#include <algorithm>
#include <fmt/format.h>
#include <iostream>
#include <limits>

namespace isamorph::cli {
namespace {

using semantics::ElementType;
using semantics::NumericsProfile;

constexpr std::uint64_t kMostTests = std::numeric_limits<std::int64_t>::max();

struct NumericsOptions {
  std::string first, second, op = "dot", type = "bf16";
  verify::ProfileQuestion question;
  double time_limit = std::numeric_limits<double>::infinity();
  bool json = false;
};

/// What a profile sums with, and whose functions it has, in a word or two.
std::string units_of(const NumericsProfile &profile) {
  std::vector<std::string> types;
  if (profile.dot.unit)
    for (ElementType type : profile.dot.unit->elements)
      types.emplace_back(semantics::name(type));
  std::string text = types.empty() ? "no unit" : "unit for " + semantics::join(types);
  return profile.functions.empty() ? text : text + ", functions of " + profile.functions;
}

int list(const NumericsOptions &options) {
  Json json = Json::array();
  for (const NumericsProfile &profile : semantics::shipped_numerics()) {
    json.push_back({{"name", profile.name}, {"text", semantics::print_numerics(profile)}});
    if (!options.json)
      fmt::print("{:<20} {}\n", profile.name, units_of(profile));
  }
  if (options.json)
    print_json(json);
  return kDone;
}

/// How many terms a sum has whose order is shown.
constexpr std::int64_t kTermsShown = 10;

int show(const NumericsOptions &options) {
  const NumericsProfile &profile = semantics::numerics_profile(options.first);
  std::string text = semantics::print_numerics(profile);
  ElementType type = profile.dot.unit ? profile.dot.unit->elements[0] : ElementType::F32;
  std::string order = semantics::declared_order(profile.dot, type, kTermsShown).to_string();
  if (options.json)
    print_json({{"name", profile.name}, {"text", text}, {"order", order}});
  else
    fmt::print("{}// a dot of {} terms of {}: {}\n", text, kTermsShown, semantics::name(type),
               order);
  return kDone;
}

std::string row_text(ElementType type, const std::vector<std::uint64_t> &row) {
  std::vector<std::string> elements;
  for (std::size_t i = 0; i < row.size(); ++i)
    if (row.size() == 1)
      elements.push_back(semantics::element_text(type, row[i]));
    else if (semantics::decode(type, row[i]) != 0)
      elements.push_back(fmt::format("[{}] {}", i, semantics::element_text(type, row[i])));
  return elements.empty() ? "zeros" : semantics::join(elements);
}

Json json_of(const verify::ProfileWitness &witness, const verify::ProfileQuestion &question) {
  ElementType type = verify::operand_type(question);
  Json operands = Json::array();
  for (const auto &row : witness.operands) {
    Json elements = Json::array();
    for (std::uint64_t bits : row)
      elements.push_back(semantics::element_text(type, bits));
    operands.push_back(elements);
  }
  return {{"operands", operands},
          {"nonzero", witness.nonzero},
          {"first", semantics::element_text(question.type, witness.first)},
          {"second", semantics::element_text(question.type, witness.second)}};
}

void print_difference(const NumericsOptions &options, const verify::ProfileDifference &difference) {
  const verify::ProfileQuestion &question = options.question;
  fmt::print("{:<16} {:>8} {:>10} {:>10} {:>10} {:>10}\n", "inputs", "tests", "different",
             "mean ulp", "max ulp", "NaN or inf");
  for (const verify::ClassCount &c : difference.classes)
    fmt::print("{:<16} {:>8} {:>10} {:>10.2f} {:>10} {:>10}\n", verify::name(c.input_class),
               c.tests, c.different, c.mean_ulp, c.max_ulp, c.special);
  if (!difference.witness) {
    bool tested = std::ranges::any_of(difference.classes, [](const auto &c) { return c.tests; });
    fmt::print("{}\n", !tested               ? "nothing was tested"
                       : difference.complete ? "no difference found"
                                             : "no difference found so far");
    return;
  }
  const verify::ProfileWitness &witness = *difference.witness;
  fmt::print("a small input on which they differ, other elements being zero:\n");
  for (std::size_t i = 0; i < witness.operands.size(); ++i)
    fmt::print("  {:<6} {}\n", i == 0 ? "left" : "right",
               row_text(verify::operand_type(question), witness.operands[i]));
  fmt::print("  {}: {}\n  {}: {}\n", options.first,
             semantics::element_text(question.type, witness.first), options.second,
             semantics::element_text(question.type, witness.second));
}

verify::ProfileQuestion question_of(const NumericsOptions &options) {
  using semantics::OpCode;
  verify::ProfileQuestion question = options.question;
  question.op = *semantics::op_code(options.op);
  auto type = semantics::element_type(options.type);
  if (!type || !semantics::is_float(*type))
    throw semantics::InputError("unknown float type '" + options.type +
                                "'; types: bf16, f16, f32, f64");
  question.type = *type;
  return question;
}

/// With progress, until Ctrl-C or the time limit; `stopped` says which.
verify::ProfileDifference difference_of(const NumericsOptions &options, std::string &stopped) {
  Stopwatch watch;
  double shown = 0;
  auto goes_on = [&](std::int64_t tests) {
    double seconds = watch.total();
    if (interrupted() || seconds >= options.time_limit)
      stopped = fmt::format("{} after {} tests",
                            interrupted() ? "interrupted"
                                          : fmt::format("out of time ({} s)", options.time_limit),
                            tests);
    if (seconds - shown > 0.1) {
      shown = seconds;
      show_progress(fmt::format("{} tests", tests));
    }
    return stopped.empty();
  };
  auto out = verify::compare_profiles(semantics::numerics_profile(options.first),
                                      semantics::numerics_profile(options.second), options.question,
                                      goes_on);
  clear_progress();
  return out;
}

int compare(const NumericsOptions &given) {
  NumericsOptions options = given;
  options.question = question_of(given);
  std::string stopped;
  verify::ProfileDifference difference = difference_of(options, stopped);
  int status = difference.witness ? kDifferent : difference.complete ? kDone : kUnknown;
  if (!stopped.empty())
    std::cerr << bold_red("stopped: ") << stopped << '\n';
  if (!options.json) {
    print_difference(options, difference);
    return status;
  }
  Json classes = Json::array();
  for (const verify::ClassCount &c : difference.classes)
    classes.push_back({{"inputs", std::string(verify::name(c.input_class))},
                       {"tests", c.tests},
                       {"different", c.different},
                       {"special", c.special},
                       {"mean_ulp", c.mean_ulp},
                       {"max_ulp", c.max_ulp}});
  Json json = {{"op", options.op}, {"type", options.type}, {"classes", classes}};
  if (!stopped.empty())
    json["stopped"] = stopped;
  if (difference.witness)
    json["witness"] = json_of(*difference.witness, options.question);
  print_json(json);
  return status;
}

void add_diff_options(CLI::App &command, NumericsOptions &options) {
  command
      .add_option("--op", options.op,
                  "dot, reduce, add, subtract, multiply, divide, sqrt, convert (from f32) or a "
                  "function (exponential, ...); of a unary one of 16 bits, every input is tried")
      ->check(CLI::IsMember(verify::comparable_operations()))
      ->type_name("OP")
      ->capture_default_str();
  command.add_option("--type", options.type, "bf16, f16, f32 or f64")
      ->type_name("TYPE")
      ->capture_default_str();
  command.add_option("--k", options.question.terms, "Terms of a dot or a reduce")
      ->type_name("N")
      ->check(whole_number())
      ->capture_default_str();
  command.add_option("--seed", options.question.seed, "Of the random inputs")
      ->type_name("N")
      ->check(whole_number(kAnySeed))
      ->capture_default_str();
  command.add_option("--tests", options.question.tests, "Inputs of each class")
      ->type_name("N")
      ->check(whole_number(kMostTests, 1))
      ->capture_default_str();
  command.add_option("--time-limit", options.time_limit, "Seconds; then what was found is shown")
      ->type_name("S")
      ->check(not_negative());
}

} // namespace

void add_numerics(CLI::App &app, Context &context) {
  CLI::App *numerics = app.add_subcommand("numerics", "Numerics profiles: list, show, diff");
  numerics->require_subcommand(1);
  numerics->footer(example(
      "  isamorph numerics list\n  isamorph numerics diff avx512_bf16 nvidia_hopper --k 64"));
  auto options = std::make_shared<NumericsOptions>();
  auto add = [&](const char *name, const char *about, int (*action)(const NumericsOptions &),
                 int operands) {
    CLI::App *command = numerics->add_subcommand(name, about);
    if (operands >= 1)
      command->add_option("PROFILE", options->first, "A shipped name")->required();
    if (operands >= 2)
      command->add_option("OTHER", options->second, "A shipped name")->required();
    command->add_flag("--json", options->json, "Print JSON on standard output");
    command->callback([options, action, &context] { context.status = action(*options); });
    return command;
  };
  add("list", "The shipped profiles", list, 0)->footer(example("  isamorph numerics list"));
  add("show", "Every knob of a profile", show, 1)
      ->footer(example("  isamorph numerics show nvidia_hopper"));
  CLI::App *diff =
      add("diff", "How often two profiles differ, and on which small input", compare, 2);
  add_diff_options(*diff, *options);
  diff->footer(example("  isamorph numerics diff xla_cpu tensix --op dot --k 64 --seed 1"));
}

} // namespace isamorph::cli
