#include "semantics/evaluator_kernels.h"

#include <algorithm>
#include <stdexcept>

namespace isamorph::semantics {
namespace {

template <class T> T divide(T a, T b) {
  if (b == 0)
    return static_cast<T>(-1);
  if constexpr (std::is_signed_v<T>)
    if (b == -1)
      return static_cast<T>(0 - static_cast<std::uint64_t>(a));
  return static_cast<T>(a / b);
}

template <class T> T remainder(T a, T b) {
  if (b == 0)
    return a;
  if constexpr (std::is_signed_v<T>)
    if (b == -1)
      return 0;
  return static_cast<T>(a % b);
}

/// As XLA's loop of six squarings: the exponent is read as a signed number, also of an unsigned
/// type, and its low six bits count; the result is modulo 2^bits. A negative exponent gives the
/// truncated real result (0 for a base of 0).
template <class T> T power(T base, T exponent) {
  using Signed = std::make_signed_t<T>;
  if (static_cast<Signed>(exponent) < 0) {
    if (base == 1)
      return 1;
    if (base == static_cast<T>(-1))
      return static_cast<T>(exponent % 2 == 0 ? 1 : -1);
    return 0;
  }
  std::uint64_t result = 1, square = static_cast<std::uint64_t>(base);
  for (auto e = static_cast<std::uint64_t>(exponent) & 63; e != 0; e >>= 1, square *= square)
    if (e & 1)
      result *= square;
  return static_cast<T>(result);
}

template <class T> constexpr std::uint64_t kBits = 8 * sizeof(T);

/// The amount of a shift: as an unsigned number of the type's width.
template <class T> std::uint64_t amount(T b) { return static_cast<std::make_unsigned_t<T>>(b); }

template <class T> T shift_left(T a, T b) {
  return amount(b) >= kBits<T> ? T{0} : static_cast<T>(static_cast<std::uint64_t>(a) << amount(b));
}
template <class T> T shift_right_logical(T a, T b) {
  return amount(b) >= kBits<T> ? T{0} : static_cast<T>(amount(a) >> amount(b));
}
template <class T> T shift_right_arithmetic(T a, T b) {
  auto value = static_cast<std::make_signed_t<T>>(a);
  return static_cast<T>(value >> std::min<std::uint64_t>(amount(b), kBits<T> - 1));
}

template <class T, class Function> void binary(const ElementwiseCall &call, Function function) {
  const T *a = reinterpret_cast<const T *>(call.inputs[0]);
  const T *b = reinterpret_cast<const T *>(call.inputs[1]);
  T *out = reinterpret_cast<T *>(call.output);
  for (std::size_t i = 0; i < call.count; ++i)
    out[i] = function(a[i], b[i]);
}

template <class T, class Function> void unary(const ElementwiseCall &call, Function function) {
  const T *a = reinterpret_cast<const T *>(call.inputs[0]);
  T *out = reinterpret_cast<T *>(call.output);
  for (std::size_t i = 0; i < call.count; ++i)
    out[i] = function(a[i]);
}

[[noreturn]] void undefined(const ElementwiseCall &call) {
  throw std::logic_error(std::string(info(call.op).name) + " has no meaning for " +
                         std::string(name(call.result)));
}

template <class T> void integers(const ElementwiseCall &call) {
  switch (call.op) {
  case OpCode::Add:
    return binary<T>(call, WrapAdd{});
  case OpCode::Subtract:
    return binary<T>(call, [](T a, T b) {
      return static_cast<T>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
    });
  case OpCode::Multiply:
    return binary<T>(call, WrapMultiply{});
  case OpCode::Divide:
    return binary<T>(call, divide<T>);
  case OpCode::Remainder:
    return binary<T>(call, remainder<T>);
  case OpCode::Power:
    return binary<T>(call, power<T>);
  case OpCode::Maximum:
    return binary<T>(call, IntegerMaximum{});
  case OpCode::Minimum:
    return binary<T>(call, IntegerMinimum{});
  case OpCode::And:
    return binary<T>(call, BitAnd{});
  case OpCode::Or:
    return binary<T>(call, BitOr{});
  case OpCode::Xor:
    return binary<T>(call, [](T a, T b) { return static_cast<T>(a ^ b); });
  case OpCode::ShiftLeft:
    return binary<T>(call, shift_left<T>);
  case OpCode::ShiftRightArithmetic:
    return binary<T>(call, shift_right_arithmetic<T>);
  case OpCode::ShiftRightLogical:
    return binary<T>(call, shift_right_logical<T>);
  case OpCode::Not:
    return unary<T>(call, [](T a) { return static_cast<T>(~a); });
  case OpCode::Negate:
    return unary<T>(call, [](T a) { return static_cast<T>(0 - static_cast<std::uint64_t>(a)); });
  case OpCode::Abs:
    return unary<T>(
        call, [](T a) { return a < T{0} ? static_cast<T>(0 - static_cast<std::uint64_t>(a)) : a; });
  case OpCode::Sign:
    return unary<T>(call, [](T a) { return static_cast<T>((a > T{0}) - (a < T{0})); });
  default:
    undefined(call);
  }
}

/// Truth values: addition and maximum are `or`, multiplication and minimum are `and`.
void predicates(const ElementwiseCall &call) {
  auto with = [&](auto function) {
    binary<PredBits>(call, [&](PredBits a, PredBits b) {
      return PredBits{static_cast<std::uint8_t>(function(a.bits != 0, b.bits != 0))};
    });
  };
  switch (call.op) {
  case OpCode::Add:
  case OpCode::Maximum:
  case OpCode::Or:
    return with([](bool a, bool b) { return a || b; });
  case OpCode::Multiply:
  case OpCode::Minimum:
  case OpCode::And:
    return with([](bool a, bool b) { return a && b; });
  case OpCode::Xor:
    return with([](bool a, bool b) { return a != b; });
  case OpCode::Not:
    return unary<PredBits>(call, [](PredBits a) { return PredBits{a.bits == 0}; });
  default:
    undefined(call);
  }
}

} // namespace

void run_integer_elementwise(const ElementwiseCall &call) {
  visit_storage(call.result, [&]<class S>(S) {
    if constexpr (std::is_integral_v<S>)
      integers<S>(call);
    else if constexpr (std::is_same_v<S, PredBits>)
      predicates(call);
  });
}

} // namespace isamorph::semantics
