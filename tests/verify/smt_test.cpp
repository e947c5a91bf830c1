#include "verify/smt.h"

#include <catch2/catch.hpp>

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
