#include "sim/dot.h"

#include "sim/denormals.h"
#include "sim/divide_rows.h"
#include "sim/vector.h"

#include <algorithm>
#include <cmath>
#include <utility>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace isamorph::sim {

using semantics::AttributeKey;
using semantics::ElementType;
using semantics::Shape;

namespace {

/// What x86's fused multiply-add does in a flushing scope, one term after the other.
bool is_fused_chain(const semantics::StepProgram &unit) {
  semantics::StepProgram chain;
  chain.elements = unit.elements;
  chain.block = unit.block;
  chain.inputs = semantics::StepProgram::Inputs::Flush;
  chain.round.tiny = semantics::TinyResults::FlushAfter;
  return unit == chain;
}

bool has_fused_kernel(ElementType type, const semantics::NumericsProfile &profile) {
  const semantics::StepProgram *unit = semantics::unit_for(profile.dot, type);
  return type == ElementType::F32 && unit && is_fused_chain(*unit) &&
         profile.dot.nan == semantics::NanForm{} &&
         semantics::accumulator_type(profile.dot, type) == ElementType::F32 &&
         machine_flushes(profile, semantics::OpCode::Dot, type) == std::optional(true);
}

bool has_kernel(ElementType type, const semantics::NumericsProfile &profile, std::size_t terms) {
  if (semantics::is_integer(type))
    return semantics::byte_size(type) <= 4;
  return type != ElementType::Pred && has_plain_fold(profile, profile.dot, type) &&
         type != ElementType::F64 &&
         semantics::accumulator_type(profile.dot, type) == ElementType::F32 &&
         blocks(profile.dot.order, terms);
}

} // namespace

std::optional<Dot> Dot::compile(const semantics::Attributes &attributes, const Shape &lhs,
                                const Shape &rhs, const Shape &result,
                                const semantics::NumericsProfile &profile, VectorTarget target) {
  Dot dot;
  dot.type_ = result.type;
  dot.target_ = target;
  dot.layout_ = lane_layout(attributes, lhs, rhs);
  if (has_fused_kernel(result.type, profile)) {
    dot.fused_ = dot.flushes_ = true;
    return dot;
  }
  if (!has_kernel(result.type, profile, dot.layout_.terms()))
    return std::nullopt;
  if (semantics::is_float(result.type)) {
    auto flushes = machine_flushes(profile, semantics::OpCode::Dot, result.type);
    if (!flushes)
      return std::nullopt;
    dot.flushes_ = *flushes;
    dot.blocks_ = *blocks(profile.dot.order, dot.layout_.terms());
  }
  return dot;
}

namespace {

/// Adds products with the same factor, each rounded first.
template <bool Fused, class Target, class C>
ISAMORPH_INLINE void add_products(Target, Lanes<C> &sum, C a, const Lanes<C> &b) {
  if constexpr (Fused)
    for (std::size_t l = 0; l < kLanes; ++l)
      sum[l] = std::fma(a, b[l], sum[l]);
  else
    sum = sum + b * a;
}

#if defined(__x86_64__)
template <bool Fused>
requires Fused [[gnu::target(ISAMORPH_AVX2)]] inline void
add_products(On<VectorTarget::Avx2>, Lanes<float> &sum, float a, const Lanes<float> &b) {
  __m256 sums[2], factors[2];
  std::memcpy(sums, &sum, sizeof sum);
  std::memcpy(factors, &b, sizeof b);
  for (int half = 0; half < 2; ++half)
    sums[half] = _mm256_fmadd_ps(_mm256_set1_ps(a), factors[half], sums[half]);
  std::memcpy(&sum, sums, sizeof sum);
}

template <bool Fused>
requires Fused [[gnu::target(ISAMORPH_AVX512)]] inline void
add_products(On<VectorTarget::Avx512>, Lanes<float> &sum, float a, const Lanes<float> &b) {
  sum = lanes_cast<Lanes<float>>(
      _mm512_fmadd_ps(_mm512_set1_ps(a), lanes_cast<__m512>(b), lanes_cast<__m512>(sum)));
}
#endif

} // namespace

std::size_t Dot::scratch_bytes() const {
  std::size_t terms = layout_.terms();
  return aligned_bytes(layout_.rows() * terms * 4) + layout_.panels() * terms * kLanes * 4;
}

/// Rows [begin, end) of one batch's result.
template <class S, class C, bool Fused> struct Dot::Rows {
  const Dot &dot;
  const C *left;
  const C *panels;
  S *out;
  std::size_t begin, end;

  template <class Target> ISAMORPH_INLINE void operator()(Target target) const {
    std::size_t row = begin;
    if constexpr (Target::target == VectorTarget::Avx512)
      for (; row + 8 <= end; row += 8)
        group<8>(target, row);
    for (; row + 4 <= end; row += 4)
      group<4>(target, row);
    for (; row < end; ++row)
      group<1>(target, row);
  }

  /// `Count` rows at once: independent sums hide each other's latency.
  template <std::size_t Count, class Target>
  ISAMORPH_INLINE void group(Target target, std::size_t row) const {
    const LaneLayout &layout = dot.layout_;
    std::size_t terms = layout.terms(), columns = layout.columns();
    for (std::size_t column = 0; column < columns; column += kLanes) {
      const C *panel = panels + column * terms;
      std::array<Lanes<C>, Count> sums;
      sum_up<Count>(target, left + row * terms, panel, sums);
      std::size_t used = std::min(kLanes, columns - column);
      for (std::size_t r = 0; r < Count; ++r)
        store_spread<S, C>(out + (row + r) * layout.result_row + column * layout.result_column,
                           sums[r], layout.result_column, used);
    }
  }

  template <std::size_t Count, class Target>
  ISAMORPH_INLINE void sum_up(Target target, const C *rows, const C *panel,
                              std::array<Lanes<C>, Count> &sums) const {
    std::size_t terms = dot.layout_.terms();
    if (dot.blocks_.width == 0)
      return sequence<Count>(target, rows, panel, 0, terms, sums);
    sums.fill(Lanes<C>{});
    std::size_t last = dot.blocks_.first;
    for (std::size_t first = 0; first < terms;
         first = last, last = std::min(terms, last + dot.blocks_.width)) {
      std::array<Lanes<C>, Count> part;
      sequence<Count>(target, rows, panel, first, last, part);
      for (std::size_t r = 0; r < Count; ++r)
        sums[r] = sums[r] + part[r];
    }
  }

  template <std::size_t Count, class Target>
  ISAMORPH_INLINE void sequence(Target target, const C *rows, const C *panel, std::size_t first,
                                std::size_t last, std::array<Lanes<C>, Count> &sums) const {
    std::size_t terms = dot.layout_.terms();
    [&]<std::size_t... R>(std::index_sequence<R...>) __attribute__((always_inline)) {
      std::array<Lanes<C>, Count> sum{};
      for (std::size_t k = first; k < last; ++k) {
        Lanes<C> right = load_lanes<C>(panel + k * kLanes);
        (add_products<Fused>(target, sum[R], rows[R * terms + k], right), ...);
      }
      ((sums[R] = sum[R]), ...);
    }
    (std::make_index_sequence<Count>{});
  }
};

template <class S, class C> void Dot::pack_left(const S *left, C *packed) const {
  std::size_t terms = layout_.terms(), whole = terms / kLanes * kLanes;
  bool dense = consecutive(layout_.left_terms);
  run_on(
      target_, [&](auto) __attribute__((always_inline)) {
        for (std::size_t line : layout_.left_rows) {
          std::size_t k = 0;
          if (dense)
            for (; k < whole; k += kLanes) {
              Lanes<C> values = load_lanes<C>(left + line + k);
              __builtin_memcpy(packed + k, &values, sizeof values);
            }
          for (; k < terms; ++k)
            packed[k] = semantics::load<C>(left[line + layout_.left_terms[k]]);
          packed += terms;
        }
      });
}

/// Panels of sixteen columns (filled up with zeros), each term by term.
template <class S, class C> void Dot::pack_right(const S *right, C *panels) const {
  std::size_t columns = layout_.columns();
  bool dense = consecutive(layout_.right_columns);
  run_on(
      target_, [&](auto) __attribute__((always_inline)) {
        for (std::size_t column = 0; column < columns; column += kLanes) {
          std::size_t used = std::min(kLanes, columns - column);
          const std::size_t *lines = layout_.right_columns.data() + column;
          for (std::size_t term : layout_.right_terms) {
            Lanes<C> values;
            if (dense && used == kLanes) {
              values = load_lanes<C>(right + term + lines[0]);
            } else {
              std::array<S, kLanes> elements{};
              for (std::size_t l = 0; l < used; ++l)
                elements[l] = right[term + lines[l]];
              values = load_lanes<C>(elements.data());
            }
            __builtin_memcpy(panels, &values, sizeof values);
            panels += kLanes;
          }
        }
      });
}

template <class S, class C> void Dot::multiply(const C *left, const C *panels, S *out) const {
  divide_rows(layout_.rows(), layout_.rows() * layout_.columns() * layout_.terms(),
              [&](std::size_t begin, std::size_t end) {
                FlushScope scope(flushes_); // of this thread, and of nothing else that it may do
                if constexpr (std::is_same_v<S, float>)
                  if (fused_)
                    return run_on(target_, Rows<S, C, true>{*this, left, panels, out, begin, end});
                run_on(target_, Rows<S, C>{*this, left, panels, out, begin, end});
              });
}

template <class S, class C>
void Dot::run_as(const S *lhs, const S *rhs, S *out, std::byte *scratch) const {
  const S *left = layout_.exchanged ? rhs : lhs, *right = layout_.exchanged ? lhs : rhs;
  std::size_t rows = layout_.rows(), terms = layout_.terms();
  auto *packed = reinterpret_cast<C *>(scratch);
  auto *panels = reinterpret_cast<C *>(scratch + aligned_bytes(rows * terms * sizeof(C)));
  for (std::size_t batch = 0; batch < layout_.left_batch.size(); ++batch) {
    pack_left(left + layout_.left_batch[batch], packed);
    pack_right(right + layout_.right_batch[batch], panels);
    multiply(packed, panels, out + batch * rows * layout_.columns());
  }
}

void Dot::run(const std::byte *lhs, const std::byte *rhs, std::byte *out,
              std::byte *scratch) const {
  semantics::visit_storage(type_, [&]<class S>(S) {
    constexpr bool narrow = semantics::is_float_storage<S> && sizeof(S) <= 4;
    if constexpr (narrow || (std::is_integral_v<S> && sizeof(S) <= 4)) {
      using C = std::conditional_t<narrow, float, std::uint32_t>;
      run_as<S, C>(reinterpret_cast<const S *>(lhs), reinterpret_cast<const S *>(rhs),
                   reinterpret_cast<S *>(out), scratch);
    }
  });
}

} // namespace isamorph::sim
