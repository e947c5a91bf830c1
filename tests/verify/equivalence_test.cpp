// Verdicts on hand-written kernels, on kernels with typical mistakes, and on programs built to
// catch a verifier that believes too much: signs of zero and NaN payloads seen through their bits,
// re-association, limits of time.
#include "small_machine.h"

#include <numeric>

using namespace isamorph;
using namespace isamorph::verify;
using test::at;
using test::graph;
using test::judge;
using test::small_isa;
using test::small_kernel;

namespace {

spec::Kernel changed(const spec::Kernel &kernel, std::size_t instruction, std::size_t attribute,
                     std::int64_t value) {
  spec::Kernel out = kernel;
  out.instructions.at(instruction).attributes.at(attribute) = value;
  return out;
}

const char *const kAddZero =
    "%c = f32[] constant(0)\n%b = f32[4] broadcast(%c), dimensions={}\n%y = f32[4] add(%x, %b)";
const char *const kTimesOne = "%c = f32[] constant(1)\n%b = f32[4] broadcast(%c), "
                              "dimensions={}\n%y = f32[4] multiply(%x, %b)";
const char *const kCopy = "ROOT x = f32[4] parameter(0)";
const char *const kBits = "x = f32[4] parameter(0)\nROOT y = s32[4] bitcast-convert(x)";

} // namespace

TEST_CASE("the hand-written kernels are proved at bits") {
  for (const auto &[file, isa_name, name] :
       {std::tuple("qkv/identity", "qkv", "identity"), std::tuple("qkv/matmul", "qkv", "matmul"),
        std::tuple("qkv/attention", "qkv", "attention"),
        std::tuple("qkv_new/attention", "qkv_new", "attention")}) {
    INFO(file);
    spec::Isa isa = spec::load_isa(isa_name);
    Verdict verdict = verify_kernel(test::kernel_file(file, isa), isa, test::program(name), {});
    CHECK(verdict.outcome == Outcome::Equivalent);
    CHECK(verdict.level == Level::Bits);
    CHECK_FALSE(verdict.counterexample);
  }
}

TEST_CASE("softmax by way of the identity matrix is equivalent at finite and not at bits",
          "[slow]") {
  spec::Isa isa = spec::load_isa("qkv");
  spec::Kernel kernel = test::kernel_file("qkv/softmax", isa);
  semantics::TensorGraph softmax = test::program("softmax");
  Verdict finite = verify_kernel(kernel, isa, softmax, at(Level::Finite));
  CHECK(finite.outcome == Outcome::Equivalent);
  CHECK(finite.level == Level::Finite);
  CHECK_FALSE(finite.lemmas.empty());
  Verdict bits = verify_kernel(kernel, isa, softmax, at(Level::Bits));
  CHECK(bits.outcome != Outcome::Equivalent);
  CHECK(bits.reason.find("finite") != std::string::npos);
  if (bits.outcome == Outcome::Different)
    test::confirm(bits, softmax, kernel, isa);
}

TEST_CASE(
    "the machine that broadcasts row sums along the wrong dimension does not compute attention",
    "[slow]") {
  spec::Isa isa = spec::load_isa("qkv_golden");
  spec::Kernel kernel = test::kernel_file("qkv/attention", isa);
  semantics::TensorGraph attention = test::program("attention");
  Verdict verdict = verify_kernel(kernel, isa, attention, at(Level::Bits, true));
  REQUIRE(verdict.outcome == Outcome::Different);
  test::confirm(verdict, attention, kernel, isa);
  CHECK(verdict.counterexample->nonzero_inputs <= 6);
  Verdict again = verify_kernel(kernel, isa, attention, at(Level::Bits, true));
  CHECK(again.counterexample->inputs == verdict.counterexample->inputs);
}

TEST_CASE("typical mistakes in attention are refuted", "[slow]") {
  spec::Isa isa = spec::load_isa("qkv");
  spec::Kernel right = test::kernel_file("qkv/attention", isa);
  semantics::TensorGraph attention = test::program("attention");
  auto index = [&](const char *name) {
    return static_cast<std::uint32_t>(isa.find_instruction(name) - isa.instructions.data());
  };
  std::vector<spec::Kernel> wrong;
  wrong.push_back(right); // K is not transposed
  wrong.back().instructions[1].instruction = index("load_rm");
  wrong.push_back(right); // V is transposed
  wrong.back().instructions[5].instruction = index("load_cm");
  wrong.push_back(right); // the result is transposed
  wrong.back().instructions[8].instruction = index("store_cm");
  wrong.push_back(changed(right, 3, 0, 63)); // the last row is no softmax
  wrong.push_back(changed(right, 4, 0, 63)); // the last row of the first product stays behind
  wrong.push_back(changed(right, 7, 0, 63));
  wrong.push_back(changed(right, 1, 1, 0));    // Q for K
  wrong.push_back(changed(right, 5, 1, 8192)); // K for V
  wrong.push_back(right);                      // no softmax
  wrong.back().instructions.erase(wrong.back().instructions.begin() + 3);
  for (const spec::Kernel &kernel : wrong) {
    Verdict verdict = verify_kernel(kernel, isa, attention, at(Level::Bits));
    INFO(verdict.reason);
    REQUIRE(verdict.outcome == Outcome::Different);
    test::confirm(verdict, attention, kernel, isa);
    CHECK(verify_kernel(kernel, isa, attention, at(Level::Finite)).outcome == Outcome::Different);
    CHECK(verify_kernel(kernel, isa, attention, at(Level::Real)).outcome != Outcome::Equivalent);
  }
}

TEST_CASE("kernels whose order differs without effect are equivalent") {
  spec::Isa isa = spec::load_isa("qkv");
  spec::Kernel kernel = test::kernel_file("qkv/attention", isa);
  std::swap(kernel.instructions[0], kernel.instructions[1]);
  CHECK(verify_kernel(kernel, isa, test::program("attention"), {}).outcome == Outcome::Equivalent);
}

TEST_CASE("the transpose of B^T A^T is A B bit for bit") {
  spec::Isa isa = spec::load_isa("qkv");
  spec::Kernel kernel = test::kernel_file("qkv/matmul", isa);
  auto index = [&](const char *name) {
    return static_cast<std::uint32_t>(isa.find_instruction(name) - isa.instructions.data());
  };
  kernel.instructions[0].instruction = kernel.instructions[1].instruction = index("load_cm");
  std::swap(kernel.instructions[2].attributes[0], kernel.instructions[2].attributes[1]);
  kernel.instructions[4].instruction = index("store_cm");
  Verdict verdict = verify_kernel(kernel, isa, test::program("matmul"), {});
  CHECK(verdict.outcome == Outcome::Equivalent);
  CHECK(verdict.level == Level::Bits);
  CHECK_FALSE(verdict.lemmas.empty()); // commutativity
}

TEST_CASE("a kernel whose interface does not fit the program is an input error") {
  spec::Isa isa = spec::load_isa("qkv");
  spec::Kernel matmul = test::kernel_file("qkv/matmul", isa);
  CHECK_THROWS_AS(verify_kernel(matmul, isa, test::program("attention"), {}),
                  semantics::InputError);
  CHECK_THROWS_AS(verify_kernel(matmul, isa, test::program("softmax"), {}), semantics::InputError);
  CHECK_THROWS_AS(verify_kernel(test::kernel_file("qkv/identity", isa), isa,
                                graph("ROOT x = bf16[32,128] parameter(0)"), {}),
                  semantics::InputError);
  CHECK_THROWS_AS(verify_kernel(test::kernel_file("qkv/identity", isa), isa,
                                graph("ROOT x = f16[64,64] parameter(0)"), {}),
                  semantics::InputError);
}

TEST_CASE("adding zero and multiplying by one") {
  CHECK(judge(kAddZero, kCopy, Level::Bits).outcome == Outcome::Different); // -0 + 0 is +0
  CHECK(judge(kAddZero, kCopy, Level::Finite).outcome == Outcome::Equivalent);
  CHECK(judge(kTimesOne, kCopy, Level::Finite).outcome == Outcome::Equivalent);
  CHECK(judge(kTimesOne, kCopy, Level::Real).outcome == Outcome::Equivalent);
}

TEST_CASE("the sign of zero, seen through its bits, is no matter of the level") {
  for (Level level : {Level::Bits, Level::Finite, Level::Real}) {
    spec::Isa isa = small_isa("f32", 4, kAddZero);
    spec::Kernel kernel = small_kernel(isa, "f32", "s32", 4);
    semantics::TensorGraph bits = graph(kBits);
    Verdict verdict = verify_kernel(kernel, isa, bits, at(level));
    INFO(name(level) << ": " << verdict.reason);
    CHECK(verdict.outcome != Outcome::Equivalent);
    if (verdict.outcome == Outcome::Different)
      test::confirm(verdict, bits, kernel, isa);
  }
}

TEST_CASE("one over a zero tells its sign, but is an infinity") {
  std::string divide =
      std::string("%c = f32[] constant(0)\n%z = f32[4] broadcast(%c), dimensions={}\n"
                  "%s = f32[4] add(%x, %z)\n%d = f32[] constant(1)\n"
                  "%o = f32[4] broadcast(%d), dimensions={}\n%y = f32[4] divide(%o, %s)");
  const char *const program =
      "x = f32[4] parameter(0)\nd = f32[] constant(1)\no = f32[4] broadcast(d), dimensions={}\n"
      "ROOT y = f32[4] divide(o, x)";
  CHECK(judge(divide, program, Level::Bits).outcome == Outcome::Different);
  CHECK(judge(divide, program, Level::Finite).outcome == Outcome::Equivalent);
}

TEST_CASE("conversion to the same type drops NaN payloads, and denormals where they are flushed") {
  const char *const convert = "%y = f32[4] convert(%x)";
  CHECK(judge(convert, kBits, Level::Bits, "f32", "s32").outcome != Outcome::Equivalent);
  const char *const flush = "numerics flushing extends xla_cpu { denormals flush }";
  CHECK(judge(convert, kCopy, Level::Bits, "f32", "f32", 4, flush).outcome == Outcome::Different);
  CHECK(judge(kTimesOne, kCopy, Level::Bits, "f32", "f32", 4, flush).outcome == Outcome::Different);
  CHECK(judge("%y = s32[4] convert(%x)", "ROOT x = s32[4] parameter(0)", Level::Bits, "s32", "s32")
            .outcome == Outcome::Equivalent);
}

TEST_CASE("where denormals are flushed, the level finite has none among its inputs") {
  const char *const flush = "numerics flushing extends xla_cpu { denormals flush }";
  auto at_finite = [&](const char *work, const char *program, const char *in, const char *out) {
    return judge(work, program, Level::Finite, in, out, 4, flush);
  };
  CHECK(at_finite(kTimesOne, kCopy, "f32", "f32").outcome == Outcome::Equivalent);
  CHECK(at_finite(kAddZero, kCopy, "f32", "f32").outcome == Outcome::Equivalent);
  // A float made of the bits of an integer may be one all the same.
  const char *const made = "%f = f32[4] bitcast-convert(%x)\n%c = f32[] constant(1)\n"
                           "%b = f32[4] broadcast(%c), dimensions={}\n"
                           "%m = f32[4] multiply(%f, %b)\n%y = s32[4] bitcast-convert(%m)";
  const char *const same = "x = s32[4] parameter(0)\nROOT y = f32[4] bitcast-convert(x)";
  CHECK(at_finite(made, same, "s32", "f32").outcome == Outcome::Different);
}

TEST_CASE("another order of a dot's additions is refuted", "[slow]") {
  spec::Isa isa = spec::load_isa("qkv");
  spec::Kernel kernel = test::kernel_file("qkv/matmul", isa);
  const char *const parameters = "a = bf16[64,64] parameter(0)\nb = bf16[64,64] parameter(1)\n";
  const char *const product =
      "ROOT y = bf16[64,64] dot(p, q), lhs_contracting_dims={1}, rhs_contracting_dims={0}";
  const char *const reversed = "p = bf16[64,64] reverse(a), dimensions={1}\n"
                               "q = bf16[64,64] reverse(b), dimensions={0}\n";
  const char *const exchanged = // terms 40 and 41
      "a0 = bf16[64,40] slice(a), slice={[0:64], [0:40]}\n"
      "a1 = bf16[64,1] slice(a), slice={[0:64], [40:41]}\n"
      "a2 = bf16[64,1] slice(a), slice={[0:64], [41:42]}\n"
      "a3 = bf16[64,22] slice(a), slice={[0:64], [42:64]}\n"
      "p = bf16[64,64] concatenate(a0, a2, a1, a3), dimensions={1}\n"
      "b0 = bf16[40,64] slice(b), slice={[0:40], [0:64]}\n"
      "b1 = bf16[1,64] slice(b), slice={[40:41], [0:64]}\n"
      "b2 = bf16[1,64] slice(b), slice={[41:42], [0:64]}\n"
      "b3 = bf16[22,64] slice(b), slice={[42:64], [0:64]}\n"
      "q = bf16[64,64] concatenate(b0, b2, b1, b3), dimensions={0}\n";
  for (const char *order : {reversed, exchanged})
    for (Level level : {Level::Bits, Level::Finite}) {
      semantics::TensorGraph p = graph(std::string(parameters) + order + product);
      Verdict verdict = verify_kernel(kernel, isa, p, at(level));
      INFO(order << verdict.reason);
      REQUIRE(verdict.outcome == Outcome::Different);
      test::confirm(verdict, p, kernel, isa);
      CHECK(verdict.tests < 100);
      CHECK(verdict.reason.find("equivalent at real") != std::string::npos);
    }
}

TEST_CASE("a byte of pred other than 0 and 1 becomes 1 by conversion") {
  const char *const program =
      "x = u8[4] parameter(0)\ny = pred[4] bitcast-convert(x)\nz = pred[4] convert(y)\n"
      "ROOT w = u8[4] bitcast-convert(z)";
  const char *const work = "%y = u8[4] copy(%x)";
  CHECK(judge(work, program, Level::Bits, "u8", "u8", 1).outcome == Outcome::Different);
}

TEST_CASE("re-association holds at real and not at bits") {
  const char *const work = "%a = f32[4] reverse(%x), dimensions={0}\n%b = f32[4] multiply(%x, %x)\n"
                           "%s = f32[4] add(%a, %b)\n%y = f32[4] add(%x, %s)";
  const char *const program =
      "x = f32[4] parameter(0)\na = f32[4] reverse(x), dimensions={0}\nb = f32[4] multiply(x, x)\n"
      "s = f32[4] add(x, a)\nROOT y = f32[4] add(s, b)";
  Verdict real = judge(work, program, Level::Real);
  CHECK(real.outcome == Outcome::Equivalent);
  CHECK(real.level == Level::Real);
  REQUIRE(real.ulps);
  CHECK(real.ulps->max > 0);
  CHECK(real.ulps->counts.size() > 1);
  CHECK(std::accumulate(real.ulps->counts.begin(), real.ulps->counts.end(), std::int64_t{0}) <=
        4 * real.tests);
  CHECK(real.tests > 1);
  CHECK(judge(work, program, Level::Bits).outcome == Outcome::Different);
  CHECK(judge(work, program, Level::Finite).outcome == Outcome::Different);
}

TEST_CASE("integers re-associate, but without a rule the verdict is unknown and never a guess") {
  const char *const work = "%a = s32[4] add(%x, %x)\n%y = s32[4] add(%a, %a)";
  const char *const program = "x = s32[4] parameter(0)\na = s32[4] add(x, x)\nb = s32[4] add(a, "
                              "x)\nROOT y = s32[4] add(b, x)";
  CHECK(judge(work, program, Level::Bits, "s32", "s32").outcome != Outcome::Different);
}

TEST_CASE("an interrupt or a time limit gives unknown where there is no proof", "[slow]") {
  spec::Isa isa = spec::load_isa("qkv_golden");
  spec::Kernel kernel = test::kernel_file("qkv/attention", isa);
  semantics::TensorGraph attention = test::program("attention");
  std::atomic<bool> interrupt = true;
  VerifyOptions interrupted;
  interrupted.tests.interrupt = &interrupt;
  Verdict verdict = verify_kernel(kernel, isa, attention, interrupted);
  CHECK(verdict.outcome == Outcome::Unknown);
  CHECK_FALSE(verdict.reason.empty());
  VerifyOptions hurried;
  hurried.tests.time_limit_seconds = 0;
  CHECK(verify_kernel(kernel, isa, attention, hurried).outcome == Outcome::Unknown);
}

TEST_CASE("the sides of a dot are exchanged only where the unit treats them alike") {
  // The instruction computes dot(t, m) transposed, the program dot(m, t).
  const char *body = R"(      %m = bf16[2,2] reshape(%x)
      %t = bf16[2,2] transpose(%m), dimensions={1,0}
      %d = bf16[2,2] dot(%t, %m), lhs_contracting_dims={0}, rhs_contracting_dims={1}
      %e = bf16[2,2] transpose(%d), dimensions={1,0}
      %y = bf16[4] reshape(%e))";
  semantics::TensorGraph program = graph(R"(  a = bf16[4] parameter(0)
  m = bf16[2,2] reshape(a)
  t = bf16[2,2] transpose(m), dimensions={1,0}
  d = bf16[2,2] dot(m, t), lhs_contracting_dims={1}, rhs_contracting_dims={0}
  ROOT b = bf16[4] reshape(d))");
  auto outcome = [&](const std::string &numerics) {
    spec::Isa isa = small_isa("bf16", 2, body, numerics);
    CHECK(spec::parse_isa(semantics::make_source("again.isa", spec::print_isa(isa))).numerics ==
          isa.numerics);
    return verify_kernel(small_kernel(isa, "bf16", "bf16", 2), isa, program, {}).outcome;
  };
  for (const char *name : {"xla_cpu", "avx512_bf16", "arm_bf16", "nvidia_hopper", "amd_cdna3"})
    CHECK(outcome(std::string("numerics ") + name) == Outcome::Equivalent);
  for (const char *name : {"tensix", "tensix_lofi", "tensix_bf16"})
    CHECK(outcome(std::string("numerics ") + name) == Outcome::Different);
  CHECK(outcome("numerics own extends avx512_bf16 { dot unit { left 4 } }") == Outcome::Different);
  CHECK(outcome("numerics own extends avx512_bf16 { dot unit { left 4 right 4 } }") ==
        Outcome::Equivalent);
}

TEST_CASE("a kernel whose tensors have the program's names in another order is refused") {
  spec::Isa isa = spec::parse_isa(semantics::make_source("s.isa", R"(isa s {
  buffer m hbm
  numerics xla_cpu
  unit u
  instruction sub () [p, q, r] {
    reads %x = m[p : 8]
    reads %y = m[q : 8]
    writes m[r : 8] = %z
    cost unit u
    semantics { %z = u8[8] subtract(%x, %y) }
  }
}
)"));
  semantics::TensorGraph program =
      graph("a = u8[8] parameter(0)\nb = u8[8] parameter(1)\nROOT r = u8[8] subtract(a, b)");
  auto kernel = [&](const std::string &first, const std::string &second) {
    return spec::parse_kernel(
        semantics::make_source("k.asm", "kernel k {\n  memory 64\n  input " + first +
                                            " @ 0 : u8[8]\n  input " + second +
                                            " @ 8 : u8[8]\n  output r @ 16 : u8[8]\n"
                                            "  sub(0, 8, 16)\n}\n"),
        isa);
  };
  CHECK_THROWS_WITH(verify_kernel(kernel("b", "a"), isa, program, {}),
                    Catch::StartsWith("k.asm:3:") &&
                        Catch::Contains("inputs are b, a, the program's a, b"));
  for (const auto &[first, second] : {std::pair("a", "b"), std::pair("x", "y")})
    CHECK(verify_kernel(kernel(first, second), isa, program, {}).outcome == Outcome::Equivalent);
}

TEST_CASE("a start index that depends on the inputs leaves the verdict open, with the reason") {
  const std::string steps = "%s = s32[1] slice(%x), slice={[0:1]}\n%i = s32[] reshape(%s)\n%d = "
                            "s32[4] concatenate(%x), dimensions={0}\n%y = s32[4] "
                            "dynamic-slice(%d, %i), dynamic_slice_sizes={4}";
  for (Level level : {Level::Bits, Level::Real}) {
    Verdict verdict =
        judge(steps, "x = s32[4] parameter(0)\n" + std::string("ROOT y = s32[4] copy(x)"), level,
              "s32", "s32");
    CHECK(verdict.outcome == Outcome::Unknown);
    CHECK_THAT(verdict.reason, Catch::Contains("depends on the inputs"));
  }
}
