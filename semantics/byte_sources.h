#pragma once
// Where bytes come from. A value that movement alone makes of some tensors (slices, transposes,
// reshapes, reinterpretations ... of parameters, say) is known by the origin of each of its bytes:
// two such values whose bytes have the same origins are the same bits for every input.

#include "semantics/tensor_terms.h"

namespace isamorph::semantics {

/// A byte of the memory image of one of some tensors, by its position in their list.
struct ByteSource {
  std::uint32_t tensor = 0;
  std::uint32_t offset = 0;
  auto operator<=>(const ByteSource &) const = default;
};
using ByteSources = std::vector<ByteSource>; ///< of the bytes of a value, in its memory order

/// The bytes of tensor number `tensor` itself.
ByteSources own_bytes(std::uint32_t tensor, std::int64_t bytes);

/// True for operations that choose or reinterpret bytes by position alone.
bool moves_bytes(OpCode op);
/// The bytes of such an operation's result.
ByteSources moved_bytes(OpCode op, std::span<const Shape> operands,
                        std::span<const ByteSources *const> sources, const Attributes &attributes,
                        const Shape &result);
/// The bytes of the results of a graph of such operations; a tensor is a parameter's number.
std::vector<ByteSources> moved_bytes(const TensorGraph &graph);

/// What movement makes a term of.
struct TermBytes {
  std::vector<NodeId> tensors; ///< that no movement makes, ascending; each occurs in `bytes`
  ByteSources bytes;
  auto operator<=>(const TermBytes &) const = default;
};
/// nullopt where a tensor on the way has more than `most` bytes.
std::optional<TermBytes> bytes_of_term(const TensorTerms &terms, NodeId term, std::int64_t most);

} // namespace isamorph::semantics
