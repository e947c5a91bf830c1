// Equality over the real numbers: known functions, and random ones against exact evaluation.
#include "verify/real_polynomial.h"

#include "semantics/evaluator.h"
#include "semantics/hlo.h"

#include <catch2/catch.hpp>
#include <random>
#include <rapidcheck.h>

using namespace isamorph;
using namespace isamorph::verify;
using semantics::ElementType;
using semantics::Tensor;

namespace {

/// A graph of numbers x and y (parameters 0 and 1) whose lines are given.
semantics::TensorGraph graph(const std::string &lines) {
  return semantics::parse_hlo(
      semantics::make_source("<test>", "ENTRY main {\n x = f32[2] parameter(0)\n y = f32[2] "
                                       "parameter(1)\n s = f32[] constant(0)\n zero = f32[2] "
                                       "broadcast(s), dimensions={}\n" +
                                           lines + "\n}\n"));
}

RealVerdict compare(const std::string &left, const std::string &right) {
  return compare_over_reals(graph(left), graph(right));
}

double value(const semantics::TensorGraph &g, const std::vector<Tensor> &inputs,
             std::int64_t element) {
  Tensor out = semantics::evaluate(g, inputs, semantics::numerics_profile("xla_cpu")).at(0);
  return semantics::decode(out.shape().type, out.bits(element));
}

/// Lines of a random expression over x and y of small integer values; small enough that f32 is
/// exact on small integers.
std::string random_lines(std::mt19937_64 &engine, int count) {
  std::vector<std::string> names = {"x", "y", "zero", "x", "y"};
  std::string out;
  for (int i = 0; i < count; ++i) {
    auto pick = [&] { return names[engine() % names.size()]; };
    constexpr std::array<const char *, 6> operations = {"add",     "subtract", "maximum",
                                                        "minimum", "multiply", "add"};
    std::string name = "e" + std::to_string(i);
    std::string a = pick(), b = pick();
    switch (engine() % 8) {
    case 0:
      out += " " + name + " = f32[2] negate(" + a + ")\n";
      break;
    case 1:
      out += " " + name + " = f32[2] abs(" + a + ")\n";
      break;
    default:
      out += " " + name + " = f32[2] " + operations[engine() % operations.size()] + "(" + a + ", " +
             b + ")\n";
    }
    names.push_back(name);
  }
  return out + " ROOT r = f32[2] add(" + names.back() + ", zero)";
}

} // namespace

TEST_CASE("equal functions of real numbers are equal") {
  struct Pair {
    std::string left, right;
  };
  for (const Pair &pair : std::vector<Pair>{
           {"ROOT r = f32[2] maximum(x, y)", "ROOT r = f32[2] maximum(y, x)"},
           {"a = f32[2] maximum(x, zero)\n ROOT r = f32[2] maximum(a, zero)",
            "ROOT r = f32[2] maximum(x, zero)"},
           {"a = f32[2] add(x, x)\n ROOT r = f32[2] maximum(a, zero)",
            "a = f32[2] maximum(x, zero)\n ROOT r = f32[2] add(a, a)"},
           {"a = f32[2] negate(x)\n b = f32[2] negate(y)\n c = f32[2] minimum(a, b)\n ROOT r = "
            "f32[2] negate(c)",
            "ROOT r = f32[2] maximum(x, y)"},
           {"a = f32[2] multiply(x, x)\n ROOT r = f32[2] maximum(a, zero)",
            "ROOT r = f32[2] multiply(x, x)"},
           {"a = f32[2] maximum(x, zero)\n b = f32[2] maximum(y, zero)\n c = f32[2] multiply(a, "
            "b)\n "
            "ROOT r = f32[2] maximum(c, zero)",
            "a = f32[2] maximum(x, zero)\n b = f32[2] maximum(y, zero)\n ROOT r = f32[2] "
            "multiply(a, b)"},
           {"k = f32[] constant(3)\n b = f32[2] broadcast(k), dimensions={}\n a = f32[2] divide(x, "
            "b)\n c = f32[2] add(a, a)\n ROOT r = f32[2] add(c, a)",
            "ROOT r = f32[2] add(x, zero)"},
           {"a = f32[2] exponential(x)\n ROOT r = f32[2] maximum(a, zero)",
            "ROOT r = f32[2] exponential(x)"},
           {"a = f32[2] divide(x, y)\n ROOT r = f32[2] add(a, a)",
            "a = f32[2] add(x, x)\n ROOT r = f32[2] divide(a, y)"},
       }) {
    INFO(pair.left << "\n" << pair.right);
    CHECK(compare(pair.left, pair.right).outcome == Outcome::Equivalent);
  }
}

TEST_CASE("different functions of real numbers are different") {
  RealVerdict verdict = compare("ROOT r = f32[2] maximum(x, zero)", "ROOT r = f32[2] add(x, zero)");
  REQUIRE(verdict.outcome == Outcome::Different);
  CHECK(verdict.difference->left == "0");
  CHECK(verdict.difference->right == "-1");
  CHECK(compare("ROOT r = f32[2] divide(x, y)", "ROOT r = f32[2] multiply(x, y)").outcome ==
        Outcome::Different);
  CHECK(compare("ROOT r = f32[2] abs(x)", "ROOT r = f32[2] maximum(x, zero)").outcome ==
        Outcome::Different);
  // a third is no float: the exact value is given, and the nearest float is another number
  RealVerdict third = compare(
      "k = f32[] constant(3)\n b = f32[2] broadcast(k), dimensions={}\n ROOT r = f32[2] divide(x, "
      "b)",
      "k = f32[] constant(0.333333343)\n b = f32[2] broadcast(k), dimensions={}\n ROOT r = f32[2] "
      "multiply(x, b)");
  REQUIRE(third.outcome == Outcome::Different);
  CHECK(third.difference->left == "1/3");
}

TEST_CASE("what real numbers do not say is unknown, with the reason") {
  RealVerdict zero = compare("ROOT r = f32[2] divide(x, zero)", "ROOT r = f32[2] add(x, zero)");
  CHECK(zero.outcome == Outcome::Unknown);
  CHECK(zero.reason == "a division by zero");
  CHECK(compare("ROOT r = f32[2] exponential(x)", "ROOT r = f32[2] tanh(x)").outcome ==
        Outcome::Unknown);
  CHECK(compare("a = s32[2] bitcast-convert(x)\n ROOT r = f32[2] bitcast-convert(a)",
                "ROOT r = f32[2] add(x, zero)")
            .outcome == Outcome::Unknown);
}

TEST_CASE("verdicts over the reals agree with exact evaluation") {
  REQUIRE(rc::check([](std::uint64_t seed) {
    std::mt19937_64 engine(seed);
    int count = 1 + static_cast<int>(engine() % 2);
    semantics::TensorGraph left = graph(random_lines(engine, count)),
                           right = graph(random_lines(engine, count));
    RealVerdict verdict = compare_over_reals(left, right);
    RC_CLASSIFY(verdict.outcome == Outcome::Equivalent, "equal");
    if (verdict.difference) {
      const RealDifference &d = *verdict.difference;
      RC_ASSERT(value(left, d.inputs, d.element) == std::stod(d.left));
      RC_ASSERT(value(right, d.inputs, d.element) == std::stod(d.right));
      RC_ASSERT(d.left != d.right);
    }
    if (verdict.outcome == Outcome::Equivalent)
      for (int i = 0; i < 20; ++i) {
        std::vector<Tensor> inputs;
        for (int p = 0; p < 2; ++p) {
          Tensor tensor({ElementType::F32, {2}});
          for (float &v : tensor.as<float>())
            v = static_cast<float>(static_cast<int>(engine() % 9) - 4);
          inputs.push_back(std::move(tensor));
        }
        RC_ASSERT(value(left, inputs, 1) == value(right, inputs, 1));
      }
  }));
}
