#include "semantics/evaluator_kernels.h"
#include "semantics/strided_copy.h"

#include <algorithm>
#include <stdexcept>

namespace isamorph::semantics {
namespace {

using Dims = std::vector<std::int64_t>;

/// A copy between tensors that are whole but for a first element.
StridedCopy window_copy(const Shape &window, const Shape &source, const Shape &target) {
  StridedCopy copy;
  copy.dims = window.dims;
  copy.source_step = row_major_strides(source.dims);
  copy.target_step = row_major_strides(target.dims);
  copy.element_bytes = byte_size(window.type);
  return copy;
}

Tensor move_elements(OpCode op, const Attributes &attributes,
                     std::span<const Tensor *const> operands, const Shape &result) {
  std::vector<const Shape *> shapes;
  for (const Tensor *operand : operands)
    shapes.push_back(&operand->shape());
  Tensor out(result);
  for (const OperandCopy &part : movement_copies(op, attributes, shapes, result))
    part.copy.run(operands[part.operand]->bytes().data(), out.bytes().data());
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
  if (!keeps_bytes(op))
    return move_elements(op, attributes, operands, result);
  auto bytes = operands[0]->bytes();
  return Tensor(result, std::vector<std::byte>(bytes.begin(), bytes.end()));
}

Tensor evaluate_pad(const Attributes &attributes, const Tensor &input, const Tensor &value,
                    const Shape &result) {
  std::array<const Tensor *, 2> operands{&input, &value};
  return move_elements(OpCode::Pad, attributes, operands, result);
}

Tensor evaluate_dynamic_slice(std::span<const Tensor *const> operands, const Shape &result) {
  Tensor out(result);
  StridedCopy copy = window_copy(result, operands[0]->shape(), result);
  copy.source = window_start(operands.subspan(1), operands[0]->shape(), result);
  copy.run(operands[0]->bytes().data(), out.bytes().data());
  return out;
}

Tensor evaluate_dynamic_update_slice(std::span<const Tensor *const> operands, const Shape &result) {
  Tensor out = *operands[0];
  const Shape &window = operands[1]->shape();
  StridedCopy copy = window_copy(window, window, result);
  copy.target = window_start(operands.subspan(2), result, window);
  copy.run(operands[1]->bytes().data(), out.bytes().data());
  return out;
}

Tensor evaluate_iota(std::int64_t dimension, const Shape &result) {
  auto along = static_cast<std::size_t>(dimension);
  Tensor line(Shape{result.type, {result.dims[along]}});
  for (std::int64_t i = 0; i < line.elements(); ++i)
    line.set_bits(i, encode_integer(result.type, i));
  Tensor out(result);
  StridedCopy copy = window_copy(result, result, result);
  copy.source_step.assign(result.rank(), 0);
  copy.source_step[along] = 1;
  copy.run(line.bytes().data(), out.bytes().data());
  return out;
}

} // namespace isamorph::semantics
