#include "semantics/evaluator_kernels.h"
#include "semantics/function_table.h"

#include <stdexcept>

namespace isamorph::semantics {
namespace {

bool is_16_bit_float(ElementType type) {
  return type == ElementType::F16 || type == ElementType::BF16;
}

/// Where denormals become zeros: in elements that are read (all but the last operand, the last
/// one), in results of the compute type, and in those rounded to the element type.
struct Flushing {
  bool inputs = false, last_input = false, computed = false, stored = false;

  explicit Flushing(const ElementwiseCall &call) {
    ElementType compute = compute_type(call.profile, call.result);
    DenormalUse use = denormal_use(call.profile, call.op, call.result);
    bool narrowing = call.profile.flush_narrowing && byte_size(compute) > byte_size(call.result);
    inputs = use.inputs;
    last_input = use.last_input;
    stored = use.results != TinyResults::Keep;
    computed = (stored || narrowing) && !is_16_bit_float(compute);
  }
  bool anywhere() const { return inputs || last_input || computed || stored; }
};

template <bool Any, class C, class S> C get(S x, bool flush) {
  if constexpr (Any)
    if (flush)
      x = flush_denormal(x);
  return load<C>(x);
}
template <bool Any, class S, class C> S put(C x, const Flushing &how) {
  if constexpr (Any)
    if (how.computed)
      x = flush_denormal(x);
  S element = store<S>(x);
  if constexpr (Any)
    if (how.stored)
      element = flush_denormal(element);
  return element;
}

template <class S> const S *input(const ElementwiseCall &call, std::size_t i) {
  return reinterpret_cast<const S *>(call.inputs[i]);
}
template <class S> S *output(const ElementwiseCall &call) {
  return reinterpret_cast<S *>(call.output);
}

/// Calls `f(S, C, any, flushing)` for a float element type: S its storage, C the host type in which
/// to compute, `any` whether denormals are lost. float is wide enough to round +, -, *, / and sqrt
/// of 16-bit types as if they were computed in the type itself.
template <class F> void with_float(const ElementwiseCall &call, F &&f) {
  ElementType compute = compute_type(call.profile, call.result);
  Flushing flushing(call);
  auto with_mode = [&]<class S, class C>(S s, C c) {
    if (flushing.anywhere())
      f(s, c, std::true_type{}, flushing);
    else
      f(s, c, std::false_type{}, flushing);
  };
  visit_storage(call.result, [&]<class S>(S s) {
    if constexpr (std::is_same_v<S, double>) {
      with_mode(s, double{});
    } else if constexpr (is_float_storage<S>) {
      if (compute == ElementType::F64)
        with_mode(s, double{});
      else
        with_mode(s, float{});
    }
  });
}

double unary_function(OpCode op, double x) {
  switch (op) {
  case OpCode::Negate:
    return -x;
  case OpCode::Abs:
    return std::fabs(x);
  case OpCode::Sign:
    return x > 0 ? 1.0 : x < 0 ? -1.0 : x;
  case OpCode::Floor:
    return std::floor(x);
  case OpCode::Ceil:
    return std::ceil(x);
  case OpCode::RoundNearestEven:
    return std::nearbyint(x);
  case OpCode::Exponential:
    return std::exp(x);
  case OpCode::ExponentialMinusOne:
    return std::expm1(x);
  case OpCode::Log:
    return std::log(x);
  case OpCode::LogPlusOne:
    return std::log1p(x);
  case OpCode::Logistic:
    return 1 / (1 + std::exp(-x));
  case OpCode::Tanh:
    return std::tanh(x);
  case OpCode::Erf:
    return std::erf(x);
  case OpCode::Sqrt:
    return std::sqrt(x);
  case OpCode::Rsqrt:
    return 1 / std::sqrt(x);
  case OpCode::Cbrt:
    return std::cbrt(x);
  case OpCode::Sine:
    return std::sin(x);
  case OpCode::Cosine:
    return std::cos(x);
  default:
    throw std::logic_error("not a unary float operation: " + std::string(info(op).name));
  }
}

void float_unary(const ElementwiseCall &call) {
  // Through the compute type where that is wider, else straight to the element type.
  bool direct = is_16_bit_float(compute_type(call.profile, call.result));
  bool sign_only = call.op == OpCode::Negate || call.op == OpCode::Abs;
  with_float(call, [&]<class S, class C, bool Any>(S, C, std::bool_constant<Any>,
                                                   const Flushing &flushing) {
    const S *in = input<S>(call, 0);
    S *out = output<S>(call);
    for (std::size_t i = 0; i < call.count; ++i) {
      if (sign_only) {
        out[i] = store<S>(unary_function(call.op, load<double>(in[i])));
      } else {
        double exact = unary_function(call.op, get<Any, double>(in[i], flushing.last_input));
        out[i] =
            direct ? put<Any, S>(exact, flushing) : put<Any, S>(static_cast<C>(exact), flushing);
      }
    }
  });
}

void float_power(const ElementwiseCall &call) {
  bool direct = is_16_bit_float(compute_type(call.profile, call.result));
  with_float(call, [&]<class S, class C, bool Any>(S, C, std::bool_constant<Any>,
                                                   const Flushing &flushing) {
    const S *a = input<S>(call, 0), *b = input<S>(call, 1);
    S *out = output<S>(call);
    for (std::size_t i = 0; i < call.count; ++i) {
      double exact = std::pow(get<Any, double>(a[i], flushing.inputs),
                              get<Any, double>(b[i], flushing.last_input));
      out[i] = direct ? put<Any, S>(exact, flushing) : put<Any, S>(static_cast<C>(exact), flushing);
    }
  });
}

template <class Function> void float_binary(const ElementwiseCall &call, Function function) {
  with_float(call, [&]<class S, class C, bool Any>(S, C, std::bool_constant<Any>,
                                                   const Flushing &flushing) {
    const S *a = input<S>(call, 0), *b = input<S>(call, 1);
    S *out = output<S>(call);
    for (std::size_t i = 0; i < call.count; ++i)
      out[i] = put<Any, S>(
          function(get<Any, C>(a[i], flushing.inputs), get<Any, C>(b[i], flushing.last_input)),
          flushing);
  });
}

void float_multiply(const ElementwiseCall &call) {
  if (denormal_use(call.profile, call.op, call.result).results == TinyResults::FlushAfter)
    return float_binary(call, FlushedMultiply{});
  float_binary(call, FloatMultiply{});
}

void float_divide(const ElementwiseCall &call) {
  if (denormal_use(call.profile, call.op, call.result).results == TinyResults::FlushAfter)
    return float_binary(call, FlushedDivide{});
  float_binary(call, [](auto a, auto b) { return a / b; });
}

void from_table(const ElementwiseCall &call) {
  auto table = function_table(call.profile.functions, call.op, call.result);
  const auto *in = input<std::uint16_t>(call, 0);
  auto *out = output<std::uint16_t>(call);
  for (std::size_t i = 0; i < call.count; ++i)
    out[i] = table[in[i]];
}

void float_elementwise(const ElementwiseCall &call) {
  if (uses_table(call.profile, call.op, call.result))
    return from_table(call);
  switch (call.op) {
  case OpCode::Add:
    return float_binary(call, FloatAdd{});
  case OpCode::Subtract:
    return float_binary(call, [](auto a, auto b) { return a - b; });
  case OpCode::Multiply:
    return float_multiply(call);
  case OpCode::Divide:
    return float_divide(call);
  case OpCode::Remainder:
    return float_binary(call, [](auto a, auto b) { return std::fmod(a, b); });
  case OpCode::Maximum:
    return float_binary(call, FloatMaximum{});
  case OpCode::Minimum:
    return float_binary(call, FloatMinimum{});
  case OpCode::Power:
    return float_power(call);
  default:
    return float_unary(call);
  }
}

/// Which of less (1), equal (2), greater (4), unordered (8) a direction accepts.
unsigned accepted(CompareDirection direction) {
  constexpr std::array<unsigned, 6> masks = {2, 13, 1, 3, 4, 6};
  return masks[static_cast<std::size_t>(direction)];
}

void compare(const ElementwiseCall &call) {
  unsigned mask =
      accepted(static_cast<CompareDirection>(call.attributes.get_one(AttributeKey::Direction)));
  DenormalUse use = denormal_use(call.profile, call.op, call.types[0], call.result);
  visit_storage(call.types[0], [&]<class S>(S) {
    const S *a = input<S>(call, 0), *b = input<S>(call, 1);
    auto *out = reinterpret_cast<std::uint8_t *>(call.output);
    for (std::size_t i = 0; i < call.count; ++i) {
      auto relation = [&](auto x, auto y) { return x < y ? 1u : x == y ? 2u : x > y ? 4u : 8u; };
      unsigned found = 0;
      if constexpr (std::is_same_v<S, PredBits>)
        found = relation(a[i].bits != 0, b[i].bits != 0);
      else if constexpr (is_float_storage<S>)
        found =
            relation(get<true, double>(a[i], use.inputs), get<true, double>(b[i], use.last_input));
      else
        found = relation(a[i], b[i]);
      out[i] = (mask & found) != 0;
    }
  });
}

template <class T> void select_bits(const ElementwiseCall &call) {
  const auto *condition = reinterpret_cast<const std::uint8_t *>(call.inputs[0]);
  const T *a = input<T>(call, 1), *b = input<T>(call, 2);
  T *out = output<T>(call);
  for (std::size_t i = 0; i < call.count; ++i)
    out[i] = condition[call.repeated[0] ? 0 : i] ? a[i] : b[i];
}

void select(const ElementwiseCall &call) {
  switch (byte_size(call.result)) {
  case 1:
    return select_bits<std::uint8_t>(call);
  case 2:
    return select_bits<std::uint16_t>(call);
  case 4:
    return select_bits<std::uint32_t>(call);
  default:
    return select_bits<std::uint64_t>(call);
  }
}

template <class T, class Maximum, class Minimum, class Get, class Put>
void clamp_with(const ElementwiseCall &call, Maximum maximum, Minimum minimum, Get get_element,
                Put put_element) {
  const T *low = input<T>(call, 0), *x = input<T>(call, 1), *high = input<T>(call, 2);
  T *out = output<T>(call);
  for (std::size_t i = 0; i < call.count; ++i) {
    auto raised = maximum(get_element(x[i]), get_element(low[call.repeated[0] ? 0 : i]));
    out[i] = put_element(minimum(raised, get_element(high[call.repeated[2] ? 0 : i])));
  }
}

void clamp(const ElementwiseCall &call) {
  if (is_float(call.result))
    return with_float(call, [&]<class S, class C, bool Any>(S, C, std::bool_constant<Any>,
                                                            const Flushing &flushing) {
      clamp_with<S>(
          call, FloatMaximum{}, FloatMinimum{},
          [&](S x) { return get<Any, C>(x, flushing.inputs); },
          [&](C x) { return put<Any, S>(x, flushing); });
    });
  visit_storage(call.result, [&]<class S>(S) {
    if constexpr (std::is_integral_v<S>)
      clamp_with<S>(
          call, IntegerMaximum{}, IntegerMinimum{}, [](S x) { return x; }, [](S x) { return x; });
    else if constexpr (std::is_same_v<S, PredBits>)
      clamp_with<S>(call, BitOr{}, BitAnd{}, load<std::uint8_t, S>,
                    [](std::uint8_t x) { return S{x}; });
  });
}

/// An integer to a float: rounded to the compute type, then to the element type.
template <class To, class From> To integer_to_float(From x, ElementType compute) {
  if (compute == ElementType::F32)
    return store<To>(static_cast<float>(x));
  if (compute == ElementType::F64)
    return store<To>(static_cast<double>(x));
  return store<To>(integer_to_odd_double(x));
}

/// `read` and `write`: denormals are zeros.
template <class To, class From>
To convert_element(From x, ElementType compute, bool read, bool write) {
  if constexpr (is_float_storage<From>)
    if (read)
      x = flush_denormal(x);
  if constexpr (is_float_storage<To>) {
    To y;
    if constexpr (is_float_storage<From>)
      y = store<To>(load<double>(x));
    else if constexpr (std::is_same_v<From, PredBits>)
      y = store<To>(load<double>(x));
    else
      y = integer_to_float<To>(x, compute);
    return write ? flush_denormal(y) : y;
  } else if constexpr (std::is_same_v<To, PredBits>) {
    if constexpr (is_float_storage<From>)
      return {load<double>(x) != 0};
    else
      return {load<std::uint64_t>(x) != 0};
  } else {
    if constexpr (is_float_storage<From>)
      return saturate_to_integer<To>(load<double>(x));
    else
      return static_cast<To>(load<std::uint64_t>(x));
  }
}

void convert(const ElementwiseCall &call) {
  ElementType compute = compute_type(call.profile, call.result);
  DenormalUse use = denormal_use(call.profile, call.op, call.types[0], call.result);
  bool narrowing = call.profile.flush_narrowing && is_float(call.result) &&
                   byte_size(call.result) < byte_size(call.types[0]);
  bool read = use.last_input || narrowing, write = use.results != TinyResults::Keep;
  visit_storage(call.types[0], [&]<class From>(From) {
    visit_storage(call.result, [&]<class To>(To) {
      const From *in = input<From>(call, 0);
      To *out = output<To>(call);
      for (std::size_t i = 0; i < call.count; ++i)
        out[i] = convert_element<To>(in[i], compute, read, write);
    });
  });
}

/// Rounds in another way than the host does.
bool rounds_elsewhere(const ElementwiseCall &call) {
  if (!is_float(call.result))
    return false;
  switch (call.op) {
  case OpCode::Convert:
    return call.profile.conversion.round != ResultRounding{};
  case OpCode::Add:
  case OpCode::Subtract:
  case OpCode::Multiply:
  case OpCode::Divide:
  case OpCode::Sqrt:
    return call.profile.elementwise.round != ResultRounding{};
  default:
    return false;
  }
}

void run(const ElementwiseCall &call) {
  if (rounds_elsewhere(call))
    run_rounded(call);
  else if (call.op == OpCode::Compare)
    compare(call);
  else if (call.op == OpCode::Select)
    select(call);
  else if (call.op == OpCode::Clamp)
    clamp(call);
  else if (call.op == OpCode::Convert)
    convert(call);
  else if (is_float(call.result))
    float_elementwise(call);
  else
    run_integer_elementwise(call);
}

} // namespace

void run_elementwise(const ElementwiseCall &call) {
  run(call);
  if (is_float(call.result) && call.op != OpCode::Select)
    settle_nans(call);
}

} // namespace isamorph::semantics
