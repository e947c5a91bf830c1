#include "verify/minimizer.h"

#include <algorithm>
#include <cmath>
#include <random>

namespace isamorph::verify {
namespace {

using semantics::ElementType;
using semantics::is_float;
using semantics::Tensor;

class Minimizer {
public:
  Minimizer(std::vector<Tensor> start, const MinimizingTest &test)
      : best_(std::move(start)), test_(test) {}

  std::vector<Tensor> run() {
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
    for (std::size_t t = 0; t < best_.size(); ++t)
      for (std::int64_t i = 0; i < best_[t].elements(); ++i)
        if (best_[t].bits(i) != 0)
          out.push_back({t, i});
    return out;
  }

  bool spent() const { return test_.spent(); }

  bool accept(std::vector<Tensor> inputs) {
    bool accepted = test_.accepts(inputs);
    if (accepted)
      best_ = std::move(inputs);
    return accepted;
  }

  /// Zeroes chunks of ever smaller size.
  void remove_elements() {
    for (std::size_t chunk = std::max<std::size_t>(1, positions().size() / 2);; chunk = chunk / 2) {
      std::vector<Position> at = positions();
      for (std::size_t begin = 0; begin < at.size() && !spent(); begin += chunk) {
        std::vector<Tensor> inputs = best_;
        for (std::size_t i = begin; i < std::min(begin + chunk, at.size()); ++i)
          inputs[at[i].tensor].set_bits(at[i].element, 0);
        accept(std::move(inputs));
      }
      if (chunk == 1 || spent())
        return;
    }
  }

  void simplify_values() {
    for (const Position &p : positions()) {
      ElementType type = best_[p.tensor].shape().type;
      std::uint64_t old = best_[p.tensor].bits(p.element);
      for (double plain : {1.0, 2.0, -1.0, 0.5, 4.0, 8.0}) {
        std::uint64_t bits =
            !is_float(type)
                ? semantics::encode_integer(type, std::max<std::int64_t>(1, std::llround(plain)))
                : semantics::encode(type, plain);
        if (bits == old || spent())
          break;
        std::vector<Tensor> inputs = best_;
        inputs[p.tensor].set_bits(p.element, bits);
        if (accept(std::move(inputs)))
          break;
      }
      if (is_float(type)) {
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
      ElementType type = best_[p.tensor].shape().type;
      std::uint64_t bits = best_[p.tensor].bits(p.element);
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
        std::vector<Tensor> inputs = best_;
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
        if (accept(std::move(inputs)))
          return true;
      }
    return false;
  }

  /// Brings the exponent nearer to zero, first to zero, then by ever smaller steps.
  void lower_exponent(const Position &p, ElementType type) {
    int step = 1 << 10;
    while (step > 0 && !spent()) {
      double value = semantics::decode(type, best_[p.tensor].bits(p.element));
      int exponent = std::isfinite(value) && value != 0 ? std::ilogb(value) : 0;
      step = std::min(step, std::abs(exponent));
      if (step == 0)
        return;
      std::vector<Tensor> inputs = best_;
      double nearer = std::scalbn(value, exponent > 0 ? -step : step);
      inputs[p.tensor].set_bits(p.element, semantics::encode(type, nearer));
      if (!accept(std::move(inputs)))
        step /= 2;
    }
  }

  /// Clears significand bits from the least.
  void shorten(const Position &p, ElementType type) {
    int fraction = fraction_bits(type);
    for (int keep = 0; keep < fraction && !spent(); ++keep) {
      std::uint64_t old = best_[p.tensor].bits(p.element);
      std::uint64_t cut = old & ~((std::uint64_t{1} << (fraction - keep)) - 1);
      if (cut == old)
        return;
      std::vector<Tensor> inputs = best_;
      inputs[p.tensor].set_bits(p.element, cut);
      if (cut != 0 && accept(std::move(inputs)))
        return;
    }
  }

  std::vector<Tensor> best_;
  const MinimizingTest &test_;
};

} // namespace

std::vector<Tensor> minimized(std::vector<Tensor> inputs, const MinimizingTest &test) {
  return Minimizer(std::move(inputs), test).run();
}

} // namespace isamorph::verify
