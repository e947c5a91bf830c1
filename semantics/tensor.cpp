#include "semantics/tensor.h"

#include "semantics/float_format.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>

namespace isamorph::semantics {
namespace {

/// Widths of the fields of a float type.
struct Format {
  int exponent, mantissa;
};
Format format(ElementType type) {
  switch (type) {
  case ElementType::F16:
    return {5, 10};
  case ElementType::BF16:
    return {8, 7};
  case ElementType::F32:
    return {8, 23};
  default:
    return {11, 52};
  }
}

std::uint64_t exponent_mask(ElementType type) {
  Format f = format(type);
  return ((std::uint64_t{1} << f.exponent) - 1) << f.mantissa;
}
std::uint64_t sign_mask(ElementType type) { return std::uint64_t{1} << (8 * byte_size(type) - 1); }

template <class S> std::uint64_t to_bits(S x) {
  if constexpr (std::is_same_v<S, float>)
    return std::bit_cast<std::uint32_t>(x);
  else if constexpr (std::is_same_v<S, double>)
    return std::bit_cast<std::uint64_t>(x);
  else if constexpr (std::is_integral_v<S>)
    return static_cast<std::make_unsigned_t<S>>(x);
  else
    return x.bits;
}

template <class S> S from_bits(std::uint64_t bits) {
  if constexpr (std::is_same_v<S, float>)
    return std::bit_cast<float>(static_cast<std::uint32_t>(bits));
  else if constexpr (std::is_same_v<S, double>)
    return std::bit_cast<double>(bits);
  else if constexpr (std::is_integral_v<S>)
    return static_cast<S>(bits);
  else
    return S{static_cast<decltype(S::bits)>(bits)};
}

/// The digits of a number whose exponent no double has: true when it is too small rather than too
/// large.
bool is_underflow(std::string_view text) {
  auto e = text.find_first_of("eE");
  if (e != std::string_view::npos)
    return e + 1 < text.size() && text[e + 1] == '-';
  return !text.empty() && (text[0] == '0' || text[0] == '.');
}

std::optional<double> parse_double(std::string_view digits) {
  double value = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (end != digits.data() + digits.size() || error == std::errc::invalid_argument)
    return std::nullopt;
  if (error == std::errc::result_out_of_range)
    return is_underflow(digits) ? std::optional<double>(0.0) : std::nullopt;
  return value;
}

std::optional<std::uint64_t> parse_float(ElementType type, std::string_view text) {
  bool negative = !text.empty() && text[0] == '-';
  std::string_view digits = text;
  if (!text.empty() && (text[0] == '-' || text[0] == '+'))
    digits.remove_prefix(1);
  std::uint64_t sign = negative ? sign_mask(type) : 0;
  if (digits == "nan")
    return encode(type, std::numeric_limits<double>::quiet_NaN());
  if (digits == "inf")
    return exponent_mask(type) | sign;
  // from_chars would take a second sign, "infinity" and "nan(...)".
  if (digits.empty() || !(digits[0] == '.' || (digits[0] >= '0' && digits[0] <= '9')))
    return std::nullopt;
  std::uint64_t bits = 0;
  if (float value = 0;
      type == ElementType::F32 &&
      std::from_chars(digits.data(), digits.data() + digits.size(), value).ec == std::errc{}) {
    if (!parse_double(digits))
      return std::nullopt;
    bits = std::bit_cast<std::uint32_t>(value);
  } else {
    auto wide = parse_double(digits);
    if (!wide)
      return std::nullopt;
    bits = encode(type, *wide);
  }
  if (!is_finite(type, bits))
    return std::nullopt;
  return bits | sign;
}

template <class I> std::optional<std::uint64_t> parse_integer(std::string_view text) {
  if (!text.empty() && text[0] == '+')
    text.remove_prefix(1);
  I value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    return std::nullopt;
  return to_bits(value);
}

} // namespace

Tensor::Tensor(Shape shape)
    : shape_(std::move(shape)), bytes_(static_cast<std::size_t>(shape_.bytes())) {}

Tensor::Tensor(Shape shape, std::vector<std::byte> bytes)
    : shape_(std::move(shape)), bytes_(std::move(bytes)) {
  assert(static_cast<std::int64_t>(bytes_.size()) == shape_.bytes());
}

std::uint64_t Tensor::bits(std::int64_t index) const {
  assert(index >= 0 && index < elements());
  auto size = static_cast<std::size_t>(byte_size(shape_.type));
  std::uint64_t value = 0;
  std::memcpy(&value, bytes_.data() + static_cast<std::size_t>(index) * size, size);
  return value;
}

void Tensor::set_bits(std::int64_t index, std::uint64_t bits) {
  assert(index >= 0 && index < elements());
  auto size = static_cast<std::size_t>(byte_size(shape_.type));
  std::memcpy(bytes_.data() + static_cast<std::size_t>(index) * size, &bits, size);
}

std::uint64_t encode(ElementType type, double value) {
  return visit_storage(type, [&]<class S>(S) -> std::uint64_t {
    if constexpr (std::is_same_v<S, PredBits>)
      return value != 0;
    else if constexpr (is_float_storage<S>)
      return to_bits(store<S>(value));
    else
      return to_bits(saturate_to_integer<S>(value));
  });
}

double decode(ElementType type, std::uint64_t bits) {
  return visit_storage(type, [&]<class S>(S) { return load<double>(from_bits<S>(bits)); });
}

std::uint64_t encode_integer(ElementType type, std::int64_t value) {
  return visit_storage(type, [&]<class S>(S) -> std::uint64_t {
    if constexpr (std::is_same_v<S, PredBits>)
      return value != 0;
    else if constexpr (std::is_integral_v<S>)
      return to_bits(static_cast<S>(value));
    else if constexpr (std::is_same_v<S, float> || std::is_same_v<S, double>)
      return to_bits(static_cast<S>(value));
    else
      return to_bits(store<S>(integer_to_odd_double(value)));
  });
}

bool is_nan(ElementType type, std::uint64_t bits) {
  return is_float(type) && (bits & ~sign_mask(type)) > exponent_mask(type);
}

bool is_finite(ElementType type, std::uint64_t bits) {
  return !is_float(type) || (bits & exponent_mask(type)) != exponent_mask(type);
}

std::string element_text(ElementType type, std::uint64_t bits) {
  if (type == ElementType::Pred)
    return bits ? "true" : "false";
  if (type == ElementType::U64)
    return std::to_string(bits);
  if (!is_float(type))
    return visit_storage(type, [&]<class S>(S) {
      if constexpr (std::is_integral_v<S>)
        return std::to_string(from_bits<S>(bits));
      else
        return std::string();
    });
  if (is_nan(type, bits))
    return "nan";
  if (!is_finite(type, bits))
    return bits & sign_mask(type) ? "-inf" : "inf";
  std::array<char, 64> buffer;
  auto text = [&](auto... arguments) {
    auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), arguments...).ptr;
    return std::string(buffer.data(), end);
  };
  double value = decode(type, bits);
  if (type == ElementType::F64)
    return text(value);
  if (type == ElementType::F32)
    return text(static_cast<float>(value));
  for (int digits = 1; digits < 6; ++digits) {
    std::string shortest = text(value, std::chars_format::general, digits);
    if (parse_element(type, shortest) == bits)
      return shortest;
  }
  return text(value);
}

std::optional<std::uint64_t> parse_element(ElementType type, std::string_view text) {
  if (is_float(type))
    return parse_float(type, text);
  if (type == ElementType::Pred) {
    if (text == "true" || text == "1")
      return 1;
    if (text == "false" || text == "0")
      return 0;
    return std::nullopt;
  }
  return visit_storage(type, [&]<class S>(S) -> std::optional<std::uint64_t> {
    if constexpr (std::is_integral_v<S>)
      return parse_integer<S>(text);
    else
      return std::nullopt;
  });
}

std::uint64_t ulp_distance(ElementType type, std::uint64_t a, std::uint64_t b) {
  assert(is_float(type) && is_finite(type, a) && is_finite(type, b));
  std::uint64_t sign = sign_mask(type);
  std::uint64_t x = a & ~sign, y = b & ~sign;
  if ((a & sign) != (b & sign))
    return x + y;
  return x > y ? x - y : y - x;
}

} // namespace isamorph::semantics
