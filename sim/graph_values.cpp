#include "sim/graph_values.h"

#include "semantics/evaluator.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <numeric>

namespace isamorph::sim {

using semantics::ElementType;
using semantics::Shape;
using semantics::Tensor;

namespace {

using Bytes = std::span<const std::byte>;

constexpr std::size_t kMostTransposedDimensions = 4;

/// The first place of `part` in `whole` at a multiple of `step` bytes.
bool contains(Bytes whole, Bytes part, std::size_t step) {
  auto from = whole.begin();
  while (true) {
    auto found = std::search(from, whole.end(), part.begin(), part.end());
    if (found == whole.end())
      return false;
    if (static_cast<std::size_t>(found - whole.begin()) % step == 0)
      return true;
    from = found + 1;
  }
}

/// Rows of `row_bytes` that follow each other `pitch` bytes apart in `whole`.
bool contains_rectangle(Bytes whole, Bytes part, std::size_t row_bytes, std::size_t pitch,
                        std::size_t step) {
  std::size_t rows = part.size() / row_bytes;
  if (pitch < row_bytes || (rows - 1) * pitch + row_bytes > whole.size())
    return false;
  std::size_t last = whole.size() - (rows - 1) * pitch - row_bytes;
  for (std::size_t at = 0; at <= last; at += step) {
    if (at % pitch + row_bytes > pitch)
      continue;
    std::size_t row = 0;
    while (row < rows && std::memcmp(whole.data() + at + row * pitch, part.data() + row * row_bytes,
                                     row_bytes) == 0)
      ++row;
    if (row == rows)
      return true;
  }
  return false;
}

/// `part`, of rows of `row_bytes`, in `value`.
bool belongs(Bytes part, std::size_t row_bytes, const Tensor &value) {
  Bytes whole = value.bytes();
  auto step = static_cast<std::size_t>(semantics::byte_size(value.shape().type));
  if (part.size() > whole.size() || part.size() % step != 0)
    return false;
  if (contains(whole, part, step))
    return true;
  if (row_bytes == 0 || value.shape().rank() < 2)
    return false;
  auto pitch = static_cast<std::size_t>(value.shape().dims.back()) * step;
  return contains_rectangle(whole, part, row_bytes, pitch, step);
}

bool belongs(const Tensor &tensor, const Tensor &value) {
  const Shape &shape = tensor.shape();
  Bytes bytes = tensor.bytes();
  std::size_t row_bytes =
      shape.rank() < 2 ? 0 : static_cast<std::size_t>(shape.dims.back() * byte_size(shape.type));
  if (belongs(bytes, row_bytes, value))
    return true;
  if (shape.rank() < 3 || bytes.empty())
    return false;
  std::size_t tile = row_bytes * static_cast<std::size_t>(shape.dims[shape.rank() - 2]);
  for (std::size_t at = 0; at < bytes.size(); at += tile)
    if (!belongs(bytes.subspan(at, tile), row_bytes, value))
      return false;
  return true;
}

Tensor transposed(const Tensor &value, const std::vector<std::int64_t> &order,
                  const semantics::NumericsProfile &profile) {
  Shape shape{value.shape().type, {}};
  for (std::int64_t d : order)
    shape.dims.push_back(value.shape().dims[static_cast<std::size_t>(d)]);
  semantics::Attributes attributes;
  attributes.set(semantics::AttributeKey::Dimensions, order);
  const Tensor *operand = &value;
  return semantics::evaluate_op(semantics::OpCode::Transpose, attributes, {&operand, 1}, shape,
                                profile);
}

} // namespace

GraphValues::GraphValues(const semantics::TensorGraph &graph, std::span<const Tensor> inputs,
                         const semantics::NumericsProfile &profile)
    : graph_(graph.without_dead_nodes()), profile_(profile) {
  graph_.results.clear();
  for (std::uint32_t i = 0; i < graph_.nodes.size(); ++i)
    graph_.results.push_back({i});
  std::vector<Tensor> results = semantics::evaluate(graph_, inputs, profile_);
  for (std::uint32_t i = 0; i < graph_.nodes.size(); ++i)
    add(graph_.nodes[i].name, std::move(results[i]));
}

void GraphValues::add_partial_sums(std::set<std::int64_t> steps) {
  std::vector<Tensor> values;
  for (std::size_t i = 0; i < graph_.nodes.size(); ++i)
    values.push_back(values_[i].tensor);
  partial_.emplace(graph_, std::move(values), profile_, std::move(steps));
}

void GraphValues::add_transposes(const Value &value, Group &out) {
  std::size_t rank = value.tensor.shape().rank();
  std::vector<std::int64_t> order(rank);
  std::iota(order.begin(), order.end(), 0);
  if (rank >= 2 && rank <= kMostTransposedDimensions)
    while (std::next_permutation(order.begin(), order.end()))
      out.push_back({fmt::format("{} transposed {{{}}}", value.name, semantics::join_dims(order)),
                     transposed(value.tensor, order, {})});
}

void GraphValues::add(const std::string &name, Tensor value) {
  values_.push_back({name, std::move(value)});
  add_transposes(values_.back(), transposes_);
}

std::optional<std::string> GraphValues::find(const Tensor &tensor) {
  Bytes bytes = tensor.bytes();
  for (const auto *group : {&values_, &transposes_})
    for (const Value &value : *group)
      if (std::equal(bytes.begin(), bytes.end(), value.tensor.bytes().begin(),
                     value.tensor.bytes().end()))
        return value.name;
  if (std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; }))
    return "zeros";
  for (const auto *group : {&values_, &transposes_})
    for (const Value &value : *group)
      if (belongs(tensor, value.tensor))
        return "part of " + value.name;
  return find_partial_sum(tensor);
}

std::optional<std::string> GraphValues::find_partial_sum(const Tensor &tensor) {
  ElementType type = tensor.shape().type;
  if (partial_ && summed_.insert(type).second)
    for (PartialSums::Sum &sum : partial_->of_type(type)) {
      sums_.push_back({std::move(sum.name), std::move(sum.value)});
      add_transposes(Value(sums_.back()), sums_);
    }
  for (std::size_t i = 0; i < sums_.size(); ++i) {
    const Value &value = sums_[(last_ + i) % sums_.size()];
    if (!belongs(tensor, value.tensor))
      continue;
    last_ = (last_ + i) % sums_.size();
    bool whole = std::ranges::equal(tensor.bytes(), value.tensor.bytes());
    return (whole ? "" : "part of ") + value.name;
  }
  return std::nullopt;
}

std::optional<GraphValues::Nearest> GraphValues::nearest(const Tensor &tensor) const {
  std::optional<Nearest> best;
  for (const auto *group : {&values_, &transposes_, &sums_})
    for (const Value &value : *group) {
      if (value.tensor.shape() != tensor.shape())
        continue;
      Nearest found{value.name, 0, 0, {}};
      for (std::int64_t i = tensor.elements(); i-- > 0;)
        if (tensor.bits(i) != value.tensor.bits(i)) {
          ++found.mismatches;
          found.first = i;
        }
      if (!best || found.mismatches < best->mismatches) {
        best = std::move(found);
        best->value = value.tensor;
      }
    }
  return best;
}

} // namespace isamorph::sim
