#include "search/rewrite_proof.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <rapidcheck.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace isamorph;
using namespace isamorph::search;

namespace {

SaturationProgram program(const std::string &text) {
  return parse_saturation_program(
      semantics::make_source(ISAMORPH_SOURCE_DIR "/tests/search/programs/test.eqsat", text));
}

ProgramResult run_text(const std::string &text, const ProgramOptions &options = {}) {
  SaturationProgram parsed = program(text);
  return run(parsed, options);
}

std::string error_of(const std::string &text) {
  try {
    program(text);
  } catch (const semantics::InputError &error) {
    return error.message();
  }
  return "no error";
}

struct Theorem {
  const char *left, *right;
  /// The right side is a term of the e-graph from the start: no rule makes a subtraction.
  bool shown = false;
};

/// Proves each from rules alone, explains it, and looks at the steps.
void prove_all(const char *rules, const std::vector<Theorem> &theorems) {
  for (const Theorem &theorem : theorems) {
    INFO(theorem.left << " = " << theorem.right);
    SaturationProgram parsed =
        program(std::string("include \"") + rules +
                "\"\nscheduler backoff\nlimit iterations 60\n"
                "limit nodes 100000\nprove " +
                theorem.left + " = " + theorem.right +
                (theorem.shown ? std::string("\nterm ") + theorem.right : ""));
    ProgramOptions options;
    options.explain = true;
    ProgramResult result = run(parsed, options);
    REQUIRE(result.goals[0].proved);
    auto [left, right] = result.goals[0].terms.value();
    const ProofForest &forest = *result.graph->proofs();
    Explanation plain = result.graph->explain(left, right, false),
                explanation = result.graph->explain(left, right);
    auto steps = flatten(explanation, parsed, forest, 10'000, 1'000'000);
    REQUIRE(steps);
    CHECK(steps->front().term == theorem.left);
    CHECK(steps->back().term == term_text(forest, parsed.names, right));
    CHECK(steps->size() <= explanation.length + 1);
    CHECK(explanation.length >= 1);
    CHECK(plain.length >= 1);
  }
}

} // namespace

TEST_CASE("each iteration has the counts that the literature gives") {
  SECTION("rules without conditions") {
    ProgramResult result = run_text("include \"math_unconditional.rules\"\n"
                                    "include \"math_terms.rules\"\nlimit iterations 4");
    std::vector<std::pair<std::size_t, std::size_t>> counts;
    for (IterationCounts c : result.report.iterations)
      counts.emplace_back(c.nodes, c.classes);
    CHECK(counts == std::vector<std::pair<std::size_t, std::size_t>>{
                        {140, 51}, {426, 137}, {911, 256}, {9242, 4165}});
  }
  SECTION("with folding and conditions") {
    ProgramResult result = run_text("include \"math.rules\"\ninclude \"math_terms.rules\"\n"
                                    "limit iterations 7");
    std::vector<std::pair<std::size_t, std::size_t>> counts;
    for (IterationCounts c : result.report.iterations)
      counts.emplace_back(c.nodes, c.classes);
    CHECK(counts == std::vector<std::pair<std::size_t, std::size_t>>{{137, 53},
                                                                     {321, 100},
                                                                     {611, 194},
                                                                     {1420, 438},
                                                                     {3643, 1176},
                                                                     {10397, 3939},
                                                                     {52432, 20449}});
  }
}

TEST_CASE("the fifth iteration without folding has 4.5 million nodes", "[slow]") {
  ProgramResult result = run_text("include \"math_unconditional.rules\"\n"
                                  "include \"math_terms.rules\"\nlimit iterations 5");
  CHECK(result.graph->node_count() == 4506279);
  CHECK(result.graph->class_count() == 2245966);
}

TEST_CASE("theorems of differentiation and integration") {
  prove_all("math.rules",
            {{"(+ x (+ x (+ x x)))", "(* 4 x)"},
             {"(* (pow 2 x) (pow 2 y))", "(pow 2 (+ x y))"},
             {"(+ 1 (- a (* (- 2 1) a)))", "1"},
             {"(/ 1 (- (/ (+ 1 (sqrt five)) 2) (/ (- 1 (sqrt five)) 2)))", "(/ 1 (sqrt five))"},
             {"(* (+ x 3) (+ x 1))", "(+ (+ (* x x) (* 4 x)) 3)"},
             {"(pow (+ x 1) 2)", "(+ (* x x) (+ (* 2 x) 1))"},
             {"(d x x)", "1"},
             {"(d x y)", "0"},
             {"(d x (+ 1 (* 2 x)))", "2"},
             {"(d x (+ 1 (* y x)))", "y"},
             {"(d x (ln x))", "(/ 1 x)"},
             {"(d x (pow x 3))", "(* 3 (pow x 2))"},
             {"(d x (- (pow x 3) (* 7 (pow x 2))))", "(* x (- (* 3 x) 14))", true},
             {"(i 1 x)", "x"},
             {"(i (cos x) x)", "(sin x)"},
             {"(i (pow x 1) x)", "(/ (pow x 2) 2)"},
             {"(i (* x (cos x)) x)", "(+ (* x (sin x)) (cos x))"},
             {"(i (* (cos x) x) x)", "(+ (* x (sin x)) (cos x))"},
             {"(i (ln x) x)", "(- (* x (ln x)) x)"}});
}

TEST_CASE("theorems of propositional logic") {
  prove_all("logic.rules", {{"(-> x y)", "(-> (~ y) (~ x))"},
                            {"(| (~ x) (~ (~ y)))", "(-> x y)"},
                            {"(| x (~ x))", "true"},
                            {"(& (-> x y) (-> (~ x) z))", "(| y z)"}});
}

TEST_CASE("what does not follow is not proved") {
  ProgramResult result = run_text("include \"math.rules\"\nscheduler backoff\n"
                                  "limit nodes 5000\nprove (+ x y) = (/ x y)");
  CHECK_FALSE(result.goals[0].proved);
  CHECK_FALSE(run_text("prove (f a) = (f ?x)").goals.empty());
  CHECK(run_text("prove (f a) = (f ?x)").goals[0].proved);
  CHECK_FALSE(run_text("prove (f a) = (f b)").goals[0].proved);
}

TEST_CASE("two constants in one class are a contradiction with an explanation") {
  const char *const text = "include \"math.rules\"\ninclude \"math_terms.rules\"\n"
                           "limit iterations 8";
  ProgramResult result = run_text(text);
  CHECK(result.report.reason == StopReason::Contradiction);
  REQUIRE(result.graph->contradiction());
  CHECK(result.graph->contradiction()->what.starts_with("one class holds the constants "));
  CHECK_FALSE(result.graph->contradiction()->terms);

  ProgramOptions options;
  options.explain = true;
  SaturationProgram small = program("rule a: (f ?x) => 1\nrule b: (g ?x) => (+ 1 1)\n"
                                    "rule c: (f ?x) => (g ?x)\nfold +\nterm (f y)");
  result = run(small, options);
  REQUIRE(result.report.reason == StopReason::Contradiction);
  CHECK(result.graph->contradiction()->what == "one class holds the constants 1 and 2");
  auto [one, two] = result.graph->contradiction()->terms.value();
  auto steps =
      flatten(result.graph->explain(one, two), small, *result.graph->proofs(), 100, 10'000);
  REQUIRE(steps);
  CHECK(steps->front().term == "1");
  CHECK(steps->back().term == "2");
}

TEST_CASE("matching only what is new, and threads, change no count") {
  for (const char *schedule : {"scheduler simple", "scheduler backoff 40 2"}) {
    std::string text =
        std::string("include \"math_unconditional.rules\"\n") + schedule +
        "\nlimit iterations 4\nlimit nodes 100000\n" // a limit on nodes cuts anywhere
        "term (i (* x (cos x)) x)\nterm (d x (* (sin x) (+ x 1)))";
    ProgramOptions options;
    options.explain = true;
    auto counts = [&](const ProgramResult &r) {
      std::vector<std::pair<std::size_t, std::size_t>> out;
      for (IterationCounts c : r.report.iterations)
        out.emplace_back(c.nodes, c.classes);
      return out;
    };
    ProgramResult one = run_text(text, options);
    options.jobs = 3;
    ProgramResult three = run_text(text, options);
    CHECK(counts(one) == counts(three));
    CHECK(one.graph->proofs()->terms().size() == three.graph->proofs()->terms().size());
    options.incremental = false;
    if (std::string(schedule) == "scheduler simple") {
      CHECK(counts(one) == counts(run_text(text, options)));
    }
  }
}

TEST_CASE("limits stop a program and are named") {
  const char *const grow = "rule g: (f ?a) => (f (g ?a))\nterm (f x)\n";
  CHECK(run_text(std::string(grow) + "limit nodes 50").report.reason == StopReason::NodeLimit);
  CHECK(run_text(std::string(grow) + "limit iterations 3").report.reason ==
        StopReason::IterationLimit);
  CHECK(run_text(std::string(grow) + "limit seconds 0").report.reason == StopReason::TimeLimit);
  CHECK(run_text("rule c: (f ?a ?b) => (f ?b ?a)\nterm (f x y)").report.reason ==
        StopReason::Saturated);
  std::atomic<bool> stop{true};
  ProgramOptions options;
  options.interrupt = &stop;
  CHECK(run_text(grow, options).report.reason == StopReason::Interrupted);
}

TEST_CASE("mistakes in programs are named") {
  CHECK(error_of("tern x") == "'tern' is not a statement");
  CHECK(error_of("term (f ?x)") == "a term has no variables, but this one has ?x");
  CHECK(error_of("term (?f x)") == "a variable stands where the operator must");
  CHECK(error_of("term (f x") == "expected ')', found the end of the text");
  CHECK(error_of("rule r (f ?x) => ?x").starts_with("expected ':'"));
  CHECK(error_of("rule r: (f ?x) => ?y") == "?y does not occur on the left side");
  CHECK(error_of("rule r: (f ?x ?y) <=> ?x") ==
        "?y does not occur on the right side, so the rule cannot be used backwards");
  CHECK(error_of("rule r: ?x => (f ?x)\nrule r: (f ?x) => ?x") ==
        "there is a rule named 'r' already");
  CHECK(error_of("rule r-rev: ?x => (f ?x)\nrule r: (f ?x) <=> (g ?x)") ==
        "there is a rule named 'r-rev' already");
  CHECK(error_of("rule r: (f ?x) => ?x if numbr ?x") == "'numbr' is not a condition");
  CHECK(error_of("rule r: (f ?x) => ?x if number ?y") == "?y does not occur in the rule");
  CHECK(error_of("rule r: (f ?x) => ?x if number y") ==
        "a condition speaks of a variable, such as ?x");
  CHECK(error_of("limit node 4") == "'node' is not a limit");
  CHECK(error_of("limit nodes -4") == "this cannot be negative");
  CHECK(error_of("scheduler fast") == "'fast' is not a scheduler");
  CHECK(error_of("fold x").starts_with("expected operators that can be folded"));
  CHECK(error_of("include \"missing.rules\"").find("missing.rules") != std::string::npos);
  CHECK(error_of("include \"self.rules\"").find("16 deep") != std::string::npos);
  std::string deep;
  for (int i = 0; i < 1002; ++i)
    deep += "(f ";
  CHECK(error_of("term " + deep) == "terms are nested at most 1000 deep");
}

TEST_CASE("includes come to an end") {
  namespace fs = std::filesystem;
  fs::path folder = fs::temp_directory_path() / ("isamorph_includes_" + std::to_string(getpid()));
  fs::create_directory(folder);
  REQUIRE(mkfifo((folder / "pipe").c_str(), 0600) == 0);
  CHECK(error_of("include \"" + (folder / "pipe").string() + "\"").ends_with("is no file"));
  CHECK(error_of("include \"/dev/zero\"") == "/dev/zero: is no file");
  // Each file includes the next one ten times: 10^10 in all, were there no end.
  for (int i = 0; i < 10; ++i)
    for (int n = 0; n < 10; ++n)
      std::ofstream(folder / std::to_string(i), std::ios::app)
          << (i == 9 ? "term x\n" : "include \"" + std::to_string(i + 1) + "\"\n");
  CHECK(error_of("include \"" + (folder / "0").string() + "\"") ==
        "a program includes at most 1000 files");
  fs::remove_all(folder);
}

TEST_CASE("a number is the same with and without brackets") {
  OperatorNames names;
  std::vector<std::string> variables;
  CHECK(to_string(parse_pattern("(f (01) 1.0 (g) (2 x))", names, variables), names, variables) ==
        "(f 1 1 g (2 x))");
}

TEST_CASE("patterns are printed as they were read") {
  REQUIRE(rc::check([] {
    OperatorNames names;
    std::vector<std::string> variables;
    std::function<std::string(int)> term = [&](int depth) -> std::string {
      int kind = *rc::gen::inRange(0, depth == 0 ? 3 : 5);
      if (kind == 0)
        return "?v" + std::to_string(*rc::gen::inRange(0, 3));
      if (kind == 1)
        return std::to_string(*rc::gen::inRange(-3, 3));
      if (kind == 2)
        return "c" + std::to_string(*rc::gen::inRange(0, 3));
      std::string out = "(op" + std::to_string(*rc::gen::inRange(0, 3));
      for (int i = *rc::gen::inRange(1, 9); i > 0; --i)
        out += " " + term(depth - 1);
      return out + ")";
    };
    std::string text = term(3);
    Pattern pattern = parse_pattern(text, names, variables);
    RC_ASSERT(to_string(pattern, names, variables) == text);
  }));
}
