// Solvers that are somebody else's program: only `unsat`, said alone by a run that ends well, is a
// proof.
#include "verify/outside_solver.h"

#include "certified_product.h"
#include "verify/checker/checker.h"
#include "verify/child_process.h"

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>
#include <unistd.h>

using namespace isamorph;
using namespace isamorph::verify;

namespace {

const Obligation kFalse = {"false", "(set-logic ALL)\n(assert false)\n(check-sat)\n"};
const Obligation kTrue = {"true", "(set-logic ALL)\n(assert true)\n(check-sat)\n"};

/// The answer of a shell script that is given the obligation's file as $1.
SmtResult said(const std::string &script, unsigned timeout_ms = 60'000) {
  return outside_solver("f() { " + script + "\n}; f", {timeout_ms, nullptr})(kFalse);
}

bool installed(const std::string &command) {
  return std::system(("command -v " + command + " > /dev/null 2>&1").c_str()) == 0;
}

} // namespace

TEST_CASE("a solver's proof is the one word unsat") {
  CHECK(said("echo unsat").answer == SmtAnswer::Proved);
  CHECK(said("printf '  unsat\\r\\n\\n'").answer == SmtAnswer::Proved);
  CHECK(said("echo warning >&2; echo unsat").answer == SmtAnswer::Proved);
  CHECK(said("echo sat").answer == SmtAnswer::Refuted);
  struct Case {
    const char *script, *reason;
  };
  for (const Case &c :
       {Case{"echo unknown", "it answers 'unknown'"}, Case{"true", "it says nothing"},
        Case{"echo unsatisfiable", "not understood: 'unsatisfiable'"},
        Case{"echo UNSAT", "not understood"}, Case{"echo unsat; echo sat", "not understood"},
        Case{"echo unsat; echo unsat", "not understood"},
        Case{"echo '(error \"no\")'; echo unsat", "not understood: '(error"},
        Case{"echo unsat; exit 1", "it ended with status 1"},
        Case{"echo unsat; kill -SEGV $$", "ended by signal 11"},
        Case{"echo unsat; kill -KILL $$", "ended by signal 9"},
        Case{"head -c 1000 /dev/urandom", "not understood"},
        Case{"head -c 20000000 /dev/zero", "more output than any answer has"},
        Case{"exit 127", "cannot be run"}}) {
    INFO(c.script);
    SmtResult result = said(c.script);
    CHECK(result.answer == SmtAnswer::Unknown);
    INFO(result.detail);
    CHECK(result.detail.find(c.reason) != std::string::npos);
  }
  CHECK(outside_solver("no-such-solver-anywhere", {})(kFalse).detail.find("cannot be run") !=
        std::string::npos);
}

TEST_CASE("a solver is given the obligation, in a file that does not stay") {
  SmtResult result = said("cat \"$1\"; exit 3");
  CHECK(result.detail.find("(assert false)") != std::string::npos);
  SmtResult name = said("echo \"$1\"; exit 3");
  std::size_t begin = name.detail.find('/'), end = name.detail.rfind('\'');
  REQUIRE(begin < end);
  std::string path = name.detail.substr(begin, end - begin);
  CHECK(path.ends_with(".smt2"));
  CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("a solver that does not end is killed with all that it started") {
  std::string file =
      (std::filesystem::temp_directory_path() / ("isamorph-pid-" + std::to_string(getpid())))
          .string();
  for (const char *wait : {"sleep 1000", "trap '' TERM INT; while true; do sleep 1; done",
                           "echo unsat; sleep 1000", "echo unsat; exec >&-; sleep 1000"}) {
    INFO(wait);
    std::filesystem::remove(file);
    pid_t started = 0;
    // On a busy machine the shell may not have come far when its time is up.
    for (unsigned limit_ms = 300; !(std::ifstream(file) >> started); limit_ms *= 2) {
      REQUIRE(limit_ms < 100'000);
      SmtResult result =
          said("sleep 1000 & echo $! > '" + file + "'; " + std::string(wait), limit_ms);
      CHECK(result.answer == SmtAnswer::Unknown);
      CHECK(result.detail.find("within " + std::to_string(limit_ms) + " ms") != std::string::npos);
    }
    auto running = [&] { // its parent being dead, init collects it in its own time
      std::ifstream status("/proc/" + std::to_string(started) + "/stat");
      std::string id, name, state;
      return (status >> id >> name >> state) && state != "Z";
    };
    for (int i = 0; i < 3000 && running(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    CHECK_FALSE(running());
  }
  std::filesystem::remove(file);
}

TEST_CASE("Ctrl-C kills a solver") {
  std::atomic<bool> interrupt = false;
  std::thread later([&interrupt] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    interrupt = true;
  });
  SmtResult result = outside_solver("sleep 1000 #", {600'000, &interrupt})(kFalse);
  later.join();
  CHECK(result.answer == SmtAnswer::Unknown);
  CHECK(result.detail == "interrupted");
}

TEST_CASE("a child's crash, silence and message are told apart") {
  ChildLimits limits;
  ChildResult good = run_in_child([](int out) { write_all(out, "hello"); }, limits);
  CHECK(good.reason.empty());
  CHECK(good.output == "hello");
  ChildResult crash = run_in_child([](int) { raise(SIGKILL); }, limits);
  CHECK(crash.reason == "ended by signal 9 (Killed)");
  ChildResult status = run_in_child([](int) { _exit(5); }, limits);
  CHECK(status.reason.empty());
  CHECK(status.status == 5);
}

namespace {

/// A solver re-checks a certificate with lemmas, if it is installed.
void recheck(const std::string &program, const std::string &options) {
  if (!installed(program)) {
    WARN(program << " is not installed: skipped");
    return;
  }
  Solver solver = outside_solver(program + options, {60'000, nullptr});
  CHECK(solver(kFalse).answer == SmtAnswer::Proved);
  CHECK(solver(kTrue).answer == SmtAnswer::Refuted);
  CheckOptions how;
  how.solver = solver;
  CheckReport report =
      check_certificate(semantics::make_source("c.json", test::tile_certificate().dump(1)), how);
  INFO(report.reason);
  CHECK(report.accepted);
}

} // namespace

TEST_CASE("cvc5 re-checks a certificate's obligations") { recheck("cvc5", " --fp-exp"); }

TEST_CASE("z3 re-checks a certificate's obligations", "[slow]") { recheck("z3", ""); }

TEST_CASE("a solver that does not prove refuses the certificate, with its reason") {
  semantics::SourceRef source = semantics::make_source("c.json", test::tile_certificate().dump(1));
  struct Case {
    const char *command, *reason;
    unsigned timeout_ms = 60'000;
  };
  for (const Case &c :
       {Case{"echo sat #", "it is satisfiable"}, Case{"echo unknown #", "it answers 'unknown'"},
        Case{"sleep 1000 #", "no answer within 200 ms", 200},
        Case{"kill -SEGV $$ #", "ended by signal 11"},
        Case{"echo maybe #", "not understood: 'maybe'"}}) {
    CheckOptions options;
    options.solver = outside_solver(c.command, {c.timeout_ms, nullptr});
    CheckReport report = check_certificate(source, options);
    INFO(report.reason);
    CHECK_FALSE(report.accepted);
    CHECK(report.undecided == (std::string_view(c.reason) != "it is satisfiable"));
    CHECK(report.reason.starts_with("$.lemmas[0].obligations[0]: the solver does not prove"));
    CHECK(report.reason.find(c.reason) != std::string::npos);
  }
  CHECK(check_certificate(source).reason == "$.lemmas[0].obligations[0]: no solver was given");
}
