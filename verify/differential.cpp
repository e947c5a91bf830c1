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
using Clock = std::chrono::steady_clock;

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
  Few,
  Boundary,
  Bits,
  Count
};
constexpr int kPlainStyles = static_cast<int>(Style::Few);

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

bool integral(ElementType type) { return !is_float(type); }

void fill(Tensor &tensor, Style style, std::mt19937_64 &engine, bool finite) {
  ElementType type = tensor.shape().type;
  std::uint64_t width = semantics::byte_size(type) == 8
                            ? ~std::uint64_t{0}
                            : (std::uint64_t{1} << (8 * semantics::byte_size(type))) - 1;
  for (std::int64_t i = 0; i < tensor.elements(); ++i) {
    std::uint64_t bits = engine() & width;
    if (type == ElementType::Pred) {
      bits &= 1;
    } else if (integral(type)) {
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

bool is_zero(ElementType type, std::uint64_t bits) {
  return is_float(type) ? semantics::decode(type, bits) == 0 : bits == 0;
}

/// What every test needs, and how many were run.
class Tester {
public:
  Tester(const semantics::TensorGraph &graph, const sim::Simulator &simulator,
         const semantics::NumericsProfile &profile, const TermGraph &terms,
         const DifferentialOptions &options)
      : graph_(graph), simulator_(simulator), profile_(profile), terms_(terms), options_(options) {}

  /// The first difference for an input, if it counts at the level.
  std::optional<Counterexample> test(const std::vector<Tensor> &inputs) {
    ++tests;
    if (options_.level != Level::Bits && profile_.flush_denormals && has_denormals(inputs))
      return std::nullopt; // outside of the level
    std::vector<Tensor> expected = semantics::evaluate(graph_, inputs, profile_),
                        actual = simulator_.run(inputs);
    std::optional<Counterexample> found;
    for (std::uint32_t t = 0; t < expected.size(); ++t)
      compare(t, expected[t], actual[t], found);
    if (!found || (options_.level != Level::Bits && !stays_finite(inputs)))
      return std::nullopt;
    found->inputs = inputs;
    for (const Tensor &input : inputs)
      for (std::int64_t i = 0; i < input.elements(); ++i)
        found->nonzero_inputs += input.bits(i) != 0;
    return found;
  }

  bool out_of_time() const {
    std::chrono::duration<double> spent = Clock::now() - begin_;
    return spent.count() > options_.time_limit_seconds ||
           (options_.interrupt && options_.interrupt->load());
  }

  std::int64_t tests = 0;
  std::uint64_t max_ulp = 0;

private:
  void compare(std::uint32_t output, const Tensor &expected, const Tensor &actual,
               std::optional<Counterexample> &found) {
    ElementType type = expected.shape().type;
    for (std::int64_t i = 0; i < expected.elements(); ++i) {
      std::uint64_t e = expected.bits(i), a = actual.bits(i);
      if (e == a)
        continue;
      if (is_float(type) && semantics::is_finite(type, e) && semantics::is_finite(type, a))
        max_ulp = std::max(max_ulp, semantics::ulp_distance(type, e, a));
      if (equal_element(type, e, a, options_.level))
        continue;
      if (!found) {
        found.emplace();
        found->output = output;
        found->element = i;
        found->expected = e;
        found->actual = a;
      }
      ++found->mismatches;
    }
  }

  static bool has_denormals(const std::vector<Tensor> &inputs) {
    for (const Tensor &input : inputs)
      for (std::int64_t i = 0; i < input.elements(); ++i)
        if (is_denormal(input.shape().type, input.bits(i)))
          return true;
    return false;
  }

  bool stays_finite(const std::vector<Tensor> &inputs) const {
    std::vector<std::uint64_t> values = evaluate_terms(terms_, inputs);
    for (std::uint32_t t = 0; t < values.size(); ++t)
      if (!semantics::is_finite(terms_[{t}].type, values[t]))
        return false;
    return true;
  }

  const semantics::TensorGraph &graph_;
  const sim::Simulator &simulator_;
  const semantics::NumericsProfile &profile_;
  const TermGraph &terms_;
  const DifferentialOptions &options_;
  Clock::time_point begin_ = Clock::now();
};

/// Makes a counterexample small, step by step, as long as it stays one.
class Minimizer {
public:
  Minimizer(Tester &tester, Counterexample start, const DifferentialOptions &options)
      : tester_(tester), best_(std::move(start)),
        budget_(tester.tests + options.max_minimizing_tests) {}

  Counterexample run() {
    std::size_t before = 0;
    do {
      before = positions().size();
      remove_elements();
    } while (positions().size() < before && !spent());
    simplify_values();
    return best_;
  }

private:
  struct Position {
    std::size_t tensor;
    std::int64_t element;
  };

  std::vector<Position> positions() const {
    std::vector<Position> out;
    for (std::size_t t = 0; t < best_.inputs.size(); ++t)
      for (std::int64_t i = 0; i < best_.inputs[t].elements(); ++i)
        if (best_.inputs[t].bits(i) != 0)
          out.push_back({t, i});
    return out;
  }

  bool spent() const { return tester_.tests >= budget_ || tester_.out_of_time(); }

  bool accept(const std::vector<Tensor> &inputs) {
    auto found = tester_.test(inputs);
    if (found)
      best_ = std::move(*found);
    return found.has_value();
  }

  /// Zeroes chunks of ever smaller size (delta debugging, Zeller and Hildebrandt 2002).
  void remove_elements() {
    for (std::size_t chunk = std::max<std::size_t>(1, positions().size() / 2);; chunk = chunk / 2) {
      std::vector<Position> at = positions();
      for (std::size_t begin = 0; begin < at.size() && !spent(); begin += chunk) {
        std::vector<Tensor> inputs = best_.inputs;
        for (std::size_t i = begin; i < std::min(begin + chunk, at.size()); ++i)
          inputs[at[i].tensor].set_bits(at[i].element, 0);
        accept(inputs);
      }
      if (chunk == 1 || spent())
        return;
    }
  }

  void simplify_values() {
    for (const Position &p : positions()) {
      ElementType type = best_.inputs[p.tensor].shape().type;
      std::uint64_t old = best_.inputs[p.tensor].bits(p.element);
      for (double plain : {1.0, 2.0, -1.0, 0.5, 4.0, 8.0}) {
        std::uint64_t bits =
            integral(type)
                ? semantics::encode_integer(type, std::max<std::int64_t>(1, std::llround(plain)))
                : semantics::encode(type, plain);
        if (bits == old || spent())
          break;
        std::vector<Tensor> inputs = best_.inputs;
        inputs[p.tensor].set_bits(p.element, bits);
        if (accept(inputs))
          break;
      }
      if (!integral(type))
        shorten(p, type);
    }
  }

  /// Clears significand bits from the least.
  void shorten(const Position &p, ElementType type) {
    int fraction = type == ElementType::BF16  ? 7
                   : type == ElementType::F16 ? 10
                   : type == ElementType::F32 ? 23
                                              : 52;
    for (int keep = 0; keep < fraction && !spent(); ++keep) {
      std::uint64_t old = best_.inputs[p.tensor].bits(p.element);
      std::uint64_t cut = old & ~((std::uint64_t{1} << (fraction - keep)) - 1);
      if (cut == old)
        return;
      std::vector<Tensor> inputs = best_.inputs;
      inputs[p.tensor].set_bits(p.element, cut);
      if (cut != 0 && accept(inputs))
        return;
    }
  }

  Tester &tester_;
  Counterexample best_;
  std::int64_t budget_;
};

} // namespace

std::vector<std::uint64_t> evaluate_terms(const TermGraph &terms, std::span<const Tensor> inputs) {
  std::vector<std::uint64_t> values(terms.size());
  const semantics::NumericsProfile &profile = terms.profile();
  auto row = [&](ElementType type, VectorId id, Shape shape) {
    auto elements = terms.elements(id);
    shape.type = type;
    Tensor out(std::move(shape));
    for (std::size_t i = 0; i < elements.size(); ++i)
      out.set_bits(static_cast<std::int64_t>(i), values[elements[i].v]);
    return out;
  };
  for (std::uint32_t n = 0; n < terms.size(); ++n) {
    const Term &t = terms[{n}];
    auto operands = terms.operands({n});
    std::uint64_t &value = values[n];
    semantics::Attributes attributes;
    switch (t.kind) {
    case TermKind::Input:
      value = inputs[t.a].bits(t.b);
      break;
    case TermKind::Literal:
      value = t.bits;
      break;
    case TermKind::Extract:
      value = values[operands[0].v] >> (8 * t.detail) & 0xff;
      break;
    case TermKind::Join:
      for (std::size_t i = 0; i < operands.size(); ++i)
        value |= values[operands[i].v] << (8 * i);
      break;
    case TermKind::Op: {
      std::array<ElementType, 3> types{};
      std::array<std::uint64_t, 3> bits{};
      for (std::size_t i = 0; i < operands.size(); ++i) {
        types[i] = terms[operands[i]].type;
        bits[i] = values[operands[i].v];
      }
      attributes.set(semantics::AttributeKey::Direction, {t.detail});
      value = semantics::evaluate_scalar(t.op, attributes, {types.data(), operands.size()},
                                         {bits.data(), operands.size()}, t.type, profile);
      break;
    }
    case TermKind::Dot: {
      auto length = static_cast<std::int64_t>(terms.elements({t.a}).size());
      Tensor a = row(t.type, {t.a}, {t.type, {1, length}}),
             b = row(t.type, {t.b}, {t.type, {length, 1}});
      attributes.set(semantics::AttributeKey::LhsContracting, {1});
      attributes.set(semantics::AttributeKey::RhsContracting, {0});
      std::array<const Tensor *, 2> both = {&a, &b};
      value =
          semantics::evaluate_op(OpCode::Dot, attributes, both, {t.type, {1, 1}}, profile).bits(0);
      break;
    }
    case TermKind::Reduce: {
      auto length = static_cast<std::int64_t>(terms.elements({t.a}).size());
      Tensor a = row(t.type, {t.a}, {t.type, {length}}), init(Shape{t.type, {}});
      init.set_bits(0, values[operands[0].v]);
      attributes.set(semantics::AttributeKey::Dimensions, {0});
      attributes.set(semantics::AttributeKey::Reducer, {static_cast<std::int64_t>(t.op)});
      std::array<const Tensor *, 2> both = {&a, &init};
      value =
          semantics::evaluate_op(OpCode::Reduce, attributes, both, {t.type, {}}, profile).bits(0);
      break;
    }
    }
  }
  return values;
}

bool equal_element(ElementType type, std::uint64_t a, std::uint64_t b, Level level) {
  if (a == b || (semantics::is_nan(type, a) && semantics::is_nan(type, b)))
    return true;
  return level != Level::Bits && is_zero(type, a) && is_zero(type, b);
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
                              [](const Shape &shape) { return integral(shape.type); });
  if (integers)
    return integer_input(std::move(out), engine, index);
  if (style == Style::Mask || style == Style::Cancelling)
    fill_cancelling(out, style, engine, finite);
  else
    for (Tensor &tensor : out)
      fill(tensor, style, engine, finite);
  return out;
}

DifferentialResult compare_programs(const semantics::TensorGraph &graph,
                                    const sim::Simulator &simulator,
                                    const semantics::NumericsProfile &profile,
                                    const TermGraph &terms, const DifferentialOptions &options) {
  std::vector<Shape> shapes;
  for (semantics::NodeId p : graph.parameters)
    shapes.push_back(graph[p].shape);
  Tester tester(graph, simulator, profile, terms, options);
  DifferentialResult out;
  auto input = [&](std::uint64_t seed, int index) {
    std::vector<Tensor> tensors = test_input(shapes, options.level, seed, index);
    if (options.level != Level::Bits && profile.flush_denormals)
      for (Tensor &tensor : tensors)
        for (std::int64_t i = 0; i < tensor.elements(); ++i)
          if (is_denormal(tensor.shape().type, tensor.bits(i)))
            tensor.set_bits(i, 0);
    return tensors;
  };
  for (int i = 0; i < options.max_tests && !out.counterexample; ++i) {
    if (tester.out_of_time()) {
      out.stopped = true;
      break;
    }
    if (options.only_measure) // Style::Few and later ones hold special values, which tell nothing
                              // about rounding
      tester.test(
          input(options.seed + static_cast<std::uint64_t>(i / kPlainStyles), i % kPlainStyles));
    else
      out.counterexample = tester.test(input(options.seed, i));
  }
  if (out.counterexample && options.minimize)
    out.counterexample = Minimizer(tester, std::move(*out.counterexample), options).run();
  out.tests = tester.tests;
  out.max_ulp = tester.max_ulp;
  return out;
}

} // namespace isamorph::verify
