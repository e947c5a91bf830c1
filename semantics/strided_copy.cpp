#include "semantics/strided_copy.h"

#include <algorithm>
#include <stdexcept>

namespace isamorph::semantics {
namespace {

using Dims = std::vector<std::int64_t>;

/// The dimensions from `d` on; none has size 0.
template <class T> void copy_from(const StridedCopy &copy, std::size_t d, const T *from, T *to) {
  if (d == copy.dims.size()) {
    *to = *from;
    return;
  }
  std::int64_t count = copy.dims[d], from_step = copy.source_step[d], to_step = copy.target_step[d];
  if (d + 1 < copy.dims.size()) {
    for (std::int64_t i = 0; i < count; ++i)
      copy_from(copy, d + 1, from + i * from_step, to + i * to_step);
  } else if (from_step == 1 && to_step == 1) {
    std::copy(from, from + count, to);
  } else if (from_step == 0 && to_step == 1) {
    std::fill(to, to + count, *from);
  } else {
    for (std::int64_t i = 0; i < count; ++i)
      to[i * to_step] = from[i * from_step];
  }
}

template <class T> void run_as(const StridedCopy &copy, const std::byte *from, std::byte *to) {
  copy_from(copy, 0, reinterpret_cast<const T *>(from) + copy.source,
            reinterpret_cast<T *>(to) + copy.target);
}

/// Where the elements of the result lie in the operand.
void find_source(OpCode op, const Attributes &attributes, const Shape &operand, const Shape &result,
                 StridedCopy &copy) {
  Dims in = row_major_strides(operand.dims);
  copy.source_step.assign(result.rank(), 0);
  auto dims = attributes.get(AttributeKey::Dimensions);
  auto at = [](std::int64_t d) { return static_cast<std::size_t>(d); };
  switch (op) {
  case OpCode::Transpose:
    for (std::size_t d = 0; d < result.rank(); ++d)
      copy.source_step[d] = in[at(dims[d])];
    break;
  case OpCode::Broadcast:
    for (std::size_t d = 0; d < dims.size(); ++d)
      copy.source_step[at(dims[d])] = in[d];
    break;
  case OpCode::Reverse:
    copy.source_step = in;
    for (std::int64_t d : dims) {
      copy.source += in[at(d)] * (result.dims[at(d)] - 1);
      copy.source_step[at(d)] = -in[at(d)];
    }
    break;
  case OpCode::Slice: {
    auto starts = attributes.get(AttributeKey::SliceStarts),
         strides = attributes.get(AttributeKey::SliceStrides);
    for (std::size_t d = 0; d < result.rank(); ++d) {
      copy.source += in[d] * starts[d];
      copy.source_step[d] = in[d] * strides[d];
    }
    break;
  }
  default:
    throw std::logic_error("not a movement: " + std::string(info(op).name));
  }
}

StridedCopy whole_result(const Shape &result) {
  StridedCopy copy;
  copy.dims = result.dims;
  copy.target_step = row_major_strides(result.dims);
  copy.element_bytes = byte_size(result.type);
  return copy;
}

std::vector<OperandCopy> concatenate_copies(std::size_t dimension,
                                            std::span<const Shape *const> operands,
                                            const Shape &result) {
  std::vector<OperandCopy> out;
  std::int64_t target = 0;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    StridedCopy copy = whole_result(result);
    copy.dims = operands[i]->dims;
    copy.source_step = row_major_strides(copy.dims);
    copy.target = target;
    target += copy.dims[dimension] * copy.target_step[dimension];
    out.push_back({i, std::move(copy)});
  }
  return out;
}

std::vector<OperandCopy> pad_copies(const Attributes &attributes, const Shape &input,
                                    const Shape &result) {
  StridedCopy fill = whole_result(result), inside = fill;
  fill.source_step.assign(result.rank(), 0);
  inside.source_step = row_major_strides(input.dims);
  auto low = attributes.get(AttributeKey::PaddingLow),
       interior = attributes.get(AttributeKey::PaddingInterior);
  for (std::size_t d = 0; d < result.rank(); ++d) {
    // The operand's elements that land inside: low + i * spacing in [0, size).
    std::int64_t spacing = interior[d] + 1, size = result.dims[d];
    std::int64_t first = low[d] >= 0 ? 0 : (-low[d] + spacing - 1) / spacing;
    std::int64_t end = low[d] >= size ? 0 : (size - 1 - low[d]) / spacing + 1;
    inside.dims[d] = std::max<std::int64_t>(0, std::min(end, input.dims[d]) - first);
    inside.source += first * inside.source_step[d];
    inside.target += (low[d] + first * spacing) * fill.target_step[d];
    inside.target_step[d] = spacing * fill.target_step[d];
  }
  return {{1, std::move(fill)}, {0, std::move(inside)}};
}

} // namespace

void StridedCopy::run(const std::byte *from, std::byte *to) const {
  if (std::find(dims.begin(), dims.end(), 0) != dims.end())
    return;
  switch (element_bytes) {
  case 1:
    return run_as<std::uint8_t>(*this, from, to);
  case 2:
    return run_as<std::uint16_t>(*this, from, to);
  case 4:
    return run_as<std::uint32_t>(*this, from, to);
  default:
    return run_as<std::uint64_t>(*this, from, to);
  }
}

StridedCopy StridedCopy::simplified() const {
  StridedCopy out{{}, source, target, {}, {}, element_bytes};
  for (std::size_t d = 0; d < dims.size(); ++d) {
    if (dims[d] == 1)
      continue;
    if (!out.dims.empty() && out.source_step.back() == source_step[d] * dims[d] &&
        out.target_step.back() == target_step[d] * dims[d]) {
      out.dims.back() *= dims[d];
      out.source_step.back() = source_step[d];
      out.target_step.back() = target_step[d];
    } else {
      out.dims.push_back(dims[d]);
      out.source_step.push_back(source_step[d]);
      out.target_step.push_back(target_step[d]);
    }
  }
  return out;
}

bool keeps_bytes(OpCode op) {
  return op == OpCode::Copy || op == OpCode::Reshape || op == OpCode::BitcastConvert;
}

std::vector<OperandCopy> movement_copies(OpCode op, const Attributes &attributes,
                                         std::span<const Shape *const> operands,
                                         const Shape &result) {
  if (op == OpCode::Concatenate)
    return concatenate_copies(
        static_cast<std::size_t>(attributes.get_one(AttributeKey::Dimensions)), operands, result);
  if (op == OpCode::Pad)
    return pad_copies(attributes, *operands[0], result);
  StridedCopy copy = whole_result(result);
  find_source(op, attributes, *operands[0], result, copy);
  return {{0, std::move(copy)}};
}

} // namespace isamorph::semantics
