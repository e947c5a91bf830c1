#pragma once
// Which elements a sliding window touches: the geometry of reduce-window and convolution, shared by
// the evaluator and by symbolic execution, so that the two cannot disagree about it.
//
// Window position k of output o stands at place o * stride + k * window_dilation - padding_low of
// the dilated base, in which base_dilation - 1 holes follow every element. A place outside the base
// or in a hole holds no element. reduce-window leaves such places out of its fold (XLA does too;
// the initial value is used once, whatever the padding). A convolution multiplies them as +0, as
// XLA's operation semantics say, so that it is bit for bit the dot of the gathered and zero-filled
// windows with the kernel, infinite weights included.

#include "semantics/op.h"

#include <array>

namespace isamorph::semantics {

/// A place that holds no element: padding, or a hole of a dilated base.
inline constexpr std::int64_t kNoElement = -1;

/// What a window's list that is left out holds in each of its dimensions.
struct WindowDefault {
  AttributeKey key;
  std::int64_t value;
};
inline constexpr std::array<WindowDefault, 6> kWindowDefaults = {
    {{AttributeKey::WindowStride, 1},
     {AttributeKey::WindowPadLow, 0},
     {AttributeKey::WindowPadHigh, 0},
     {AttributeKey::WindowLhsDilate, 1},
     {AttributeKey::WindowRhsDilate, 1},
     {AttributeKey::WindowReversal, 0}}};

/// The attributes of a reduce-window or convolution with every list and group count written out:
/// two ways to write the same window become one. Those of other operations stay as they are.
Attributes canonical_window(OpCode op, Attributes attributes);

/// One dimension of a window over a base of `length` elements.
struct WindowDimension {
  std::int64_t length, size, stride, low, base_dilation, window_dilation;
  bool reversed; ///< the kernel is read from its last element

  /// The base element under position `k` of output `o`, or kNoElement.
  std::int64_t element(std::int64_t o, std::int64_t k) const;
};

/// The windows of a reduce-window whose shapes infer_shape accepted.
class ReduceWindows {
public:
  ReduceWindows(const Attributes &attributes, const Shape &operand, const Shape &result);

  /// The operand's elements under the window of result element `output`, in row-major order of
  /// window positions. Replaces the contents of `out`.
  void gather(std::int64_t output, std::vector<std::int64_t> &out) const;

private:
  std::vector<WindowDimension> window_;
  std::vector<std::int64_t> strides_, result_dims_;
};

/// A convolution as one matrix product for each group of features or of batches:
/// `result[g, row, column] = dot(left[g, row], right[g, column])`. A row is a position of the
/// window (batch, then spatial dimensions), a column an output feature of the group; the terms run
/// over (window position, input feature) in row-major order, the feature fastest.
class ConvolutionProducts {
public:
  ConvolutionProducts(const Attributes &attributes, const Shape &lhs, const Shape &rhs,
                      const Shape &result);

  std::int64_t groups() const { return groups_; }
  std::int64_t rows() const { return rows_; }
  std::int64_t columns() const { return columns_; }
  std::int64_t terms() const { return positions_ * features_; }

  /// The lhs elements (kNoElement: +0) and the rhs elements that are multiplied; `out` is replaced.
  void left(std::int64_t group, std::int64_t row, std::vector<std::int64_t> &out) const;
  void right(std::int64_t group, std::int64_t column, std::vector<std::int64_t> &out) const;
  /// The element of the result.
  std::int64_t result(std::int64_t group, std::int64_t row, std::int64_t column) const;

private:
  /// Sizes and row-major steps of a tensor in the order of dim_labels: batch (or input feature),
  /// feature (or output feature), spatial.
  struct Labelled {
    std::vector<std::int64_t> sizes, steps;
  };
  static Labelled labelled(const Shape &shape, std::span<const std::int64_t> layout);

  Labelled lhs_, rhs_, result_;
  std::vector<WindowDimension> window_;
  bool batch_groups_;
  std::int64_t groups_, rows_, columns_, positions_, features_;
};

} // namespace isamorph::semantics
