#include "semantics/evaluator_kernels.h"

#include <algorithm>
#include <stdexcept>

namespace isamorph::semantics {
namespace {

using Dims = std::vector<std::int64_t>;

/// Elements in a regular pattern: base + sum(index[d] * step[d]), counted in elements.
struct Pattern {
  std::int64_t base = 0;
  Dims step;
};

/// For every index tuple over `dims`: to[its place in `target`] = from[its place in `source`].
template <class T>
void copy_pattern(std::span<const std::int64_t> dims, const Pattern &source, const T *from,
                  const Pattern &target, T *to) {
  if (std::find(dims.begin(), dims.end(), 0) != dims.end())
    return;
  from += source.base;
  to += target.base;
  if (dims.empty()) {
    *to = *from;
    return;
  }
  std::size_t outer = dims.size() - 1;
  std::int64_t count = dims[outer], from_step = source.step[outer], to_step = target.step[outer];
  Dims index(outer, 0);
  while (true) {
    if (from_step == 1 && to_step == 1)
      std::copy(from, from + count, to);
    else if (from_step == 0 && to_step == 1)
      std::fill(to, to + count, *from);
    else
      for (std::int64_t i = 0; i < count; ++i)
        to[i * to_step] = from[i * from_step];
    std::size_t d = outer;
    while (d > 0) {
      --d;
      from += source.step[d];
      to += target.step[d];
      if (++index[d] < dims[d])
        break;
      from -= source.step[d] * dims[d];
      to -= target.step[d] * dims[d];
      index[d] = 0;
      if (d == 0)
        return;
    }
    if (outer == 0)
      return;
  }
}

void copy_elements(std::span<const std::int64_t> dims, const Pattern &source, const Tensor &from,
                   const Pattern &target, Tensor &to) {
  auto with = [&]<class T>(T) {
    copy_pattern<T>(dims, source, from.as<T>().data(), target, to.as<T>().data());
  };
  switch (byte_size(to.shape().type)) {
  case 1:
    return with(std::uint8_t{});
  case 2:
    return with(std::uint16_t{});
  case 4:
    return with(std::uint32_t{});
  default:
    return with(std::uint64_t{});
  }
}

Pattern whole(const Shape &shape) { return {0, row_major_strides(shape.dims)}; }

/// Where the elements of the result lie in the operand.
Pattern source_of(OpCode op, const Attributes &attributes, const Shape &operand,
                  const Shape &result) {
  Dims in = row_major_strides(operand.dims);
  Pattern source{0, Dims(result.rank(), 0)};
  auto dims = attributes.get(AttributeKey::Dimensions);
  auto at = [](std::int64_t d) { return static_cast<std::size_t>(d); };
  switch (op) {
  case OpCode::Transpose:
    for (std::size_t d = 0; d < result.rank(); ++d)
      source.step[d] = in[at(dims[d])];
    break;
  case OpCode::Broadcast:
    for (std::size_t d = 0; d < dims.size(); ++d)
      source.step[at(dims[d])] = in[d];
    break;
  case OpCode::Reverse:
    source.step = in;
    for (std::int64_t d : dims) {
      source.base += in[at(d)] * (result.dims[at(d)] - 1);
      source.step[at(d)] = -in[at(d)];
    }
    break;
  case OpCode::Slice: {
    auto starts = attributes.get(AttributeKey::SliceStarts),
         strides = attributes.get(AttributeKey::SliceStrides);
    for (std::size_t d = 0; d < result.rank(); ++d) {
      source.base += in[d] * starts[d];
      source.step[d] = in[d] * strides[d];
    }
    break;
  }
  default:
    throw std::logic_error("not a movement: " + std::string(info(op).name));
  }
  return source;
}

Tensor concatenate(std::size_t dimension, std::span<const Tensor *const> operands,
                   const Shape &result) {
  Tensor out(result);
  Pattern target = whole(result);
  for (const Tensor *operand : operands) {
    copy_elements(operand->shape().dims, whole(operand->shape()), *operand, target, out);
    target.base += operand->shape().dims[dimension] * target.step[dimension];
  }
  return out;
}

/// Start indices of a dynamic slice, clamped so that `window` stays inside `shape`.
std::int64_t window_start(std::span<const Tensor *const> starts, const Shape &shape,
                          const Shape &window) {
  Dims strides = row_major_strides(shape.dims);
  std::int64_t base = 0;
  for (std::size_t d = 0; d < shape.rank(); ++d) {
    const Tensor &start = *starts[d];
    std::int64_t last = shape.dims[d] - window.dims[d];
    base += strides[d] * visit_storage(start.shape().type, [&]<class S>(S) -> std::int64_t {
              if constexpr (!std::is_integral_v<S>) {
                throw std::logic_error("a start index that is no integer");
              } else {
                S value = start.as<S>()[0];
                if (value <= S{0})
                  return 0;
                return static_cast<std::int64_t>(
                    std::min(static_cast<std::uint64_t>(value), static_cast<std::uint64_t>(last)));
              }
            });
  }
  return base;
}

} // namespace

Tensor evaluate_movement(OpCode op, const Attributes &attributes,
                         std::span<const Tensor *const> operands, const Shape &result) {
  if (op == OpCode::Copy || op == OpCode::Reshape || op == OpCode::BitcastConvert) {
    auto bytes = operands[0]->bytes();
    return Tensor(result, std::vector<std::byte>(bytes.begin(), bytes.end()));
  }
  if (op == OpCode::Concatenate)
    return concatenate(static_cast<std::size_t>(attributes.get_one(AttributeKey::Dimensions)),
                       operands, result);
  Tensor out(result);
  copy_elements(result.dims, source_of(op, attributes, operands[0]->shape(), result), *operands[0],
                whole(result), out);
  return out;
}

Tensor evaluate_pad(const Attributes &attributes, const Tensor &input, const Tensor &value,
                    const Shape &result) {
  Tensor out(result);
  copy_elements(result.dims, {0, Dims(result.rank(), 0)}, value, whole(result), out);
  auto low = attributes.get(AttributeKey::PaddingLow),
       interior = attributes.get(AttributeKey::PaddingInterior);
  Dims strides = row_major_strides(result.dims), dims;
  Pattern source = whole(input.shape()), target{0, {}};
  for (std::size_t d = 0; d < result.rank(); ++d) {
    // The operand's elements that land inside: low + i * spacing in [0, size).
    std::int64_t spacing = interior[d] + 1, size = result.dims[d];
    std::int64_t first = low[d] >= 0 ? 0 : (-low[d] + spacing - 1) / spacing;
    std::int64_t end = low[d] >= size ? 0 : (size - 1 - low[d]) / spacing + 1;
    dims.push_back(std::max<std::int64_t>(0, std::min(end, input.shape().dims[d]) - first));
    source.base += first * source.step[d];
    target.base += (low[d] + first * spacing) * strides[d];
    target.step.push_back(spacing * strides[d]);
  }
  copy_elements(dims, source, input, target, out);
  return out;
}

Tensor evaluate_dynamic_slice(std::span<const Tensor *const> operands, const Shape &result) {
  Tensor out(result);
  Pattern source = whole(operands[0]->shape());
  source.base = window_start(operands.subspan(1), operands[0]->shape(), result);
  copy_elements(result.dims, source, *operands[0], whole(result), out);
  return out;
}

Tensor evaluate_dynamic_update_slice(std::span<const Tensor *const> operands, const Shape &result) {
  Tensor out = *operands[0];
  Pattern target = whole(result);
  target.base = window_start(operands.subspan(2), result, operands[1]->shape());
  copy_elements(operands[1]->shape().dims, whole(operands[1]->shape()), *operands[1], target, out);
  return out;
}

Tensor evaluate_iota(std::int64_t dimension, const Shape &result) {
  Tensor line(Shape{result.type, {result.dims[static_cast<std::size_t>(dimension)]}});
  for (std::int64_t i = 0; i < line.elements(); ++i)
    line.set_bits(i, encode_integer(result.type, i));
  Tensor out(result);
  Pattern source{0, Dims(result.rank(), 0)};
  source.step[static_cast<std::size_t>(dimension)] = 1;
  copy_elements(result.dims, source, line, whole(result), out);
  return out;
}

} // namespace isamorph::semantics
