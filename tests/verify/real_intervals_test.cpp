// Enclosures over the real numbers: the exact value lies inside, and they are narrow.
#include "verify/real_intervals.h"

#include <array>
#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <rapidcheck.h>

using namespace isamorph;
using namespace isamorph::verify;
using semantics::CompareDirection;
using semantics::Tensor;

namespace {

constexpr ElementType kF64 = ElementType::F64;

Tensor values(const std::vector<double> &list, ElementType type = kF64) {
  Tensor out({type, {static_cast<std::int64_t>(list.size())}});
  for (std::size_t i = 0; i < list.size(); ++i)
    out.set_bits(static_cast<std::int64_t>(i), semantics::encode(type, list[i]));
  return out;
}

struct Builder {
  TermGraph terms{semantics::numerics_profile("xla_cpu")};

  TermId input(std::uint32_t i, ElementType type = kF64) { return terms.input(0, i, type); }
  TermId op(OpCode code, std::vector<TermId> operands, ElementType type = kF64,
            std::uint8_t detail = 0) {
    return terms.operation(code, detail, type, operands);
  }
  Interval enclose(TermId term, const std::vector<double> &inputs, ElementType type = kF64) {
    std::vector<Tensor> tensors = {values(inputs, type)};
    return enclose_terms(terms, tensors)[term.v];
  }
};

bool holds(const Interval &x, long double value) {
  return static_cast<long double>(x.low) <= value && value <= static_cast<long double>(x.high);
}

bool narrow(const Interval &x) { return x.high - x.low <= 1e-12 * std::max(1.0, std::abs(x.high)); }

double number() {
  return std::ldexp(*rc::gen::inRange(-1 << 20, 1 << 20), *rc::gen::inRange(-24, -14));
}

struct Function {
  OpCode op;
  std::function<long double(long double)> f;
  std::function<bool(double)> defined = [](double) { return true; };
};

const std::vector<Function> kFunctions = {
    {OpCode::Exponential, [](long double x) { return std::exp(x); }},
    {OpCode::ExponentialMinusOne, [](long double x) { return std::expm1(x); }},
    {OpCode::Log, [](long double x) { return std::log(x); }, [](double x) { return x > 0; }},
    {OpCode::LogPlusOne, [](long double x) { return std::log1p(x); },
     [](double x) { return x > -1; }},
    {OpCode::Logistic, [](long double x) { return 1 / (1 + std::exp(-x)); }},
    {OpCode::Tanh, [](long double x) { return std::tanh(x); }},
    {OpCode::Erf, [](long double x) { return std::erf(x); }},
    {OpCode::Sqrt, [](long double x) { return std::sqrt(x); }, [](double x) { return x >= 0; }},
    {OpCode::Rsqrt, [](long double x) { return 1 / std::sqrt(x); }, [](double x) { return x > 0; }},
    {OpCode::Cbrt, [](long double x) { return std::cbrt(x); }},
    {OpCode::Sine, [](long double x) { return std::sin(x); }},
    {OpCode::Cosine, [](long double x) { return std::cos(x); }},
    {OpCode::Negate, [](long double x) { return -x; }},
    {OpCode::Abs, [](long double x) { return std::abs(x); }},
    {OpCode::Floor, [](long double x) { return std::floor(x); }},
    {OpCode::Ceil, [](long double x) { return std::ceil(x); }},
    {OpCode::RoundNearestEven, [](long double x) { return std::nearbyint(x); }},
    {OpCode::Sign, [](long double x) { return x > 0   ? 1.0L
                                              : x < 0 ? -1.0L
                                                      : 0.0L; }},
};

} // namespace

TEST_CASE("enclosures of functions hold the value in a wider format, or are all numbers where "
          "there is none") {
  for (const Function &function : kFunctions) {
    INFO(semantics::info(function.op).name);
    REQUIRE(rc::check([&] {
      Builder b;
      double x = number();
      Interval y = b.enclose(b.op(function.op, {b.input(0)}), {x});
      if (function.defined(x)) {
        RC_ASSERT(holds(y, function.f(static_cast<long double>(x))));
        RC_ASSERT(narrow(y));
      } else {
        RC_ASSERT(y.low == -std::numeric_limits<double>::infinity());
      }
    }));
  }
}

TEST_CASE("enclosures of sums of products hold the exact value") {
  REQUIRE(rc::check([] {
    Builder b;
    std::vector<double> x;
    std::vector<TermId> left, right;
    long double exact = 0;
    for (std::uint32_t i = 0; i < 8; i += 2) {
      for (std::uint32_t k = 0; k < 2; ++k)
        x.push_back(static_cast<double>(*rc::gen::inRange(-1 << 12, 1 << 12)) / 16);
      left.push_back(b.input(i));
      right.push_back(b.input(i + 1));
      exact += static_cast<long double>(x[i]) * x[i + 1];
    }
    TermId dot = b.terms.dot(kF64, b.terms.vector(left), b.terms.vector(right));
    RC_ASSERT(holds(b.enclose(dot, x), exact));
    RC_ASSERT(narrow(b.enclose(dot, x)));
  }));
}

TEST_CASE("roundings of narrow types are dropped") {
  Builder b;
  ElementType bf16 = ElementType::BF16;
  TermId sum = b.op(OpCode::Add, {b.input(0, bf16), b.input(1, bf16)}, bf16);
  Interval x = b.enclose(sum, {256, 0.5}, bf16); // 256 in bf16
  CHECK(x.contains(256.5));
  CHECK(narrow(x));
}

TEST_CASE("what enclosures cannot decide stays open") {
  Builder b;
  TermId zero = b.op(OpCode::Subtract, {b.op(OpCode::Exponential, {b.input(0)}),
                                        b.op(OpCode::Exponential, {b.input(1)})});
  auto compare = [&](CompareDirection direction) {
    return b.op(OpCode::Compare, {zero, b.terms.literal(kF64, 0)}, ElementType::Pred,
                static_cast<std::uint8_t>(direction));
  };
  TermId choice = b.op(OpCode::Select, {compare(CompareDirection::GT), b.input(0), b.input(2)});
  Interval both = b.enclose(choice, {1, 1, 5});
  CHECK(both.contains(1));
  CHECK(both.contains(5));
  Interval decided = b.enclose(choice, {2, 1, 5});
  CHECK(decided.low == 2);
  CHECK(decided.high == 2);
  TermId quotient = b.op(OpCode::Divide, {b.input(2), zero});
  CHECK(b.enclose(quotient, {1, 1, 5}).high == std::numeric_limits<double>::infinity());
}

TEST_CASE("integers keep their exact wrapped values, also those made of floats") {
  Builder b;
  ElementType s8 = ElementType::S8;
  TermId narrowed = b.op(OpCode::Convert, {b.input(0)}, s8);
  TermId doubled = b.op(OpCode::Add, {narrowed, narrowed}, s8);
  CHECK(b.enclose(doubled, {100.75}).low == -56);
  CHECK(b.enclose(doubled, {100.75}).high == -56);
  CHECK(b.enclose(doubled, {300}).high == std::numeric_limits<double>::infinity());
  TermId back = b.op(OpCode::Convert, {doubled}, kF64);
  CHECK(b.enclose(back, {100.75}).low == -56);
}

TEST_CASE("floats that are only moved keep their bytes, results of arithmetic have none") {
  Builder b;
  ElementType bf16 = ElementType::BF16;
  std::array<TermId, 2> mixed = {b.terms.extract(b.input(0, bf16), 0),
                                 b.terms.extract(b.input(1, bf16), 1)};
  TermId moved = b.terms.join(bf16, mixed);
  std::uint64_t low = semantics::encode(bf16, 1.25) & 0xff,
                high = semantics::encode(bf16, -3) & 0xff00;
  double expected = semantics::decode(bf16, high | low);
  CHECK(b.enclose(moved, {1.25, -3}, bf16).low == expected);
  CHECK(b.enclose(moved, {1.25, -3}, bf16).high == expected);
  TermId sum = b.op(OpCode::Add, {b.input(0, bf16), b.input(1, bf16)}, bf16);
  std::array<TermId, 2> computed = {b.terms.extract(sum, 0), b.terms.extract(b.input(1, bf16), 1)};
  CHECK(b.enclose(b.terms.join(bf16, computed), {1.25, -3}, bf16).high ==
        std::numeric_limits<double>::infinity());
}
