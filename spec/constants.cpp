#include "spec/constants.h"

namespace isamorph::spec {

using semantics::Shape;
using semantics::Tensor;

semantics::TensorRef identity_tensor(semantics::ElementType type, std::int64_t size) {
  auto tensor = std::make_shared<Tensor>(Shape{type, {size, size}});
  std::uint64_t one = semantics::encode(type, 1);
  for (std::int64_t i = 0; i < size; ++i)
    tensor->set_bits(i * size + i, one);
  return tensor;
}

semantics::TensorRef uniform_tensor(const Shape &shape, std::uint64_t bits) {
  auto tensor = std::make_shared<Tensor>(shape);
  if (bits != 0)
    for (std::int64_t i = 0; i < tensor->elements(); ++i)
      tensor->set_bits(i, bits);
  return tensor;
}

bool is_identity(const Tensor &tensor) {
  const Shape &shape = tensor.shape();
  if (shape.rank() != 2 || shape.dims[0] != shape.dims[1] || shape.dims[0] < 2)
    return false;
  std::uint64_t one = semantics::encode(shape.type, 1);
  for (std::int64_t i = 0; i < tensor.elements(); ++i)
    if (tensor.bits(i) != (i % (shape.dims[0] + 1) == 0 ? one : 0))
      return false;
  return true;
}

std::optional<std::uint64_t> uniform_value(const Tensor &tensor) {
  if (tensor.elements() == 0)
    return 0;
  std::uint64_t first = tensor.bits(0);
  for (std::int64_t i = 1; i < tensor.elements(); ++i)
    if (tensor.bits(i) != first)
      return std::nullopt;
  return first;
}

namespace {

void append(std::string &out, const Tensor &tensor, std::size_t dimension, std::int64_t &index,
            std::string_view open, std::string_view close, const ElementPrinter &element) {
  if (dimension == tensor.shape().rank()) {
    out += element(tensor.shape().type, tensor.bits(index++));
    return;
  }
  out += open;
  for (std::int64_t i = 0; i < tensor.shape().dims[dimension]; ++i) {
    out += i ? ", " : "";
    append(out, tensor, dimension + 1, index, open, close, element);
  }
  out += close;
}

} // namespace

std::string nested_list(const Tensor &tensor, std::string_view open, std::string_view close,
                        const ElementPrinter &element) {
  std::string out;
  std::int64_t index = 0;
  append(out, tensor, 0, index, open, close, element);
  return out;
}

} // namespace isamorph::spec
