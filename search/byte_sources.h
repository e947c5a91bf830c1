#pragma once
// Where the bytes of an e-graph's values come from (semantics/byte_sources.h): which part of memory
// holds a value, and which addresses a strided load takes.

#include "search/tensor_egraph.h"
#include "semantics/byte_sources.h"

#include <functional>
#include <optional>

namespace isamorph::search {

using semantics::ByteSource;
using semantics::ByteSources;
using semantics::moved_bytes;
using semantics::moves_bytes;
using semantics::own_bytes;

/// The bytes of a node's result, given those of its operands (null where they are not known);
/// nullopt where they are not, or where the node computes.
std::optional<ByteSources>
bytes_of_node(const TensorEGraph &egraph, ENodeId node,
              const std::function<const ByteSources *(ClassId)> &operand);

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
