// The inputs of differential tests, by style: what exposes rounding, the order of sums, special
// values, wrap-around and wrong places.
#include "verify/differential.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <random>

namespace isamorph::verify {
namespace {

using semantics::is_float;
using semantics::Shape;
using semantics::Tensor;

double uniform(std::mt19937_64 &engine) { return static_cast<double>(engine() >> 11) * 0x1p-53; }

/// Twelve uniform numbers less six, halved: nearly normal, the same on every machine.
double small_normal(std::mt19937_64 &engine) {
  double sum = -6;
  for (int i = 0; i < 12; ++i)
    sum += uniform(engine);
  return sum / 2;
}

constexpr std::array<double, 18> kBoundary = {
    0.0,       -0.0,     1.0,        -1.0,        2.0,    0.5,     1.5,        -3.0,  0x1p-133,
    -0x1p-133, 0x1p-126, 0x1.fep127, -0x1.fep127, 0x1p60, -0x1p60, 1.00390625, 256.0, 88.5};

double special(std::mt19937_64 &engine, bool finite) {
  std::size_t pick = engine() % (kBoundary.size() + (finite ? 0 : 3));
  if (pick < kBoundary.size())
    return kBoundary[pick];
  double infinity = std::numeric_limits<double>::infinity();
  return pick == kBoundary.size()       ? infinity
         : pick == kBoundary.size() + 1 ? -infinity
                                        : std::nan("");
}

enum class Style : std::uint8_t {
  Sparse,
  Normal,
  Integers,
  Mask,
  Cancelling,
  Exponents,
  Few, // the first with special values
  Boundary,
  Bits,
  Count
};

double float_value(Style style, std::mt19937_64 &engine, bool finite) {
  switch (style) {
  case Style::Sparse:
    return engine() % 16 == 0 ? static_cast<double>(engine() % 9) / 4 - 1 : 0;
  case Style::Integers:
    return static_cast<double>(engine() % 7) - 3;
  case Style::Exponents:
    return (engine() % 2 ? 1 : -1) *
           std::ldexp(1 + uniform(engine), static_cast<int>(engine() % 17) - 12);
  case Style::Few: // specials rare enough that most of the result stays finite
    return engine() % 64 == 0 ? special(engine, finite) : small_normal(engine);
  case Style::Boundary:
    return special(engine, finite);
  default:
    return small_normal(engine);
  }
}

void fill(Tensor &tensor, Style style, std::mt19937_64 &engine, bool finite) {
  ElementType type = tensor.shape().type;
  std::uint64_t width = semantics::byte_size(type) == 8
                            ? ~std::uint64_t{0}
                            : (std::uint64_t{1} << (8 * semantics::byte_size(type))) - 1;
  for (std::int64_t i = 0; i < tensor.elements(); ++i) {
    std::uint64_t bits = engine() & width;
    if (type == ElementType::Pred) {
      bits &= 1;
    } else if (!is_float(type)) {
      if (style == Style::Sparse)
        bits = engine() % 16 == 0 ? bits : 0;
      else if (style != Style::Bits && style != Style::Boundary)
        bits = semantics::encode_integer(type, static_cast<std::int64_t>(engine() % 15) - 7);
    } else if (style != Style::Bits) {
      bits = semantics::encode(type, float_value(style, engine, finite));
    }
    if (finite && !semantics::is_finite(type, bits))
      bits = 0;
    tensor.set_bits(i, bits);
  }
}

/// Exponents of large numbers that swallow small ones in accumulators of 8, 24 and 53 bits.
int swallowing_exponent(ElementType type, std::mt19937_64 &engine) {
  constexpr std::array<int, 4> exponents = {9, 13, 28, 60};
  int exponent = exponents[engine() % exponents.size()];
  return type == ElementType::F16 ? std::min(exponent, 14) : exponent;
}

/// Shows the order of sums along a random dimension: in each of its lines the large numbers cancel
/// in pairs, and what comes between the two of a pair is lost. Mask: one pair among equal numbers.
/// Cancelling: pairs of several sizes among random numbers.
void fill_lines(Tensor &tensor, Style style, std::mt19937_64 &engine) {
  const Shape &shape = tensor.shape();
  std::size_t axis = shape.rank() ? engine() % shape.rank() : 0;
  std::int64_t length = shape.rank() ? shape.dims[axis] : 1;
  std::int64_t stride = shape.rank() ? semantics::row_major_strides(shape.dims)[axis] : 1;
  bool mask = style == Style::Mask;
  int exponent = swallowing_exponent(shape.type, engine);
  double unit = std::ldexp(1, -static_cast<int>(engine() % 4));
  std::vector<std::int64_t> order(static_cast<std::size_t>(length));
  for (std::int64_t first = 0; first < tensor.elements(); ++first) {
    if (first / stride % std::max<std::int64_t>(1, length) != 0)
      continue; // no line starts here
    for (std::size_t i = 0; i < order.size(); ++i) {
      order[i] = static_cast<std::int64_t>(i);
      std::swap(order[i], order[engine() % (i + 1)]);
    }
    for (std::int64_t i = 0; i < length; ++i)
      tensor.set_bits(first + i * stride,
                      semantics::encode(shape.type, mask ? unit : small_normal(engine)));
    std::size_t pairs = mask ? 1 : 1 + engine() % 4;
    for (std::size_t p = 0; p < pairs && 2 * p + 1 < order.size(); ++p) {
      double large = std::ldexp(1, mask ? exponent : swallowing_exponent(shape.type, engine));
      tensor.set_bits(first + order[2 * p] * stride, semantics::encode(shape.type, large));
      tensor.set_bits(first + order[2 * p + 1] * stride, semantics::encode(shape.type, -large));
    }
  }
}

/// One input, and now and then another one, holds cancelling numbers; ones elsewhere, so that
/// products cancel too.
void fill_cancelling(std::vector<Tensor> &tensors, Style style, std::mt19937_64 &engine,
                     bool finite) {
  std::size_t carrier = tensors.empty() ? 0 : engine() % tensors.size();
  for (std::size_t t = 0; t < tensors.size(); ++t) {
    ElementType type = tensors[t].shape().type;
    if (!is_float(type))
      fill(tensors[t], style, engine, finite);
    else if (t == carrier || engine() % 4 == 0)
      fill_lines(tensors[t], style, engine);
    else
      for (std::int64_t i = 0; i < tensors[t].elements(); ++i)
        tensors[t].set_bits(i, semantics::encode(type, 1));
  }
}

/// Inputs of programs all of whose inputs are integers: no rounding to expose, but wrap-around,
/// saturation, and every place.
enum class IntegerStyle : std::uint8_t {
  Places,    ///< all numbers distinct as far as the type allows, of either sign
  Single,    ///< one tensor with one element that is not 0
  Magnitude, ///< each tensor of its own number of bits: sums come near every bound
  Bits,      ///< anything
  Extremes,  ///< least and largest numbers and their neighbours
  Steps,     ///< one extreme element among small ones
  Small,
  Count
};

std::uint64_t extreme(ElementType type, std::mt19937_64 &engine) {
  int bits = 8 * semantics::byte_size(type);
  std::uint64_t half = std::uint64_t{1} << (bits - 1), near = engine() % 3 - 1;
  switch (engine() % 5) {
  case 0:
    return half + near; // around the least, and the largest, signed number
  case 1:
    return near; // around 0, and the largest unsigned number
  case 2:
    return 127 + near;
  case 3:
    return ~std::uint64_t{127} + near;
  default:
    return (std::uint64_t{1} << engine() % static_cast<unsigned>(bits)) + near;
  }
}

/// A number of at most `bits` bits, of either sign.
std::uint64_t magnitude(unsigned bits, std::mt19937_64 &engine) {
  std::uint64_t value = bits == 0 ? 0 : engine() >> (64 - bits);
  return engine() % 2 ? value : 0 - value;
}

void fill_integers(Tensor &tensor, IntegerStyle style, bool carrier, std::mt19937_64 &engine) {
  ElementType type = tensor.shape().type;
  auto bits = static_cast<unsigned>(8 * semantics::byte_size(type));
  unsigned most = static_cast<unsigned>(engine() % (bits + 1));
  std::uint64_t mask = bits == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits) - 1;
  std::int64_t elements = tensor.elements();
  std::int64_t chosen =
      elements > 0 ? static_cast<std::int64_t>(engine() % static_cast<std::uint64_t>(elements)) : 0;
  auto odd = engine() | 1;
  for (std::int64_t i = 0; i < elements; ++i) {
    std::uint64_t value = 0;
    if (style == IntegerStyle::Places)
      value = (static_cast<std::uint64_t>(i) + 1) * odd;
    else if (style == IntegerStyle::Single && carrier)
      value = i == chosen ? engine() | 1 : 0;
    else if (style == IntegerStyle::Bits || style == IntegerStyle::Single)
      value = engine();
    else if (style == IntegerStyle::Magnitude)
      value = magnitude(most, engine);
    else if (style == IntegerStyle::Extremes || (style == IntegerStyle::Steps && i == chosen))
      value = extreme(type, engine);
    else
      value = magnitude(2, engine);
    tensor.set_bits(i, type == ElementType::Pred ? value & 1 : value & mask);
  }
}

std::vector<Tensor> integer_input(std::vector<Tensor> tensors, std::mt19937_64 &engine, int index) {
  auto style = static_cast<IntegerStyle>(index % static_cast<int>(IntegerStyle::Count));
  std::size_t carrier = tensors.empty() ? 0 : engine() % tensors.size();
  for (std::size_t t = 0; t < tensors.size(); ++t)
    fill_integers(tensors[t], style, t == carrier, engine);
  return tensors;
}

} // namespace

int plain_index(int n) {
  constexpr int plain = static_cast<int>(Style::Few), all = static_cast<int>(Style::Count);
  return n / plain * all + n % plain;
}

std::vector<Tensor> test_input(std::span<const Shape> shapes, Level level, std::uint64_t seed,
                               int index) {
  std::vector<Tensor> out;
  auto style = static_cast<Style>(index % static_cast<int>(Style::Count));
  std::mt19937_64 engine(seed * 0x9e3779b97f4a7c15 + static_cast<std::uint64_t>(index));
  bool finite = level != Level::Bits;
  out.reserve(shapes.size());
  for (const Shape &shape : shapes)
    out.emplace_back(shape);
  bool integers = std::all_of(shapes.begin(), shapes.end(),
                              [](const Shape &shape) { return !is_float(shape.type); });
  if (integers)
    return integer_input(std::move(out), engine, index);
  if (style == Style::Mask || style == Style::Cancelling)
    fill_cancelling(out, style, engine, finite);
  else
    for (Tensor &tensor : out)
      fill(tensor, style, engine, finite);
  return out;
}

} // namespace isamorph::verify
