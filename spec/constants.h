#pragma once
// Constant tensors of kernels: the two kinds that texts write in short, and nested lists. Private
// to spec/.

#include "semantics/tensor.h"

#include <functional>
#include <optional>

namespace isamorph::spec {

/// The most bytes that the constants of one kernel may have.
inline constexpr std::int64_t kMaxConstantBytes = std::int64_t{64} << 20;

semantics::TensorRef identity_tensor(semantics::ElementType type, std::int64_t size);
semantics::TensorRef uniform_tensor(const semantics::Shape &shape, std::uint64_t bits);

/// [n,n] with n > 1, ones on the diagonal and +0 elsewhere.
bool is_identity(const semantics::Tensor &tensor);
/// The bits that all elements have; nullopt when they differ; 0 when there are none.
std::optional<std::uint64_t> uniform_value(const semantics::Tensor &tensor);

/// "{{1, 2}, {3, 4}}" with any brackets; a scalar has none.
using ElementPrinter = std::function<std::string(semantics::ElementType, std::uint64_t)>;
std::string nested_list(const semantics::Tensor &tensor, std::string_view open,
                        std::string_view close, const ElementPrinter &element);

} // namespace isamorph::spec
