#pragma once
// Element types of tensors, as XLA names them, and shapes. Tensors are dense and row-major.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace isamorph::semantics {

enum class ElementType : std::uint8_t {
  Pred,
  S8,
  U8,
  S16,
  U16,
  S32,
  U32,
  S64,
  U64,
  F16,
  BF16,
  F32,
  F64,
};
inline constexpr int kElementTypeCount = 13;

std::string_view name(ElementType type); ///< "pred", "bf16", ...
std::optional<ElementType> element_type(std::string_view name);
int byte_size(ElementType type); ///< pred: 1
bool is_float(ElementType type);
bool is_signed_integer(ElementType type);
bool is_unsigned_integer(ElementType type); ///< without pred
inline bool is_integer(ElementType t) { return is_signed_integer(t) || is_unsigned_integer(t); }

/// The largest number of elements of one tensor that isamorph accepts (2^31).
inline constexpr std::int64_t kMaxElements = std::int64_t{1} << 31;

/// Element type and sizes; rank 0 is a scalar. Sizes are >= 0 and their product is at most
/// kMaxElements.
struct Shape {
  ElementType type = ElementType::F32;
  std::vector<std::int64_t> dims;

  std::int64_t elements() const;
  std::int64_t bytes() const { return elements() * byte_size(type); }
  std::size_t rank() const { return dims.size(); }
  std::string to_string() const; ///< "bf16[64,64]"
  auto operator<=>(const Shape &) const = default;
};

/// "64,64"
std::string join_dims(const std::vector<std::int64_t> &dims);

/// Row-major strides in elements.
std::vector<std::int64_t> row_major_strides(const std::vector<std::int64_t> &dims);

} // namespace isamorph::semantics
