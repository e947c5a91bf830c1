#pragma once
// The table of tensor operations: one row each with its HLO name, arity, attributes, class and
// shape rule. Evaluators stand in evaluator.h, keyed by the same OpCode; adding an operation is one
// enumerator, one row, one function. Names and meaning follow the XLA operation semantics
// (openxla.org/xla/operation_semantics).

#include "semantics/element_type.h"
#include "semantics/tensor.h"

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace isamorph::semantics {

enum class OpCode : std::uint8_t {
  Parameter,
  Constant,
  Iota,
  Copy,
  Convert,
  BitcastConvert,
  Reshape,
  Transpose,
  Broadcast,
  Slice,
  DynamicSlice,
  DynamicUpdateSlice,
  Concatenate,
  Pad,
  Reverse,
  Dot,
  Reduce,
  ReduceWindow,
  Convolution,
  Compare,
  Select,
  Clamp,
  Add,
  Subtract,
  Multiply,
  Divide,
  Remainder,
  Maximum,
  Minimum,
  Power,
  Negate,
  Abs,
  Sign,
  Floor,
  Ceil,
  RoundNearestEven,
  Exponential,
  ExponentialMinusOne,
  Log,
  LogPlusOne,
  Logistic,
  Tanh,
  Erf,
  Sqrt,
  Rsqrt,
  Cbrt,
  Sine,
  Cosine,
  And,
  Or,
  Xor,
  Not,
  ShiftLeft,
  ShiftRightArithmetic,
  ShiftRightLogical,
  Tuple,
  GetTupleElement,
};
inline constexpr int kOpCodeCount = static_cast<int>(OpCode::GetTupleElement) + 1;

/// Keys of an operation's integer-list attributes. Enumerations are stored as one integer.
enum class AttributeKey : std::uint8_t {
  Dimensions,    // transpose, broadcast, reduce, concatenate, reverse
  IotaDimension, // iota_dimension
  SliceStarts,
  SliceLimits,
  SliceStrides,
  LhsContracting,
  RhsContracting,
  LhsBatch,
  RhsBatch,
  Direction, // compare: CompareDirection
  Reducer,   // reduce, reduce-window: OpCode of Add, Multiply, Maximum, Minimum, And, Or
  PaddingLow,
  PaddingHigh,
  PaddingInterior,
  SliceSizes, // dynamic_slice_sizes
  WindowSize,
  WindowStride,
  WindowPadLow,
  WindowPadHigh,
  WindowLhsDilate,
  WindowRhsDilate,
  WindowReversal,
  LhsLayout,
  RhsLayout,
  OutputLayout, // convolution dim_labels: positions of b,f,0,1.. / i,o,0,1..
  FeatureGroups,
  BatchGroups,
  ParameterNumber, // parameter
  TupleIndex,      // get-tuple-element
};

enum class CompareDirection : std::uint8_t { EQ, NE, LT, LE, GT, GE };
std::string_view name(CompareDirection direction);

/// An operation's attributes: integer lists sorted by key (absent = empty list), and a constant's
/// value.
struct Attributes {
  std::vector<std::pair<AttributeKey, std::vector<std::int64_t>>> lists;
  TensorRef literal; // constant only

  std::span<const std::int64_t> get(AttributeKey key) const;
  std::int64_t get_one(AttributeKey key, std::int64_t otherwise = 0) const;
  void set(AttributeKey key, std::vector<std::int64_t> values); ///< an empty list removes the key
  /// Compares literals by value.
  bool operator==(const Attributes &other) const;
  std::size_t hash() const;
};

/// What an operation does to elements, as far as generic code may rely on it.
enum class OpClass : std::uint8_t {
  Source,      // no operands: parameter, constant, iota
  Movement,    // each output element is one input element, chosen by position only
  Bitcast,     // bitcast-convert: the same bytes under another type
  Elementwise, // output[i] = f(inputs[i]...)
  Fold,        // dot, reduce, reduce-window, convolution: ordered accumulation
  Other,
};

struct OpInfo {
  OpCode code;
  std::string_view name;
  int min_arity, max_arity; ///< max -1: any number
  OpClass cls;
  bool commutative; ///< two operands whose exchange changes no bit but NaN payloads
  bool evaluable;   ///< the reference evaluator implements it
};

const OpInfo &info(OpCode code);
std::optional<OpCode> op_code(std::string_view name);
std::vector<std::string> op_names();

/// The result shape of an operation. `declared` is the shape the text wrote (reshape, broadcast,
/// iota, convert, constant and parameter take it from there and check it; the others compute it).
/// Throws std::invalid_argument with a message ("dot: contracting sizes differ: 64 and 32") when
/// operands, attributes and shape do not fit.
Shape infer_shape(OpCode code, std::span<const Shape> operands, const Attributes &attributes,
                  const Shape &declared);

/// For Movement operations: for each output element, which operand and which of its elements it is.
struct ElementSource {
  std::uint32_t operand, index;
};
std::vector<ElementSource> movement_map(OpCode code, std::span<const Shape> operands,
                                        const Attributes &attributes, const Shape &result);

/// The attribute text that HLO prints after the operands: ", dimensions={1,0}"; "" when there is
/// none.
std::string attributes_text(OpCode code, const Attributes &attributes);

} // namespace isamorph::semantics
