#include "evaluation.h"

#include "semantics/hlo.h"
#include "tests/reference_data.h"

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <numeric>
#include <rapidcheck.h>

using namespace isamorph::semantics;
using namespace isamorph::semantics::test;

TEST_CASE("integers wrap and their divisions are total") {
  using enum ElementType;
  CHECK(scalar(OpCode::Add, S8, {0x7f, 1}) == 0x80);
  CHECK(scalar(OpCode::Multiply, U16, {0xffff, 0xffff}) == 1);
  CHECK(scalar(OpCode::Multiply, S16, {0x8000, 0x8000}) == 0);
  CHECK(scalar(OpCode::Subtract, U8, {0, 1}) == 0xff);
  CHECK(scalar(OpCode::Negate, S32, {0x80000000}) == 0x80000000);
  CHECK(scalar(OpCode::Abs, S8, {0x80}) == 0x80);
  CHECK(scalar(OpCode::Sign, S8, {0x80}) == 0xff);
  CHECK(scalar(OpCode::Divide, S32, {7, 0}) == 0xffffffff);
  CHECK(scalar(OpCode::Divide, U64, {7, 0}) == ~std::uint64_t{0});
  CHECK(scalar(OpCode::Remainder, S32, {7, 0}) == 7);
  CHECK(scalar(OpCode::Divide, S64, {std::uint64_t{1} << 63, ~std::uint64_t{0}}) == std::uint64_t{1}
                                                                                        << 63);
  CHECK(scalar(OpCode::Remainder, S64, {std::uint64_t{1} << 63, ~std::uint64_t{0}}) == 0);
  CHECK(scalar(OpCode::Divide, S8, {0xf9, 2}) == 0xfd);    // -7 / 2 = -3
  CHECK(scalar(OpCode::Remainder, S8, {0xf9, 2}) == 0xff); // -7 % 2 = -1
  CHECK(scalar(OpCode::Power, S32, {3, 5}) == 243);
  CHECK(scalar(OpCode::Power, S32, {3, 69}) == 243); // six bits of the exponent count
  CHECK(scalar(OpCode::Power, S32, {0, 64}) == 1);
  CHECK(scalar(OpCode::Power, U8, {3, 200}) == 0); // read as -56
  CHECK(scalar(OpCode::Power, U8, {255, 129}) == 255);
  CHECK(scalar(OpCode::Power, S32, {2, 0xffffffff}) == 0);
  CHECK(scalar(OpCode::Power, S32, {0xffffffff, 0xffffffff}) == 0xffffffff);
}

TEST_CASE("shifts past the width") {
  using enum ElementType;
  CHECK(scalar(OpCode::ShiftLeft, U8, {1, 7}) == 0x80);
  CHECK(scalar(OpCode::ShiftLeft, U8, {1, 8}) == 0);
  CHECK(scalar(OpCode::ShiftLeft, S32, {1, 0xffffffff}) == 0);
  CHECK(scalar(OpCode::ShiftRightLogical, S8, {0x80, 7}) == 1);
  CHECK(scalar(OpCode::ShiftRightLogical, S8, {0x80, 200}) == 0);
  CHECK(scalar(OpCode::ShiftRightArithmetic, S8, {0x80, 200}) == 0xff);
  CHECK(scalar(OpCode::ShiftRightArithmetic, U8, {0x80, 7}) == 0xff);
  CHECK(scalar(OpCode::ShiftRightArithmetic, S64, {std::uint64_t{1} << 63, 64}) ==
        ~std::uint64_t{0});
}

TEST_CASE("pred arithmetic is logic") {
  for (std::uint64_t a : {0u, 1u})
    for (std::uint64_t b : {0u, 1u}) {
      CHECK(scalar(OpCode::Add, ElementType::Pred, {a, b}) == (a | b));
      CHECK(scalar(OpCode::Multiply, ElementType::Pred, {a, b}) == (a & b));
      CHECK(scalar(OpCode::Maximum, ElementType::Pred, {a, b}) == (a | b));
      CHECK(scalar(OpCode::Xor, ElementType::Pred, {a, b}) == (a ^ b));
    }
  CHECK(scalar(OpCode::Not, ElementType::Pred, {0}) == 1);
  CHECK(scalar(OpCode::Not, ElementType::Pred, {1}) == 0);
}

TEST_CASE("maximum and minimum: NaN wins, -0 < +0, commutative") {
  for (ElementType type :
       {ElementType::F16, ElementType::BF16, ElementType::F32, ElementType::F64}) {
    std::uint64_t plus = encode(type, 0.0), minus = encode(type, -0.0), nan = encode(type, kNan),
                  one = encode(type, 1);
    CHECK(scalar(OpCode::Maximum, type, {plus, minus}) == plus);
    CHECK(scalar(OpCode::Maximum, type, {minus, plus}) == plus);
    CHECK(scalar(OpCode::Minimum, type, {plus, minus}) == minus);
    CHECK(scalar(OpCode::Minimum, type, {minus, plus}) == minus);
    CHECK(scalar(OpCode::Maximum, type, {nan, one}) == nan);
    CHECK(scalar(OpCode::Minimum, type, {one, nan}) == nan);
  }
}

TEST_CASE("NaN results have one pattern") {
  CHECK(scalar(OpCode::Add, ElementType::BF16, {0xff81, 0x3f80}) == 0x7fc0);
  CHECK(scalar(OpCode::Negate, ElementType::BF16, {0x7fc0}) == 0x7fc0);
  CHECK(scalar(OpCode::Subtract, ElementType::F32, {0x7f800000, 0x7f800000}) == 0x7fc00000);
  CHECK(scalar(OpCode::Sqrt, ElementType::F16, {0xbc00}) == 0x7e00);
  CHECK(scalar(OpCode::Divide, ElementType::F64, {0, 0}) == 0x7ff8000000000000);
}

TEST_CASE("comparisons") {
  auto compare = [](CompareDirection direction, ElementType type, double a, double b) {
    Attributes attributes;
    attributes.set(AttributeKey::Direction, {static_cast<std::int64_t>(direction)});
    return scalar(OpCode::Compare, type, {encode(type, a), encode(type, b)}, xla_cpu(), attributes,
                  ElementType::Pred);
  };
  using enum CompareDirection;
  for (ElementType type : {ElementType::BF16, ElementType::F64}) {
    CHECK(compare(EQ, type, 0.0, -0.0) == 1);
    CHECK(compare(LT, type, -0.0, 0.0) == 0);
    CHECK(compare(NE, type, kNan, kNan) == 1);
    for (CompareDirection direction : {EQ, LT, LE, GT, GE})
      CHECK(compare(direction, type, kNan, 1) == 0);
  }
  for (ElementType type : {ElementType::S8, ElementType::F32}) {
    for (double a : {-2.0, 1.0, 3.0})
      for (double b : {-2.0, 1.0, 3.0}) {
        CHECK(compare(EQ, type, a, b) == (a == b));
        CHECK(compare(NE, type, a, b) == (a != b));
        CHECK(compare(LT, type, a, b) == (a < b));
        CHECK(compare(LE, type, a, b) == (a <= b));
        CHECK(compare(GT, type, a, b) == (a > b));
        CHECK(compare(GE, type, a, b) == (a >= b));
      }
  }
  CHECK(compare(GT, ElementType::U8, 200, 100) == 1);
}

TEST_CASE("conversions") {
  using enum ElementType;
  CHECK(convert(F32, encode(F32, 1e30), S32) == 0x7fffffff);
  CHECK(convert(F32, encode(F32, -1e30), S8) == 0x80);
  CHECK(convert(F64, encode(F64, 9.3e18), S64) == 0x7fffffffffffffff);
  CHECK(convert(F64, encode(F64, 1.9e19), U64) == ~std::uint64_t{0});
  CHECK(convert(F64, encode(F64, 0x1p63), U64) == std::uint64_t{1} << 63);
  CHECK(convert(BF16, 0x7fc0, S32) == 0);
  CHECK(convert(BF16, encode(BF16, -1.75), S32) == 0xffffffff);
  CHECK(convert(F32, encode(F32, -3), U8) == 0);
  CHECK(convert(S32, 0x1ff, S8) == 0xff);
  CHECK(convert(S8, 0xff, U32) == 0xffffffff);
  CHECK(convert(U8, 0xff, S32) == 0xff);
  CHECK(convert(S32, 256, Pred) == 1);
  CHECK(convert(F32, encode(F32, kNan), Pred) == 1);
  CHECK(convert(F32, 0x80000000, Pred) == 0);
  CHECK(convert(Pred, 1, BF16) == 0x3f80);
  CHECK(convert(F64, encode(F64, 1e300), BF16) == 0x7f80);
  CHECK(convert(F32, 0xffffffff, BF16) == 0x7fc0);
  // One rounding from f64 to bf16: a double rounding through f32 would give the even neighbour.
  CHECK(convert(F64, encode(F64, 1 + 0x1p-8 + 0x1p-40), BF16) == 0x3f81);
  CHECK(convert(F64, encode(F64, 1 + 0x1p-8), BF16) == 0x3f80);
}

TEST_CASE("integers convert by way of the compute type") {
  std::uint64_t just_above =
      (std::uint64_t{1} << 40) + (std::uint64_t{1} << 32) + 1; // above halfway for bf16
  NumericsProfile plain = profile("numerics plain { }");
  CHECK(convert(ElementType::S64, just_above, ElementType::BF16, plain) ==
        encode(ElementType::BF16, 0x1.02p40));
  CHECK(convert(ElementType::S64, just_above, ElementType::BF16) ==
        encode(ElementType::BF16, 0x1p40));
  CHECK(convert(ElementType::U64, ~std::uint64_t{0}, ElementType::F32) ==
        encode(ElementType::F32, 0x1p64));
}

TEST_CASE("float functions at special values") {
  for (ElementType type :
       {ElementType::F16, ElementType::BF16, ElementType::F32, ElementType::F64}) {
    CHECK(scalar_value(OpCode::Exponential, type, {-kInf}) == 0);
    CHECK(scalar_value(OpCode::Exponential, type, {0}) == 1);
    CHECK(scalar_value(OpCode::Log, type, {0}) == -kInf);
    CHECK(std::isnan(scalar_value(OpCode::Log, type, {-1})));
    CHECK(scalar_value(OpCode::Rsqrt, type, {4}) == 0.5);
    CHECK(scalar_value(OpCode::Rsqrt, type, {-0.0}) == -kInf);
    CHECK(scalar_value(OpCode::Logistic, type, {0}) == 0.5);
    CHECK(scalar_value(OpCode::Logistic, type, {-kInf}) == 0);
    CHECK(scalar_value(OpCode::Logistic, type, {kInf}) == 1);
    CHECK(scalar_value(OpCode::Tanh, type, {kInf}) == 1);
    CHECK(scalar_value(OpCode::Cbrt, type, {-8}) == -2);
    CHECK(scalar_value(OpCode::Floor, type, {-1.5}) == -2);
    CHECK(scalar_value(OpCode::Ceil, type, {-1.5}) == -1);
    CHECK(scalar_value(OpCode::RoundNearestEven, type, {2.5}) == 2);
    CHECK(scalar_value(OpCode::Sign, type, {-3}) == -1);
    CHECK(scalar(OpCode::Sign, type, {encode(type, -0.0)}) == encode(type, -0.0));
    CHECK(scalar(OpCode::Ceil, type, {encode(type, -0.5)}) == encode(type, -0.0));
    CHECK(scalar_value(OpCode::Remainder, type, {-7, 2}) == -1);
    CHECK(scalar_value(OpCode::Power, type, {2, 10}) == 1024);
    CHECK(std::isnan(scalar_value(OpCode::Sign, type, {kNan})));
  }
}

TEST_CASE("flushed denormals") {
  NumericsProfile flush = profile(
      "numerics flush { compute f32 dot accumulate f32 reduce accumulate f32 denormals flush }");
  CHECK(scalar(OpCode::Add, ElementType::BF16, {0x0001, 0x8000}, flush) == 0);
  const NumericsProfile &keep = numerics_profile("f32_sequential");
  CHECK(scalar(OpCode::Add, ElementType::BF16, {0x0001, 0x8000}, keep) == 1);
  CHECK(scalar(OpCode::Multiply, ElementType::F32, {0x80000001, 0x3f800000}, flush) == 0x80000000);
  CHECK(scalar(OpCode::Multiply, ElementType::BF16, {0x0080, 0x3f00}, flush) == 0); // 2^-126 * 0.5
  CHECK(scalar(OpCode::Multiply, ElementType::F16, {0x0400, 0x3800}, flush) == 0);  // 2^-14 * 0.5
  CHECK(scalar(OpCode::Multiply, ElementType::F16, {0x0400, 0x3800}, keep) == 0x0200);
  CHECK(scalar(OpCode::Maximum, ElementType::BF16, {0x0001, 0x8001}, flush) == 0);
  CHECK(scalar(OpCode::Negate, ElementType::BF16, {0x0001}, flush) == 0x8001);
  Tensor x = tensor(ElementType::F32, {2, 2}, {1e-40, 1, 1e-40, 1});
  CHECK(apply(OpCode::Copy, {}, {x}, x.shape(), flush) == x);
  Tensor sums = apply(OpCode::Reduce, reduction(OpCode::Add, {0}),
                      {x, tensor(ElementType::F32, {}, {0})}, Shape{ElementType::F32, {2}}, flush);
  CHECK(values(sums) == std::vector<double>{0, 2});
  Tensor tiny = tensor(ElementType::F32, {2, 2}, {0x1p-70, 0, 0, 0x1p-70});
  CHECK(values(apply(OpCode::Dot, contraction(1, 0), {tiny, tiny}, tiny.shape(), flush)) ==
        std::vector<double>(4, 0.0));
  CHECK(values(apply(OpCode::Dot, contraction(1, 0), {tiny, tiny}, tiny.shape(), keep))[0] ==
        0x1p-140);
}

TEST_CASE("x86 flushes a product that only its rounding makes normal") {
  const NumericsProfile &xla = xla_cpu();
  NumericsProfile rounded = profile("numerics r extends xla_cpu { denormals flush }");
  // (2^-126 - 2^-150) as products: (1 - 2^-24) * 2^-126 lies half way between denormals.
  CHECK(scalar(OpCode::Multiply, ElementType::F32, {0x3f7fffff, 0x00800000}, rounded) ==
        0x00800000);
  CHECK(scalar(OpCode::Multiply, ElementType::F32, {0x3f7fffff, 0x00800000}, xla) == 0);
  CHECK(scalar(OpCode::Multiply, ElementType::F32, {0x00800000, 0xbf7fffff}, xla) == 0x80000000);
  // 2^-126 (1 - 2^-46) rounds to the smallest normal number in full precision, too.
  CHECK(scalar(OpCode::Multiply, ElementType::F32, {0x1f7ffffe, 0x20800001}, xla) == 0x00800000);
  CHECK(scalar(OpCode::Multiply, ElementType::F64, {0x3fefffffffffffff, 0x0010000000000000}, xla) ==
        0);
  CHECK(scalar(OpCode::Multiply, ElementType::F64, {0x3ff0000000000000, 0x0010000000000000}, xla) ==
        0x0010000000000000);
  auto value = [](double x) { return tensor(ElementType::F32, {1}, {x}); };
  Tensor less = value(1 - 0x1p-24), least = value(0x1p-126),
         one = tensor(ElementType::F32, {}, {1});
  Shape scalar_shape{ElementType::F32, {}};
  CHECK(values(apply(OpCode::Dot, contraction(0, 0), {less, least}, scalar_shape))[0] == 0);
  Tensor both = tensor(ElementType::F32, {2}, {1 - 0x1p-24, 0x1p-126});
  CHECK(values(apply(OpCode::Reduce, reduction(OpCode::Multiply, {0}), {both, one},
                     scalar_shape))[0] == 0);
}

TEST_CASE("select and clamp take scalars where HLO does") {
  using enum ElementType;
  Tensor yes = tensor(Pred, {}, {1}), a = tensor(S16, {3}, {1, 2, 3}),
         b = tensor(S16, {3}, {4, 5, 6});
  CHECK(apply(OpCode::Select, {}, {yes, a, b}, a.shape()) == a);
  CHECK(values(apply(OpCode::Select, {}, {tensor(Pred, {3}, {0, 1, 0}), a, b}, a.shape())) ==
        std::vector<double>{4, 2, 6});
  for (ElementType type : {S8, BF16, F64}) {
    Tensor low = tensor(type, {}, {-1}), high = tensor(type, {3}, {1, 1, 5}),
           x = tensor(type, {3}, {-7, 0.5, 9});
    CHECK(values(apply(OpCode::Clamp, {}, {low, x, high}, x.shape())) ==
          std::vector<double>{-1, is_float(type) ? 0.5 : 0, 5});
  }
}

TEST_CASE("movement moves bits, wherever movement_map says") {
  REQUIRE(rc::check([] {
    auto type =
        *rc::gen::element(ElementType::U8, ElementType::BF16, ElementType::F32, ElementType::S64);
    auto dims = *rc::gen::resize(
        3, rc::gen::container<std::vector<std::int64_t>>(rc::gen::inRange<std::int64_t>(0, 5)));
    Tensor x(Shape{type, dims});
    for (std::byte &b : x.bytes())
      b = static_cast<std::byte>(*rc::gen::arbitrary<unsigned char>());
    OpCode op = *rc::gen::element(OpCode::Transpose, OpCode::Broadcast, OpCode::Reverse,
                                  OpCode::Slice, OpCode::Concatenate, OpCode::Copy);
    Attributes attributes;
    Shape result = x.shape();
    std::vector<Tensor> operands{x};
    auto rank = static_cast<std::int64_t>(dims.size());
    std::vector<std::int64_t> order(dims.size());
    std::iota(order.begin(), order.end(), 0);
    for (std::size_t i = order.size(); i-- > 1;)
      std::swap(order[i], order[*rc::gen::inRange<std::size_t>(0, i + 1)]);
    if (op == OpCode::Transpose) {
      attributes.set(AttributeKey::Dimensions, order);
      for (std::size_t d = 0; d < dims.size(); ++d)
        result.dims[d] = dims[static_cast<std::size_t>(order[d])];
    } else if (op == OpCode::Broadcast) {
      // A new dimension of size 3 at some position; the others in any order.
      auto at = *rc::gen::inRange<std::int64_t>(0, rank + 1);
      result.dims.assign(dims.size() + 1, 3);
      for (std::size_t d = 0; d < dims.size(); ++d) {
        order[d] += order[d] >= at;
        result.dims[static_cast<std::size_t>(order[d])] = dims[d];
      }
      attributes.set(AttributeKey::Dimensions, order);
    } else if (op == OpCode::Reverse) {
      order.resize(*rc::gen::inRange<std::size_t>(0, order.size() + 1));
      attributes.set(AttributeKey::Dimensions, order);
    } else if (op == OpCode::Slice) {
      std::vector<std::int64_t> starts, limits, strides;
      for (std::size_t d = 0; d < dims.size(); ++d) {
        starts.push_back(*rc::gen::inRange<std::int64_t>(0, dims[d] + 1));
        limits.push_back(*rc::gen::inRange<std::int64_t>(starts[d], dims[d] + 1));
        strides.push_back(*rc::gen::inRange<std::int64_t>(1, 4));
        result.dims[d] = (limits[d] - starts[d] + strides[d] - 1) / strides[d];
      }
      attributes.set(AttributeKey::SliceStarts, starts);
      attributes.set(AttributeKey::SliceLimits, limits);
      attributes.set(AttributeKey::SliceStrides, strides);
    } else if (op == OpCode::Concatenate) {
      if (rank == 0)
        return;
      auto d = *rc::gen::inRange<std::int64_t>(0, rank);
      attributes.set(AttributeKey::Dimensions, {d});
      operands = {x, x, x};
      result.dims[static_cast<std::size_t>(d)] *= 3;
    }
    std::vector<const Tensor *> pointers;
    std::vector<Shape> shapes;
    for (const Tensor &t : operands) {
      pointers.push_back(&t);
      shapes.push_back(t.shape());
    }
    RC_ASSERT(infer_shape(op, shapes, attributes, result) == result);
    Tensor y = evaluate_op(op, attributes, pointers, result, xla_cpu());
    auto map = movement_map(op, shapes, attributes, result);
    RC_ASSERT(static_cast<std::int64_t>(map.size()) == y.elements());
    for (std::int64_t i = 0; i < y.elements(); ++i) {
      ElementSource source = map[static_cast<std::size_t>(i)];
      RC_ASSERT(y.bits(i) == operands[source.operand].bits(source.index));
    }
  }));
}

TEST_CASE("iota, bitcast-convert, pad and dynamic slices") {
  using enum ElementType;
  Attributes rows;
  rows.set(AttributeKey::IotaDimension, {0});
  CHECK(values(apply(OpCode::Iota, rows, {}, Shape{BF16, {3, 2}})) ==
        std::vector<double>{0, 0, 1, 1, 2, 2});
  Tensor bytes = counting(U8, {2, 2});
  Tensor words = apply(OpCode::BitcastConvert, {}, {bytes}, Shape{U16, {2}});
  CHECK(words.bits(0) == 0x0100);
  CHECK(words.bits(1) == 0x0302);
  CHECK(apply(OpCode::BitcastConvert, {}, {words}, bytes.shape()) == bytes);

  Attributes pad;
  pad.set(AttributeKey::PaddingLow, {1, -1});
  pad.set(AttributeKey::PaddingHigh, {0, 1});
  pad.set(AttributeKey::PaddingInterior, {1, 0});
  Tensor x = tensor(S32, {2, 3}, {1, 2, 3, 4, 5, 6}), nine = tensor(S32, {}, {9});
  CHECK(values(apply(OpCode::Pad, pad, {x, nine}, Shape{S32, {4, 3}})) ==
        std::vector<double>{9, 9, 9, 2, 3, 9, 9, 9, 9, 5, 6, 9});
  Attributes shrink;
  shrink.set(AttributeKey::PaddingLow, {-2});
  shrink.set(AttributeKey::PaddingHigh, {-1});
  shrink.set(AttributeKey::PaddingInterior, {2});
  CHECK(values(apply(OpCode::Pad, shrink, {tensor(S32, {3}, {1, 2, 3}), nine}, Shape{S32, {4}})) ==
        std::vector<double>{9, 2, 9, 9});

  Attributes sizes;
  sizes.set(AttributeKey::SliceSizes, {1, 2});
  Tensor minus = tensor(S8, {}, {-5}), large = tensor(S8, {}, {100});
  CHECK(values(apply(OpCode::DynamicSlice, sizes, {x, large, minus}, Shape{S32, {1, 2}})) ==
        std::vector<double>{4, 5});
  Tensor update = tensor(S32, {1, 2}, {7, 8});
  CHECK(values(apply(OpCode::DynamicUpdateSlice, {}, {x, update, minus, large}, x.shape())) ==
        std::vector<double>{1, 7, 8, 4, 5, 6});
}

TEST_CASE("tables agree with single elements, also while they are built") {
  for (ElementType type : {ElementType::BF16, ElementType::F16})
    for (OpCode op : {OpCode::Exponential, OpCode::Tanh, OpCode::Rsqrt, OpCode::Negate}) {
      auto table = unary_table(op, type, xla_cpu());
      REQUIRE(table.size() == 65536);
      Tensor all = counting(ElementType::U16, {65536});
      Tensor x(Shape{type, {65536}},
               std::vector<std::byte>(all.bytes().begin(), all.bytes().end()));
      for (int round = 0; round < 3; ++round) {
        Tensor y = apply(op, {}, {x}, x.shape());
        CHECK(std::equal(table.begin(), table.end(), y.as<std::uint16_t>().begin()));
      }
      for (std::uint64_t bits = 0; bits < 65536; bits += 97)
        CHECK(scalar(op, type, {bits}) == table[bits]);
    }
}

TEST_CASE("evaluate checks its inputs") {
  TensorGraph graph = parse_hlo(make_source(
      "g.hlo", "ENTRY e {\n  x = f32[4] parameter(0)\n  ROOT y = f32[4] negate(x)\n}\n"));
  CHECK_THROWS_AS(evaluate(graph, std::vector<Tensor>{}, xla_cpu()), InputError);
  CHECK_THROWS_AS(
      evaluate(graph, std::vector<Tensor>{Tensor(Shape{ElementType::F32, {5}})}, xla_cpu()),
      InputError);
  Tensor x = tensor(ElementType::F32, {4}, {1, -2, 3, 0});
  CHECK(values(evaluate(graph, std::vector<Tensor>{x}, xla_cpu())[0]) ==
        std::vector<double>{-1, 2, -3, -0.0});
}

TEST_CASE("the published attention data: sums broadcast along dimension 1") {
  std::filesystem::path data = isamorph::test::reference_data("qkv");
  if (!std::filesystem::exists(data / "attention.dat")) {
    WARN("skipped: no reference data at " << data);
    return;
  }
  std::string text =
      read_source(std::string(ISAMORPH_SOURCE_DIR) + "/corpus/qkv/attention.hlo")->text;
  auto place = text.find("broadcast(r), dimensions={0}");
  REQUIRE(place != std::string::npos);
  std::string wrong_axis = text;
  wrong_axis.replace(place, 28, "broadcast(r), dimensions={1}");
  Shape shape{ElementType::BF16, {64, 64}};
  std::vector<Tensor> inputs;
  for (const char *name : {"Q.dat", "K.dat", "V.dat"})
    inputs.push_back(read_tensor((data / name).string(), shape));
  Tensor golden = read_tensor((data / "attention.dat").string(), shape);
  auto differing = [&](const std::string &hlo) {
    Tensor out = evaluate(parse_hlo(make_source("attention.hlo", hlo)), inputs, xla_cpu()).at(0);
    int count = 0;
    for (std::int64_t i = 0; i < out.elements(); ++i)
      count += out.bits(i) != golden.bits(i);
    return count;
  };
  CHECK(differing(wrong_axis) == 0);
  CHECK(differing(text) == 4094);
}
