// TASO's language: its reader, and what its expressions compute, against loops written here.
#include "verify/audit_taso.h"

#include "semantics/evaluator.h"
#include "verify/audit_taso_sizes.h"

#include <catch2/catch.hpp>

using namespace isamorph;
using namespace isamorph::verify;
using semantics::ElementType;
using semantics::Tensor;

namespace {

std::vector<TasoRule> read(const std::string &text) {
  return read_taso_rules(semantics::make_source("<test>", text));
}

/// What an expression computes at the last of its subject's sizes, for inputs of small integers.
struct Computed {
  std::vector<Tensor> inputs;
  Tensor result;
};
Computed compute(const std::string &expression) {
  RuleSubject subject =
      taso_subject(read(expression + " == " + expression).at(0), ElementType::F32);
  const semantics::TensorGraph &graph = subject.instances.back().left;
  Computed out;
  int next = 0;
  for (semantics::NodeId p : graph.parameters) {
    Tensor tensor(graph[p].shape);
    for (float &x : tensor.as<float>())
      x = static_cast<float>(next++ * 5 % 11 - 5);
    out.inputs.push_back(std::move(tensor));
  }
  out.result = semantics::evaluate(graph, out.inputs, semantics::numerics_profile("xla_cpu")).at(0);
  return out;
}

/// Four-dimensional access; 0 outside.
float at(const Tensor &t, std::int64_t n, std::int64_t c, std::int64_t h, std::int64_t w) {
  const auto &d = t.shape().dims;
  if (h < 0 || w < 0 || h >= d[2] || w >= d[3])
    return 0;
  return t.as<float>()[static_cast<std::size_t>(((n * d[1] + c) * d[2] + h) * d[3] + w)];
}

/// Calls f(n, c, h, w) for each element of the result.
template <class F> void for_each(const Tensor &t, F f) {
  const auto &d = t.shape().dims;
  for (std::int64_t n = 0; n < d[0]; ++n)
    for (std::int64_t c = 0; c < d[1]; ++c)
      for (std::int64_t h = 0; h < d[2]; ++h)
        for (std::int64_t w = 0; w < d[3]; ++w)
          f(n, c, h, w);
}

/// TASO's convolution: windows padded as in TensorFlow, groups by the weights' input channels.
void check_convolution(const Computed &c, std::int64_t stride, bool same) {
  const Tensor &x = c.inputs[0], &weights = c.inputs[1];
  const auto &in = x.shape().dims, &k = weights.shape().dims, &out = c.result.shape().dims;
  std::int64_t groups = in[1] / k[1], pad[2] = {0, 0};
  for (std::size_t d = 0; d < 2; ++d) {
    CHECK(out[d + 2] ==
          (same ? (in[d + 2] + stride - 1) / stride : (in[d + 2] - k[d + 2]) / stride + 1));
    if (same)
      pad[d] = std::max<std::int64_t>((out[d + 2] - 1) * stride + k[d + 2] - in[d + 2], 0) / 2;
  }
  for_each(c.result, [&](std::int64_t n, std::int64_t o, std::int64_t h, std::int64_t w) {
    float sum = 0;
    std::int64_t group = o / (k[0] / groups);
    for (std::int64_t i = 0; i < k[1]; ++i)
      for (std::int64_t a = 0; a < k[2]; ++a)
        for (std::int64_t b = 0; b < k[3]; ++b)
          sum += at(x, n, i + group * k[1], h * stride + a - pad[0], w * stride + b - pad[1]) *
                 at(weights, o, i, a, b);
    CHECK(at(c.result, n, o, h, w) == sum);
  });
}

} // namespace

TEST_CASE("TASO's text reads back to the same") {
  std::string text = "conv2d(1,1,0,2,input_7,enlarge(3,3,input_13)) == "
                     "relu(conv2d(1,1,0,0,input_7,input_13))";
  std::vector<TasoRule> rules = read("# a comment\n " + text + "\nImatmul ==\n Imatmul\n");
  REQUIRE(rules.size() == 2);
  CHECK(rules[0].text == text);
  CHECK(read(rules[0].text).at(0).text == text);
  CHECK(rules[1].text == "Imatmul == Imatmul");
  CHECK(read(" \n# nothing\n").empty());
}

TEST_CASE("mistakes in TASO's text are shown where they are") {
  struct Mistake {
    std::string text;
    std::uint32_t line, column;
    std::string says;
  };
  std::vector<Mistake> mistakes = {
      {"ewadd(input_1,input_2)", 1, 23, "expected '=='"},
      {"ewadd(input_1) == input_1", 1, 14, "expected ','"},
      {"ewad(input_1,input_2) == input_1", 1, 1, "did you mean 'ewadd'"},
      {"input_1 == input_21", 1, 12, "unknown input"},
      {"input_1 == input_01", 1, 12, "unknown input"},
      {"relu(input_1) ==\n  concat(4,input_1,input_1)", 2, 10, "between 0 and 3"},
      {"conv2d(0,1,0,0,input_7,input_10) == input_7", 1, 8, "stride"},
      {"conv2d(1,1,0,4,input_7,input_10) == input_7", 1, 14, "activation"},
      {"input_1 == ", 1, 12, "an expression"},
  };
  std::string deep, close;
  for (int i = 0; i < 70; ++i) {
    deep += "relu(";
    close += ")";
  }
  mistakes.push_back({deep + "input_1" + close + " == input_1", 1, 326, "too large"});
  for (const Mistake &mistake : mistakes) {
    INFO(mistake.text);
    try {
      read(mistake.text);
      FAIL("was read");
    } catch (const semantics::InputError &error) {
      CHECK(error.line() == mistake.line);
      CHECK(error.column() == mistake.column);
      CHECK_THAT(error.what(), Catch::Contains(mistake.says));
    }
  }
}

TEST_CASE("sizes that cannot fit are shown where they meet") {
  struct Mistake {
    std::string text;
    std::uint32_t column;
  };
  for (const Mistake &mistake : std::vector<Mistake>{
           {"ewadd(input_1,input_7) == input_1", 1},                   // ranks
           {"relu(ewadd(input_10,input_13)) == input_10", 6},          // 3x3 and 1x3
           {"input_1 == input_7", 12},                                 // the sides
           {"smul(input_1,input_2) == input_1", 1},                    // no scalar
           {"transpose(input_7) == input_7", 1},                       // no matrix
           {"concat(2,input_1,input_2) == input_1", 1},                // no such axis
           {"ewadd(input_1,concat(0,input_1,input_1)) == input_1", 1}, // n = n + n
           {"matmul(input_1,input_20) == input_1", 1},                 // a scalar
           {"split_0(2,conv2d(1,1,0,0,input_7,input_10)) == split_0(2,input_10)", 48}, // of 3
       }) {
    INFO(mistake.text);
    TasoRule rule = read(mistake.text).at(0);
    try {
      taso_rewrite(rule, ElementType::BF16);
      FAIL("was translated");
    } catch (const semantics::InputError &error) {
      CHECK(error.line() == 1);
      CHECK(error.column() == mistake.column);
    }
  }
}

TEST_CASE("sizes that double with every step are refused") {
  TasoSizes sizes;
  SizeId size = sizes.unknown(), other = sizes.unknown();
  for (int i = 0; i < 60; ++i) {
    SizeId twice = sizes.unknown();
    REQUIRE(sizes.unify(twice, sizes.sum(size, size)));
    size = twice;
    other = sizes.sum(other, other);
    CHECK(sizes.moderate(size) == (i < 8));
  }
  CHECK(sizes.unify(size, other));
  CHECK_FALSE(sizes.unify(size, sizes.sum(other, other)));
  CHECK(sizes.text(size).size() < 10'000);
}

TEST_CASE("TASO's convolutions compute what its generator says") {
  check_convolution(compute("conv2d(1,1,0,0,input_7,input_10)"), 1, true);
  check_convolution(compute("conv2d(1,1,0,0,input_7,input_13)"), 1, true);
  check_convolution(compute("conv2d(1,1,0,0,input_7,input_16)"), 1, true);
  check_convolution(compute("conv2d(1,1,0,0,input_7,input_19)"), 1, true); // depthwise
  check_convolution(compute("conv2d(2,2,0,0,input_7,input_10)"), 2, true);
  check_convolution(compute("conv2d(2,2,0,0,input_10,input_11)"), 2, true);
  check_convolution(compute("conv2d(1,1,1,0,input_10,input_13)"), 1, false);
}

TEST_CASE("TASO's pooling computes what its generator says") {
  for (bool average : {true, false}) {
    Computed c = compute(average ? "poolavg(3,2,1,1,0,input_7)" : "poolmax(3,2,1,1,0,input_7)");
    CHECK(c.result.shape() == c.inputs[0].shape());
    const auto &d = c.result.shape().dims;
    for_each(c.result, [&](std::int64_t n, std::int64_t ch, std::int64_t h, std::int64_t w) {
      float sum = 0, greatest = -1000;
      for (std::int64_t a = h - 1; a <= h + 1; ++a)
        for (std::int64_t b = w; b <= w + 1; ++b) {
          sum += at(c.inputs[0], n, ch, a, b);
          if (a >= 0 && a < d[2] && b < d[3])
            greatest = std::max(greatest, at(c.inputs[0], n, ch, a, b));
        }
      CHECK(at(c.result, n, ch, h, w) == (average ? sum / 6 : greatest));
    });
  }
}

TEST_CASE("TASO's constants and movements compute what their names say") {
  for (const char *same :
       {"conv2d(1,1,0,0,input_7,Iconv(3,3))", "matmul(input_1,Imatmul)", "matmul(Imatmul,input_1)",
        "ewmul(input_7,Iewmul)", "split_0(1,concat(1,input_7,input_8))",
        "transpose(transpose(input_1))",
        "split_0(0,transpose(concat(1,transpose(input_1),transpose(input_2))))"}) {
    INFO(same);
    Computed c = compute(same);
    CHECK(c.result == c.inputs[0]);
  }
  Computed second = compute("split_1(0,concat(0,input_7,input_8))");
  CHECK(second.result == second.inputs[1]);
  Computed cpool = compute("Cpool(3,3)");
  CHECK(at(cpool.result, 0, 0, 2, 1) == 1.0F / 9);
  Computed large = compute("enlarge(3,3,input_13)");
  for_each(large.result, [&](std::int64_t o, std::int64_t i, std::int64_t h, std::int64_t w) {
    CHECK(at(large.result, o, i, h, w) == at(large.inputs[0], o, i, h - 1, w));
  });
  Computed scaled = compute("smul(relu(input_1),input_20)");
  for (std::size_t i = 0; i < scaled.inputs[0].as<float>().size(); ++i)
    CHECK(scaled.result.as<float>()[i] ==
          std::max(scaled.inputs[0].as<float>()[i], 0.0F) * scaled.inputs[1].as<float>()[0]);
}
