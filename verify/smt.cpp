#include "verify/smt.h"

#include "verify/child_process.h"

#include <chrono>
#include <condition_variable>
#include <fmt/format.h>
#include <mutex>
#include <optional>
#include <sstream>
#include <thread>
#include <z3++.h>

namespace isamorph::verify {
namespace {

/// The text without its set-logic and check-sat lines, which are calls here; the logic is returned
/// in `logic`.
std::string assertions_of(const std::string &text, std::string &logic) {
  std::istringstream lines(text);
  std::string out;
  for (std::string line; std::getline(lines, line);) {
    constexpr std::string_view set_logic = "(set-logic ";
    if (line.starts_with(set_logic))
      logic = line.substr(set_logic.size(), line.find(')') - set_logic.size());
    else if (!line.starts_with("(check-sat"))
      out += line + "\n";
  }
  return out;
}

using Clock = std::chrono::steady_clock;

/// Why a call that began then is to end by now, as the user is told; Z3's own words for that do not
/// tell one from the other.
std::optional<std::string> stop_reason(const SmtOptions &options, Clock::time_point begin) {
  if (options.interrupt && options.interrupt->load())
    return "interrupted";
  if (Clock::now() >= begin + std::chrono::milliseconds(options.timeout_ms))
    return fmt::format("no answer within {} ms", options.timeout_ms);
  return std::nullopt;
}

/// Interrupts whatever runs in a context again and again once a flag is set or its time is up,
/// while the watch lives: one interrupt may be lost between two phases of a solver.
class Watch {
public:
  Watch(z3::context &context, const SmtOptions &options, Clock::time_point begin)
      : options_(options), begin_(begin), thread_([this, &context] { watch(context); }) {}
  ~Watch() {
    {
      std::lock_guard lock(mutex_);
      done_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }
  Watch(const Watch &) = delete;

private:
  void watch(z3::context &context) {
    std::unique_lock lock(mutex_);
    while (!done_) {
      if (stop_reason(options_, begin_))
        context.interrupt();
      wake_.wait_for(lock, std::chrono::milliseconds(20));
    }
  }

  const SmtOptions &options_;
  Clock::time_point begin_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool done_ = false;
  std::thread thread_;
};

SmtResult read_and_solve(const Obligation &obligation, const SmtOptions &options,
                         Clock::time_point begin) {
  std::string logic;
  std::string text = assertions_of(obligation.smtlib, logic);
  if (text.find("fp.fma") != std::string::npos)
    return {SmtAnswer::Unknown, "fp.fma is not trusted", 0};
  if (options.memory_mb)
    Z3_global_param_set("memory_max_size", std::to_string(options.memory_mb).c_str());
  z3::context context;
  z3::solver solver =
      logic.empty() || logic == "ALL" ? z3::solver(context) : z3::solver(context, logic.c_str());
  z3::params params(context);
  // Its own handler of SIGINT would take the signal away from ours, and is not made for several
  // solvers at once: it touches those that are gone.
  params.set("ctrl_c", false);
  if (!options.isolated) // a child has no timer threads, and is killed instead
    params.set("timeout", options.timeout_ms);
  if (options.rlimit)
    params.set("rlimit", options.rlimit);
  solver.set(params);
  std::optional<Watch> watch; // from here on: asserting simplifies, which can take minutes
  if (!options.isolated)
    watch.emplace(context, options, begin);
  solver.from_string(text.c_str());
  switch (solver.check()) {
  case z3::unsat:
    return {SmtAnswer::Proved, {}, 0};
  case z3::sat: {
    std::ostringstream model;
    model << solver.get_model();
    return {SmtAnswer::Refuted, model.str(), 0};
  }
  default:
    return {SmtAnswer::Unknown, solver.reason_unknown(), 0};
  }
}

SmtResult solve(const Obligation &obligation, const SmtOptions &options) {
  auto begin = Clock::now();
  SmtResult out;
  try {
    out = read_and_solve(obligation, options, begin);
  } catch (const z3::exception &error) {
    out.detail = error.msg();
  } catch (const std::bad_alloc &) {
    out.detail = "out of memory";
  }
  if (out.answer == SmtAnswer::Unknown)
    out.detail = stop_reason(options, begin).value_or(out.detail);
  return out;
}

/// The child's message is one letter, then the detail.
SmtResult solve_in_child(const Obligation &obligation, const SmtOptions &options) {
  ChildResult child = run_in_child(
      [&](int out) {
        SmtResult result = solve(obligation, options);
        std::string message = std::string(1, "PRU"[static_cast<int>(result.answer)]);
        message += result.detail + '\n';
        write_all(out, message);
      },
      {options.timeout_ms, options.interrupt});
  if (!child.reason.empty())
    return {SmtAnswer::Unknown, child.reason, 0};
  // Without the last character the message is not whole.
  std::size_t answer = child.output.ends_with('\n') ? std::string_view("PRU").find(child.output[0])
                                                    : std::string_view::npos;
  if (answer == std::string_view::npos)
    return {SmtAnswer::Unknown, "the solver's process gave no answer", 0};
  return {static_cast<SmtAnswer>(answer), child.output.substr(1, child.output.size() - 2), 0};
}

} // namespace

SmtResult check(const Obligation &obligation, const SmtOptions &options) {
  auto begin = Clock::now();
  SmtResult result;
  if (auto reason = stop_reason(options, begin))
    result.detail = *reason;
  else
    result = options.isolated ? solve_in_child(obligation, options) : solve(obligation, options);
  result.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  return result;
}

Solver built_in_solver(const SmtOptions &options) {
  return [options](const Obligation &obligation) { return check(obligation, options); };
}

std::string solver_version() {
  unsigned major = 0, minor = 0, build = 0, revision = 0;
  Z3_get_version(&major, &minor, &build, &revision);
  return "z3 " + std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(build);
}

} // namespace isamorph::verify
