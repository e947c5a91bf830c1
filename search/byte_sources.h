#pragma once
// Where bytes come from. A value that movement alone makes of some tensors (slices, transposes,
// reshapes, reinterpretations ... of parameters, say) is known by the origin of each of its bytes.
// That tells which part of memory holds a value, and which addresses a strided load takes.

#include "search/tensor_egraph.h"

#include <optional>

namespace isamorph::search {

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
std::vector<ByteSources> moved_bytes(const semantics::TensorGraph &graph);

/// The origin of the bytes of every class of a rebuilt e-graph that movement makes of `tensors`.
/// Values of more than 2^16 bytes are left out.
class ByteOrigins {
public:
  ByteOrigins(const TensorEGraph &egraph, std::span<const ClassId> tensors);
  /// Null where there is none.
  const ByteSources *of(ClassId c) const;

private:
  const TensorEGraph &egraph_;
  std::map<ClassId, ByteSources> known_;
};

/// The origin of the first byte, where the others follow it one by one.
std::optional<ByteSource> contiguous(const ByteSources &bytes);

} // namespace isamorph::search
