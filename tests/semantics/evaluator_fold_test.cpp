#include "evaluation.h"

#include <array>
#include <cmath>
#include <rapidcheck.h>

using namespace isamorph::semantics;
using namespace isamorph::semantics::test;

TEST_CASE("reductions follow the order of the profile") {
  // bf16 has 8 bits of precision: 256 + 1 is 256 when every step is rounded.
  std::vector<double> row(64, 1.0);
  row[0] = 256;
  Tensor x = tensor(ElementType::BF16, {1, 64}, row), zero = tensor(ElementType::BF16, {}, {0});
  auto sum = [&](const std::string &reduce, double init = 0) {
    NumericsProfile p = profile("numerics p { compute f32 reduce " + reduce + " }");
    return values(apply(OpCode::Reduce, reduction(OpCode::Add, {1}),
                        {x, tensor(ElementType::BF16, {}, {init})}, Shape{ElementType::BF16, {1}},
                        p))[0];
  };
  CHECK(sum("accumulate element, order sequential") == 256);
  CHECK(sum("accumulate element, order blocks 32") == 256 + 32); // (256 + 31 lost) + (32 ones)
  CHECK(sum("accumulate element, order blocks 64") == 256);
  CHECK(sum("accumulate element, order blocks 16") == 304); // 256 + 16 + 16 + 16
  CHECK(sum("accumulate f32, order sequential") == 320);    // 319, a tie between 318 and 320
  CHECK(sum("accumulate element, order pairwise") == 318);  // only 256 + 1 loses its one
  CHECK(sum("accumulate f32, order sequential", 2) == 320); // 321, a tie between 320 and 322
  CHECK(sum("accumulate f32, order blocks 32", 2) ==
        324); // init once for each block and once more: 325
}

TEST_CASE("reductions over any dimensions") {
  Tensor x = counting(ElementType::S32, {2, 3, 4}), zero = tensor(ElementType::S32, {}, {0});
  auto reduce = [&](OpCode op, std::vector<std::int64_t> dims, std::vector<std::int64_t> left,
                    double init) {
    return values(apply(OpCode::Reduce, reduction(op, std::move(dims)),
                        {x, tensor(ElementType::S32, {}, {init})},
                        Shape{ElementType::S32, std::move(left)}));
  };
  CHECK(reduce(OpCode::Add, {1}, {2, 4}, 0) == std::vector<double>{12, 15, 18, 21, 48, 51, 54, 57});
  CHECK(reduce(OpCode::Add, {2, 0}, {3}, 1) == std::vector<double>{61, 93, 125});
  CHECK(reduce(OpCode::Maximum, {0, 1, 2}, {}, -5) == std::vector<double>{23});
  CHECK(reduce(OpCode::Minimum, {0}, {3, 4}, 2) ==
        std::vector<double>{0, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2});
  CHECK(reduce(OpCode::Or, {1, 2}, {2}, 0) == std::vector<double>{15, 31});
  Tensor empty(Shape{ElementType::BF16, {2, 0}});
  CHECK(values(apply(OpCode::Reduce, reduction(OpCode::Add, {1}),
                     {empty, tensor(ElementType::BF16, {}, {3})}, Shape{ElementType::BF16, {2}})) ==
        std::vector<double>{3, 3});
}

namespace {

/// A dot by its definition: sequential from +0 in the accumulator type, one element at a time
/// through evaluate_scalar.
std::uint64_t dot_by_definition(const std::vector<std::uint64_t> &a,
                                const std::vector<std::uint64_t> &b, ElementType type,
                                const NumericsProfile &numerics) {
  ElementType accumulator = accumulator_type(numerics.dot, type);
  std::uint64_t sum = 0;
  for (std::size_t k = 0; k < a.size(); ++k) {
    std::uint64_t product =
        scalar(OpCode::Multiply, accumulator,
               {convert(type, a[k], accumulator), convert(type, b[k], accumulator)}, numerics);
    sum = scalar(OpCode::Add, accumulator, {sum, product}, numerics);
  }
  return convert(accumulator, sum, type, numerics);
}

} // namespace

TEST_CASE("dot is the sum in the order of the profile, for every type and layout") {
  REQUIRE(rc::check([] {
    auto type =
        *rc::gen::element(ElementType::BF16, ElementType::F16, ElementType::F32, ElementType::F64,
                          ElementType::S8, ElementType::S64, ElementType::U32);
    auto numerics =
        *rc::gen::element(profile("numerics p { compute f32 dot accumulate f32 }"),
                          profile("numerics p { }"), profile("numerics p { dot accumulate f64 }"));
    auto size = [] { return *rc::gen::inRange<std::int64_t>(1, 20); };
    std::int64_t batch = *rc::gen::inRange<std::int64_t>(1, 3), m = size(), k = size(), n = size();
    // Both sides [batch, k, free], the left one with k in the middle or at the end.
    bool k_last = *rc::gen::arbitrary<bool>();
    Tensor left(Shape{type, k_last ? std::vector<std::int64_t>{batch, m, k}
                                   : std::vector<std::int64_t>{batch, k, m}});
    Tensor right(Shape{type, {k, batch, n}});
    for (Tensor *t : {&left, &right})
      for (std::int64_t i = 0; i < t->elements(); ++i)
        t->set_bits(i, encode(type, *rc::gen::inRange(-1000, 1000) *
                                        std::ldexp(1.0, *rc::gen::inRange(-9, 3))));
    Attributes attributes;
    attributes.set(AttributeKey::LhsBatch, {0});
    attributes.set(AttributeKey::RhsBatch, {1});
    attributes.set(AttributeKey::LhsContracting, {k_last ? 2 : 1});
    attributes.set(AttributeKey::RhsContracting, {0});
    std::array<const Tensor *, 2> operands{&left, &right};
    Tensor out =
        evaluate_op(OpCode::Dot, attributes, operands, Shape{type, {batch, m, n}}, numerics);
    for (std::int64_t b = 0; b < batch; ++b)
      for (std::int64_t i = 0; i < m; ++i)
        for (std::int64_t j = 0; j < n; ++j) {
          std::vector<std::uint64_t> x, y;
          for (std::int64_t t = 0; t < k; ++t) {
            x.push_back(left.bits(k_last ? (b * m + i) * k + t : (b * k + t) * m + i));
            y.push_back(right.bits((t * batch + b) * n + j));
          }
          RC_ASSERT(out.bits((b * m + i) * n + j) == dot_by_definition(x, y, type, numerics));
        }
  }));
}

TEST_CASE("dot shows its order on accumulation masks") {
  // 2^30 and -2^30 among ones: in f32, a one that is added while the large number stands is lost.
  auto dot = [](std::size_t plus, std::size_t minus, const std::string &order) {
    std::vector<double> row(8, 1.0);
    row[plus] = 0x1p30;
    row[minus] = -0x1p30;
    NumericsProfile p = profile("numerics p { dot accumulate f32, order " + order + " }");
    return values(apply(OpCode::Dot, contraction(1, 0),
                        {tensor(ElementType::F32, {1, 8}, row),
                         tensor(ElementType::F32, {8, 1}, std::vector<double>(8, 1.0))},
                        Shape{ElementType::F32, {1, 1}}, p))[0];
  };
  CHECK(dot(1, 2, "sequential") == 5);
  CHECK(dot(1, 2, "blocks 2") == 4);
  CHECK(dot(1, 2, "blocks 3") == 5);
  CHECK(dot(1, 2, "pairwise") == 4);
  CHECK(dot(1, 6, "sequential") == 1);
  CHECK(dot(1, 6, "blocks 4") == 0);
  CHECK(dot(0, 3, "pairwise") == 4);
  CHECK(dot(6, 7, "sequential") == 0);
  CHECK(dot(6, 7, "pairwise") == 6);
}
