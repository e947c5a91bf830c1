#pragma once
// Sixteen elements side by side, as the compiler's vector types, and loops over them compiled for
// each set of vector instructions. Lanes are independent results, so that each is computed in its
// profile's order whatever the machine. Private to sim/.

#include "semantics/float_format.h"
#include "sim/vector_target.h"

#include <array>
#include <cstring>

#define ISAMORPH_INLINE [[gnu::always_inline]] inline

namespace isamorph::sim {

#define ISAMORPH_AVX2 "avx2,fma"
#define ISAMORPH_AVX512 "avx512f,avx512bw,avx512dq,avx512vl,prefer-vector-width=512"
#define ISAMORPH_VNNI ISAMORPH_AVX512 ",avx512vnni"

/// For which target code is compiled, as a type.
template <VectorTarget T> struct On { static constexpr VectorTarget target = T; };

/// Calls `f(On<T>{})` compiled for a target T that the machine has. Inlined into `f` must be all
/// that is to use the target's instructions. Never inlined themselves: see FlushScope
/// (sim/denormals.h).
#if defined(__x86_64__)
template <class F> [[gnu::target(ISAMORPH_AVX2), gnu::noinline]] void run_with_avx2(const F &f) {
  f(On<VectorTarget::Avx2>{});
}
template <class F>
[[gnu::target(ISAMORPH_AVX512), gnu::noinline]] void run_with_avx512(const F &f) {
  f(On<VectorTarget::Avx512>{});
}
template <class F> [[gnu::target(ISAMORPH_VNNI), gnu::noinline]] void run_with_vnni(const F &f) {
  f(On<VectorTarget::Avx512Vnni>{});
}
#endif
template <class F> [[gnu::noinline]] void run_portable(const F &f) {
  f(On<VectorTarget::Portable>{});
}
template <class F> void run_on(VectorTarget target, const F &f) {
#if defined(__x86_64__)
  if (target >= VectorTarget::Avx512)
    return run_with_avx512(f);
  if (target == VectorTarget::Avx2)
    return run_with_avx2(f);
#endif
  (void)target;
  run_portable(f);
}
/// The same for what has code of its own for Avx512Vnni: sums of products of narrow integers.
template <class F> void run_on_integer_products(VectorTarget target, const F &f) {
#if defined(__x86_64__)
  if (target == VectorTarget::Avx512Vnni)
    return run_with_vnni(f);
#endif
  run_on(target, f);
}

template <class C> struct LanesOf {
  typedef C Type __attribute__((vector_size(kLanes * sizeof(C))));
};
template <class C> using Lanes = typename LanesOf<C>::Type;

/// Lanes of the other type with the same bits.
template <class To, class From> ISAMORPH_INLINE To lanes_cast(const From &x) {
  static_assert(sizeof(To) == sizeof(From));
  To out;
  __builtin_memcpy(&out, &x, sizeof out);
  return out;
}
/// The same float in each lane, its sign of zero included.
ISAMORPH_INLINE Lanes<float> same_lanes(float x) {
  return lanes_cast<Lanes<float>>(Lanes<std::uint32_t>{} + std::bit_cast<std::uint32_t>(x));
}

/// Integers modulo 2^bits, by steps that the compiler has instructions for.
template <class To, class From> ISAMORPH_INLINE Lanes<To> integer_lanes(const Lanes<From> &x) {
  constexpr bool is_signed = std::is_signed_v<From>;
  using Half = std::conditional_t<is_signed, std::int16_t, std::uint16_t>;
  using Same = std::conditional_t<is_signed, std::make_signed_t<To>, std::make_unsigned_t<To>>;
  if constexpr (sizeof(To) == sizeof(From))
    return lanes_cast<Lanes<To>>(x);
  else if constexpr (sizeof(To) * sizeof(From) == 4) // 1 and 4 bytes
    return integer_lanes<To, Half>(__builtin_convertvector(x, Lanes<Half>));
  else
    return lanes_cast<Lanes<To>>(__builtin_convertvector(x, Lanes<Same>));
}

/// Sixteen consecutive elements as host values of type C (exact).
template <class C, class S> ISAMORPH_INLINE Lanes<C> load_lanes(const S *from) {
  using semantics::BF16Bits;
  if constexpr (std::is_same_v<S, C>) {
    Lanes<C> out;
    __builtin_memcpy(&out, from, sizeof out);
    return out;
  } else if constexpr (std::is_same_v<S, BF16Bits>) {
    Lanes<std::uint16_t> bits;
    __builtin_memcpy(&bits, from, sizeof bits);
    return lanes_cast<Lanes<C>>(__builtin_convertvector(bits, Lanes<std::uint32_t>) << 16);
  } else if constexpr (std::is_integral_v<S>) {
    Lanes<S> elements;
    __builtin_memcpy(&elements, from, sizeof elements);
    return integer_lanes<C, S>(elements);
  } else {
    Lanes<C> out;
    for (std::size_t l = 0; l < kLanes; ++l)
      out[l] = semantics::load<C>(from[l]);
    return out;
  }
}

/// The bits of the nearest bf16 in the low half of each lane; any NaN gives the canonical one.
ISAMORPH_INLINE Lanes<std::uint32_t> bf16_bits(const Lanes<float> &x) {
  auto u = lanes_cast<Lanes<std::uint32_t>>(x);
  auto nan = lanes_cast<Lanes<std::uint32_t>>((u & 0x7fffffffu) > 0x7f800000u);
  Lanes<std::uint32_t> rounded = (u + 0x7fffu + ((u >> 16) & 1u)) >> 16;
  return (rounded & ~nan) | (nan & 0x7fc0u);
}
/// Each lane rounded to the storage type and back.
template <class S> ISAMORPH_INLINE Lanes<float> rounded_lanes(const Lanes<float> &x) {
  if constexpr (std::is_same_v<S, semantics::BF16Bits>) {
    return lanes_cast<Lanes<float>>(bf16_bits(x) << 16);
  } else {
    static_assert(std::is_same_v<S, float>);
    return x;
  }
}

/// Host values as sixteen consecutive elements, each rounded once; integers keep their low bits.
template <class S, class C> ISAMORPH_INLINE void store_lanes(S *to, const Lanes<C> &x) {
  using semantics::BF16Bits;
  if constexpr (std::is_same_v<S, BF16Bits>) {
    auto bits = __builtin_convertvector(bf16_bits(x), Lanes<std::uint16_t>);
    __builtin_memcpy(to, &bits, sizeof bits);
  } else if constexpr (std::is_same_v<S, float>) {
    auto u = lanes_cast<Lanes<std::uint32_t>>(x);
    auto nan = lanes_cast<Lanes<std::uint32_t>>((u & 0x7fffffffu) > 0x7f800000u);
    u = (u & ~nan) | (nan & 0x7fc00000u);
    __builtin_memcpy(to, &u, sizeof u);
  } else if constexpr (std::is_integral_v<S>) {
    Lanes<S> elements = integer_lanes<S, C>(x);
    __builtin_memcpy(to, &elements, sizeof elements);
  } else {
    for (std::size_t l = 0; l < kLanes; ++l)
      to[l] = semantics::store<S>(static_cast<C>(x[l]));
  }
}

/// The same for `count` < 16 elements, the other lanes being zeros.
template <class C, class S> ISAMORPH_INLINE Lanes<C> load_some(const S *from, std::size_t count) {
  std::array<S, kLanes> elements{};
  std::memcpy(elements.data(), from, count * sizeof(S));
  return load_lanes<C>(elements.data());
}
template <class S, class C>
ISAMORPH_INLINE void store_some(S *to, const Lanes<C> &x, std::size_t count) {
  std::array<S, kLanes> elements;
  store_lanes<S, C>(elements.data(), x);
  std::memcpy(to, elements.data(), count * sizeof(S));
}

/// The first `used` lanes of elements that lie `step` apart; the others are zeros.
template <class C, class S>
ISAMORPH_INLINE Lanes<C> load_spread(const S *from, std::size_t step, std::size_t used) {
  if (step == 1 && used == kLanes)
    return load_lanes<C>(from);
  std::array<S, kLanes> elements{};
  for (std::size_t l = 0; l < used; ++l)
    elements[l] = from[l * step];
  return load_lanes<C>(elements.data());
}
template <class S, class C>
ISAMORPH_INLINE void store_spread(S *to, const Lanes<C> &x, std::size_t step, std::size_t used) {
  if (step == 1 && used == kLanes)
    return store_lanes<S, C>(to, x);
  std::array<S, kLanes> elements;
  store_lanes<S, C>(elements.data(), x);
  for (std::size_t l = 0; l < used; ++l)
    to[l * step] = elements[l];
}

} // namespace isamorph::sim
