#pragma once
// Short ways to evaluate one operation in tests.

#include "semantics/evaluator.h"

#include <catch2/catch.hpp>
#include <limits>
#include <optional>

namespace isamorph::semantics::test {

using Words = std::vector<std::uint64_t>;

inline const NumericsProfile &xla_cpu() { return numerics_profile("xla_cpu"); }

inline NumericsProfile profile(const std::string &text) {
  return parse_numerics(make_source("test", text)).at(0);
}

inline Tensor tensor(ElementType type, std::vector<std::int64_t> dims,
                     const std::vector<double> &values) {
  Tensor out(Shape{type, std::move(dims)});
  REQUIRE(static_cast<std::size_t>(out.elements()) == values.size());
  for (std::size_t i = 0; i < values.size(); ++i)
    out.set_bits(static_cast<std::int64_t>(i), encode(type, values[i]));
  return out;
}

inline Tensor counting(ElementType type, std::vector<std::int64_t> dims) {
  Tensor out(Shape{type, std::move(dims)});
  for (std::int64_t i = 0; i < out.elements(); ++i)
    out.set_bits(i, encode_integer(type, i));
  return out;
}

inline std::vector<double> values(const Tensor &t) {
  std::vector<double> out;
  for (std::int64_t i = 0; i < t.elements(); ++i)
    out.push_back(decode(t.shape().type, t.bits(i)));
  return out;
}

/// One operation on tensors, its result shape given.
inline Tensor apply(OpCode op, const Attributes &attributes, std::vector<Tensor> operands,
                    const Shape &result, const NumericsProfile &numerics = xla_cpu()) {
  std::vector<const Tensor *> pointers;
  std::vector<Shape> shapes;
  for (const Tensor &t : operands) {
    pointers.push_back(&t);
    shapes.push_back(t.shape());
  }
  REQUIRE(infer_shape(op, shapes, attributes, result) == result);
  return evaluate_op(op, attributes, pointers, result, numerics);
}

inline std::uint64_t scalar(OpCode op, ElementType type, const Words &operands,
                            const NumericsProfile &numerics = xla_cpu(),
                            const Attributes &attributes = {},
                            std::optional<ElementType> result = {}) {
  std::vector<ElementType> types(operands.size(), type);
  return evaluate_scalar(op, attributes, types, operands, result.value_or(type), numerics);
}

inline double scalar_value(OpCode op, ElementType type, const std::vector<double> &operands,
                           const NumericsProfile &numerics = xla_cpu()) {
  Words bits;
  for (double x : operands)
    bits.push_back(encode(type, x));
  return decode(type, scalar(op, type, bits, numerics));
}

inline std::uint64_t convert(ElementType from, std::uint64_t bits, ElementType to,
                             const NumericsProfile &numerics = xla_cpu()) {
  return scalar(OpCode::Convert, from, {bits}, numerics, {}, to);
}

inline Attributes reduction(OpCode reducer, std::vector<std::int64_t> dims) {
  Attributes a;
  a.set(AttributeKey::Dimensions, std::move(dims));
  a.set(AttributeKey::Reducer, {static_cast<std::int64_t>(reducer)});
  return a;
}

inline Attributes contraction(std::int64_t left, std::int64_t right) {
  Attributes a;
  a.set(AttributeKey::LhsContracting, {left});
  a.set(AttributeKey::RhsContracting, {right});
  return a;
}

inline const double kNan = std::numeric_limits<double>::quiet_NaN();
inline const double kInf = std::numeric_limits<double>::infinity();

} // namespace isamorph::semantics::test
