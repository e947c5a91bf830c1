#include "verify/smt.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <thread>

using namespace isamorph::verify;

TEST_CASE("an obligation is proved by refuting its denial") {
  SmtResult result = check(
      {"square",
       "(set-logic ALL)\n(declare-const x Int)\n(assert (not (<= 0 (* x x))))\n(check-sat)\n"});
  CHECK(result.answer == SmtAnswer::Proved);
  CHECK(result.detail.empty());
}

TEST_CASE("a model refutes") {
  SmtResult result = check(
      {"seven", "(set-logic ALL)\n(declare-const x Int)\n(assert (= x (- 7)))\n(check-sat)\n"});
  CHECK(result.answer == SmtAnswer::Refuted);
  CHECK(result.detail.find("(define-fun x () Int") != std::string::npos);
  CHECK(result.detail.find("(- 7)") != std::string::npos);
}

TEST_CASE("a time-out, a limit and bad text are unknown, never proved") {
  // True, but far beyond what a solver does in 200 ms.
  std::string hard = "(set-logic QF_FP)\n(declare-const x (_ FloatingPoint 11 53))\n(declare-const "
                     "y (_ FloatingPoint 11 53))\n"
                     "(assert (not (= (fp.mul RNE x y) (fp.mul RNE y x))))\n(check-sat)\n";
  CHECK(check({"hard", hard}, {200, 0}).answer == SmtAnswer::Unknown);
  CHECK(check({"hard", hard}, {60'000, 1000}).answer == SmtAnswer::Unknown);
  CHECK(check({"text", "(set-logic ALL)\n(assert (= undeclared 1))\n(check-sat)\n"}).answer ==
        SmtAnswer::Unknown);
  CHECK(
      check({"sort", "(set-logic ALL)\n(declare-const x Int)\n(assert x)\n(check-sat)\n"}).answer ==
      SmtAnswer::Unknown);
}

TEST_CASE("fused multiply-add is not put to the solver") {
  std::string text = "(set-logic QF_FP)\n(declare-const x (_ FloatingPoint 5 11))\n"
                     "(assert (not (= (fp.fma RNE x x x) (fp.fma RNE x x x))))\n(check-sat)\n";
  CHECK(check({"fma", text}).answer == SmtAnswer::Unknown);
}

TEST_CASE("the solver has a version") { CHECK(solver_version().starts_with("z3 4.")); }

namespace {

/// True, but beyond what a solver does in minutes.
const char *const kHard = "(set-logic QF_FP)\n(declare-const x (_ FloatingPoint 11 53))\n"
                          "(declare-const y (_ FloatingPoint 11 53))\n"
                          "(assert (not (= (fp.mul RNE x y) (fp.mul RNE y x))))\n(check-sat)\n";

/// Whole numbers without bounds, which Z3 cannot decide.
const char *const kCubes =
    "(set-logic QF_NIA)\n(declare-const x Int)\n(declare-const y Int)\n(declare-const z Int)\n"
    "(assert (and (> x 1) (> y 1) (> z 1)))\n"
    "(assert (= (+ (* x x x) (* y y y)) (* z z z)))\n(check-sat)\n";

SmtOptions isolated(unsigned timeout_ms) {
  SmtOptions options;
  options.timeout_ms = timeout_ms;
  options.isolated = true;
  return options;
}

/// Answers while a flag is set by another thread.
SmtResult interrupted(const char *text, bool in_child) {
  std::atomic<bool> flag = false;
  SmtOptions options;
  options.timeout_ms = 600'000;
  options.interrupt = &flag;
  options.isolated = in_child;
  std::thread later([&flag] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    flag = true;
  });
  SmtResult result = check({"hard", text}, options);
  later.join();
  return result;
}

} // namespace

TEST_CASE("Ctrl-C reaches into a solver's call, in this process and in a child") {
  for (const char *text : {kHard, kCubes})
    for (bool in_child : {false, true}) {
      INFO(text << in_child);
      CHECK(interrupted(text, in_child).answer == SmtAnswer::Unknown);
    }
  std::atomic<bool> flag = true;
  SmtOptions options;
  options.interrupt = &flag;
  SmtResult result = check({"easy", "(set-logic ALL)\n(assert false)\n(check-sat)\n"}, options);
  CHECK(result.answer == SmtAnswer::Unknown);
  CHECK(result.detail == "interrupted");
  options = {.timeout_ms = 0};
  CHECK(check({"easy", "(assert false)\n"}, options).detail == "no answer within 0 ms");
}

TEST_CASE("time that is up while Z3 reads and simplifies is no interrupt, and no answer",
          "[slow]") {
  std::string text = "(set-logic QF_BV)\n(declare-const t0 (_ BitVec 64))\n";
  for (int i = 1; i < 3000; ++i) {
    std::string last = "t" + std::to_string(i - 1);
    text += "(define-fun t" + std::to_string(i) + " () (_ BitVec 64) (bvadd (bvmul " + last + " " +
            last + ") (bvlshr " + last + " #x0000000000000003)))\n";
  }
  text += "(assert (= t2999 #x0000000000000007))\n(check-sat)\n";
  SmtResult result = check({"long", text}, {.timeout_ms = 30});
  CHECK(result.answer == SmtAnswer::Unknown);
  CHECK(result.detail == "no answer within 30 ms");
}

TEST_CASE("a call in a process of its own gives the same answers") {
  CHECK(
      check({"false", "(set-logic ALL)\n(assert false)\n(check-sat)\n"}, isolated(60'000)).answer ==
      SmtAnswer::Proved);
  SmtResult seven =
      check({"seven", "(set-logic ALL)\n(declare-const x Int)\n(assert (= x 7))\n(check-sat)\n"},
            isolated(60'000));
  CHECK(seven.answer == SmtAnswer::Refuted);
  CHECK(seven.detail.find("(define-fun x () Int") != std::string::npos);
  SmtResult bad = check({"text", "(set-logic ALL)\n(assert (= undeclared 1))\n(check-sat)\n"},
                        isolated(60'000));
  CHECK(bad.answer == SmtAnswer::Unknown);
  CHECK(bad.detail.find("undeclared") != std::string::npos);
}

TEST_CASE("a call in a process of its own is killed when time is up") {
  for (const char *text : {kHard, kCubes}) {
    SmtResult result = check({"hard", text}, isolated(200));
    CHECK(result.answer == SmtAnswer::Unknown);
    CHECK(result.detail == "no answer within 200 ms");
  }
}

TEST_CASE("out of memory is unknown") {
  std::string wide = "(_ BitVec 2048)";
  SmtOptions options = isolated(60'000);
  options.memory_mb = 40;
  SmtResult result =
      check({"wide", "(set-logic QF_BV)\n(declare-const x " + wide + ")\n(declare-const y " + wide +
                         ")\n(assert (not (= (bvmul x (bvudiv y x)) (bvsub y "
                         "(bvurem y x)))))\n(check-sat)\n"},
            options);
  INFO(result.detail);
  CHECK(result.answer == SmtAnswer::Unknown);
  CHECK(result.detail.find("memory") != std::string::npos);
}
