#include "verify/smt.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
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

/// Interrupts a context's solver when a flag is set, while it lives.
class Watch {
public:
  Watch(z3::context &context, const std::atomic<bool> *flag) {
    if (flag)
      thread_ = std::thread([this, &context, flag] {
        std::unique_lock lock(mutex_);
        while (!done_) {
          if (flag->load())
            context.interrupt();
          wake_.wait_for(lock, std::chrono::milliseconds(20));
        }
      });
  }
  ~Watch() {
    if (!thread_.joinable())
      return;
    {
      std::lock_guard lock(mutex_);
      done_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }
  Watch(const Watch &) = delete;

private:
  std::mutex mutex_;
  std::condition_variable wake_;
  bool done_ = false;
  std::thread thread_;
};

SmtResult solve(const Obligation &obligation, const SmtOptions &options) {
  std::string logic;
  std::string text = assertions_of(obligation.smtlib, logic);
  if (text.find("fp.fma") != std::string::npos)
    return {SmtAnswer::Unknown, "fp.fma is not trusted", 0};
  z3::context context;
  z3::solver solver =
      logic.empty() || logic == "ALL" ? z3::solver(context) : z3::solver(context, logic.c_str());
  z3::params params(context);
  params.set("timeout", options.timeout_ms);
  if (options.rlimit)
    params.set("rlimit", options.rlimit);
  solver.set(params);
  solver.from_string(text.c_str());
  Watch watch(context, options.interrupt);
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

} // namespace

SmtResult check(const Obligation &obligation, const SmtOptions &options) {
  auto begin = std::chrono::steady_clock::now();
  SmtResult result;
  try {
    result = solve(obligation, options);
  } catch (const z3::exception &error) {
    result = {SmtAnswer::Unknown, error.msg(), 0};
  }
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return result;
}

std::string solver_version() {
  unsigned major = 0, minor = 0, build = 0, revision = 0;
  Z3_get_version(&major, &minor, &build, &revision);
  return "z3 " + std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(build);
}

} // namespace isamorph::verify
