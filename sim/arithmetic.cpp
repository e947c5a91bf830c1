#include "sim/arithmetic.h"

#include "sim/denormals.h"
#include "sim/plain_numerics.h"
#include "sim/vector.h"

#include <algorithm>

namespace isamorph::sim {

using semantics::ElementType;
using semantics::OpCode;

namespace {

template <OpCode Op, class T> ISAMORPH_INLINE T apply(const T &a, const T &b) {
  if constexpr (Op == OpCode::Add)
    return a + b;
  else if constexpr (Op == OpCode::Subtract)
    return a - b;
  else if constexpr (Op == OpCode::Multiply)
    return a * b;
  else
    return a / b;
}

template <OpCode Op, class S, class C>
void binary(VectorTarget target, const std::byte *a, const std::byte *b, std::byte *out,
            std::size_t count) {
  const S *left = reinterpret_cast<const S *>(a), *right = reinterpret_cast<const S *>(b);
  S *to = reinterpret_cast<S *>(out);
  run_on(
      target, [&](auto) __attribute__((always_inline)) {
        std::size_t i = 0;
        for (; i + kLanes <= count; i += kLanes)
          store_lanes<S, C>(to + i, apply<Op>(load_lanes<C>(left + i), load_lanes<C>(right + i)));
        if (i < count)
          store_some<S, C>(
              to + i,
              apply<Op>(load_some<C>(left + i, count - i), load_some<C>(right + i, count - i)),
              count - i);
      });
}

template <OpCode Op> Arithmetic of_type(ElementType type) {
  if (type == ElementType::BF16)
    return binary<Op, semantics::BF16Bits, float>;
  if (type == ElementType::F32)
    return binary<Op, float, float>;
  if constexpr (Op != OpCode::Divide)
    if (semantics::is_integer(type))
      switch (semantics::byte_size(type)) {
      case 1:
        return binary<Op, std::uint8_t, std::uint8_t>;
      case 2:
        return binary<Op, std::uint16_t, std::uint16_t>;
      case 4:
        return binary<Op, std::uint32_t, std::uint32_t>;
      default:
        break;
      }
  return nullptr;
}

template <class From>
void widen(VectorTarget target, const std::byte *in, std::byte *out, std::size_t count) {
  const From *from = reinterpret_cast<const From *>(in);
  auto *to = reinterpret_cast<std::uint32_t *>(out);
  run_on(
      target, [&](auto) __attribute__((always_inline)) {
        std::size_t i = 0;
        for (; i + kLanes <= count; i += kLanes)
          store_lanes<std::uint32_t, std::uint32_t>(to + i, load_lanes<std::uint32_t>(from + i));
        if (i < count)
          store_some<std::uint32_t, std::uint32_t>(
              to + i, load_some<std::uint32_t>(from + i, count - i), count - i);
      });
}

} // namespace

Arithmetic arithmetic(OpCode op, ElementType type, const semantics::NumericsProfile &profile) {
  if (semantics::is_float(type) &&
      (!has_plain_elements(profile) || !machine_flushes(profile, op, type) ||
       semantics::compute_type(profile, type) != ElementType::F32))
    return nullptr;
  switch (op) {
  case OpCode::Add:
    return of_type<OpCode::Add>(type);
  case OpCode::Subtract:
    return of_type<OpCode::Subtract>(type);
  case OpCode::Multiply:
    return of_type<OpCode::Multiply>(type);
  case OpCode::Divide:
    return of_type<OpCode::Divide>(type);
  default:
    return nullptr;
  }
}

void look_up(std::span<const std::uint16_t> table, const std::byte *in, std::byte *out,
             std::size_t count) {
  const auto *from = reinterpret_cast<const std::uint16_t *>(in);
  auto *to = reinterpret_cast<std::uint16_t *>(out);
  for (std::size_t i = 0; i < count; ++i)
    to[i] = table[from[i]];
}

Widening widening(ElementType from, ElementType to) {
  if (to != ElementType::S32 && to != ElementType::U32)
    return nullptr;
  if (from == ElementType::S8)
    return widen<std::int8_t>;
  return from == ElementType::U8 ? widen<std::uint8_t> : nullptr;
}

} // namespace isamorph::sim
