#include "sim/narrow_dot.h"

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

/// How many terms stand in a word of 32 bits, and as what the left side has them.
struct Pairs {
  using Element = std::int16_t;
  static constexpr std::size_t kCount = 2;
  static constexpr std::uint32_t kMask = 0xffff;
};
/// Unsigned on the left, which signed elements become by adding 128; signed on the right.
struct Quads {
  using Element = std::uint8_t;
  static constexpr std::size_t kCount = 4;
  static constexpr std::uint32_t kMask = 0xff;
};

/// Adds to each lane the sum of the products of the terms of `a` and of the lane's word of `b`,
/// modulo 2^32.
template <VectorTarget T>
ISAMORPH_INLINE void add_products(On<T>, Pairs, Lanes<std::uint32_t> &sum, std::uint32_t a,
                                  const Lanes<std::uint32_t> &b) {
  auto low = static_cast<std::int16_t>(a), high = static_cast<std::int16_t>(a >> 16);
  auto pairs = lanes_cast<Lanes<std::int32_t>>(b);
  // No product of two overflows; their sum may.
  sum = sum + lanes_cast<Lanes<std::uint32_t>>((pairs << 16 >> 16) * low) +
        lanes_cast<Lanes<std::uint32_t>>((pairs >> 16) * high);
}

#if defined(__x86_64__)
[[gnu::target(ISAMORPH_AVX2)]] inline void add_products(On<VectorTarget::Avx2>, Pairs,
                                                        Lanes<std::uint32_t> &sum, std::uint32_t a,
                                                        const Lanes<std::uint32_t> &b) {
  __m256i sums[2], pairs[2], pair = _mm256_set1_epi32(static_cast<int>(a));
  std::memcpy(sums, &sum, sizeof sum);
  std::memcpy(pairs, &b, sizeof b);
  for (int half = 0; half < 2; ++half)
    sums[half] = _mm256_add_epi32(sums[half], _mm256_madd_epi16(pair, pairs[half]));
  std::memcpy(&sum, sums, sizeof sum);
}

[[gnu::target(ISAMORPH_AVX512)]] inline void add_products(On<VectorTarget::Avx512>, Pairs,
                                                          Lanes<std::uint32_t> &sum,
                                                          std::uint32_t a,
                                                          const Lanes<std::uint32_t> &b) {
  __m512i products =
      _mm512_madd_epi16(_mm512_set1_epi32(static_cast<int>(a)), lanes_cast<__m512i>(b));
  sum = lanes_cast<Lanes<std::uint32_t>>(_mm512_add_epi32(lanes_cast<__m512i>(sum), products));
}

/// Neither instruction saturates: those that do have an `s` at the end.
[[gnu::target(ISAMORPH_VNNI)]] inline void add_products(On<VectorTarget::Avx512Vnni>, Pairs,
                                                        Lanes<std::uint32_t> &sum, std::uint32_t a,
                                                        const Lanes<std::uint32_t> &b) {
  sum = lanes_cast<Lanes<std::uint32_t>>(_mm512_dpwssd_epi32(
      lanes_cast<__m512i>(sum), _mm512_set1_epi32(static_cast<int>(a)), lanes_cast<__m512i>(b)));
}
[[gnu::target(ISAMORPH_VNNI)]] inline void add_products(On<VectorTarget::Avx512Vnni>, Quads,
                                                        Lanes<std::uint32_t> &sum, std::uint32_t a,
                                                        const Lanes<std::uint32_t> &b) {
  sum = lanes_cast<Lanes<std::uint32_t>>(_mm512_dpbusd_epi32(
      lanes_cast<__m512i>(sum), _mm512_set1_epi32(static_cast<int>(a)), lanes_cast<__m512i>(b)));
}
#endif

/// Sixteen consecutive integers of at most 16 bits, extended to 32.
template <class Target, class S>
ISAMORPH_INLINE Lanes<std::uint32_t> load_words(Target, const S *from) {
  return load_lanes<std::uint32_t>(from);
}

#if defined(__x86_64__)
template <VectorTarget T, class S>
requires(T >= VectorTarget::Avx512)
    [[gnu::target(ISAMORPH_AVX512)]] inline Lanes<std::uint32_t> load_words(On<T>, const S *from) {
  __m512i words;
  if constexpr (sizeof(S) == 2) {
    words = _mm512_maskz_cvtepi16_epi32(
        0xffff, _mm256_loadu_si256(reinterpret_cast<const __m256i *>(from)));
  } else {
    __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i *>(from));
    words = std::is_signed_v<S> ? _mm512_maskz_cvtepi8_epi32(0xffff, bytes)
                                : _mm512_maskz_cvtepu8_epi32(0xffff, bytes);
  }
  return lanes_cast<Lanes<std::uint32_t>>(words);
}
#endif

bool fits_pairs(ElementType operand, ElementType result) {
  int bytes = semantics::byte_size(result);
  return operand == ElementType::S8 || operand == ElementType::U8 || operand == ElementType::S16 ||
         (operand == ElementType::U16 && bytes <= 2);
}

/// Calls `f` with the elements as integers of at most 16 bits, congruent to what they are.
template <class F>
ISAMORPH_INLINE void visit_operand(ElementType type, const std::byte *bytes, const F &f) {
  if (type == ElementType::S8)
    f(reinterpret_cast<const std::int8_t *>(bytes));
  else if (type == ElementType::U8)
    f(reinterpret_cast<const std::uint8_t *>(bytes));
  else
    f(reinterpret_cast<const std::int16_t *>(bytes));
}

/// Quads are for the one target that has instructions for them.
template <class Terms, class F> void run_with(VectorTarget target, const F &f) {
#if defined(__x86_64__)
  if constexpr (std::is_same_v<Terms, Quads>)
    return run_with_vnni(f);
#endif
  if constexpr (std::is_same_v<Terms, Pairs>)
    run_on_integer_products(target, f);
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

bool NarrowDot::takes(ElementType lhs, ElementType rhs, ElementType result) {
  return semantics::is_integer(result) && semantics::byte_size(result) <= 4 &&
         fits_pairs(lhs, result) && fits_pairs(rhs, result);
}

NarrowDot::NarrowDot(const semantics::Attributes &attributes, const Shape &lhs, const Shape &rhs,
                     ElementType result, VectorTarget target)
    : layout_(lane_layout(attributes, lhs, rhs)), left_(layout_.exchanged ? rhs.type : lhs.type),
      right_(layout_.exchanged ? lhs.type : rhs.type), result_(result), target_(target),
      word_terms_(target == VectorTarget::Avx512Vnni && semantics::byte_size(left_) == 1 &&
                          right_ == ElementType::S8
                      ? Quads::kCount
                      : Pairs::kCount),
      words_((layout_.terms() + word_terms_ - 1) / word_terms_),
      rows_dense_(consecutive(layout_.left_terms)),
      columns_dense_(consecutive(layout_.right_columns)) {
  left_dense_ = rows_dense_;
  for (std::size_t row = 0; row < layout_.rows(); ++row)
    left_dense_ &= layout_.left_rows[row] == layout_.left_rows[0] + row * layout_.terms();
}

std::size_t NarrowDot::scratch_bytes() const {
  return packed_bytes() + layout_.panels() * words_ * kLanes * 4;
}

/// Rows of one batch's result.
template <class Terms, class S> struct NarrowDot::Rows {
  const NarrowDot &dot;
  const std::byte *left; ///< words of terms
  const std::uint32_t *panels;
  const S *addend;
  S *out;
  std::size_t begin, end;

  template <class Target> ISAMORPH_INLINE void operator()(Target target) const {
    std::size_t row = begin;
    if constexpr (Target::target >= VectorTarget::Avx512)
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
    const LaneLayout &layout = dot.layout_;
    std::size_t columns = layout.columns();
    for (std::size_t column = 0; column < columns; column += kLanes) {
      std::size_t used = std::min(kLanes, columns - column);
      if (used == kLanes && layout.result_column == 1)
        block(target, std::make_index_sequence<Count>{}, first, column, Dense{});
      else
        block(target, std::make_index_sequence<Count>{}, first, column,
              Spread{layout.result_column, used});
    }
  }

  /// How sixteen results of a row lie.
  struct Dense {
    ISAMORPH_INLINE Lanes<std::uint32_t> load(const S *from) const {
      return load_lanes<std::uint32_t>(from);
    }
    ISAMORPH_INLINE void store(S *to, const Lanes<std::uint32_t> &x) const {
      store_lanes<S, std::uint32_t>(to, x);
    }
  };
  struct Spread {
    std::size_t step, used;
    ISAMORPH_INLINE Lanes<std::uint32_t> load(const S *from) const {
      return load_spread<std::uint32_t>(from, step, used);
    }
    ISAMORPH_INLINE void store(S *to, const Lanes<std::uint32_t> &x) const {
      store_spread<S, std::uint32_t>(to, x, step, used);
    }
  };

  template <class Target, std::size_t... R, class Results>
  ISAMORPH_INLINE void block(Target target, std::index_sequence<R...>, std::size_t first,
                             std::size_t column, const Results &results) const {
    const LaneLayout &layout = dot.layout_;
    std::size_t words = dot.words_, step = layout.result_row;
    const std::byte *rows = left + first * words * 4;
    const std::uint32_t *panel = panels + column * words;
    std::size_t place = first * step + column * layout.result_column;
    Lanes<std::uint32_t> start = excess(target, panel, words);
    std::array<Lanes<std::uint32_t>, sizeof...(R)> sums;
    ((sums[R] = start), ...);
    if (addend)
      ((sums[R] += results.load(addend + place + R * step)), ...);
    for (std::size_t w = 0; w < words; ++w) {
      Lanes<std::uint32_t> right = load_lanes<std::uint32_t>(panel + w * kLanes);
      (add_products(target, Terms{}, sums[R], word(rows + (R * words + w) * 4), right), ...);
    }
    (results.store(out + place + R * step, sums[R]), ...);
  }

  /// Takes back, by column, what adding 128 to the elements of the left side adds to the sums.
  template <class Target>
  ISAMORPH_INLINE Lanes<std::uint32_t> excess(Target target, const std::uint32_t *panel,
                                              std::size_t words) const {
    Lanes<std::uint32_t> sum{};
    if constexpr (std::is_same_v<Terms, Quads>)
      for (std::size_t w = 0; dot.left_ == ElementType::S8 && w < words; ++w)
        add_products(target, Terms{}, sum, 0x80808080u,
                     load_lanes<std::uint32_t>(panel + w * kLanes));
    return -sum;
  }

  ISAMORPH_INLINE static std::uint32_t word(const std::byte *terms) {
    std::uint32_t out;
    std::memcpy(&out, terms, sizeof out);
    return out;
  }
};

/// Rows of terms, each filled up with zeros to whole words.
template <class Terms, class L>
ISAMORPH_INLINE void NarrowDot::pack_left(const L *left, typename Terms::Element *packed) const {
  using Element = typename Terms::Element;
  constexpr Element flip = std::is_same_v<Terms, Quads> && std::is_signed_v<L> ? 0x80 : 0;
  std::span<const std::size_t> terms = layout_.left_terms, rows = layout_.left_rows;
  std::size_t count = terms.size(), step = words_ * Terms::kCount;
  if (left_dense_ && count == step && !rows.empty()) { // one long row
    count = step = rows.size() * step;
    rows = rows.first(1);
  }
  std::size_t whole = rows_dense_ ? count / kLanes * kLanes : 0;
  for (std::size_t row : rows) {
    std::size_t k = 0;
    if constexpr (sizeof(L) == 1 && sizeof(Element) == 1)
      for (; k + 4 * kLanes <= whole; k += 4 * kLanes) {
        Lanes<std::uint32_t> bytes;
        __builtin_memcpy(&bytes, left + row + k, sizeof bytes);
        bytes ^= flip * 0x01010101u;
        __builtin_memcpy(packed + k, &bytes, sizeof bytes);
      }
    for (; k < whole; k += kLanes)
      store_lanes<Element, Element>(packed + k, load_lanes<Element>(left + row + k) ^ flip);
    for (; k < count; ++k)
      packed[k] = static_cast<Element>(
          static_cast<Element>(left[row + (rows_dense_ ? k : terms[k])]) ^ flip);
    for (; k < step; ++k)
      packed[k] = 0;
    packed += step;
  }
}

/// One panel; `load(k)`: term k of each column, without bits above its own.
template <class Terms, class Load>
ISAMORPH_INLINE void pack_panel(std::size_t terms, const Load &load, std::uint32_t *to) {
  [&]<std::size_t... T>(std::index_sequence<T...>) __attribute__((always_inline)) {
    constexpr std::size_t bits = 32 / Terms::kCount;
    std::size_t k = 0;
    for (; k + Terms::kCount <= terms; k += Terms::kCount, to += kLanes) {
      Lanes<std::uint32_t> word = ((load(k + T) << (bits * T)) | ...);
      __builtin_memcpy(to, &word, sizeof word);
    }
    if (k < terms) {
      Lanes<std::uint32_t> word{};
      ((k + T < terms ? void(word |= load(k + T) << (bits * T)) : void()), ...);
      __builtin_memcpy(to, &word, sizeof word);
    }
  }
  (std::make_index_sequence<Terms::kCount>{});
}

/// Panels of sixteen columns (filled up with zeros), each by words of terms.
template <class Terms, class Target, class R>
ISAMORPH_INLINE void NarrowDot::pack_right(Target target, const R *right,
                                           std::uint32_t *panels) const {
  using Bits = std::conditional_t<std::is_same_v<Terms, Quads>, std::make_unsigned_t<R>, R>;
  auto words = [&](const Bits *from) __attribute__((always_inline)) {
    Lanes<std::uint32_t> out = load_words(target, from);
    return std::is_unsigned_v<Bits> ? out : out & Terms::kMask;
  };
  std::span<const std::size_t> terms = layout_.right_terms, columns = layout_.right_columns;
  for (std::size_t column = 0; column < columns.size(); column += kLanes) {
    auto panel = columns.subspan(column, std::min(kLanes, columns.size() - column));
    const auto *from = reinterpret_cast<const Bits *>(right);
    auto dense = [&](std::size_t k) __attribute__((always_inline)) {
      return words(from + panel[0] + terms[k]);
    };
    auto spread = [&](std::size_t k) __attribute__((always_inline)) {
      std::array<Bits, kLanes> elements{};
      for (std::size_t l = 0; l < panel.size(); ++l)
        elements[l] = from[terms[k] + panel[l]];
      return words(elements.data());
    };
    std::uint32_t *to = panels + column * words_;
    if (columns_dense_ && panel.size() == kLanes)
      pack_panel<Terms>(terms.size(), dense, to);
    else
      pack_panel<Terms>(terms.size(), spread, to);
  }
}

template <class Terms>
void NarrowDot::run_as(const std::byte *lhs, const std::byte *rhs, const std::byte *addend,
                       std::byte *out, std::byte *scratch) const {
  auto *panels = reinterpret_cast<std::uint32_t *>(scratch + packed_bytes());
  std::size_t rows = layout_.rows(), results = rows * layout_.columns();
  for (std::size_t batch = 0; batch < layout_.left_batch.size(); ++batch) {
    auto pack = [&](auto target) __attribute__((always_inline)) {
      visit_operand(
          left_, lhs, [&](const auto *left) __attribute__((always_inline)) {
            pack_left<Terms>(left + layout_.left_batch[batch],
                             reinterpret_cast<typename Terms::Element *>(scratch));
          });
      visit_operand(
          right_, rhs, [&](const auto *right) __attribute__((always_inline)) {
            pack_right<Terms>(target, right + layout_.right_batch[batch], panels);
          });
    };
    run_with<Terms>(target_, pack);
    visit_size(result_, [&]<class S>(S) {
      auto *from = reinterpret_cast<const S *>(addend);
      divide_rows(rows, results * layout_.terms(), [&](std::size_t begin, std::size_t end) {
        run_with<Terms>(
            target_, Rows<Terms, S>{*this, scratch, panels, from ? from + batch * results : nullptr,
                                    reinterpret_cast<S *>(out) + batch * results, begin, end});
      });
    });
  }
}

void NarrowDot::run(const std::byte *lhs, const std::byte *rhs, const std::byte *addend,
                    std::byte *out, std::byte *scratch) const {
  if (layout_.exchanged)
    std::swap(lhs, rhs);
  if (word_terms_ == Quads::kCount)
    run_as<Quads>(lhs, rhs, addend, out, scratch);
  else
    run_as<Pairs>(lhs, rhs, addend, out, scratch);
}

} // namespace isamorph::sim
