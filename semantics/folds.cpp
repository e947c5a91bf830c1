#include "semantics/folds.h"

#include "semantics/scalar.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace isamorph::semantics {
namespace {

using Dims = std::vector<std::int64_t>;
using Bits = std::vector<std::uint64_t>;

/// The tensor with its dimensions in the given order.
Tensor reordered(const Tensor &in, const Dims &order) {
  Attributes attributes;
  attributes.set(AttributeKey::Dimensions, order);
  Shape shape{in.shape().type, {}};
  for (std::int64_t d : order)
    shape.dims.push_back(in.shape().dims[static_cast<std::size_t>(d)]);
  if (std::is_sorted(order.begin(), order.end()))
    return in;
  std::vector<ElementSource> map =
      movement_map(OpCode::Transpose, std::span(&in.shape(), 1), attributes, shape);
  Tensor out(shape);
  for (std::size_t i = 0; i < map.size(); ++i)
    out.set_bits(static_cast<std::int64_t>(i), in.bits(map[i].index));
  return out;
}

Dims others(std::size_t rank, std::initializer_list<std::span<const std::int64_t>> taken) {
  Dims out;
  for (std::size_t d = 0; d < rank; ++d) {
    bool used = false;
    for (auto list : taken)
      used |= std::find(list.begin(), list.end(), static_cast<std::int64_t>(d)) != list.end();
    if (!used)
      out.push_back(static_cast<std::int64_t>(d));
  }
  return out;
}

std::int64_t product(const Shape &shape, std::span<const std::int64_t> dims) {
  std::int64_t out = 1;
  for (std::int64_t d : dims)
    out *= shape.dims[static_cast<std::size_t>(d)];
  return out;
}

/// Floats as f32 values: exact for f16, bf16 and f32.
std::vector<float> as_floats(const Tensor &in) {
  std::vector<float> out(static_cast<std::size_t>(in.elements()));
  if (in.shape().type == ElementType::BF16) {
    auto words = in.as<std::uint16_t>();
    for (std::size_t i = 0; i < out.size(); ++i)
      out[i] = std::bit_cast<float>(static_cast<std::uint32_t>(words[i]) << 16);
  } else {
    for (std::size_t i = 0; i < out.size(); ++i)
      out[i] = static_cast<float>(decode(in.shape().type, in.bits(static_cast<std::int64_t>(i))));
  }
  return out;
}

std::uint16_t round_to_bf16(float value) {
  auto bits = std::bit_cast<std::uint32_t>(value);
  if (value != value)
    return 0x7fc0;
  return static_cast<std::uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/// One fold over bits, in the order of the profile. `step(a, b)` is one rounded addition (or
/// maximum, ...).
template <class Step>
std::uint64_t fold(const OrderDescriptor &order, std::uint64_t init, std::span<std::uint64_t> terms,
                   Step step) {
  auto sequential = [&](std::span<const std::uint64_t> part) {
    std::uint64_t accumulator = init;
    for (std::uint64_t term : part)
      accumulator = step(accumulator, term);
    return accumulator;
  };
  auto width = static_cast<std::size_t>(order.width);
  if (order.kind == OrderDescriptor::Kind::Blocks && terms.size() > width) {
    std::uint64_t total = init;
    for (std::size_t k = 0; k < terms.size(); k += width)
      total = step(total, sequential(terms.subspan(k, std::min(width, terms.size() - k))));
    return total;
  }
  if (order.kind != OrderDescriptor::Kind::Pairwise)
    return sequential(terms);
  // Neighbours are added, then neighbours of the sums; an odd last one moves up unchanged.
  for (std::size_t n = terms.size(); n > 1; n = (n + 1) / 2)
    for (std::size_t k = 0; 2 * k < n; ++k)
      terms[k] = 2 * k + 1 < n ? step(terms[2 * k], terms[2 * k + 1]) : terms[2 * k];
  return terms.empty() ? init : step(init, terms[0]);
}

/// C[m,n] = A[m,k] B[k,n] with f32 products and sums in the order of k. Columns run in the inner
/// loop: they are independent, so the order of each sum is kept.
void multiply_f32(const float *a, const float *b, float *c, std::int64_t m, std::int64_t k,
                  std::int64_t n) {
  std::fill(c, c + m * n, 0.0F);
  for (std::int64_t i = 0; i < m; ++i)
    for (std::int64_t p = 0; p < k; ++p) {
      float x = a[i * k + p];
      const float *row = b + p * n;
      float *out = c + i * n;
      for (std::int64_t j = 0; j < n; ++j)
        out[j] += x * row[j];
    }
}

void store_floats(std::span<const float> values, Tensor &out, std::int64_t at) {
  if (out.shape().type == ElementType::BF16) {
    auto words = out.as<std::uint16_t>().subspan(static_cast<std::size_t>(at));
    for (std::size_t i = 0; i < values.size(); ++i)
      words[i] = round_to_bf16(values[i]);
    return;
  }
  for (std::size_t i = 0; i < values.size(); ++i)
    out.set_bits(at + static_cast<std::int64_t>(i),
                 encode(out.shape().type, static_cast<double>(values[i])));
}

struct DotSizes {
  std::int64_t batch, m, k, n;
};

/// Any type, any order, one step at a time.
void multiply_generic(const Tensor &a, const Tensor &b, Tensor &c, DotSizes s,
                      const NumericsProfile &profile) {
  ElementType type = c.shape().type;
  bool flushes = profile.flush_denormals, real = is_float(type);
  ElementType accumulator = real && profile.dot.accumulator ? *profile.dot.accumulator : type;
  auto clean = [&](ElementType t, std::uint64_t bits) { return flushes ? flush(t, bits) : bits; };
  auto step = [&](std::uint64_t x, std::uint64_t y) {
    return real ? clean(accumulator, float_op(OpCode::Add, accumulator, accumulator, x, y))
                : integer_op(OpCode::Add, type, x, y);
  };
  Bits terms(static_cast<std::size_t>(s.k));
  for (std::int64_t index = 0; index < s.batch * s.m * s.n; ++index) {
    std::int64_t g = index / (s.m * s.n), i = index / s.n % s.m, j = index % s.n;
    for (std::int64_t p = 0; p < s.k; ++p) {
      std::uint64_t x = clean(type, a.bits((g * s.m + i) * s.k + p)),
                    y = clean(type, b.bits((g * s.k + p) * s.n + j));
      terms[static_cast<std::size_t>(p)] =
          real ? clean(accumulator, float_op(OpCode::Multiply, accumulator, accumulator,
                                             convert_element(type, accumulator, x),
                                             convert_element(type, accumulator, y)))
               : integer_op(OpCode::Multiply, type, x, y);
    }
    std::uint64_t sum = fold(profile.dot.order, 0, terms, step);
    c.set_bits(index, clean(type, convert_element(accumulator, type, sum)));
  }
}

} // namespace

Tensor evaluate_dot(const Tensor &lhs, const Tensor &rhs, const Attributes &attributes,
                    const Shape &result, const NumericsProfile &profile) {
  auto lc = attributes.get(AttributeKey::LhsContracting),
       rc = attributes.get(AttributeKey::RhsContracting),
       lb = attributes.get(AttributeKey::LhsBatch), rb = attributes.get(AttributeKey::RhsBatch);
  Dims lf = others(lhs.shape().rank(), {lc, lb}), rf = others(rhs.shape().rank(), {rc, rb}),
       left(lb.begin(), lb.end()), right(rb.begin(), rb.end());
  left.insert(left.end(), lf.begin(), lf.end());
  left.insert(left.end(), lc.begin(), lc.end());
  right.insert(right.end(), rc.begin(), rc.end());
  right.insert(right.end(), rf.begin(), rf.end());
  Tensor a = reordered(lhs, left), b = reordered(rhs, right), c(result);
  DotSizes s{product(lhs.shape(), lb), product(lhs.shape(), lf), product(lhs.shape(), lc),
             product(rhs.shape(), rf)};
  bool narrow = result.type == ElementType::BF16 || result.type == ElementType::F16 ||
                result.type == ElementType::F32;
  ElementType accumulator = profile.dot.accumulator.value_or(result.type);
  if (!narrow || accumulator != ElementType::F32 || profile.flush_denormals ||
      profile.dot.order.kind != OrderDescriptor::Kind::Sequential) {
    multiply_generic(a, b, c, s, profile);
    return c;
  }
  std::vector<float> x = as_floats(a), y = as_floats(b), z(static_cast<std::size_t>(s.m * s.n));
  for (std::int64_t g = 0; g < s.batch; ++g) {
    multiply_f32(x.data() + g * s.m * s.k, y.data() + g * s.k * s.n, z.data(), s.m, s.k, s.n);
    store_floats(z, c, g * s.m * s.n);
  }
  return c;
}

Tensor evaluate_reduce(const Tensor &operand, const Tensor &init, const Attributes &attributes,
                       const Shape &result, const NumericsProfile &profile) {
  auto dims = attributes.get(AttributeKey::Dimensions);
  auto op = static_cast<OpCode>(attributes.get_one(AttributeKey::Reducer));
  ElementType type = result.type;
  bool real = is_float(type), flushes = profile.flush_denormals && real;
  ElementType accumulator = real && profile.reduce.accumulator ? *profile.reduce.accumulator : type;
  ElementType work = real ? work_type(accumulator, profile) : type;
  Dims order = others(operand.shape().rank(), {dims}), sorted(dims.begin(), dims.end());
  std::sort(sorted.begin(), sorted.end());
  order.insert(order.end(), sorted.begin(), sorted.end());
  Tensor in = reordered(operand, order), out(result);
  auto clean = [&](ElementType t, std::uint64_t bits) { return flushes ? flush(t, bits) : bits; };
  auto step = [&](std::uint64_t x, std::uint64_t y) {
    return real ? clean(accumulator, float_op(op, accumulator, work, x, y))
                : integer_op(op, type, x, y);
  };
  auto bf16_add = [](std::uint64_t x, std::uint64_t y) -> std::uint64_t {
    return round_to_bf16(std::bit_cast<float>(static_cast<std::uint32_t>(x) << 16) +
                         std::bit_cast<float>(static_cast<std::uint32_t>(y) << 16));
  };
  bool quick =
      !flushes && op == OpCode::Add && accumulator == ElementType::BF16 && work == ElementType::F32;
  std::int64_t length = product(operand.shape(), dims);
  Bits terms(static_cast<std::size_t>(length));
  std::uint64_t start =
      clean(accumulator, convert_element(type, accumulator, clean(type, init.bits(0))));
  for (std::int64_t i = 0; i < out.elements(); ++i) {
    for (std::int64_t k = 0; k < length; ++k)
      terms[static_cast<std::size_t>(k)] =
          convert_element(type, accumulator, clean(type, in.bits(i * length + k)));
    std::uint64_t sum = quick ? fold(profile.reduce.order, start, terms, bf16_add)
                              : fold(profile.reduce.order, start, terms, step);
    out.set_bits(i, clean(type, convert_element(accumulator, type, sum)));
  }
  return out;
}

} // namespace isamorph::semantics
