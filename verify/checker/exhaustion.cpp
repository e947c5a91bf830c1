#include "verify/checker/exhaustion.h"

#include "semantics/soft_elementwise.h"
#include "verify/checker/digest.h"

#include <algorithm>

namespace isamorph::verify {
namespace {

using semantics::OpCode;
using semantics::Tensor;

constexpr std::int64_t kBlock = 4096, kSmall = 65536;

/// The value of a variable in case number `number`; the last variable runs fastest.
std::uint64_t value_of(const ScalarClaim &claim, std::size_t variable, std::int64_t number) {
  int below = 0;
  for (std::size_t v = variable + 1; v < claim.variables.size(); ++v)
    below += semantics::value_bits(claim.variables[v]);
  int bits = semantics::value_bits(claim.variables[variable]);
  return static_cast<std::uint64_t>(number) >> below & ((std::uint64_t{1} << bits) - 1);
}

/// The value of every node for the cases [first, first + count).
std::vector<Tensor> evaluate_block(const ScalarClaim &claim,
                                   const semantics::NumericsProfile &profile, std::int64_t first,
                                   std::int64_t count) {
  std::vector<Tensor> out;
  for (const ScalarNode &node : claim.nodes) {
    semantics::Shape shape{node.type, {count}};
    Tensor value(shape);
    std::vector<const Tensor *> operands;
    for (std::uint32_t operand : node.operands)
      operands.push_back(&out[operand]);
    if (node.op == OpCode::Parameter)
      for (std::int64_t i = 0; i < count; ++i)
        value.set_bits(i, value_of(claim, node.value, first + i));
    else if (node.op == OpCode::Constant)
      for (std::int64_t i = 0; i < count; ++i)
        value.set_bits(i, node.value);
    else
      value = semantics::evaluate_op(node.op, node.attributes, operands, shape, profile);
    out.push_back(std::move(value));
  }
  return out;
}

bool fails(const ScalarClaim &claim, semantics::Level level,
           const semantics::NumericsProfile &profile, std::int64_t number) {
  std::vector<std::uint64_t> inputs;
  for (std::size_t v = 0; v < claim.variables.size(); ++v)
    inputs.push_back(value_of(claim, v, number));
  return refutes(claim, level, profile, inputs).has_value();
}

std::string bytes_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char *>(bytes.data()), bytes.size()};
}

} // namespace

std::optional<std::int64_t> exhaustion_cases(const ScalarClaim &claim) {
  int bits = 0;
  for (semantics::ElementType type : claim.variables) {
    if (semantics::value_bits(type) > 16)
      return std::nullopt;
    bits += semantics::value_bits(type);
  }
  if (bits == 0 || bits > 32)
    return std::nullopt;
  return std::int64_t{1} << bits;
}

std::optional<Exhaustion> exhaust(const ScalarClaim &claim, semantics::Level level,
                                  const semantics::NumericsProfile &profile,
                                  const std::atomic<bool> *interrupt) {
  std::int64_t cases = exhaustion_cases(claim).value();
  Exhaustion out;
  std::string digested;
  std::int64_t block =
      std::min(kBlock, std::int64_t{1} << semantics::value_bits(claim.variables.back()));
  for (std::int64_t first = 0; first < cases; first += block) {
    if (interrupt && interrupt->load())
      return std::nullopt;
    std::vector<Tensor> values = evaluate_block(claim, profile, first, block);
    const Tensor &left = values[claim.left], &right = values[claim.right];
    for (std::int64_t i = 0; i < block; ++i)
      if (left.bits(i) != right.bits(i) && fails(claim, level, profile, first + i))
        ++out.failures;
    if (cases <= kSmall) {
      digested += bytes_of(left.bytes());
    } else {
      std::uint64_t sum = block_checksum(left.bytes());
      digested += bytes_of(std::as_bytes(std::span(&sum, 1)));
    }
  }
  out.digest = sha256(digested);
  return out;
}

} // namespace isamorph::verify
