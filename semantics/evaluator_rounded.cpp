// Element-wise float operations under profiles that round in another direction than to nearest
// even, or whose NaNs have another form: slower than the host's arithmetic, and bit for bit what
// the circuits of proofs compute.
#include "semantics/bit_word.h"
#include "semantics/evaluator_kernels.h"
#include "semantics/soft_elementwise.h"

#include <cstring>

namespace isamorph::semantics {
namespace {

/// Element i of operand k, or the only one.
std::uint64_t operand_bits(const ElementwiseCall &call, std::size_t k, std::size_t i) {
  auto size = static_cast<std::size_t>(byte_size(call.types[k]));
  std::uint64_t bits = 0; // little-endian, as elements lie in memory
  std::memcpy(&bits, call.inputs[k] + (call.repeated[k] && i > 0 ? 0 : i * size), size);
  return bits;
}

void set_result(const ElementwiseCall &call, std::size_t i, std::uint64_t bits) {
  auto size = static_cast<std::size_t>(byte_size(call.result));
  std::memcpy(call.output + i * size, &bits, size);
}

/// An integer by way of the compute type, each rounding in the profile's direction.
BitWord from_integer(const ElementwiseCall &call, std::uint64_t bits) {
  ElementType from = call.types[0], compute = compute_type(call.profile, call.result);
  BitWord word(value_bits(from), bits), sign(1, 0);
  if (is_signed_integer(from))
    sign = sign_bit(word);
  BitWord magnitude = zero_extend(choose(sign, literal(word, word.width, 0) - word, word), 64);
  ResultRounding round = call.profile.conversion.round;
  FloatFormat wide = float_format(compute), own = float_format(call.result);
  BitWord out = SoftFloat<BitWord>(wide, {}, round).from_integer(sign, magnitude);
  return wide == own ? out : SoftFloat<BitWord>(own, {}, round).convert_from(out, wide);
}

/// Of a result that is NaN.
std::uint64_t nan_of(const ElementwiseCall &call, const NanForm &form, std::size_t i) {
  auto nan_operand = [&](std::size_t k) -> std::optional<std::uint64_t> {
    ElementType type = call.types[k];
    std::uint64_t bits = operand_bits(call, k, i);
    if (!is_float(type) || !is_nan(type, bits))
      return std::nullopt;
    return quiet_nan(type, bits, call.result);
  };
  bool clamp = call.op == OpCode::Clamp;
  for (NanOperand operand : form.propagated) {
    std::optional<std::uint64_t> found;
    if (operand == NanOperand::Left)
      found = nan_operand(clamp ? 1 : 0);
    else if (call.types.size() > 1)
      found = nan_operand(clamp ? 0 : 1);
    if (!found && clamp && operand == NanOperand::Right)
      found = nan_operand(2);
    if (found)
      return *found;
  }
  return form.pattern(call.result);
}

} // namespace

void run_rounded(const ElementwiseCall &call) {
  SoftElementwise<BitWord> arithmetic(call.profile);
  bool integer = call.op == OpCode::Convert && !is_float(call.types[0]);
  std::vector<BitWord> words(call.types.size());
  for (std::size_t i = 0; i < call.count; ++i) {
    for (std::size_t k = 0; k < words.size(); ++k)
      words[k] = BitWord(8 * byte_size(call.types[k]), operand_bits(call, k, i));
    BitWord out =
        integer ? from_integer(call, static_cast<std::uint64_t>(words[0].value))
                : *arithmetic.apply(call.op, CompareDirection::EQ, call.types, words, call.result);
    set_result(call, i, static_cast<std::uint64_t>(out.value));
  }
}

void settle_nans(const ElementwiseCall &call) {
  const NanForm &form =
      call.op == OpCode::Convert ? call.profile.conversion.nan : call.profile.elementwise.nan;
  if (form == NanForm{})
    return;
  visit_storage(call.result, [&]<class S>(S) {
    if constexpr (is_float_storage<S>) {
      const S *out = reinterpret_cast<const S *>(call.output);
      for (std::size_t i = 0; i < call.count; ++i)
        if (auto x = load<double>(out[i]); x != x)
          set_result(call, i, nan_of(call, form, i));
    }
  });
}

} // namespace isamorph::semantics
