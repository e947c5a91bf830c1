#pragma once
// The inner loops of the evaluator: element-wise operations and folds on raw element storage, and
// the scalar functions they apply. Not an interface: semantics/evaluator.h is.

#include "semantics/evaluator.h"
#include "semantics/float_format.h"
#include "semantics/fold_layout.h"
#include "semantics/interrupt_point.h"

#include <array>

namespace isamorph::semantics {

/// `count` elements of an element-wise operation. Operands marked `repeated` are one element, used
/// for every result.
struct ElementwiseCall {
  OpCode op;
  const Attributes &attributes;
  std::span<const ElementType> types;
  std::span<const std::byte *const> inputs;
  std::array<bool, 3> repeated{};
  ElementType result;
  std::byte *output;
  std::size_t count;
  const NumericsProfile &profile;
};
void run_elementwise(const ElementwiseCall &call);
/// Of +, -, *, /, sqrt and convert to a float, whatever the direction of rounding: on bits
/// (semantics/soft_elementwise.h), one element at a time.
void run_rounded(const ElementwiseCall &call);
/// NaN results of a float operation that has run get the profile's form.
void settle_nans(const ElementwiseCall &call);
/// Binary and unary operations of integers and pred.
void run_integer_elementwise(const ElementwiseCall &call);

Tensor evaluate_dot(const Attributes &attributes, const Tensor &lhs, const Tensor &rhs,
                    const Shape &result, const NumericsProfile &profile);
Tensor evaluate_reduce(const Attributes &attributes, const Tensor &input, const Tensor &init,
                       const Shape &result, const NumericsProfile &profile);

/// Each window's elements folded in the order of the profile's reduce, window positions row-major;
/// padding and holes are left out.
Tensor evaluate_reduce_window(const Attributes &attributes, const Tensor &input, const Tensor &init,
                              const Shape &result, const NumericsProfile &profile);
/// Integers are exact (modulo 2^bits). Floats accumulate in the order of the profile's dot over
/// (window position, input feature), row-major; padding and holes are terms of +0 times the weight.
Tensor evaluate_convolution(const Attributes &attributes, const Tensor &lhs, const Tensor &rhs,
                            const Shape &result, const NumericsProfile &profile);
/// By the units of the profile's folds, which must take the elements' type.
void reduce_by_unit(const ReduceLayout &layout, const NumericsProfile &profile, const Tensor &input,
                    const Tensor &init, Tensor &result);
/// Rows [begin, end) of each batch of a dot, on elements of `type`.
void dot_by_unit(const DotLayout &layout, const NumericsProfile &profile, ElementType type,
                 const std::byte *lhs, const std::byte *rhs, std::byte *result, std::size_t begin,
                 std::size_t end);
/// A row of products (of summands on the left, when `right` is empty) from `init`, all bits of
/// `type`, by the unit of the fold; there must be one for that type (unit_for).
std::uint64_t sum_by_unit(const FoldNumerics &fold, ElementType type,
                          const NumericsProfile &profile, std::uint64_t init,
                          std::span<const std::uint64_t> left,
                          std::span<const std::uint64_t> right);

Tensor evaluate_movement(OpCode op, const Attributes &attributes,
                         std::span<const Tensor *const> operands, const Shape &result);
Tensor evaluate_pad(const Attributes &attributes, const Tensor &input, const Tensor &value,
                    const Shape &result);
Tensor evaluate_dynamic_slice(std::span<const Tensor *const> operands, const Shape &result);
Tensor evaluate_dynamic_update_slice(std::span<const Tensor *const> operands, const Shape &result);
Tensor evaluate_iota(std::int64_t dimension, const Shape &result);

/// Any NaN operand gives NaN, and -0 < +0, so that the order of operands never shows.
struct FloatMaximum {
  template <class C> C operator()(C a, C b) const {
    if (a != a || b != b)
      return std::numeric_limits<C>::quiet_NaN();
    if (a == b)
      return std::signbit(a) ? b : a;
    return a > b ? a : b;
  }
};
struct FloatMinimum {
  template <class C> C operator()(C a, C b) const {
    if (a != a || b != b)
      return std::numeric_limits<C>::quiet_NaN();
    if (a == b)
      return std::signbit(a) ? a : b;
    return a < b ? a : b;
  }
};
struct FloatAdd {
  template <class C> C operator()(C a, C b) const { return a + b; }
};
struct FloatMultiply {
  template <class C> C operator()(C a, C b) const { return a * b; }
};
/// A product that is tiny after rounding (as if exponents had no lower end) is a zero; where it
/// would be rounded up to the smallest normal number, one factor is scaled to see it. Denormal
/// results stay.
struct FlushedMultiply {
  template <class C> C operator()(C a, C b) const {
    C product = a * b, least = std::numeric_limits<C>::min();
    if (std::fabs(product) != least)
      return product;
    const C scale = static_cast<C>(0x1p64); // far less than the smaller factor's reciprocal
    C larger = std::fabs(a) < std::fabs(b) ? (a * scale) * b : a * (b * scale);
    return std::fabs(larger) < least * scale ? std::copysign(C{0}, product) : product;
  }
};

/// Likewise: the only quotient that is tiny and would be rounded up to the smallest normal number
/// has all bits of its significand set.
struct FlushedDivide {
  template <class C> C operator()(C a, C b) const {
    C quotient = a / b, least = std::numeric_limits<C>::min();
    if (std::fabs(quotient) != least)
      return quotient;
    const C scale = static_cast<C>(0x1p64); // a is far below its reciprocal, or b far above it
    C larger = std::fabs(a) < 1 ? (a * scale) / b : a / (b / scale);
    return std::fabs(larger) < least * scale ? std::copysign(C{0}, quotient) : quotient;
  }
};

/// Integer arithmetic modulo 2^bits.
struct WrapAdd {
  template <class T> T operator()(T a, T b) const {
    return static_cast<T>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
  }
};
struct WrapMultiply {
  template <class T> T operator()(T a, T b) const {
    return static_cast<T>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
  }
};
struct IntegerMaximum {
  template <class T> T operator()(T a, T b) const { return a < b ? b : a; }
};
struct IntegerMinimum {
  template <class T> T operator()(T a, T b) const { return b < a ? b : a; }
};
struct BitAnd {
  template <class T> T operator()(T a, T b) const { return static_cast<T>(a & b); }
};
struct BitOr {
  template <class T> T operator()(T a, T b) const { return static_cast<T>(a | b); }
};

} // namespace isamorph::semantics
