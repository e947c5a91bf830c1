// Attention written in other ways is the same function of real numbers; with one thing wrong in it,
// it is not.
#include "small_machine.h"

#include "verify/certificate.h"
#include "verify/checker/checker.h"

using namespace isamorph;
using namespace isamorph::verify;

namespace {

/// HLO lines about n by n matrices of bf16, $M, their rows, $V, and numbers, $S; $N is n.
std::string sized(std::string lines, int n) {
  std::string size = std::to_string(n);
  for (const auto &[word, type] :
       {std::pair("$M", "bf16[" + size + "," + size + "]"), std::pair("$V", "bf16[" + size + "]"),
        std::pair("$S", std::string("bf16[]")), std::pair("$N", size),
        std::pair("$B", std::to_string(2 * n * n))})
    for (std::size_t at = 0; (at = lines.find(word, at)) != std::string::npos;)
      lines.replace(at, 2, type);
  return lines;
}

std::string dot(const std::string &name, const std::string &left, const std::string &right) {
  return name + " = $M dot(" + left + ", " + right +
         "), lhs_contracting_dims={1}, rhs_contracting_dims={0}\n";
}
std::string sum(const std::string &name, const std::string &of, int along = 1) {
  return name + "_from = $S constant(0)\n" + name + " = $V reduce(" + of + ", " + name +
         "_from), dimensions={" + std::to_string(along) + "}, to_apply=add\n";
}
std::string greatest(const std::string &name, const std::string &of) {
  return name + "_from = $S constant(-inf)\n" + name + " = $V reduce(" + of + ", " + name +
         "_from), dimensions={1}, to_apply=maximum\n";
}
/// Each row's number along the row; `along` 1: each column's along the column.
std::string spread(const std::string &name, const std::string &row, int along = 0) {
  return name + " = $M broadcast(" + row + "), dimensions={" + std::to_string(along) + "}\n";
}
std::string all(const std::string &name, const std::string &number) {
  return name + "_one = $S constant(" + number + ")\n" + name + " = $M broadcast(" + name +
         "_one), dimensions={}\n";
}
std::string scores(const std::string &q = "q", const std::string &k = "k") {
  return "kt = $M transpose(" + k + "), dimensions={1,0}\n" + dot("s", q, "kt");
}
std::string minus(const std::string &name, const std::string &a, const std::string &b) {
  return name + " = $M subtract(" + a + ", " + b + ")\n";
}
std::string softmax(const std::string &of, int along = 1, int spread_along = 0) {
  return "e = $M exponential(" + of + ")\n" + sum("r", "e", along) +
         spread("rb", "r", spread_along) + "p = $M divide(e, rb)\n";
}
std::string less_mean(const std::string &count, int along = 1, int spread_along = 0) {
  return scores() + sum("m", "s", along) + spread("mb", "m", spread_along) + all("n", count) +
         "c = $M divide(mb, n)\n" + minus("t", "s", "c") + softmax("t");
}
std::string log_sum_exp(const std::string &of, const std::string &last) {
  return scores() + greatest("m", "s") + spread("mb", "m") + minus("t", "s", "mb") +
         "e = $M exponential(" + of + ")\n" + sum("r", "e") + "l = $V log(r)\nlm = $V add(l, m)\n" +
         spread("lb", "lm") + minus("u", last, "lb") + "p = $M exponential(u)\n";
}

const std::string kOut = dot("o", "p", "v"), kSoftmax = scores() + softmax("s") + kOut,
                  kLeft = scores() + dot("o", "s", "v"),
                  kRight = "kt = $M transpose(k), dimensions={1,0}\n" + dot("w", "kt", "v") +
                           dot("o", "q", "w");

struct Row {
  const char *what;
  std::string kernel, program;
};

const Row kEqual[] = {
    {"less the mean", less_mean("$N") + kOut, kSoftmax},
    {"log-sum-exp", log_sum_exp("t", "s") + kOut, kSoftmax},
    {"another association", kLeft, kRight},
    {"less the greatest",
     scores() + greatest("m", "s") + spread("mb", "m") + minus("t", "s", "mb") + softmax("t") +
         kOut,
     kSoftmax},
    {"less another number for each row", less_mean("$N", 0) + kOut, kSoftmax},
    {"less the sum",
     scores() + sum("m", "s") + spread("mb", "m") + minus("t", "s", "mb") + softmax("t") + kOut,
     kSoftmax},
    {"log-sum-exp without the greatest",
     scores() + "e = $M exponential(s)\n" + sum("r", "e") + "l = $V log(r)\n" + spread("lb", "l") +
         minus("u", "s", "lb") + "p = $M exponential(u)\n" + kOut,
     kSoftmax},
    {"times the reciprocal",
     scores() + "e = $M exponential(s)\n" + sum("r", "e") + spread("rb", "r") + all("n", "1") +
         "i = $M divide(n, rb)\np = $M multiply(e, i)\n" + kOut,
     kSoftmax},
    {"divided last",
     scores() + "e = $M exponential(s)\n" + sum("r", "e") + spread("rb", "r") + dot("w", "e", "v") +
         "o = $M divide(w, rb)\n",
     kSoftmax},
    {"scaled before and after",
     all("h", "0.125") + "g = $M multiply(q, h)\n" + scores("g") + softmax("s") + kOut,
     scores() + all("h", "8") + "g = $M divide(s, h)\n" + softmax("g") + kOut},
    {"scaled keys and queries",
     all("h", "0.125") + "g = $M multiply(k, h)\n" + scores("q", "g") + softmax("s") + kOut,
     all("h", "0.125") + "g = $M multiply(q, h)\n" + scores("g") + softmax("s") + kOut},
};

const Row kDifferent[] = {
    {"the mean of each column", less_mean("$N", 0, 1) + kOut, kSoftmax},
    {"the mean of another row", less_mean("$N", 1, 1) + kOut, kSoftmax},
    {"sums of columns", scores() + softmax("s", 0, 1) + kOut, kSoftmax},
    {"sums of other rows", scores() + softmax("s", 1, 1) + kOut, kSoftmax},
    {"log-sum-exp that adds the greatest twice", log_sum_exp("t", "t") + kOut, kSoftmax},
    {"log-sum-exp of what is not moved", log_sum_exp("s", "s") + kOut, kSoftmax},
    {"divided by the greatest",
     scores() + greatest("m", "s") + spread("mb", "m") + "t = $M divide(s, mb)\n" + softmax("t") +
         kOut,
     kSoftmax},
    {"scaled by another number",
     all("h", "0.25") + "g = $M multiply(q, h)\n" + scores("g") + softmax("s") + kOut,
     scores() + all("h", "8") + "g = $M divide(s, h)\n" + softmax("g") + kOut},
    {"keys not transposed", dot("s", "q", "k") + dot("o", "s", "v"), kRight},
    {"the factors exchanged", scores() + dot("o", "v", "s"), kRight},
    {"no softmax", kLeft, kSoftmax},
};

/// A machine that does all of it in one instruction.
struct Machine {
  spec::Isa isa;
  spec::Kernel kernel;
};

Machine machine(const std::string &lines, int n) {
  std::string text = R"(isa attention {
  buffer m hbm
  numerics xla_cpu
  unit u
  instruction attention () [a, b, c, d] {
    reads  %qb = m[a : $B]
    reads  %kb = m[b : $B]
    reads  %vb = m[c : $B]
    writes m[d : $B] = %z
    cost   unit u
    semantics {
)";
  for (const char *tensor : {"q", "k", "v"})
    text += std::string(tensor) + "c = u8[$N,$N,2] reshape(" + tensor + "b)\n" + tensor +
            " = $M bitcast-convert(" + tensor + "c)\n";
  text += lines + "y = u8[$N,$N,2] bitcast-convert(o)\nz = u8[$B] reshape(y)\n    }\n  }\n}\n";
  spec::Isa isa = spec::parse_isa(semantics::make_source("attention.isa", sized(text, n)));
  auto place = [&](int tensor) { return std::to_string(2 * n * n * tensor); };
  std::string kernel = "kernel attention {\n  memory " + place(4) + "\n";
  constexpr std::array tensors = {"input q", "input k", "input v", "output o"};
  for (int t = 0; t < 4; ++t)
    kernel +=
        std::string("  ") + tensors[static_cast<std::size_t>(t)] + " @ " + place(t) + " : $M\n";
  kernel += "  attention(a=0, b=" + place(1) + ", c=" + place(2) + ", d=" + place(3) + ")\n}\n";
  auto source = semantics::make_source("attention.asm", sized(kernel, n));
  return {isa, spec::parse_kernel(source, isa)};
}

semantics::TensorGraph program(std::string lines, int n) {
  lines.insert(lines.rfind("o = "), "ROOT ");
  std::string text = "HloModule attention\n";
  for (const char *op : {"add", "maximum"})
    text += std::string(op) + " {\n  a = $S parameter(0)\n  b = $S parameter(1)\n  ROOT r = $S " +
            op + "(a, b)\n}\n";
  text += "ENTRY attention {\nq = $M parameter(0)\nk = $M parameter(1)\nv = $M parameter(2)\n";
  return semantics::parse_hlo(
      semantics::make_source("attention.hlo", sized(text + lines, n) + "}\n"));
}

Verdict judge(const Row &row, int n) {
  Machine m = machine(row.kernel, n);
  return verify_kernel(m.kernel, m.isa, program(row.program, n), test::at(Level::Real));
}

} // namespace

TEST_CASE("attention written in other ways is the same at real") {
  for (const Row &row : kEqual) {
    Verdict verdict = judge(row, 4);
    INFO(row.what << ": " << verdict.reason);
    CHECK(verdict.outcome == Outcome::Equivalent);
    CHECK(verdict.level == Level::Real);
  }
}

TEST_CASE("attention with one thing wrong in it is refuted at real") {
  for (const Row &row : kDifferent) {
    Verdict verdict = judge(row, 4);
    INFO(row.what << ": " << verdict.reason);
    CHECK(verdict.outcome == Outcome::Different);
  }
}

TEST_CASE("attention of 64 by 64 is proved by one element of it, and checked", "[slow]") {
  for (std::size_t i = 0; i < 3; ++i) {
    const Row &row = kEqual[i];
    Machine m = machine(row.kernel, 64);
    semantics::TensorGraph graph = program(row.program, 64);
    VerifyOptions options = test::at(Level::Real);
    options.tests.max_tests = 1;
    Verdict verdict = verify_kernel(m.kernel, m.isa, graph, options);
    INFO(row.what << ": " << verdict.reason);
    REQUIRE(verdict.outcome == Outcome::Equivalent);
    std::string text =
        make_certificate(m.kernel, m.isa, graph, verdict, nullptr, {Level::Real}, nullptr);
    CheckOptions check;
    check.solver = [](const Obligation &) { return SmtResult{SmtAnswer::Proved, {}}; };
    CheckReport report = check_certificate(semantics::make_source("c.json", text), check);
    INFO(report.reason);
    CHECK(report.accepted);
  }
}
