#pragma once
// Random small tensor graphs: any operations whose operands happen to fit.

#include "semantics/evaluator.h"

#include <algorithm>
#include <array>
#include <random>
#include <stdexcept>

namespace isamorph::verify::test {

class RandomGraph {
public:
  RandomGraph(std::uint64_t seed, std::vector<semantics::ElementType> types)
      : engine_(seed), types_(std::move(types)) {}

  /// Two parameters, then attempts to add random operations; the results are all nodes.
  semantics::TensorGraph make(int attempts) {
    using semantics::OpCode;
    for (std::int64_t p = 0; p < 2; ++p) {
      semantics::Attributes attributes;
      attributes.set(semantics::AttributeKey::ParameterNumber, {p});
      semantics::NodeId id =
          graph_.add(OpCode::Parameter, {}, attributes, {type(), dims()}, "p" + std::to_string(p));
      if (std::find(graph_.parameters.begin(), graph_.parameters.end(), id) ==
          graph_.parameters.end())
        graph_.parameters.push_back(id);
    }
    for (int i = 0; i < attempts; ++i)
      try {
        add_something();
      } catch (const semantics::InputError &) { // what does not fit is not added
      } catch (const std::invalid_argument &) {
      }
    for (std::uint32_t n = 0; n < graph_.nodes.size(); ++n)
      graph_.results.push_back({n});
    return graph_;
  }

  /// An input with many zeros, ones and small numbers, and sometimes any bits.
  semantics::Tensor input(const semantics::Shape &shape, bool any_bits) {
    semantics::Tensor out(shape);
    constexpr std::array<double, 8> plain = {0.0, -0.0, 1, -1, 2, 0.5, 3, -0.25};
    for (std::int64_t i = 0; i < out.elements(); ++i)
      out.set_bits(i, any_bits && pick(2)
                          ? engine_()
                          : semantics::encode(shape.type, plain[pick(plain.size())]));
    return out;
  }

private:
  std::size_t pick(std::size_t count) { return engine_() % count; }
  semantics::ElementType type() { return types_[pick(types_.size())]; }
  std::vector<std::int64_t> dims() {
    std::vector<std::int64_t> out;
    for (std::size_t rank = pick(4); rank > 0; --rank)
      out.push_back(pick(12) ? 2 + static_cast<std::int64_t>(pick(2))
                             : static_cast<std::int64_t>(pick(2)));
    return out;
  }
  semantics::NodeId node() { return {static_cast<std::uint32_t>(pick(graph_.nodes.size()))}; }

  /// A node of the same shape as another, where there is one besides itself.
  semantics::NodeId like(semantics::NodeId other) {
    std::vector<semantics::NodeId> fitting;
    for (std::uint32_t n = 0; n < graph_.nodes.size(); ++n)
      if (graph_.nodes[n].shape == graph_[other].shape)
        fitting.push_back({n});
    return fitting[pick(fitting.size())];
  }

  std::vector<std::int64_t> permutation(std::size_t rank) {
    std::vector<std::int64_t> out(rank);
    for (std::size_t i = 0; i < rank; ++i)
      out[i] = static_cast<std::int64_t>(i);
    std::shuffle(out.begin(), out.end(), engine_);
    return out;
  }
  std::vector<std::int64_t> some_dimensions(std::size_t rank) {
    std::vector<std::int64_t> out = permutation(rank);
    out.resize(rank ? pick(rank + 1) : 0);
    return out;
  }

  void constant() {
    semantics::Shape shape{type(), dims()};
    if (pick(3)) // fits an operation with what is there
      shape = graph_[node()].shape;
    semantics::Tensor value(shape);
    std::size_t kind = pick(4);
    for (std::int64_t i = 0; i < value.elements(); ++i) {
      bool diagonal = shape.rank() == 2 && i / std::max<std::int64_t>(1, shape.dims[1]) ==
                                               i % std::max<std::int64_t>(1, shape.dims[1]);
      double element = kind == 0   ? 0
                       : kind == 1 ? 1
                       : kind == 2 ? diagonal
                                   : static_cast<double>(pick(5)) - 2;
      value.set_bits(i, semantics::encode(shape.type, element));
    }
    semantics::Attributes attributes;
    attributes.literal = std::make_shared<const semantics::Tensor>(std::move(value));
    add(semantics::OpCode::Constant, {}, attributes, shape);
  }

  void add(semantics::OpCode op, std::vector<semantics::NodeId> operands,
           const semantics::Attributes &attributes, const semantics::Shape &declared) {
    graph_.add(op, std::move(operands), attributes, declared,
               "n" + std::to_string(graph_.nodes.size()));
  }

  /// A scalar constant of small whole value.
  semantics::NodeId scalar(semantics::ElementType type, std::int64_t value) {
    semantics::Tensor tensor(semantics::Shape{type, {}});
    tensor.set_bits(0, semantics::encode_integer(type, value));
    semantics::Attributes literal;
    literal.literal = std::make_shared<const semantics::Tensor>(std::move(tensor));
    add(semantics::OpCode::Constant, {}, literal, literal.literal->shape());
    return {static_cast<std::uint32_t>(graph_.nodes.size() - 1)};
  }
  /// As many small numbers, from `low` to `high`.
  std::vector<std::int64_t> numbers(std::size_t count, std::int64_t low, std::int64_t high) {
    std::vector<std::int64_t> out(count);
    for (std::int64_t &n : out)
      n = low + static_cast<std::int64_t>(pick(static_cast<std::size_t>(high - low + 1)));
    return out;
  }

  void add_something();
  void add_window(semantics::NodeId a);
  void add_pad(semantics::NodeId a);
  void add_dynamic(semantics::NodeId a);
  void add_fold(semantics::NodeId a);
  void add_movement(semantics::NodeId a);

  std::mt19937_64 engine_;
  std::vector<semantics::ElementType> types_;
  semantics::TensorGraph graph_;
};

inline void RandomGraph::add_fold(semantics::NodeId a) {
  using semantics::AttributeKey;
  using semantics::OpCode;
  semantics::Attributes attributes;
  const semantics::Shape shape = graph_[a].shape;
  if (pick(2)) {
    semantics::NodeId b = node();
    std::vector<std::int64_t> left = permutation(shape.rank()),
                              right = permutation(graph_[b].shape.rank());
    std::size_t contracted = pick(3), batch = pick(4) == 0;
    if (left.size() < contracted + batch || right.size() < contracted + batch)
      return;
    auto middle = static_cast<std::ptrdiff_t>(contracted),
         end = static_cast<std::ptrdiff_t>(contracted + batch);
    attributes.set(AttributeKey::LhsContracting, {left.begin(), left.begin() + middle});
    attributes.set(AttributeKey::RhsContracting, {right.begin(), right.begin() + middle});
    attributes.set(AttributeKey::LhsBatch, {left.begin() + middle, left.begin() + end});
    attributes.set(AttributeKey::RhsBatch, {right.begin() + middle, right.begin() + end});
    std::vector<semantics::Shape> shapes = {shape, graph_[b].shape};
    return add(OpCode::Dot, {a, b}, attributes,
               semantics::infer_shape(OpCode::Dot, shapes, attributes, shape));
  }
  constexpr std::array<OpCode, 6> reducers = {OpCode::Add,     OpCode::Multiply, OpCode::Maximum,
                                              OpCode::Minimum, OpCode::And,      OpCode::Or};
  attributes.set(AttributeKey::Dimensions, some_dimensions(shape.rank()));
  attributes.set(
      AttributeKey::Reducer,
      {static_cast<std::int64_t>(reducers[pick(semantics::is_float(shape.type) ? 4 : 6)])});
  semantics::Tensor zero(semantics::Shape{shape.type, {}});
  zero.set_bits(0, semantics::encode(shape.type, static_cast<double>(pick(2))));
  semantics::Attributes literal;
  literal.literal = std::make_shared<const semantics::Tensor>(zero);
  add(OpCode::Constant, {}, literal, zero.shape());
  semantics::NodeId init{static_cast<std::uint32_t>(graph_.nodes.size() - 1)};
  std::vector<semantics::Shape> shapes = {shape, zero.shape()};
  add(OpCode::Reduce, {a, init}, attributes,
      semantics::infer_shape(OpCode::Reduce, shapes, attributes, shape));
}

inline void RandomGraph::add_movement(semantics::NodeId a) {
  using semantics::AttributeKey;
  using semantics::OpCode;
  semantics::Attributes attributes;
  const semantics::Shape shape = graph_[a].shape;
  semantics::Shape result = shape;
  std::vector<std::int64_t> kept;
  switch (pick(5)) {
  case 0: {
    std::vector<std::int64_t> order = permutation(shape.rank());
    for (std::size_t d = 0; d < order.size(); ++d)
      result.dims[d] = shape.dims[static_cast<std::size_t>(order[d])];
    attributes.set(AttributeKey::Dimensions, order);
    return add(OpCode::Transpose, {a}, attributes, result);
  }
  case 1:
    attributes.set(AttributeKey::Dimensions, some_dimensions(shape.rank()));
    return add(OpCode::Reverse, {a}, attributes, result);
  case 2: // a new first dimension
    result.dims.insert(result.dims.begin(), 2);
    for (std::size_t d = 0; d < shape.rank(); ++d)
      kept.push_back(static_cast<std::int64_t>(d) + 1);
    attributes.set(AttributeKey::Dimensions, kept);
    return add(OpCode::Broadcast, {a}, attributes, result);
  case 3:
    if (shape.rank() == 0)
      return;
    attributes.set(AttributeKey::Dimensions, {0});
    result.dims[0] *= 2;
    return add(OpCode::Concatenate, {a, like(a)}, attributes, result);
  default:
    result.dims = {shape.elements()};
    return add(OpCode::Reshape, {a}, attributes, result);
  }
}

/// A reduce-window of `a`, or a convolution of it with another tensor of its rank.
inline void RandomGraph::add_window(semantics::NodeId a) {
  using semantics::AttributeKey;
  using semantics::OpCode;
  const semantics::Shape shape = graph_[a].shape;
  semantics::NodeId b = node();
  bool convolution = pick(2) && shape.rank() >= 2 && graph_[b].shape.rank() == shape.rank();
  std::vector<std::int64_t> lhs = permutation(shape.rank()), rhs = permutation(shape.rank());
  std::size_t spatial = shape.rank() - (convolution ? 2 : 0);
  std::vector<std::int64_t> size = numbers(spatial, 1, 2), stride = numbers(spatial, 1, 2),
                            low = numbers(spatial, -1, 1), high = numbers(spatial, -1, 1),
                            dilation = numbers(spatial, 1, 2), holes = numbers(spatial, 1, 2);
  auto dim = [](const semantics::Shape &s, std::int64_t d) {
    return s.dims[static_cast<std::size_t>(d)];
  };
  semantics::Shape result = shape;
  std::int64_t feature_groups = 1, batch_groups = 1;
  if (convolution) {
    std::int64_t inputs = dim(shape, lhs[1]), features = dim(graph_[b].shape, rhs[0]);
    feature_groups = features ? inputs / features : 1;
    batch_groups = feature_groups == 1 ? 1 + static_cast<std::int64_t>(pick(2)) : 1;
    result.dims[0] = dim(shape, lhs[0]) / batch_groups;
    result.dims[1] = dim(graph_[b].shape, rhs[1]);
  }
  for (std::size_t d = 0; d < spatial; ++d) {
    std::int64_t length = convolution ? dim(shape, lhs[d + 2]) : shape.dims[d];
    if (convolution)
      size[d] = dim(graph_[b].shape, rhs[d + 2]);
    std::int64_t padded = (length ? (length - 1) * holes[d] + 1 : 0) + low[d] + high[d],
                 extent = (size[d] - 1) * dilation[d] + 1;
    result.dims[d + (convolution ? 2 : 0)] =
        padded < extent ? 0 : (padded - extent) / stride[d] + 1;
  }
  if (result.elements() > 128)
    return;
  semantics::Attributes attributes;
  attributes.set(AttributeKey::WindowSize, size);
  attributes.set(AttributeKey::WindowStride, stride);
  attributes.set(AttributeKey::WindowPadLow, low);
  attributes.set(AttributeKey::WindowPadHigh, high);
  attributes.set(AttributeKey::WindowLhsDilate, holes);
  attributes.set(AttributeKey::WindowRhsDilate, dilation);
  if (!convolution) {
    constexpr std::array<OpCode, 4> reducers = {OpCode::Add, OpCode::Multiply, OpCode::Maximum,
                                                OpCode::Minimum};
    attributes.set(AttributeKey::Reducer,
                   {static_cast<std::int64_t>(reducers[pick(reducers.size())])});
    semantics::NodeId init = scalar(shape.type, static_cast<std::int64_t>(pick(2)));
    return add(OpCode::ReduceWindow, {a, init}, attributes, result);
  }
  std::vector<std::int64_t> plain(shape.rank());
  for (std::size_t d = 0; d < plain.size(); ++d)
    plain[d] = static_cast<std::int64_t>(d);
  attributes.set(AttributeKey::WindowReversal, numbers(spatial, 0, 1));
  attributes.set(AttributeKey::LhsLayout, lhs);
  attributes.set(AttributeKey::RhsLayout, rhs);
  attributes.set(AttributeKey::OutputLayout, plain);
  attributes.set(AttributeKey::FeatureGroups, {feature_groups});
  attributes.set(AttributeKey::BatchGroups, {batch_groups});
  add(OpCode::Convolution, {a, b}, attributes, result);
}

inline void RandomGraph::add_pad(semantics::NodeId a) {
  using semantics::AttributeKey;
  semantics::Shape result = graph_[a].shape;
  std::vector<std::int64_t> low = numbers(result.rank(), -2, 1),
                            high = numbers(result.rank(), -2, 1),
                            interior = numbers(result.rank(), 0, 1);
  for (std::size_t d = 0; d < result.rank(); ++d)
    result.dims[d] = std::max<std::int64_t>(
        0, result.dims[d] + std::max<std::int64_t>(0, result.dims[d] - 1) * interior[d] + low[d] +
               high[d]);
  semantics::Attributes attributes;
  attributes.set(AttributeKey::PaddingLow, low);
  attributes.set(AttributeKey::PaddingHigh, high);
  attributes.set(AttributeKey::PaddingInterior, interior);
  semantics::NodeId value = scalar(result.type, static_cast<std::int64_t>(pick(3)));
  add(semantics::OpCode::Pad, {a, value}, attributes, result);
}

/// A dynamic-slice of `a` at constant places that may lie outside, or the update of one by it.
inline void RandomGraph::add_dynamic(semantics::NodeId a) {
  const semantics::Shape shape = graph_[a].shape;
  semantics::NodeId part = like(a);
  std::vector<semantics::NodeId> operands = {a};
  semantics::Attributes attributes;
  bool update = pick(2);
  if (update)
    operands.push_back(part);
  for (std::size_t d = 0; d < shape.rank(); ++d)
    operands.push_back(scalar(semantics::ElementType::S8, static_cast<std::int64_t>(pick(6)) - 2));
  if (update)
    return add(semantics::OpCode::DynamicUpdateSlice, operands, {}, shape);
  semantics::Shape result = shape;
  for (std::int64_t &size : result.dims)
    size = static_cast<std::int64_t>(pick(static_cast<std::size_t>(size) + 1));
  attributes.set(semantics::AttributeKey::SliceSizes, result.dims);
  add(semantics::OpCode::DynamicSlice, operands, attributes, result);
}

inline void RandomGraph::add_something() {
  using semantics::OpCode;
  semantics::NodeId a = node();
  if (graph_[a].shape.elements() > 64)
    return;
  semantics::Shape shape = graph_[a].shape;
  switch (pick(11)) {
  case 8:
    return add_window(a);
  case 9:
    return add_pad(a);
  case 10:
    return add_dynamic(a);
  case 0:
    return constant();
  case 1:
    return add_fold(a);
  case 2:
    return add_movement(a);
  case 3:
    shape.type = type();
    return add(OpCode::Convert, {a}, {}, shape);
  case 4: { // to another type, of another size with one dimension more or less
    int old = semantics::byte_size(shape.type);
    shape.type = type();
    int size = semantics::byte_size(shape.type);
    if (size < old)
      shape.dims.push_back(old / size);
    else if (size > old && shape.rank())
      shape.dims.pop_back();
    return add(OpCode::BitcastConvert, {a}, {}, shape);
  }
  case 5: {
    semantics::Attributes attributes;
    attributes.set(semantics::AttributeKey::Direction, {static_cast<std::int64_t>(pick(6))});
    semantics::NodeId b = like(a);
    shape.type = semantics::ElementType::Pred;
    add(OpCode::Compare, {a, b}, attributes, shape);
    semantics::NodeId condition{static_cast<std::uint32_t>(graph_.nodes.size() - 1)};
    return add(OpCode::Select, {condition, a, b}, {}, graph_[a].shape);
  }
  default: {
    constexpr std::array<OpCode, 4> frequent = {OpCode::Add, OpCode::Subtract, OpCode::Multiply,
                                                OpCode::Divide};
    auto op = pick(2) ? frequent[pick(frequent.size())]
                      : static_cast<OpCode>(pick(semantics::kOpCodeCount));
    if (semantics::info(op).cls != semantics::OpClass::Elementwise || op == OpCode::Compare ||
        op == OpCode::Select || op == OpCode::Convert)
      return;
    std::vector<semantics::NodeId> operands = {a};
    while (static_cast<int>(operands.size()) < semantics::info(op).min_arity)
      operands.push_back(like(a));
    return add(op, std::move(operands), {}, shape);
  }
  }
}

} // namespace isamorph::verify::test
