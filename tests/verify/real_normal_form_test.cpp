// Equality at level real: what the verifier proves, the checker proves again by code of its own;
// what differs by one coefficient is refuted; neither looks into bytes, divisions by zero or NaN.
#include "small_machine.h"

#include "verify/certificate.h"
#include "verify/checker/checker.h"
#include "verify/checker/execution.h"
#include "verify/checker/real_forms.h"
#include "verify/parameter_shapes.h"
#include "verify/real_normal_form.h"
#include "verify/smt.h"
#include "verify/symbolic.h"

#include <random>
#include <rapidcheck.h>
#include <sstream>

using namespace isamorph;
using namespace isamorph::verify;

namespace {

/// HLO lines that compute a prefix expression, "(* x (+ r 0.5))", of x : T[4] and r, its reverse;
/// the last line defines y. Operators: * + - /, and names of HLO operations; (bf16 e) converts
/// there and back.
class Lines {
public:
  explicit Lines(std::string type = "f32") : type_(std::move(type)) {}

  std::string of(const std::string &expression) {
    std::string spaced;
    for (char c : expression)
      spaced += c == '(' || c == ')' ? std::string(" ") + c + " " : std::string(1, c);
    in_.str(spaced);
    in_.clear();
    text_ = "r = " + type_ + "[4] reverse(x), dimensions={0}\n";
    std::string last = next();
    return text_ + "y = " + type_ + "[4] copy(" + last + ")\n";
  }

private:
  std::string add(const std::string &line, const std::string &type) {
    std::string name = "e" + std::to_string(count_++);
    text_ += name + " = " + type + "[4] " + line + "\n";
    return name;
  }

  std::string next() {
    std::string word;
    in_ >> word;
    if (word == "x" || word == "r")
      return word;
    if (word != "(") {
      std::string name = "c" + std::to_string(count_++);
      text_ += name + " = " + type_ + "[] constant(" + word + ")\n";
      return add("broadcast(" + name + "), dimensions={}", type_);
    }
    in_ >> word;
    std::string arguments, argument;
    while (in_ >> std::ws && in_.peek() != ')')
      arguments += (arguments.empty() ? "" : ", ") + next();
    in_ >> argument;
    if (word == "bf16")
      return add("convert(" + add("convert(" + arguments + ")", "bf16") + ")", type_);
    for (auto [sign, name] : {std::pair("+", "add"), std::pair("-", "subtract"),
                              std::pair("*", "multiply"), std::pair("/", "divide")})
      if (word == sign)
        word = name;
    return add(word + "(" + arguments + ")", type_);
  }

  std::string type_, text_;
  std::istringstream in_;
  int count_ = 0;
};

const std::string &as_work(const std::string &lines) { return lines; }

std::string as_program(const std::string &lines) {
  std::string out = "x = f32[4] parameter(0)\n" + lines;
  out.insert(out.rfind("y = "), "ROOT ");
  return out;
}

Verdict judge(const std::string &kernel, const std::string &program) {
  return test::judge(as_work(Lines().of(kernel)), as_program(Lines().of(program)), Level::Real);
}

bool uses(const Verdict &verdict, const std::string &lemma) {
  return std::ranges::find(verdict.lemmas, lemma) != verdict.lemmas.end();
}

struct Answers {
  bool prover = false, checker = false;
};

/// Of the first element; the checker is given the lemmas that the prover names.
Answers compare(const std::string &left, const std::string &right, bool laws) {
  const semantics::NumericsProfile &profile = semantics::numerics_profile("xla_cpu");
  semantics::TensorGraph a = test::graph(as_program(Lines().of(left))),
                         b = test::graph(as_program(Lines().of(right)));
  TermGraph terms(profile);
  std::vector<SymbolicTensor> inputs = symbolic_inputs(terms, parameter_shapes(a));
  TermId l = execute(terms, a, inputs).at(0).elements[0],
         r = execute(terms, b, inputs).at(0).elements[0];
  Atoms atoms(laws);
  RealNormalizer normalizer(terms, atoms, {});
  Answers out;
  out.prover = normalizer.equal(l, r);
  std::set<std::string> lemmas = terms.lemmas();
  lemmas.insert(atoms.facts().begin(), atoms.facts().end());
  Values values(profile, lemmas);
  ValueId x = run(values, a, input_values(values, a)).at(0).at(0),
          y = run(values, b, input_values(values, b)).at(0).at(0);
  out.checker = RealForms(values, {}).equal(x, y);
  for (const std::string &lemma : atoms.facts())
    if (out.prover && l != r && !values.used().contains(lemma))
      FAIL_CHECK("the checker has no use for " << lemma);
  return out;
}

struct Expression {
  std::string head; ///< an operator, or a word without operands
  std::vector<Expression> operands = {};

  std::string text() const {
    if (operands.empty())
      return head;
    std::string out = "(" + head;
    for (const Expression &operand : operands)
      out += " " + operand.text();
    return out + ")";
  }
  int size() const {
    int out = 1;
    for (const Expression &operand : operands)
      out += operand.size();
    return out;
  }
};

class Laws {
public:
  explicit Laws(std::uint64_t seed) : engine_(seed) {}

  Expression expression(int depth) {
    if (depth == 0 || pick(5) == 0)
      return leaf();
    constexpr std::array operators = {"+", "-", "*", "*", "+"};
    return {operators[pick(operators.size())], {expression(depth - 1), expression(depth - 1)}};
  }
  Expression leaf() {
    constexpr std::array leaves = {"x", "r", "x", "2", "0.5", "-3", "1"};
    return {leaves[pick(leaves.size())]};
  }
  /// c times a product of inputs.
  Expression monomial() {
    constexpr std::array factors = {"1", "-2", "0.25"};
    return {"*", {{factors[pick(factors.size())]}, {"*", {{"x"}, {pick(2) ? "r" : "1"}}}}};
  }

  /// One law of rings, at a random place where it applies.
  void rewrite(Expression &e) {
    if (!e.operands.empty() && pick(3))
      return rewrite(e.operands[pick(e.operands.size())]);
    bool sum = e.head == "+", product = e.head == "*";
    switch (pick(9)) {
    case 0:
      if (sum || product)
        std::swap(e.operands[0], e.operands[1]);
      return;
    case 1: // (a o b) o c = a o (b o c)
      if ((sum || product) && e.operands[0].head == e.head) {
        Expression inner = e.operands[0];
        e = {e.head, {inner.operands[0], {e.head, {inner.operands[1], e.operands[1]}}}};
      }
      return;
    case 2:
    case 3:
      distribute(e);
      return;
    case 4: // a - b = a + (-1) b
      if (e.head == "-")
        e = {"+", {e.operands[0], {"*", {{"-1"}, e.operands[1]}}}};
      return;
    case 5:
      e = {"-", {{"+", {e, {"2"}}}, {"2"}}};
      return;
    case 6:
      e = {"*", {{"*", {{"4"}, e}}, {"0.25"}}};
      return;
    case 7:
      e = pick(2) ? Expression{"bf16", {e}} : Expression{"/", {{"*", {e, {"3"}}}, {"3"}}};
      return;
    default:
      e = {"-", {{"*", {{"2"}, e}}, e}};
    }
  }

  /// A program, and the same after some laws.
  std::pair<Expression, Expression> pair(int laws) {
    Expression left = expression(3), right = left;
    for (int i = 0; i < laws && right.size() < 200; ++i)
      rewrite(right);
    return {left, right};
  }

private:
  std::size_t pick(std::size_t count) { return engine_() % count; }
  static void distribute(Expression &e) {
    for (std::size_t sum = 0; e.head == "*" && sum < 2; ++sum) {
      Expression inner = e.operands[sum], other = e.operands[1 - sum];
      if (inner.head != "+" && inner.head != "-")
        continue;
      e = {inner.head, {{"*", {inner.operands[0], other}}, {"*", {inner.operands[1], other}}}};
      return;
    }
  }
  std::mt19937_64 engine_;
};

struct Row {
  const char *left, *right, *lemma;
};

/// One of the shares of three exponentials whose exponents are moved by `above` and, below the
/// fraction bar, by `below`.
std::string softmax(const std::string &above, const std::string &below) {
  auto moved = [](const std::string &x, const std::string &by) {
    return "(exponential (- " + x + " " + by + "))";
  };
  return "(/ " + moved("x", above) + " (+ " + moved("x", below) + " (+ " + moved("r", below) + " " +
         moved("(* x r)", below) + ")))";
}

constexpr const char *kLogarithmOfProduct = "log(a*b)=log(a)+log(b) where a>0 and b>0";

const Row kEqual[] = {
    {"(* x (+ r x))", "(+ (* x r) (* x x))", "real ring"},
    {"(+ (* 2 x) (* 3 x))", "(* 5 x)", "real ring"},
    {"(- (+ x 1) 1)", "(bf16 x)", "real ring"},
    {"(/ (* 3 x) 3)", "(bf16 x)", "real division"},
    {"(* (+ x r) (- x r))", "(- (* x x) (* r r))", "real ring"},
    {"(/ x r)", "(* x (/ 1 r))", "real division"},
    {"(* (/ x r) r)", "(bf16 x)", "real division"},
    {"(/ (+ x r) (+ r x))", "1", "real division"},
    {"(+ (/ x r) (/ r x))", "(/ (+ (* x x) (* r r)) (* x r))", "real division"},
    {"(/ 1 (+ 1 (/ 1 x)))", "(/ x (+ x 1))", "real division"},
    {"(/ (- (* x x) (* r r)) (+ x r))", "(- x r)", "real division"},
    {"(maximum (* 2 x) (* 2 r))", "(* 2 (maximum r x))", "real maximum"},
    {"(negate (minimum (negate x) r))", "(maximum x (negate r))", "real maximum"},
    {"(maximum (* x x) 0)", "(bf16 (* x x))", "real maximum"},
    {"(tanh (* 2 (+ x r)))", "(tanh (+ (* 2 x) (+ r r)))", "real ring"},
    {"(* (exponential x) (exponential r))", "(exponential (+ x r))", "exp(a+b)=exp(a)exp(b)"},
    {"(* (exponential x) (exponential (negate x)))", "1", "exp(0)=1"},
    {"(/ (exponential (- x (maximum x r))) (+ (exponential (- x (maximum x r))) (exponential (- r "
     "(maximum x r)))))",
     "(/ (exponential x) (+ (exponential x) (exponential r)))", "exp(a+b)=exp(a)exp(b)"},
    {"(logistic x)", "(/ 1 (+ 1 (exponential (negate x))))", "logistic(x)=1/(1+exp(-x))"},
    {"(logistic x)", "(/ (exponential x) (+ (exponential x) 1))", "logistic(x)=1/(1+exp(-x))"},
    {"(tanh x)", "(- (* 2 (logistic (* 2 x))) 1)", "tanh(x)=1-2/(exp(2x)+1)"},
    {"(* x (rsqrt r))", "(/ x (sqrt r))", "rsqrt(x)=1/sqrt(x)"},
    {"(log (exponential (* x r)))", "(bf16 (* x r))", "log(exp(x))=x"},
    {"(- (log (* 3 (exponential x))) (log (* 3 (exponential r))))", "(- x r)", kLogarithmOfProduct},
    {"(log (/ (exponential x) (+ (exponential x) (exponential r))))",
     "(- x (log (+ (exponential r) (exponential x))))", kLogarithmOfProduct},
    {"(+ (maximum x r) (log (+ (exponential (- x (maximum x r))) (exponential (- r (maximum x "
     "r))))))",
     "(log (+ (exponential x) (exponential r)))", kLogarithmOfProduct},
    {"(log-plus-one (exponential x))", "(- x (log (logistic x)))", kLogarithmOfProduct},
    {"(exponential (log (+ (exponential x) (exponential r))))",
     "(+ (exponential x) (exponential r))", "exp(log(x))=x where x>0"},
    {"(exponential (- x (log (+ (exponential x) (exponential r)))))",
     "(/ (exponential x) (+ (exponential x) (exponential r)))", "exp(log(x))=x where x>0"},
    {"(exponential (* -2 (log-plus-one (exponential x))))",
     "(/ 1 (* (+ 1 (exponential x)) (+ 1 (exponential x))))", "exp(log(x))=x where x>0"},
    {"(exponential (log (maximum x (exponential r))))", "(maximum (exponential r) x)",
     "exp(log(x))=x where x>0"},
    {"(maximum (sqrt x) 0)", "(bf16 (sqrt x))", "exp(x)>=0, logistic(x)>=0, sqrt(x)>=0"},
};

} // namespace

TEST_CASE("laws of real numbers are proved of kernels, by the lemma that says so") {
  for (const Row &row : kEqual) {
    INFO(row.left << " and " << row.right);
    bool laws = std::string(row.lemma).find('(') != std::string::npos;
    Answers answers = compare(row.left, row.right, laws);
    CHECK(answers.prover);
    CHECK(answers.checker);
    if (laws)
      CHECK_FALSE(compare(row.left, row.right, false).prover);
  }
  for (std::size_t i : {0, 1, 2, 3, 15}) {
    Verdict verdict = judge(kEqual[i].left, kEqual[i].right);
    INFO(kEqual[i].left << ": " << verdict.reason);
    CHECK(verdict.outcome == Outcome::Equivalent);
    CHECK(verdict.level == Level::Real);
    CHECK(uses(verdict, kEqual[i].lemma));
    CHECK(verdict.reason.ends_with("where no divisor is 0") == uses(verdict, "real division"));
  }
}

TEST_CASE("a softmax loses any shift, if it is the same above and below") {
  const std::vector<std::string> shifts = {"0",
                                           "3",
                                           "(+ x r)",
                                           "(/ (+ x (+ r (* x r))) 3)",
                                           "(minimum x r)",
                                           "(maximum x (* r r))",
                                           "(* (sqrt x) r)"};
  for (const std::string &shift : shifts)
    for (const std::string &other : shifts) {
      INFO(shift << " and " << other);
      Answers same = compare(softmax(shift, shift), softmax(other, other), true);
      CHECK(same.prover);
      CHECK(same.checker);
      Answers apart = compare(softmax(shift, other), softmax("0", "0"), true);
      CHECK(apart.prover == (shift == other));
      CHECK(apart.checker == (shift == other));
    }
  CHECK(judge(softmax("(+ x r)", "(+ x r)"), softmax("0", "0")).outcome == Outcome::Equivalent);
  CHECK(judge(softmax("(+ x r)", "0"), softmax("0", "0")).outcome == Outcome::Different);
  CHECK(judge(softmax("3", "2"), softmax("0", "0")).outcome == Outcome::Different);
}

TEST_CASE("a matrix product distributes over a sum of matrices at real, and not at bits") {
  const std::string lines =
      "a = f32[2,2] reshape(x)\nr = f32[4] reverse(x), dimensions={0}\nb = f32[2,2] reshape(r)\n"
      "t = f32[2,2] transpose(a), dimensions={1,0}\n";
  auto dot = [](const std::string &name, const std::string &left, const std::string &right) {
    return name + " = f32[2,2] dot(" + left + ", " + right +
           "), lhs_contracting_dims={1}, rhs_contracting_dims={0}\n";
  };
  std::string factored = lines + "s = f32[2,2] add(b, t)\n" + dot("p", "a", "s") +
                         "y = f32[4] reshape(p)\n",
              multiplied = lines + dot("p", "a", "b") + dot("q", "a", "t") +
                           "s = f32[2,2] add(p, q)\ny = f32[4] reshape(s)\n";
  CHECK(test::judge(as_work(factored), as_program(multiplied), Level::Real).outcome ==
        Outcome::Equivalent);
  CHECK(test::judge(as_work(factored), as_program(multiplied), Level::Bits).outcome ==
        Outcome::Different);
}

TEST_CASE("different functions of real numbers are refuted of kernels") {
  for (auto [left, right] :
       {std::pair("(+ (* 2 x) (* 3 x))", "(* 5.0625 x)"), std::pair("(- (+ x 1) 1)", "(+ x 1)"),
        std::pair("(* (+ x r) (- x r))", "(+ (* x x) (* r r))"),
        std::pair("(exponential (+ x r))", "(+ (exponential x) (exponential r))"),
        std::pair("(/ x 3)", "(* x 0.34375)"), std::pair("(maximum x r)", "(maximum x 0)"),
        std::pair("(* x (/ 1 r))", "(/ r x)")}) {
    Verdict verdict = judge(left, right);
    INFO(left << " and " << right << ": " << verdict.reason);
    CHECK(verdict.outcome == Outcome::Different);
  }
}

TEST_CASE("minus infinity is below every number, also where functions are told apart") {
  CHECK(judge("(maximum x -inf)", "(bf16 x)").outcome == Outcome::Equivalent);
  CHECK(judge("(* r (maximum x -inf))", "(+ r (maximum -inf x))").outcome == Outcome::Different);
  CHECK(judge("(* r (minimum x inf))", "(+ r (minimum inf x))").outcome == Outcome::Different);
}

TEST_CASE("what real numbers say nothing of is not proved") {
  for (auto [left, right] :
       {std::pair("(/ x 0)", "(/ (* 2 x) 0)"),
        std::pair("(* 0 (/ x (- x x)))", "0"),
        std::pair("(- (+ x nan) nan)", "(bf16 x)"),
        std::pair("(- (+ x inf) inf)", "(bf16 x)"),
        std::pair("(log (* x r))", "(+ (log x) (log r))"),
        std::pair("(sqrt (* x x))", "x"),
        std::pair("(exponential (log x))", "x"),
        std::pair("(log (* x x))", "(* 2 (log x))"),
        std::pair("(exponential (log (* x x)))", "(bf16 (* x x))"),
        std::pair("(exponential (log (sqrt x)))", "(bf16 (sqrt x))"),
        std::pair("(exponential (log (maximum x r)))", "(maximum x r)"),
        std::pair("(exponential (log (negate (exponential x))))", "(negate (exponential x))"),
        std::pair("(exponential (log (- (exponential x) (exponential r))))",
                  "(- (exponential x) (exponential r))"),
        std::pair("(log (- (exponential (+ x 1)) (exponential x)))",
                  "(+ x (log (- (exponential 1) 1)))"),
        std::pair("(log (/ (exponential x) r))", "(- x (log r))"),
        std::pair("(log (+ (exponential x) (exponential r)))", "(+ x r)"),
        std::pair("(exponential (+ x (log (+ 1 (exponential x)))))",
                  "(/ (exponential x) (+ 1 (exponential x)))"),
        std::pair("(exponential (* 0.5 (log (+ 1 (exponential x)))))", "(+ 1 (exponential x))"),
        std::pair("(exponential (* 2 (log (+ 1 (exponential x)))))", "(+ 1 (exponential x))"),
        std::pair("(log (* 3 (exponential x)))", "(+ x (log 2))")})
    for (bool laws : {false, true}) {
      INFO(left << " and " << right);
      Answers answers = compare(left, right, laws);
      CHECK_FALSE(answers.prover);
      CHECK_FALSE(answers.checker);
    }
  // Bytes of a rounded sum are no function of a real number.
  const char *const bytes = "y = s32[4] bitcast-convert(s)\n";
  std::string left = "r = f32[4] reverse(x), dimensions={0}\nq = f32[4] multiply(x, x)\n"
                     "a = f32[4] add(x, r)\ns = f32[4] add(a, q)\n",
              right = "r = f32[4] reverse(x), dimensions={0}\nq = f32[4] multiply(x, x)\n"
                      "a = f32[4] add(r, q)\ns = f32[4] add(x, a)\n";
  std::string work = as_work(left + bytes), program = as_program(right + bytes);
  work.replace(work.rfind("s32[4] bitcast-convert(s)"), 25, "f32[4] copy(s)");
  CHECK(test::judge(work, program, Level::Real, "f32", "s32").outcome != Outcome::Equivalent);
}

TEST_CASE("laws of rings never change what is proved, and another coefficient always does") {
  REQUIRE(rc::check([](std::uint64_t seed) {
    Laws laws(seed);
    auto [left, right] = laws.pair(12);
    Answers same = compare(left.text(), right.text(), false);
    RC_ASSERT(same.prover);
    RC_ASSERT(same.checker);
    Expression other{"+", {right, laws.monomial()}};
    for (int i = 0; i < 4; ++i)
      laws.rewrite(other);
    Answers different = compare(left.text(), other.text(), seed % 2 == 0);
    RC_ASSERT(!different.prover);
    RC_ASSERT(!different.checker);
  }));
}

TEST_CASE("kernels changed by laws of rings are equivalent, by another coefficient different") {
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    Laws laws(seed);
    auto [left, right] = laws.pair(8);
    Verdict same = judge(right.text(), left.text());
    INFO(left.text() << "\n" << right.text());
    CHECK(same.outcome == Outcome::Equivalent);
    Verdict other = judge(Expression{"+", {right, laws.monomial()}}.text(), left.text());
    INFO(other.reason);
    CHECK(other.outcome == Outcome::Different);
  }
}

TEST_CASE("a proof by laws of real numbers is checked from its certificate, which names the laws") {
  std::string work = as_work(Lines().of("(/ (exponential (+ x r)) (exponential r))"));
  spec::Isa isa = test::small_isa("f32", 4, work);
  spec::Kernel kernel = test::small_kernel(isa, "f32", "f32", 4);
  semantics::TensorGraph program =
      test::graph(as_program(Lines().of("(* 0.5 (+ (exponential x) (exponential x)))")));
  Verdict verdict = verify_kernel(kernel, isa, program, test::at(Level::Real));
  REQUIRE(verdict.outcome == Outcome::Equivalent);
  std::string text =
      make_certificate(kernel, isa, program, verdict, nullptr, {Level::Real}, nullptr);
  CheckOptions options;
  options.solver = [](const Obligation &obligation) {
    return verify::check(obligation, {60'000, 0, nullptr});
  };
  auto report = [&](const std::string &certificate) {
    return check_certificate(semantics::make_source("c.json", certificate), options);
  };
  CheckReport good = report(text);
  INFO(good.reason);
  CHECK(good.accepted);
  CHECK(std::ranges::find(good.steps, "law exp(a+b)=exp(a)exp(b): taken for granted") !=
        good.steps.end());
  std::string as_lemma = text;
  as_lemma.replace(as_lemma.find("\"law\""), 5, "\"smt\"");
  CHECK(report(as_lemma).reason.find("unknown method 'smt'") != std::string::npos);
}

TEST_CASE("what is too large, or interrupted, is given up with the reason") {
  std::string power = "(+ x r)";
  for (int i = 0; i < 7; ++i)
    power = "(* " + power + " " + power + ")";
  const semantics::NumericsProfile &profile = semantics::numerics_profile("xla_cpu");
  semantics::TensorGraph graph = test::graph(as_program(Lines().of(power)));
  TermGraph terms(profile);
  TermId root =
      execute(terms, graph, symbolic_inputs(terms, parameter_shapes(graph))).at(0).elements[0];
  Atoms few(false, nullptr, 1000);
  CHECK_THROWS_AS(RealNormalizer(terms, few, {}).value(root), TooLarge);
  for (std::uint64_t poll : {0, 20, 100}) {
    StopToken stop = StopToken::at_poll(poll);
    Atoms atoms(false, &stop);
    CHECK_THROWS_AS(RealNormalizer(terms, atoms, {{}, &stop}).value(root), Stopped);
  }
}
