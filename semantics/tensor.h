#pragma once
// A tensor in memory: a shape and its elements as little-endian bytes, row-major.

#include "semantics/element_type.h"

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace isamorph::semantics {

class Tensor {
public:
  Tensor() = default;
  explicit Tensor(Shape shape); ///< zeros
  Tensor(Shape shape, std::vector<std::byte> bytes);

  const Shape &shape() const { return shape_; }
  std::int64_t elements() const { return shape_.elements(); }
  std::span<const std::byte> bytes() const { return bytes_; }
  std::span<std::byte> bytes() { return bytes_; }

  /// The elements as T; sizeof(T) must be the element's size. std::vector<std::byte>'s storage is
  /// aligned enough.
  template <class T> std::span<const T> as() const {
    return {reinterpret_cast<const T *>(bytes_.data()), bytes_.size() / sizeof(T)};
  }
  template <class T> std::span<T> as() {
    return {reinterpret_cast<T *>(bytes_.data()), bytes_.size() / sizeof(T)};
  }

  std::uint64_t bits(std::int64_t index) const; ///< an element's bits, zero-extended
  void set_bits(std::int64_t index, std::uint64_t bits);

  /// Same shape and same bits (NaN payloads included).
  bool operator==(const Tensor &other) const = default;

private:
  Shape shape_;
  std::vector<std::byte> bytes_;
};
using TensorRef = std::shared_ptr<const Tensor>;

/// The bits of `type` nearest to a double (round to nearest even, overflow to infinity; integers:
/// truncated toward zero and saturated, NaN to 0; pred: != 0), and the double that bits denote
/// (exact but for 64-bit integers).
std::uint64_t encode(ElementType type, double value);
double decode(ElementType type, std::uint64_t bits);
/// Exact for every 64-bit integer.
std::uint64_t encode_integer(ElementType type, std::int64_t value);

bool is_nan(ElementType type, std::uint64_t bits);
bool is_finite(ElementType type, std::uint64_t bits); ///< true for integers

/// Shortest decimal text that reads back to the same bits (NaN payloads excepted): "1", "-0",
/// "inf", "0.1".
std::string element_text(ElementType type, std::uint64_t bits);
/// The bits of a number as HLO writes it ("1.5", "-inf", "nan", "true"); nullopt when it is none or
/// does not fit.
std::optional<std::uint64_t> parse_element(ElementType type, std::string_view text);

/// Number of representable values between two finite floats (ulps); 0 for equal, and for +0 against
/// -0.
std::uint64_t ulp_distance(ElementType type, std::uint64_t a, std::uint64_t b);

/// Reads `.npy` (by content; a name that ends so must have it) or raw little-endian bytes whose
/// number must fit `expected`. Throws InputError.
Tensor read_tensor(const std::string &path, const Shape &expected);
/// Writes `.npy` when the path ends so, raw bytes otherwise; whole or not at all.
void write_tensor(const std::string &path, const Tensor &tensor);

} // namespace isamorph::semantics
