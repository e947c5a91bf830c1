#include "semantics/window.h"

namespace isamorph::semantics {
namespace {

using Dims = std::vector<std::int64_t>;
using List = std::span<const std::int64_t>;

/// Advances a row-major index tuple; false when it was the last one.
bool next_index(Dims &index, List dims) {
  for (std::size_t d = dims.size(); d-- > 0;) {
    if (++index[d] < dims[d])
      return true;
    index[d] = 0;
  }
  return false;
}

/// The index tuple of a row-major element number.
Dims index_of(std::int64_t flat, List dims) {
  Dims index(dims.size());
  for (std::size_t d = dims.size(); d-- > 0; flat /= dims[d])
    index[d] = flat % dims[d];
  return index;
}

std::int64_t product(List dims) {
  std::int64_t out = 1;
  for (std::int64_t d : dims)
    out *= d;
  return out;
}

Dims sizes_of(std::span<const WindowDimension> window) {
  Dims out;
  for (const WindowDimension &w : window)
    out.push_back(w.size);
  return out;
}

/// The window over a base of these lengths; lists that are absent have their defaults.
std::vector<WindowDimension> window_over(const Attributes &attributes, List lengths) {
  auto at = [&](AttributeKey key, std::size_t i, std::int64_t otherwise) {
    List values = attributes.get(key);
    return i < values.size() ? values[i] : otherwise;
  };
  std::vector<WindowDimension> out;
  for (std::size_t i = 0; i < lengths.size(); ++i)
    out.push_back({lengths[i], at(AttributeKey::WindowSize, i, 1),
                   at(AttributeKey::WindowStride, i, 1), at(AttributeKey::WindowPadLow, i, 0),
                   at(AttributeKey::WindowLhsDilate, i, 1), at(AttributeKey::WindowRhsDilate, i, 1),
                   at(AttributeKey::WindowReversal, i, 0) != 0});
  return out;
}

/// The offset of the element under window position `k` of output `o`, or kNoElement.
std::int64_t offset_under(std::span<const WindowDimension> window, List steps, List o, List k) {
  std::int64_t offset = 0;
  for (std::size_t d = 0; d < window.size(); ++d) {
    std::int64_t element = window[d].element(o[d], k[d]);
    if (element == kNoElement)
      return kNoElement;
    offset += element * steps[d];
  }
  return offset;
}

} // namespace

Attributes canonical_window(OpCode op, Attributes attributes) {
  if (op != OpCode::ReduceWindow && op != OpCode::Convolution)
    return attributes;
  std::size_t rank = attributes.get(AttributeKey::WindowSize).size();
  for (const WindowDefault &absent : kWindowDefaults)
    if (attributes.get(absent.key).empty())
      attributes.set(absent.key, Dims(rank, absent.value));
  if (op == OpCode::Convolution)
    for (AttributeKey groups : {AttributeKey::FeatureGroups, AttributeKey::BatchGroups})
      attributes.set(groups, {attributes.get_one(groups, 1)});
  return attributes;
}

std::int64_t WindowDimension::element(std::int64_t o, std::int64_t k) const {
  std::int64_t place = o * stride + k * window_dilation - low;
  if (place < 0 || place % base_dilation != 0 || place / base_dilation >= length)
    return kNoElement;
  return place / base_dilation;
}

ReduceWindows::ReduceWindows(const Attributes &attributes, const Shape &operand,
                             const Shape &result)
    : window_(window_over(attributes, operand.dims)), strides_(row_major_strides(operand.dims)),
      result_dims_(result.dims) {}

void ReduceWindows::gather(std::int64_t output, std::vector<std::int64_t> &out) const {
  out.clear();
  Dims o = index_of(output, result_dims_), k(window_.size(), 0), sizes = sizes_of(window_);
  do {
    std::int64_t offset = offset_under(window_, strides_, o, k);
    if (offset != kNoElement)
      out.push_back(offset);
  } while (next_index(k, sizes));
}

ConvolutionProducts::Labelled ConvolutionProducts::labelled(const Shape &shape, List layout) {
  Dims steps = row_major_strides(shape.dims);
  Labelled out;
  for (std::int64_t d : layout) {
    out.sizes.push_back(shape.dims[static_cast<std::size_t>(d)]);
    out.steps.push_back(steps[static_cast<std::size_t>(d)]);
  }
  return out;
}

ConvolutionProducts::ConvolutionProducts(const Attributes &attributes, const Shape &lhs,
                                         const Shape &rhs, const Shape &result)
    : lhs_(labelled(lhs, attributes.get(AttributeKey::LhsLayout))),
      rhs_(labelled(rhs, attributes.get(AttributeKey::RhsLayout))),
      result_(labelled(result, attributes.get(AttributeKey::OutputLayout))),
      window_(window_over(attributes, List(lhs_.sizes).subspan(2))) {
  std::int64_t by_feature = attributes.get_one(AttributeKey::FeatureGroups, 1),
               by_batch = attributes.get_one(AttributeKey::BatchGroups, 1);
  batch_groups_ = by_batch > 1;
  groups_ = batch_groups_ ? by_batch : by_feature;
  rows_ = result_.sizes[0] * product(List(result_.sizes).subspan(2));
  columns_ = result_.sizes[1] / groups_;
  positions_ = product(sizes_of(window_));
  features_ = rhs_.sizes[0];
}

void ConvolutionProducts::left(std::int64_t group, std::int64_t row, Dims &out) const {
  out.clear();
  Dims sizes = result_.sizes; // batch, spatial...
  sizes.erase(sizes.begin() + 1);
  Dims at = index_of(row, sizes), k(window_.size(), 0), positions = sizes_of(window_);
  std::int64_t batch = batch_groups_ ? group * result_.sizes[0] + at[0] : at[0];
  std::int64_t base =
      batch * lhs_.steps[0] + (batch_groups_ ? 0 : group * features_ * lhs_.steps[1]);
  List o = List(at).subspan(1), steps = List(lhs_.steps).subspan(2);
  do {
    std::int64_t offset = offset_under(window_, steps, o, k);
    for (std::int64_t f = 0; f < features_; ++f)
      out.push_back(offset == kNoElement ? kNoElement : base + offset + f * lhs_.steps[1]);
  } while (next_index(k, positions));
}

void ConvolutionProducts::right(std::int64_t group, std::int64_t column, Dims &out) const {
  out.clear();
  Dims k(window_.size(), 0), positions = sizes_of(window_);
  do {
    std::int64_t offset = (group * columns_ + column) * rhs_.steps[1];
    for (std::size_t d = 0; d < window_.size(); ++d)
      offset += (window_[d].reversed ? window_[d].size - 1 - k[d] : k[d]) * rhs_.steps[d + 2];
    for (std::int64_t f = 0; f < features_; ++f)
      out.push_back(offset + f * rhs_.steps[0]);
  } while (next_index(k, positions));
}

std::int64_t ConvolutionProducts::result(std::int64_t group, std::int64_t row,
                                         std::int64_t column) const {
  Dims sizes = result_.sizes;
  sizes.erase(sizes.begin() + 1);
  Dims at = index_of(row, sizes);
  std::int64_t offset = at[0] * result_.steps[0] + (group * columns_ + column) * result_.steps[1];
  for (std::size_t d = 2; d < result_.sizes.size(); ++d)
    offset += at[d - 1] * result_.steps[d];
  return offset;
}

} // namespace isamorph::semantics
