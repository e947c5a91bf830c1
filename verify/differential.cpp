#include "verify/differential.h"
#include "verify/parameter_shapes.h"

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

bool integral(ElementType type) { return !is_float(type); }

bool is_zero(ElementType type, std::uint64_t bits) {
  return is_float(type) ? semantics::decode(type, bits) == 0 : bits == 0;
}

/// What every test needs, and how many were run.
class Tester {
public:
  Tester(const semantics::TensorGraph &graph, const Program &other,
         const semantics::NumericsProfile &profile, const TermGraph &terms,
         const DifferentialOptions &options)
      : graph_(graph), other_(other), profile_(profile), terms_(terms), options_(options) {}

  /// The first difference for an input, if it counts at the level.
  std::optional<Counterexample> test(const std::vector<Tensor> &inputs) {
    ++tests;
    if (options_.level != Level::Bits && has_denormals(inputs))
      return std::nullopt; // outside of the level
    std::vector<Tensor> expected = semantics::evaluate(graph_, inputs, profile_),
                        actual = other_(inputs);
    std::optional<Counterexample> found;
    for (std::uint32_t t = 0; t < expected.size(); ++t)
      compare(t, expected[t], actual[t], found);
    if (!found || (options_.level != Level::Bits && !stays_finite(inputs)))
      return std::nullopt;
    found->inputs = inputs;
    for (const Tensor &input : inputs)
      for (std::int64_t i = 0; i < input.elements(); ++i)
        found->nonzero_inputs += input.bits(i) != 0;
    if (options_.confirms && !options_.confirms(*found))
      return std::nullopt;
    return found;
  }

  bool out_of_time() const {
    std::chrono::duration<double> spent = Clock::now() - begin_;
    return spent.count() > options_.time_limit_seconds ||
           (options_.interrupt && options_.interrupt->load());
  }

  std::int64_t tests = 0;

private:
  void compare(std::uint32_t output, const Tensor &expected, const Tensor &actual,
               std::optional<Counterexample> &found) {
    ElementType type = expected.shape().type;
    for (std::int64_t i = 0; i < expected.elements(); ++i) {
      std::uint64_t e = expected.bits(i), a = actual.bits(i);
      if (e == a)
        continue;
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

  /// Of types whose denormals the profile flushes.
  bool has_denormals(const std::vector<Tensor> &inputs) const {
    for (const Tensor &input : inputs)
      if (flushes(profile_, input.shape().type))
        for (std::int64_t i = 0; i < input.elements(); ++i)
          if (is_denormal(input.shape().type, input.bits(i)))
            return true;
    return false;
  }

  bool stays_finite(const std::vector<Tensor> &inputs) const {
    std::vector<std::uint64_t> values = evaluate_terms(terms_, inputs);
    for (std::uint32_t t = 0; t < values.size(); ++t) {
      const Term &term = terms_[{t}];
      bool constant = term.kind == TermKind::Literal && !semantics::is_nan(term.type, term.bits);
      if (!constant && !semantics::is_finite(term.type, values[t]))
        return false;
    }
    return true;
  }

  const semantics::TensorGraph &graph_;
  const Program &other_;
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
    if (fewer_bits())
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
      if (!integral(type)) {
        lower_exponent(p, type);
        shorten(p, type);
      }
    }
  }

  static int fraction_bits(ElementType type) {
    return type == ElementType::BF16  ? 7
           : type == ElementType::F16 ? 10
           : type == ElementType::F32 ? 23
                                      : 52;
  }

  /// The most significand bits after the leading one that an element has; 0 where one is infinite
  /// or NaN.
  int longest_significand() const {
    int out = 0;
    for (const Position &p : positions()) {
      ElementType type = best_.inputs[p.tensor].shape().type;
      std::uint64_t bits = best_.inputs[p.tensor].bits(p.element);
      double value = is_float(type) ? semantics::decode(type, bits) : 1;
      if (!std::isfinite(value))
        return 0;
      double rest = value == 0 ? 0 : std::scalbn(value, -std::ilogb(value));
      int length = 0;
      for (; rest != std::trunc(rest); ++length)
        rest *= 2;
      out = std::max(out, length);
    }
    return out;
  }

  /// Tries other significands, all of them short, in the places of the present numbers. When only
  /// few elements count: elsewhere there are too many to choose from.
  bool fewer_bits() {
    constexpr std::size_t most_positions = 6;
    constexpr int attempts = 60;
    std::vector<Position> at = positions();
    int longest = at.size() <= most_positions ? longest_significand() : 0;
    std::mt19937_64 engine(1);
    for (int length = 1; length < longest; ++length)
      for (int attempt = 0; attempt < attempts && !spent(); ++attempt) {
        std::vector<Tensor> inputs = best_.inputs;
        for (const Position &p : at) {
          ElementType type = inputs[p.tensor].shape().type;
          if (!is_float(type))
            continue;
          double value = semantics::decode(type, inputs[p.tensor].bits(p.element));
          double significand =
              1 + std::scalbn(static_cast<double>(engine() >> (64 - length)), -length);
          double other = value == 0 ? 0 : std::scalbn(significand, std::ilogb(value));
          inputs[p.tensor].set_bits(p.element,
                                    semantics::encode(type, std::copysign(other, value)));
        }
        if (accept(inputs))
          return true;
      }
    return false;
  }

  /// Brings the exponent nearer to zero, first to zero, then by ever smaller steps.
  void lower_exponent(const Position &p, ElementType type) {
    int step = 1 << 10;
    while (step > 0 && !spent()) {
      double value = semantics::decode(type, best_.inputs[p.tensor].bits(p.element));
      int exponent = std::isfinite(value) && value != 0 ? std::ilogb(value) : 0;
      step = std::min(step, std::abs(exponent));
      if (step == 0)
        return;
      std::vector<Tensor> inputs = best_.inputs;
      double nearer = std::scalbn(value, exponent > 0 ? -step : step);
      inputs[p.tensor].set_bits(p.element, semantics::encode(type, nearer));
      if (!accept(inputs))
        step /= 2;
    }
  }

  /// Clears significand bits from the least.
  void shorten(const Position &p, ElementType type) {
    int fraction = fraction_bits(type);
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

DifferentialResult compare_programs(const semantics::TensorGraph &graph, const Program &other,
                                    const semantics::NumericsProfile &profile,
                                    const TermGraph &terms, const DifferentialOptions &options) {
  std::vector<semantics::Shape> shapes = parameter_shapes(graph);
  Tester tester(graph, other, profile, terms, options);
  DifferentialResult out;
  auto input = [&](std::uint64_t seed, int index) {
    std::vector<Tensor> tensors = test_input(shapes, options.level, seed, index);
    for (Tensor &tensor : tensors)
      if (options.level != Level::Bits && flushes(profile, tensor.shape().type))
        for (std::int64_t i = 0; i < tensor.elements(); ++i)
          if (is_denormal(tensor.shape().type, tensor.bits(i)))
            tensor.set_bits(i, 0);
    return tensors;
  };
  for (const std::vector<Tensor> &tensors : options.first)
    if (!out.counterexample)
      out.counterexample = tester.test(tensors);
  for (int i = 0; i < options.max_tests && !out.counterexample; ++i) {
    if (tester.out_of_time()) {
      out.stopped = true;
      break;
    }
    out.counterexample = tester.test(input(options.seed, i));
  }
  if (out.counterexample && options.minimize)
    out.counterexample = Minimizer(tester, std::move(*out.counterexample), options).run();
  out.tests = tester.tests;
  return out;
}

} // namespace isamorph::verify
