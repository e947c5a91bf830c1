#pragma once
// What the subcommands share: exit statuses, the terminal, tensor arguments, and how JSON leaves
// the program.

#include "cli/interrupt.h"
#include "semantics/rules.h"
#include "semantics/tensor.h"

#include <CLI/CLI.hpp>
#include <chrono>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace isamorph::cli {

/// Exit statuses (design, section 9).
enum ExitStatus : int {
  kDone = 0,
  kDifferent = 1,
  kBadInput = 2,
  kUnknown = 3,
  kInternalError = 4
};

/// What a subcommand's callback leaves behind for main.
struct Context {
  int status = kDone;
};

using Json = nlohmann::ordered_json;

/// Prints one JSON object and a newline on standard output.
void print_json(const Json &json);

/// True when standard error is a terminal (and NO_COLOR is unset, for colour): only then is there
/// progress and colour.
bool stderr_is_terminal();
std::string bold_red(const std::string &text);

/// One line of progress on standard error, overwritten in place; nothing when it is no terminal.
void show_progress(const std::string &line);
void clear_progress();

/// Wall seconds of named stages, in order.
class Stopwatch {
public:
  /// Ends the running stage, if any, and starts `name`.
  void start(const std::string &name);
  void stop();
  void add(const std::string &name, double seconds) { stages_.emplace_back(name, seconds); }
  double total() const;
  /// {"stage": seconds, ..., "total": seconds}
  Json json() const;
  const std::vector<std::pair<std::string, double>> &stages() const { return stages_; }

private:
  using Clock = std::chrono::steady_clock;
  std::vector<std::pair<std::string, double>> stages_;
  std::string running_;
  Clock::time_point created_ = Clock::now(), since_ = created_;
};

/// A tensor that a program expects.
struct ExpectedTensor {
  std::string name;
  semantics::Shape shape;
};

/// What inputs without a file hold: random numbers or boundary values, by the seed given.
struct FillOptions {
  std::optional<std::uint64_t> random, boundary;
};
void add_fill_options(CLI::App &app, FillOptions &options);

/// Reads `[NAME=]FILE` arguments for the expected tensors: unnamed ones fill the places left, in
/// order. Tensors without a file are filled as the options say. Throws InputError on a wrong
/// number, an unknown or a repeated name.
std::vector<semantics::Tensor> read_inputs(const std::vector<std::string> &arguments,
                                           const std::vector<ExpectedTensor> &expected,
                                           const FillOptions &fill);
/// Random values: floats normal with deviation 1/2, integers uniform; the same for a seed on every
/// machine.
semantics::Tensor random_tensor(const semantics::Shape &shape, std::uint64_t seed);

/// Any of the values at which rounding and ordering change: zeros of both signs, the least and
/// largest denormal and normal numbers, one and its neighbours, halfway cases, infinities and NaN;
/// integers: zero, ones and the ends of the range. The same for a seed on every machine.
semantics::Tensor boundary_tensor(const semantics::Shape &shape, std::uint64_t seed);

/// "[3,5]": the indices of an element.
std::string element_position(const semantics::Shape &shape, std::int64_t index);

/// The text of a shape list: "q bf16[64,64], k bf16[64,64]".
std::string describe(const std::vector<ExpectedTensor> &tensors);

/// How results differ from golden ones.
struct Comparison {
  std::int64_t elements = 0, mismatches = 0;
  std::int64_t not_finite = 0; ///< mismatches in which either side is NaN or an infinity
  std::uint64_t max_ulp = 0;   ///< over the others
  double max_difference = 0;   ///< absolute, likewise
  std::string first;           ///< "o[3,5]: 0.25, golden 0.5"
};
Comparison compare(const std::vector<semantics::Tensor> &results,
                   const std::vector<semantics::Tensor> &golden,
                   const std::vector<ExpectedTensor> &names);

/// What `run` and `eval` do with results: --output, --golden, --json and the summary for people.
struct ResultOptions {
  std::vector<std::string> output, golden;
  bool json = false;
};
void add_result_options(CLI::App &app, ResultOptions &options);
/// Before the work: reads the golden results (none without --golden) and sees that the outputs can
/// be written. Throws InputError.
std::vector<semantics::Tensor> read_golden(const ResultOptions &options,
                                           const std::vector<ExpectedTensor> &names);
int report_results(const ResultOptions &options, const std::vector<semantics::Tensor> &results,
                   const std::vector<semantics::Tensor> &golden,
                   const std::vector<ExpectedTensor> &names, const Stopwatch &watch,
                   const Json &more = Json::object()); ///< `more` goes before the times

/// The rules of a file. Throws InputError, also when there is none.
std::vector<semantics::RewriteRule> rules_of_file(const std::string &path);

/// A word of a shell's command line: quoted where the shell would take it apart.
std::string shell_word(const std::string &text);

/// Validators with messages that say what was expected: of numbers that are not negative, and of
/// whole ones among them.
CLI::Validator not_negative();
CLI::Validator whole_number(std::uint64_t largest = std::numeric_limits<std::int64_t>::max(),
                            std::uint64_t least = 0);
constexpr std::uint64_t kAnySeed = std::numeric_limits<std::uint64_t>::max();
/// Adds `--jobs N`; 0 is one a core.
void add_jobs_option(CLI::App &app, int &jobs);

/// A line of `--help` text with an example.
std::string example(const std::string &commands);

void add_synth(CLI::App &app, Context &context);
void add_verify(CLI::App &app, Context &context);
void add_run(CLI::App &app, Context &context);
void add_eval(CLI::App &app, Context &context);
void add_cost(CLI::App &app, Context &context);
void add_check(CLI::App &app, Context &context);
void add_isa(CLI::App &app, Context &context);
void add_rules(CLI::App &app, Context &context);
void add_rules_audit(CLI::App &rules, Context &context); ///< called by add_rules
void add_numerics(CLI::App &app, Context &context);
void add_egraph(CLI::App &app, Context &context);
void add_egraph_saturate(CLI::App &egraph, Context &context); ///< called by add_egraph
void add_allocate(CLI::App &app, Context &context);

} // namespace isamorph::cli
