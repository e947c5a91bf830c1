// Every operation for every element type that its shape rule takes, at every rank from 0 to 8 and
// on empty tensors.
#include "evaluation.h"

#include <numeric>
#include <random>
#include <stdexcept>

using namespace isamorph::semantics;
using namespace isamorph::semantics::test;

namespace {

using Dims = std::vector<std::int64_t>;
constexpr int kMaxRank = 8;

/// Sizes 2 and 1 in turn; `empty` makes one of them 0.
Dims dims_of(int rank, bool empty) {
  Dims out;
  for (int d = 0; d < rank; ++d)
    out.push_back(d % 3 == 2 ? 1 : 2);
  if (empty && rank > 0)
    out[static_cast<std::size_t>(rank / 2)] = 0;
  return out;
}

/// Any bits; truth values are 0 or 1.
Tensor any_bits(const Shape &shape, std::mt19937_64 &engine) {
  Tensor out(shape);
  for (std::int64_t i = 0; i < out.elements(); ++i)
    out.set_bits(i, shape.type == ElementType::Pred ? engine() & 1 : engine());
  return out;
}

bool accepts(OpCode op, const std::vector<Shape> &operands, const Attributes &attributes,
             const Shape &result) {
  try {
    return infer_shape(op, operands, attributes, result) == result;
  } catch (const std::invalid_argument &) {
    return false;
  }
}

std::vector<ElementType> all_types() {
  std::vector<ElementType> out;
  for (int t = 0; t < kElementTypeCount; ++t)
    out.push_back(static_cast<ElementType>(t));
  return out;
}

/// Evaluates an operation if its shape rule takes it; counts that it did.
std::optional<Tensor> try_evaluate(OpCode op, const Attributes &attributes,
                                   const std::vector<Tensor> &operands, const Shape &result,
                                   int &evaluated) {
  std::vector<Shape> shapes;
  std::vector<const Tensor *> pointers;
  for (const Tensor &t : operands) {
    shapes.push_back(t.shape());
    pointers.push_back(&t);
  }
  if (!accepts(op, shapes, attributes, result))
    return std::nullopt;
  ++evaluated;
  INFO(info(op).name << " " << result.to_string());
  Tensor out = evaluate_op(op, attributes, pointers, result, xla_cpu());
  CHECK(out.shape() == result);
  return out;
}

} // namespace

TEST_CASE("element-wise operations are those of their elements, for every type and rank") {
  std::mt19937_64 engine(7);
  int evaluated = 0;
  for (int code = 0; code < kOpCodeCount; ++code) {
    auto op = static_cast<OpCode>(code);
    if (info(op).cls != OpClass::Elementwise)
      continue;
    for (ElementType type : all_types())
      for (int rank = 0; rank <= kMaxRank; ++rank)
        for (bool empty : {false, true}) {
          Attributes attributes;
          Shape in{type, dims_of(rank, empty)}, out = in;
          if (op == OpCode::Compare) {
            attributes.set(AttributeKey::Direction, {rank % 6});
            out.type = ElementType::Pred;
          }
          if (op == OpCode::Convert)
            out.type =
                static_cast<ElementType>((static_cast<int>(type) + 1 + rank) % kElementTypeCount);
          std::vector<Tensor> operands;
          for (int i = 0; i < info(op).min_arity; ++i) {
            bool condition = op == OpCode::Select && i == 0;
            operands.push_back(any_bits({condition ? ElementType::Pred : type, in.dims}, engine));
          }
          auto result = try_evaluate(op, attributes, operands, out, evaluated);
          if (!result)
            continue;
          std::vector<ElementType> types;
          for (const Tensor &t : operands)
            types.push_back(t.shape().type);
          bool same = true;
          for (std::int64_t e = 0; e < result->elements(); ++e) {
            Words bits;
            for (const Tensor &t : operands)
              bits.push_back(t.bits(e));
            same &= result->bits(e) ==
                    evaluate_scalar(op, attributes, types, bits, out.type, xla_cpu());
          }
          INFO(info(op).name << " " << in.to_string());
          CHECK(same);
        }
  }
  CHECK(evaluated > 4000);
}

TEST_CASE("what an element type has no operation for is refused by its shape rule") {
  auto takes = [](OpCode op, ElementType type) {
    std::vector<Shape> in(static_cast<std::size_t>(info(op).min_arity), Shape{type, {2}});
    return accepts(op, in, {}, {type, {2}});
  };
  for (ElementType type : all_types()) {
    bool pred = type == ElementType::Pred, real = is_float(type), whole = is_integer(type);
    INFO(name(type));
    for (OpCode op : {OpCode::And, OpCode::Or, OpCode::Xor, OpCode::Not})
      CHECK(takes(op, type) == !real);
    for (OpCode op : {OpCode::ShiftLeft, OpCode::ShiftRightLogical, OpCode::ShiftRightArithmetic})
      CHECK(takes(op, type) == whole);
    for (OpCode op : {OpCode::Add, OpCode::Multiply, OpCode::Maximum, OpCode::Minimum})
      CHECK(takes(op, type));
    for (OpCode op : {OpCode::Subtract, OpCode::Divide, OpCode::Remainder, OpCode::Power,
                      OpCode::Negate, OpCode::Abs, OpCode::Sign})
      CHECK(takes(op, type) == !pred);
    for (OpCode op : {OpCode::Exponential, OpCode::Log, OpCode::Tanh, OpCode::Sqrt, OpCode::Floor,
                      OpCode::Erf, OpCode::Logistic, OpCode::Cosine})
      CHECK(takes(op, type) == real);
  }
}

TEST_CASE("movements and folds take every type and rank") {
  std::mt19937_64 engine(8);
  int evaluated = 0;
  for (ElementType type : all_types())
    for (int rank = 0; rank <= kMaxRank; ++rank)
      for (bool empty : {false, true}) {
        auto size = static_cast<std::size_t>(rank);
        Shape shape{type, dims_of(rank, empty)}, scalar{type, {}}, index{ElementType::S32, {}};
        Tensor x = any_bits(shape, engine), init = any_bits(scalar, engine);
        Dims all(size), ones(size, 1), zeros(size, 0);
        std::iota(all.begin(), all.end(), 0);
        auto run = [&](OpCode op, const Attributes &a, const std::vector<Tensor> &operands,
                       const Shape &result) {
          auto out = try_evaluate(op, a, operands, result, evaluated);
          INFO(info(op).name << " " << shape.to_string());
          REQUIRE(out);
          return *out;
        };
        Attributes dimensions, pad, window, slice;
        dimensions.set(AttributeKey::Dimensions, all);
        CHECK(run(OpCode::Copy, {}, {x}, shape) == x);
        CHECK(run(OpCode::Transpose, dimensions, {x}, shape) == x);
        CHECK(run(OpCode::Reverse, dimensions, {run(OpCode::Reverse, dimensions, {x}, shape)},
                  shape) == x);
        run(OpCode::Reshape, {}, {x}, {type, {shape.elements()}});
        pad.set(AttributeKey::PaddingLow, ones);
        pad.set(AttributeKey::PaddingHigh, zeros);
        pad.set(AttributeKey::PaddingInterior, zeros);
        Shape padded = shape;
        for (std::int64_t &d : padded.dims)
          ++d;
        Tensor wide = run(OpCode::Pad, pad, {x, init}, padded);
        std::vector<Tensor> start(size, any_bits(index, engine));
        for (Tensor &t : start)
          t.set_bits(0, 1);
        std::vector<Tensor> take = {wide}, put = {wide, x};
        take.insert(take.end(), start.begin(), start.end());
        put.insert(put.end(), start.begin(), start.end());
        slice.set(AttributeKey::SliceSizes, shape.dims);
        CHECK(run(OpCode::DynamicSlice, slice, take, shape) == x);
        CHECK(run(OpCode::DynamicUpdateSlice, {}, put, padded) == wide);
        window.set(AttributeKey::WindowSize, ones);
        window.set(AttributeKey::Reducer, {static_cast<std::int64_t>(OpCode::Maximum)});
        run(OpCode::ReduceWindow, window, {x, init}, shape);
        Attributes reduce = dimensions;
        reduce.set(AttributeKey::Reducer, {static_cast<std::int64_t>(OpCode::Maximum)});
        run(OpCode::Reduce, reduce, {x, init}, scalar);
        Attributes dot;
        dot.set(AttributeKey::LhsContracting, all);
        dot.set(AttributeKey::RhsContracting, all);
        run(OpCode::Dot, dot, {x, x}, scalar);
        if (rank >= 2 && !empty) { // the kernel of ones' size: one feature to each feature
          Shape kernel{type, ones};
          kernel.dims[0] = shape.dims[1];
          Attributes convolution;
          convolution.set(AttributeKey::LhsLayout, all);
          convolution.set(AttributeKey::RhsLayout, all);
          convolution.set(AttributeKey::OutputLayout, all);
          convolution.set(AttributeKey::WindowSize, Dims(size - 2, 1));
          Shape result = shape;
          result.dims[1] = 1;
          run(OpCode::Convolution, convolution, {x, any_bits(kernel, engine)}, result);
        }
      }
  CHECK(evaluated > 2500);
}
