#include "semantics/op.h"

#include <catch2/catch.hpp>
#include <numeric>
#include <rapidcheck.h>
#include <stdexcept>

using namespace isamorph::semantics;

namespace {

using Dims = std::vector<std::int64_t>;

Dims index_of(std::int64_t flat, const Dims &dims) {
  Dims index(dims.size());
  for (std::size_t d = dims.size(); d-- > 0; flat /= dims[d])
    index[d] = flat % dims[d];
  return index;
}

std::int64_t flat_of(const Dims &index, const Dims &dims) {
  std::int64_t flat = 0;
  for (std::size_t d = 0; d < dims.size(); ++d)
    flat = flat * dims[d] + index[d];
  return flat;
}

Shape random_shape(std::size_t rank) {
  Shape shape{ElementType::F32, {}};
  for (std::size_t d = 0; d < rank; ++d)
    shape.dims.push_back(*rc::gen::inRange<std::int64_t>(0, 5));
  return shape;
}

Dims random_permutation(std::size_t rank) {
  Dims p(rank);
  std::iota(p.begin(), p.end(), 0);
  for (std::size_t i = rank; i > 1; --i)
    std::swap(p[i - 1], p[*rc::gen::inRange<std::size_t>(0, i)]);
  return p;
}

} // namespace

TEST_CASE("every operation's name is found again, and stands at its place in the table") {
  for (int i = 0; i < kOpCodeCount; ++i) {
    auto code = static_cast<OpCode>(i);
    CHECK(info(code).code == code);
    CHECK(op_code(info(code).name) == code);
  }
  CHECK_FALSE(op_code("no-such-operation"));
}

TEST_CASE("transpose and reverse move elements as their definitions say") {
  CHECK(rc::check([] {
    std::size_t rank = *rc::gen::inRange<std::size_t>(1, 5);
    Shape in = random_shape(rank), out = in;
    Dims p = random_permutation(rank);
    Attributes attributes;
    attributes.set(AttributeKey::Dimensions, p);
    for (std::size_t d = 0; d < rank; ++d)
      out.dims[d] = in.dims[static_cast<std::size_t>(p[d])];
    RC_ASSERT(infer_shape(OpCode::Transpose, std::span(&in, 1), attributes, out) == out);
    auto map = movement_map(OpCode::Transpose, std::span(&in, 1), attributes, out);
    for (std::int64_t i = 0; i < out.elements(); ++i) {
      Dims to = index_of(i, out.dims), from(rank);
      for (std::size_t d = 0; d < rank; ++d)
        from[static_cast<std::size_t>(p[d])] = to[d];
      RC_ASSERT(map[static_cast<std::size_t>(i)].index == flat_of(from, in.dims));
    }
    Attributes one;
    one.set(AttributeKey::Dimensions, {p[0]});
    auto reversed = movement_map(OpCode::Reverse, std::span(&in, 1), one, in);
    for (std::int64_t i = 0; i < in.elements(); ++i) {
      Dims at = index_of(i, in.dims);
      auto d = static_cast<std::size_t>(p[0]);
      at[d] = in.dims[d] - 1 - at[d];
      RC_ASSERT(reversed[static_cast<std::size_t>(i)].index == flat_of(at, in.dims));
    }
  }));
}

TEST_CASE("slice, broadcast and concatenate move elements as their definitions say") {
  CHECK(rc::check([] {
    Shape in = random_shape(2);
    Dims starts, limits, strides;
    Shape out = in;
    for (std::size_t d = 0; d < 2; ++d) {
      limits.push_back(*rc::gen::inRange<std::int64_t>(0, in.dims[d] + 1));
      starts.push_back(*rc::gen::inRange<std::int64_t>(0, limits[d] + 1));
      strides.push_back(*rc::gen::inRange<std::int64_t>(1, 4));
      out.dims[d] = (limits[d] - starts[d] + strides[d] - 1) / strides[d];
    }
    Attributes slice;
    slice.set(AttributeKey::SliceStarts, starts);
    slice.set(AttributeKey::SliceLimits, limits);
    slice.set(AttributeKey::SliceStrides, strides);
    RC_ASSERT(infer_shape(OpCode::Slice, std::span(&in, 1), slice, out) == out);
    auto map = movement_map(OpCode::Slice, std::span(&in, 1), slice, out);
    for (std::int64_t i = 0; i < out.elements(); ++i) {
      Dims at = index_of(i, out.dims);
      RC_ASSERT(map[static_cast<std::size_t>(i)].index ==
                flat_of({starts[0] + at[0] * strides[0], starts[1] + at[1] * strides[1]}, in.dims));
    }
    Shape wide{in.type, {in.dims[1], 3, in.dims[0]}};
    Attributes broadcast;
    broadcast.set(AttributeKey::Dimensions, {2, 0});
    auto spread = movement_map(OpCode::Broadcast, std::span(&in, 1), broadcast, wide);
    for (std::int64_t i = 0; i < wide.elements(); ++i) {
      Dims at = index_of(i, wide.dims);
      RC_ASSERT(spread[static_cast<std::size_t>(i)].index == flat_of({at[2], at[0]}, in.dims));
    }
    auto d = *rc::gen::inRange<std::size_t>(0, 2);
    std::vector<Shape> parts = {in, in, in};
    parts[1].dims[d] = 2;
    Shape whole = in;
    whole.dims[d] = 2 * in.dims[d] + 2;
    Attributes concatenate;
    concatenate.set(AttributeKey::Dimensions, {static_cast<std::int64_t>(d)});
    RC_ASSERT(infer_shape(OpCode::Concatenate, parts, concatenate, whole) == whole);
    auto joined = movement_map(OpCode::Concatenate, parts, concatenate, whole);
    for (std::int64_t i = 0; i < whole.elements(); ++i) {
      Dims at = index_of(i, whole.dims);
      std::uint32_t part = 0;
      while (at[d] >= parts[part].dims[d])
        at[d] -= parts[part++].dims[d];
      RC_ASSERT(joined[static_cast<std::size_t>(i)].operand == part);
      RC_ASSERT(joined[static_cast<std::size_t>(i)].index == flat_of(at, parts[part].dims));
    }
  }));
}

TEST_CASE("shape inference survives any attributes") {
  CHECK(rc::check([] {
    auto code = static_cast<OpCode>(*rc::gen::inRange(0, kOpCodeCount));
    std::vector<Shape> operands(*rc::gen::inRange<std::size_t>(0, 4));
    for (Shape &shape : operands)
      shape = random_shape(*rc::gen::inRange<std::size_t>(0, 4));
    Attributes attributes;
    for (int key = 0; key <= static_cast<int>(AttributeKey::TupleIndex); ++key)
      if (*rc::gen::inRange(0, 3) == 0)
        attributes.set(
            static_cast<AttributeKey>(key),
            *rc::gen::container<Dims>(*rc::gen::inRange<std::size_t>(0, 5),
                                      rc::gen::oneOf(rc::gen::inRange<std::int64_t>(-2, 6),
                                                     rc::gen::arbitrary<std::int64_t>())));
    Shape declared = random_shape(*rc::gen::inRange<std::size_t>(0, 4));
    try {
      RC_ASSERT(infer_shape(code, operands, attributes, declared) == declared);
    } catch (const std::invalid_argument &error) {
      RC_ASSERT(std::string(error.what()).size() > 4);
    }
  }));
}

TEST_CASE("and, or reduce integers and truth values, no floats") {
  Attributes attributes;
  attributes.set(AttributeKey::Dimensions, Dims{0});
  for (OpCode reducer : {OpCode::And, OpCode::Or}) {
    attributes.set(AttributeKey::Reducer, Dims{static_cast<std::int64_t>(reducer)});
    for (ElementType type : {ElementType::S32, ElementType::Pred}) {
      std::vector<Shape> in = {{type, {4}}, {type, {}}};
      CHECK(infer_shape(OpCode::Reduce, in, attributes, {type, {}}) == Shape{type, {}});
    }
    std::vector<Shape> floats = {{ElementType::F32, {4}}, {ElementType::F32, {}}};
    CHECK_THROWS_AS(infer_shape(OpCode::Reduce, floats, attributes, {ElementType::F32, {}}),
                    std::invalid_argument);
  }
}
