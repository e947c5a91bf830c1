#include "sim/pair_dot.h"

#include "sim/divide_rows.h"
#include "sim/vector.h"

#include <utility>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace isamorph::sim {

using semantics::ElementType;
using semantics::Shape;

namespace {

/// Adds to each lane the sum of the products of `a`, a pair of signed 16-bit integers, and the
/// lane's pair of `b`, modulo 2^32.
template <VectorTarget T>
ISAMORPH_INLINE void add_pair_products(On<T>, Lanes<std::uint32_t> &sum, std::uint32_t a,
                                       const Lanes<std::uint32_t> &b) {
  auto low = static_cast<std::int16_t>(a), high = static_cast<std::int16_t>(a >> 16);
  auto pairs = lanes_cast<Lanes<std::int32_t>>(b);
  // No product of two overflows; their sum may.
  sum = sum + lanes_cast<Lanes<std::uint32_t>>((pairs << 16 >> 16) * low) +
        lanes_cast<Lanes<std::uint32_t>>((pairs >> 16) * high);
}

#if defined(__x86_64__)
[[gnu::target(ISAMORPH_AVX2)]] inline void add_pair_products(On<VectorTarget::Avx2>,
                                                             Lanes<std::uint32_t> &sum,
                                                             std::uint32_t a,
                                                             const Lanes<std::uint32_t> &b) {
  __m256i sums[2], pairs[2], pair = _mm256_set1_epi32(static_cast<int>(a));
  std::memcpy(sums, &sum, sizeof sum);
  std::memcpy(pairs, &b, sizeof b);
  for (int half = 0; half < 2; ++half)
    sums[half] = _mm256_add_epi32(sums[half], _mm256_madd_epi16(pair, pairs[half]));
  std::memcpy(&sum, sums, sizeof sum);
}

[[gnu::target(ISAMORPH_AVX512)]] inline void add_pair_products(On<VectorTarget::Avx512>,
                                                               Lanes<std::uint32_t> &sum,
                                                               std::uint32_t a,
                                                               const Lanes<std::uint32_t> &b) {
  __m512i products =
      _mm512_madd_epi16(_mm512_set1_epi32(static_cast<int>(a)), lanes_cast<__m512i>(b));
  sum = lanes_cast<Lanes<std::uint32_t>>(_mm512_add_epi32(lanes_cast<__m512i>(sum), products));
}
#endif

/// Sixteen consecutive integers of at most 16 bits, extended to 32.
template <class Target, class S>
ISAMORPH_INLINE Lanes<std::uint32_t> load_words(Target, const S *from) {
  return load_lanes<std::uint32_t>(from);
}

#if defined(__x86_64__)
template <class S>
[[gnu::target(ISAMORPH_AVX512)]] inline Lanes<std::uint32_t> load_words(On<VectorTarget::Avx512>,
                                                                        const S *from) {
  __m256i bits{};
  std::memcpy(&bits, from, sizeof(S) * kLanes);
  __m128i low = _mm256_castsi256_si128(bits);
  __m512i words;
  if constexpr (sizeof(S) == 2)
    words = _mm512_maskz_cvtepi16_epi32(0xffff, bits);
  else
    words = std::is_signed_v<S> ? _mm512_maskz_cvtepi8_epi32(0xffff, low)
                                : _mm512_maskz_cvtepu8_epi32(0xffff, low);
  return lanes_cast<Lanes<std::uint32_t>>(words);
}
#endif

bool fits_pairs(ElementType operand, ElementType result) {
  int bytes = semantics::byte_size(result);
  return operand == ElementType::S8 || operand == ElementType::U8 || operand == ElementType::S16 ||
         (operand == ElementType::U16 && bytes <= 2);
}

/// Calls `f` with the elements as integers of at most 16 bits, congruent to what they are.
template <class F> void visit_operand(ElementType type, const std::byte *bytes, const F &f) {
  if (type == ElementType::S8)
    f(reinterpret_cast<const std::int8_t *>(bytes));
  else if (type == ElementType::U8)
    f(reinterpret_cast<const std::uint8_t *>(bytes));
  else
    f(reinterpret_cast<const std::int16_t *>(bytes));
}

/// Calls `f` with an unsigned integer of as many bytes.
template <class F> void visit_size(ElementType type, const F &f) {
  int bytes = semantics::byte_size(type);
  if (bytes == 1)
    f(std::uint8_t{});
  else if (bytes == 2)
    f(std::uint16_t{});
  else
    f(std::uint32_t{});
}

} // namespace

bool PairDot::takes(ElementType lhs, ElementType rhs, ElementType result) {
  return semantics::is_integer(result) && semantics::byte_size(result) <= 4 &&
         fits_pairs(lhs, result) && fits_pairs(rhs, result);
}

PairDot::PairDot(const semantics::Attributes &attributes, const Shape &lhs, const Shape &rhs,
                 ElementType result, VectorTarget target)
    : layout_(lane_layout(attributes, lhs, rhs)), left_(layout_.exchanged ? rhs.type : lhs.type),
      right_(layout_.exchanged ? lhs.type : rhs.type), result_(result), target_(target),
      rows_dense_(consecutive(layout_.left_terms)),
      columns_dense_(consecutive(layout_.right_columns)) {}

std::size_t PairDot::scratch_bytes() const {
  return aligned_bytes(layout_.rows() * pairs() * 4) + layout_.panels() * pairs() * kLanes * 4;
}

/// Rows of one batch's result.
template <class S> struct PairDot::Rows {
  const PairDot &dot;
  const std::int16_t *left;
  const std::uint32_t *panels;
  const S *addend;
  S *out;
  std::size_t begin, end;

  template <class Target> ISAMORPH_INLINE void operator()(Target target) const {
    std::size_t row = begin;
    if constexpr (Target::target == VectorTarget::Avx512)
      for (; row + 16 <= end; row += 16)
        group<16>(target, row);
    for (; row + 4 <= end; row += 4)
      group<4>(target, row);
    for (; row < end; ++row)
      group<1>(target, row);
  }

  /// `Count` rows at once: independent sums hide each other's latency.
  template <std::size_t Count, class Target>
  ISAMORPH_INLINE void group(Target target, std::size_t first) const {
    [&]<std::size_t... R>(std::index_sequence<R...>) __attribute__((always_inline)) {
      const LaneLayout &layout = dot.layout_;
      std::size_t pairs = dot.pairs(), columns = layout.columns();
      const std::int16_t *rows = left + first * pairs * 2;
      for (std::size_t column = 0; column < columns; column += kLanes) {
        const std::uint32_t *panel = panels + column * pairs;
        std::size_t used = std::min(kLanes, columns - column);
        std::size_t place = first * layout.result_row + column * layout.result_column;
        std::array<Lanes<std::uint32_t>, Count> sums{};
        if (addend)
          ((sums[R] = load_spread<std::uint32_t>(addend + place + R * layout.result_row,
                                                 layout.result_column, used)),
           ...);
        for (std::size_t p = 0; p < pairs; ++p) {
          Lanes<std::uint32_t> right = load_lanes<std::uint32_t>(panel + p * kLanes);
          (add_pair_products(target, sums[R], both(rows + (R * pairs + p) * 2), right), ...);
        }
        (store_spread<S, std::uint32_t>(out + place + R * layout.result_row, sums[R],
                                        layout.result_column, used),
         ...);
      }
    }
    (std::make_index_sequence<Count>{});
  }

  ISAMORPH_INLINE static std::uint32_t both(const std::int16_t *pair) {
    std::uint32_t out;
    std::memcpy(&out, pair, sizeof out);
    return out;
  }
};

/// Rows of terms as 16-bit integers; one more, a zero, where the terms are odd in number.
template <class L> void PairDot::pack_left(const L *left, std::int16_t *packed) const {
  run_on(
      target_, [ =, this ](auto) __attribute__((always_inline)) {
        std::span<const std::size_t> terms = layout_.left_terms;
        std::size_t whole = rows_dense_ ? terms.size() / kLanes * kLanes : 0, step = 2 * pairs();
        std::int16_t *to = packed;
        for (std::size_t row : std::span<const std::size_t>(layout_.left_rows)) {
          std::size_t k = 0;
          for (; k < whole; k += kLanes)
            store_lanes<std::int16_t, std::int16_t>(to + k,
                                                    load_lanes<std::int16_t>(left + row + k));
          for (; k < terms.size(); ++k)
            to[k] = static_cast<std::int16_t>(left[row + terms[k]]);
          if (k < step)
            to[k] = 0;
          to += step;
        }
      });
}

/// Panels of sixteen columns (filled up with zeros), each by pairs of terms.
template <class R> void PairDot::pack_right(const R *right, std::uint32_t *panels) const {
  run_on(
      target_, [ =, this ](auto target) __attribute__((always_inline)) {
        std::span<const std::size_t> terms = layout_.right_terms, columns = layout_.right_columns;
        std::uint32_t *to = panels;
        for (std::size_t column = 0; column < columns.size(); column += kLanes) {
          auto panel = columns.subspan(column, std::min(kLanes, columns.size() - column));
          bool dense = columns_dense_ && panel.size() == kLanes;
          auto load = [&](std::size_t k) __attribute__((always_inline)) {
            const R *from = right + terms[k];
            if (dense)
              return load_words(target, from + panel[0]);
            std::array<R, kLanes> elements{};
            for (std::size_t l = 0; l < panel.size(); ++l)
              elements[l] = from[panel[l]];
            return load_words(target, elements.data());
          };
          for (std::size_t k = 0; k < terms.size(); k += 2, to += kLanes) {
            Lanes<std::uint32_t> pair = load(k) & 0xffffu;
            if (k + 1 < terms.size())
              pair = pair | load(k + 1) << 16;
            __builtin_memcpy(to, &pair, sizeof pair);
          }
        }
      });
}

template <class S>
void PairDot::multiply(const std::int16_t *left, const std::uint32_t *panels, const S *addend,
                       S *out) const {
  divide_rows(layout_.rows(), layout_.rows() * layout_.columns() * layout_.terms(),
              [&](std::size_t begin, std::size_t end) {
                run_on(target_, Rows<S>{*this, left, panels, addend, out, begin, end});
              });
}

void PairDot::run(const std::byte *lhs, const std::byte *rhs, const std::byte *addend,
                  std::byte *out, std::byte *scratch) const {
  if (layout_.exchanged)
    std::swap(lhs, rhs);
  auto *packed = reinterpret_cast<std::int16_t *>(scratch);
  auto *panels =
      reinterpret_cast<std::uint32_t *>(scratch + aligned_bytes(layout_.rows() * pairs() * 4));
  std::size_t results = layout_.rows() * layout_.columns();
  for (std::size_t batch = 0; batch < layout_.left_batch.size(); ++batch) {
    visit_operand(left_, lhs,
                  [&](const auto *left) { pack_left(left + layout_.left_batch[batch], packed); });
    visit_operand(right_, rhs, [&](const auto *right) {
      pack_right(right + layout_.right_batch[batch], panels);
    });
    visit_size(result_, [&]<class S>(S) {
      auto *from = reinterpret_cast<const S *>(addend);
      multiply<S>(packed, panels, from ? from + batch * results : nullptr,
                  reinterpret_cast<S *>(out) + batch * results);
    });
  }
}

} // namespace isamorph::sim
