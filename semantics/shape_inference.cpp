#include "semantics/op.h"

#include <algorithm>
#include <stdexcept>

namespace isamorph::semantics {
namespace {

using Dims = std::vector<std::int64_t>;
using List = std::span<const std::int64_t>;

[[noreturn]] void bad(OpCode code, const std::string &what) {
  throw std::invalid_argument(std::string(info(code).name) + ": " + what);
}

std::string braces(List values) {
  return "{" + join_dims(Dims(values.begin(), values.end())) + "}";
}

/// Checks sizes and their product.
void check_size(OpCode code, const Shape &shape) {
  std::int64_t product = 1;
  for (std::int64_t d : shape.dims) {
    if (d < 0)
      bad(code, "negative size in " + shape.to_string());
    if (d > kMaxElements || (d > 0 && product > kMaxElements / d))
      bad(code, shape.to_string() + " has more than 2^31 elements");
    product *= d;
  }
}

/// Whether a padding or the like lies within +-2^31, so that sums of a few cannot overflow.
bool moderate(std::int64_t v) { return v >= -kMaxElements && v <= kMaxElements; }

/// Distinct dimension numbers of a tensor of `rank` dimensions.
void check_dimensions(OpCode code, List values, std::size_t rank, const std::string &what) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] < 0 || static_cast<std::size_t>(values[i]) >= rank)
      bad(code, what + " " + braces(values) + " names dimension " + std::to_string(values[i]) +
                    " of a tensor of rank " + std::to_string(rank));
    if (std::find(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(i), values[i]) !=
        values.begin() + static_cast<std::ptrdiff_t>(i))
      bad(code,
          what + " " + braces(values) + " names dimension " + std::to_string(values[i]) + " twice");
  }
}

void check_same_dims(OpCode code, const Shape &a, const Shape &b) {
  if (a.dims != b.dims)
    bad(code, "shapes differ: " + a.to_string() + " and " + b.to_string());
}

void check_same_type(OpCode code, const Shape &a, const Shape &b) {
  if (a.type != b.type)
    bad(code,
        "element types differ: " + std::string(name(a.type)) + " and " + std::string(name(b.type)));
}

Shape transpose(std::span<const Shape> in, const Attributes &attributes) {
  List p = attributes.get(AttributeKey::Dimensions);
  if (p.size() != in[0].rank())
    bad(OpCode::Transpose,
        "dimensions " + braces(p) + " for a tensor of rank " + std::to_string(in[0].rank()));
  check_dimensions(OpCode::Transpose, p, in[0].rank(), "dimensions");
  Shape out{in[0].type, {}};
  for (std::int64_t d : p)
    out.dims.push_back(in[0].dims[static_cast<std::size_t>(d)]);
  return out;
}

Shape broadcast(std::span<const Shape> in, const Attributes &attributes, const Shape &declared) {
  List dims = attributes.get(AttributeKey::Dimensions);
  if (dims.size() != in[0].rank())
    bad(OpCode::Broadcast,
        "dimensions " + braces(dims) + " for an operand of rank " + std::to_string(in[0].rank()));
  check_dimensions(OpCode::Broadcast, dims, declared.rank(), "dimensions");
  for (std::size_t d = 0; d < dims.size(); ++d)
    if (in[0].dims[d] != declared.dims[static_cast<std::size_t>(dims[d])])
      bad(OpCode::Broadcast, "operand " + in[0].to_string() + " does not fit dimension " +
                                 std::to_string(dims[d]) + " of " + declared.to_string());
  return {in[0].type, declared.dims};
}

Shape slice(std::span<const Shape> in, const Attributes &attributes) {
  List starts = attributes.get(AttributeKey::SliceStarts),
       limits = attributes.get(AttributeKey::SliceLimits),
       strides = attributes.get(AttributeKey::SliceStrides);
  std::size_t rank = in[0].rank();
  if (starts.size() != rank || limits.size() != rank || strides.size() != rank)
    bad(OpCode::Slice,
        "needs one [start:limit] for each of the " + std::to_string(rank) + " dimensions");
  Shape out{in[0].type, {}};
  for (std::size_t d = 0; d < rank; ++d) {
    if (strides[d] < 1)
      bad(OpCode::Slice,
          "stride " + std::to_string(strides[d]) + " in dimension " + std::to_string(d));
    if (starts[d] < 0 || starts[d] > limits[d] || limits[d] > in[0].dims[d])
      bad(OpCode::Slice, "[" + std::to_string(starts[d]) + ":" + std::to_string(limits[d]) +
                             "] leaves dimension " + std::to_string(d) + " of " +
                             in[0].to_string());
    std::int64_t length = limits[d] - starts[d];
    out.dims.push_back(length / strides[d] + (length % strides[d] != 0));
  }
  return out;
}

Shape concatenate(std::span<const Shape> in, const Attributes &attributes) {
  List dims = attributes.get(AttributeKey::Dimensions);
  if (dims.size() != 1)
    bad(OpCode::Concatenate, "needs one dimension");
  check_dimensions(OpCode::Concatenate, dims, in[0].rank(), "dimensions");
  auto d = static_cast<std::size_t>(dims[0]);
  Shape out = in[0];
  for (std::size_t i = 1; i < in.size(); ++i) {
    check_same_type(OpCode::Concatenate, in[0], in[i]);
    Shape other = in[i];
    if (other.rank() != out.rank())
      bad(OpCode::Concatenate, "ranks differ: " + in[0].to_string() + " and " + in[i].to_string());
    other.dims[d] = out.dims[d];
    check_same_dims(OpCode::Concatenate, out, other);
    out.dims[d] += in[i].dims[d];
    if (out.dims[d] > kMaxElements)
      bad(OpCode::Concatenate, "the result has more than 2^31 elements");
  }
  return out;
}

Shape dot(std::span<const Shape> in, const Attributes &attributes) {
  List lc = attributes.get(AttributeKey::LhsContracting),
       rc = attributes.get(AttributeKey::RhsContracting),
       lb = attributes.get(AttributeKey::LhsBatch), rb = attributes.get(AttributeKey::RhsBatch);
  check_same_type(OpCode::Dot, in[0], in[1]);
  if (lc.size() != rc.size())
    bad(OpCode::Dot, "contracting dimensions " + braces(lc) + " against " + braces(rc));
  if (lb.size() != rb.size())
    bad(OpCode::Dot, "batch dimensions " + braces(lb) + " against " + braces(rb));
  auto used = [&](List batch, List contracting, std::size_t rank, const char *side) {
    Dims all(batch.begin(), batch.end());
    all.insert(all.end(), contracting.begin(), contracting.end());
    check_dimensions(OpCode::Dot, all, rank, std::string(side) + " dimensions");
    return all;
  };
  Dims left = used(lb, lc, in[0].rank(), "left"), right = used(rb, rc, in[1].rank(), "right");
  Shape out{in[0].type, {}};
  for (std::size_t i = 0; i < left.size(); ++i) {
    std::int64_t a = in[0].dims[static_cast<std::size_t>(left[i])],
                 b = in[1].dims[static_cast<std::size_t>(right[i])];
    if (a != b)
      bad(OpCode::Dot, std::string(i < lb.size() ? "batch" : "contracting") +
                           " sizes differ: " + std::to_string(a) + " and " + std::to_string(b));
    if (i < lb.size())
      out.dims.push_back(a);
  }
  auto append_free = [&](const Shape &shape, const Dims &taken) {
    for (std::size_t d = 0; d < shape.rank(); ++d)
      if (std::find(taken.begin(), taken.end(), static_cast<std::int64_t>(d)) == taken.end())
        out.dims.push_back(shape.dims[d]);
  };
  append_free(in[0], left);
  append_free(in[1], right);
  return out;
}

void check_reducer(OpCode code, const Attributes &attributes, ElementType type) {
  std::int64_t reducer = attributes.get_one(AttributeKey::Reducer, -1);
  for (OpCode op : {OpCode::And, OpCode::Or})
    if (static_cast<std::int64_t>(op) == reducer && is_float(type))
      bad(code, "and, or are not defined for " + std::string(name(type)));
  for (OpCode op :
       {OpCode::Add, OpCode::Multiply, OpCode::Maximum, OpCode::Minimum, OpCode::And, OpCode::Or})
    if (static_cast<std::int64_t>(op) == reducer)
      return;
  bad(code, "needs to_apply= with add, multiply, maximum, minimum, and, or");
}

Shape reduce(OpCode code, std::span<const Shape> in, const Attributes &attributes) {
  List dims = attributes.get(AttributeKey::Dimensions);
  check_dimensions(code, dims, in[0].rank(), "dimensions");
  check_same_type(code, in[0], in[1]);
  if (in[1].rank() != 0)
    bad(code, "the initial value is " + in[1].to_string() + ", not a scalar");
  check_reducer(code, attributes, in[0].type);
  Shape out{in[0].type, {}};
  for (std::size_t d = 0; d < in[0].rank(); ++d)
    if (std::find(dims.begin(), dims.end(), static_cast<std::int64_t>(d)) == dims.end())
      out.dims.push_back(in[0].dims[d]);
  return out;
}

std::int64_t at(List values, std::size_t i, std::int64_t otherwise) {
  return i < values.size() ? values[i] : otherwise;
}

/// Each list of a window is absent or has a number for each of its `rank` dimensions.
void check_window(OpCode code, const Attributes &a, std::size_t rank) {
  for (AttributeKey key :
       {AttributeKey::WindowStride, AttributeKey::WindowPadLow, AttributeKey::WindowPadHigh,
        AttributeKey::WindowLhsDilate, AttributeKey::WindowRhsDilate, AttributeKey::WindowReversal})
    if (!a.get(key).empty() && a.get(key).size() != rank)
      bad(code, "the window has " + std::to_string(rank) +
                    " dimensions, but one of its lists has " + std::to_string(a.get(key).size()));
  for (std::int64_t v : a.get(AttributeKey::WindowReversal))
    if (v != 0 && (v != 1 || code == OpCode::ReduceWindow))
      bad(code,
          code == OpCode::ReduceWindow ? "a window cannot be reversed" : "rhs_reversal is 0 or 1");
}

/// How many windows of `size` (dilated) at `stride` fit `length` (dilated) plus padding.
std::int64_t window_count(OpCode code, const Attributes &a, std::size_t i, std::int64_t length,
                          std::int64_t size) {
  std::int64_t stride = at(a.get(AttributeKey::WindowStride), i, 1),
               low = at(a.get(AttributeKey::WindowPadLow), i, 0),
               high = at(a.get(AttributeKey::WindowPadHigh), i, 0),
               lhs = at(a.get(AttributeKey::WindowLhsDilate), i, 1),
               rhs = at(a.get(AttributeKey::WindowRhsDilate), i, 1);
  for (std::int64_t v : {stride, lhs, rhs, size})
    if (v < 1 || v > kMaxElements)
      bad(code, "window sizes, strides and dilations lie between 1 and 2^31");
  if (!moderate(low) || !moderate(high) || length > kMaxElements)
    bad(code, "window padding is too large");
  std::int64_t dilated = length == 0 ? 0 : (length - 1) * lhs + 1;
  std::int64_t padded = low + dilated + high, extent = (size - 1) * rhs + 1;
  return padded < extent ? 0 : (padded - extent) / stride + 1;
}

Shape reduce_window(std::span<const Shape> in, const Attributes &attributes) {
  constexpr OpCode code = OpCode::ReduceWindow;
  List size = attributes.get(AttributeKey::WindowSize);
  if (size.size() != in[0].rank())
    bad(code, "the window has " + std::to_string(size.size()) +
                  " dimensions for a tensor of rank " + std::to_string(in[0].rank()));
  check_window(code, attributes, size.size());
  check_same_type(code, in[0], in[1]);
  if (in[1].rank() != 0)
    bad(code, "the initial value is " + in[1].to_string() + ", not a scalar");
  check_reducer(code, attributes, in[0].type);
  Shape out{in[0].type, {}};
  for (std::size_t d = 0; d < size.size(); ++d)
    out.dims.push_back(window_count(code, attributes, d, in[0].dims[d], size[d]));
  return out;
}

Shape convolution(std::span<const Shape> in, const Attributes &attributes) {
  constexpr OpCode code = OpCode::Convolution;
  List l = attributes.get(AttributeKey::LhsLayout), r = attributes.get(AttributeKey::RhsLayout),
       o = attributes.get(AttributeKey::OutputLayout),
       size = attributes.get(AttributeKey::WindowSize);
  std::size_t rank = in[0].rank();
  check_same_type(code, in[0], in[1]);
  if (rank < 2 || in[1].rank() != rank || l.size() != rank || r.size() != rank ||
      o.size() != rank || size.size() != rank - 2)
    bad(code, "ranks, dim_labels and window do not fit each other");
  check_dimensions(code, l, rank, "dim_labels");
  check_dimensions(code, r, rank, "dim_labels");
  check_dimensions(code, o, rank, "dim_labels");
  check_window(code, attributes, rank - 2);
  auto dim = [](const Shape &s, std::int64_t d) { return s.dims[static_cast<std::size_t>(d)]; };
  std::int64_t features = attributes.get_one(AttributeKey::FeatureGroups, 1),
               batches = attributes.get_one(AttributeKey::BatchGroups, 1);
  // Layout lists hold the positions of b, f, spatial... / i, o, spatial... / b, f, spatial...
  if (features > 1 && batches > 1)
    bad(code, "has groups of features or of batches, not both");
  if (features < 1 || batches < 1 || dim(in[1], r[1]) % batches != 0 || features > kMaxElements ||
      dim(in[0], l[1]) != features * dim(in[1], r[0]) || dim(in[1], r[1]) % features != 0 ||
      dim(in[0], l[0]) % batches != 0)
    bad(code, "feature and batch sizes do not fit the groups");
  Shape out{in[0].type, Dims(rank, 0)};
  out.dims[static_cast<std::size_t>(o[0])] = dim(in[0], l[0]) / batches;
  out.dims[static_cast<std::size_t>(o[1])] = dim(in[1], r[1]);
  for (std::size_t i = 2; i < rank; ++i) {
    if (size[i - 2] != dim(in[1], r[i]))
      bad(code, "window size " + std::to_string(size[i - 2]) + " against a kernel of " +
                    in[1].to_string());
    out.dims[static_cast<std::size_t>(o[i])] =
        window_count(code, attributes, i - 2, dim(in[0], l[i]), size[i - 2]);
  }
  return out;
}

Shape pad(std::span<const Shape> in, const Attributes &attributes) {
  List low = attributes.get(AttributeKey::PaddingLow),
       high = attributes.get(AttributeKey::PaddingHigh),
       interior = attributes.get(AttributeKey::PaddingInterior);
  std::size_t rank = in[0].rank();
  check_same_type(OpCode::Pad, in[0], in[1]);
  if (in[1].rank() != 0)
    bad(OpCode::Pad, "the padding value is " + in[1].to_string() + ", not a scalar");
  if (low.size() != rank || high.size() != rank || interior.size() != rank)
    bad(OpCode::Pad, "needs low_high for each of the " + std::to_string(rank) + " dimensions");
  Shape out{in[0].type, {}};
  for (std::size_t d = 0; d < rank; ++d) {
    if (interior[d] < 0 || !moderate(interior[d]) || !moderate(low[d]) || !moderate(high[d]))
      bad(OpCode::Pad, "padding out of range in dimension " + std::to_string(d));
    std::int64_t n = in[0].dims[d];
    out.dims.push_back(
        std::max<std::int64_t>(0, low[d] + high[d] + n + (n > 0 ? (n - 1) * interior[d] : 0)));
  }
  return out;
}

Shape bitcast_convert(const Shape &in, const Shape &declared) {
  int from = byte_size(in.type), to = byte_size(declared.type);
  Dims expected = in.dims;
  if (from > to)
    expected.push_back(from / to);
  if (from < to) {
    if (expected.empty() || expected.back() != to / from)
      bad(OpCode::BitcastConvert, in.to_string() + " cannot be read as " + declared.to_string() +
                                      ": the last dimension must be " + std::to_string(to / from));
    expected.pop_back();
  }
  return {declared.type, expected};
}

Shape elementwise(OpCode code, std::span<const Shape> in, const Shape &declared) {
  for (std::size_t i = 1; i < in.size(); ++i)
    if (code != OpCode::Select && code != OpCode::Clamp) {
      check_same_dims(code, in[0], in[i]);
      check_same_type(code, in[0], in[i]);
    }
  auto needs = [&](bool ok, const char *what) {
    if (!ok)
      bad(code,
          std::string("is defined for ") + what + ", not for " + std::string(name(in[0].type)));
  };
  ElementType t = in[0].type;
  switch (code) {
  case OpCode::Convert:
    return {declared.type, in[0].dims};
  case OpCode::Compare:
    return {ElementType::Pred, in[0].dims};
  case OpCode::Select:
    if (in[0].type != ElementType::Pred)
      bad(code, "the first operand is " + in[0].to_string() + ", not pred");
    check_same_dims(code, in[1], in[2]);
    check_same_type(code, in[1], in[2]);
    if (in[0].rank() != 0)
      check_same_dims(code, in[0], in[1]);
    return in[1];
  case OpCode::Clamp:
    for (std::size_t i : {std::size_t{0}, std::size_t{2}}) {
      check_same_type(code, in[i], in[1]);
      if (in[i].rank() != 0)
        check_same_dims(code, in[i], in[1]);
    }
    return in[1];
  case OpCode::And:
  case OpCode::Or:
  case OpCode::Xor:
  case OpCode::Not:
    needs(!is_float(t), "integers and pred");
    break;
  case OpCode::ShiftLeft:
  case OpCode::ShiftRightArithmetic:
  case OpCode::ShiftRightLogical:
    needs(is_integer(t), "integers");
    break;
  case OpCode::Negate:
  case OpCode::Abs:
  case OpCode::Sign:
  case OpCode::Subtract:
  case OpCode::Divide:
  case OpCode::Remainder:
  case OpCode::Power:
    needs(t != ElementType::Pred, "numbers");
    break;
  case OpCode::Add:
  case OpCode::Multiply:
  case OpCode::Maximum:
  case OpCode::Minimum:
    break;
  default:
    needs(is_float(t), "floats");
  }
  return in[0];
}

Shape dynamic_slice(std::span<const Shape> in, const Attributes &attributes) {
  constexpr OpCode code = OpCode::DynamicSlice;
  List sizes = attributes.get(AttributeKey::SliceSizes);
  if (sizes.size() != in[0].rank() || in.size() != 1 + in[0].rank())
    bad(code, "needs a size and a start index for each of the " + std::to_string(in[0].rank()) +
                  " dimensions");
  for (std::size_t d = 0; d < sizes.size(); ++d)
    if (sizes[d] < 0 || sizes[d] > in[0].dims[d])
      bad(code, "size " + std::to_string(sizes[d]) + " leaves dimension " + std::to_string(d) +
                    " of " + in[0].to_string());
  for (const Shape &index : in.subspan(1))
    if (index.rank() != 0 || !is_integer(index.type))
      bad(code, "start index " + index.to_string() + " is no scalar integer");
  return {in[0].type, Dims(sizes.begin(), sizes.end())};
}

Shape dynamic_update_slice(std::span<const Shape> in) {
  constexpr OpCode code = OpCode::DynamicUpdateSlice;
  check_same_type(code, in[0], in[1]);
  if (in[1].rank() != in[0].rank() || in.size() != 2 + in[0].rank())
    bad(code, "needs an update of the same rank and a start index for each dimension");
  for (std::size_t d = 0; d < in[0].rank(); ++d)
    if (in[1].dims[d] > in[0].dims[d])
      bad(code, "update " + in[1].to_string() + " is larger than " + in[0].to_string());
  for (const Shape &index : in.subspan(2))
    if (index.rank() != 0 || !is_integer(index.type))
      bad(code, "start index " + index.to_string() + " is no scalar integer");
  return in[0];
}

Shape iota(const Attributes &attributes, const Shape &declared) {
  if (declared.type == ElementType::Pred)
    bad(OpCode::Iota, "is defined for numbers, not for pred");
  check_dimensions(OpCode::Iota, attributes.get(AttributeKey::IotaDimension), declared.rank(),
                   "iota_dimension");
  if (attributes.get(AttributeKey::IotaDimension).size() != 1)
    bad(OpCode::Iota, "needs iota_dimension=");
  return declared;
}

Shape infer(OpCode code, std::span<const Shape> in, const Attributes &attributes,
            const Shape &declared) {
  switch (code) {
  case OpCode::Parameter:
    return declared;
  case OpCode::Constant:
    if (!attributes.literal || attributes.literal->shape().dims != declared.dims ||
        attributes.literal->shape().type != declared.type)
      bad(code, "the value does not have the shape " + declared.to_string());
    return declared;
  case OpCode::Iota:
    return iota(attributes, declared);
  case OpCode::Copy:
    return in[0];
  case OpCode::BitcastConvert:
    return bitcast_convert(in[0], declared);
  case OpCode::Reshape:
    check_size(code, declared);
    if (in[0].elements() != declared.elements())
      bad(code, in[0].to_string() + " has " + std::to_string(in[0].elements()) + " elements, " +
                    declared.to_string() + " has " + std::to_string(declared.elements()));
    return {in[0].type, declared.dims};
  case OpCode::Transpose:
    return transpose(in, attributes);
  case OpCode::Broadcast:
    return broadcast(in, attributes, declared);
  case OpCode::Slice:
    return slice(in, attributes);
  case OpCode::DynamicSlice:
    return dynamic_slice(in, attributes);
  case OpCode::DynamicUpdateSlice:
    return dynamic_update_slice(in);
  case OpCode::Concatenate:
    return concatenate(in, attributes);
  case OpCode::Pad:
    return pad(in, attributes);
  case OpCode::Reverse:
    check_dimensions(code, attributes.get(AttributeKey::Dimensions), in[0].rank(), "dimensions");
    return in[0];
  case OpCode::Dot:
    return dot(in, attributes);
  case OpCode::Reduce:
    return reduce(code, in, attributes);
  case OpCode::ReduceWindow:
    return reduce_window(in, attributes);
  case OpCode::Convolution:
    return convolution(in, attributes);
  case OpCode::Tuple:
  case OpCode::GetTupleElement:
    bad(code, "has no tensor shape");
  case OpCode::Compare:
    if (attributes.get(AttributeKey::Direction).empty())
      bad(code, "a direction is missing");
    return elementwise(code, in, declared);
  default:
    return elementwise(code, in, declared);
  }
}

} // namespace

Shape infer_shape(OpCode code, std::span<const Shape> operands, const Attributes &attributes,
                  const Shape &declared) {
  const OpInfo &row = info(code);
  int count = static_cast<int>(operands.size());
  if (count < row.min_arity || (row.max_arity >= 0 && count > row.max_arity))
    bad(code, "takes " + std::to_string(row.min_arity) + (row.max_arity < 0 ? " or more" : "") +
                  " operands, not " + std::to_string(count));
  check_size(code, declared);
  Shape shape = infer(code, operands, attributes, declared);
  check_size(code, shape);
  if (shape != declared)
    bad(code, "the result is " + shape.to_string() + ", not " + declared.to_string());
  return shape;
}

} // namespace isamorph::semantics
