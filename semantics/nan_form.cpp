#include "semantics/nan_form.h"

#include "semantics/keywords.h"
#include "semantics/tensor.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

namespace isamorph::semantics {
namespace {

constexpr std::array kTypes = {ElementType::F16, ElementType::BF16, ElementType::F32,
                               ElementType::F64};
constexpr std::array<std::string_view, 3> kOperands = {"left", "right", "accumulator"};

std::size_t index_of(ElementType type) {
  return static_cast<std::size_t>(std::ranges::find(kTypes, type) - kTypes.begin());
}

/// Fraction bits, without the hidden one.
int fraction_bits(ElementType type) {
  switch (type) {
  case ElementType::F16:
    return 10;
  case ElementType::BF16:
    return 7;
  case ElementType::F32:
    return 23;
  default:
    return 52;
  }
}

/// The next token is one of these words.
template <class Words> bool at_word(Cursor &cursor, const Words &words) {
  return std::ranges::any_of(words, [&](auto word) { return cursor.looking_at_word(word); });
}

std::uint64_t read_pattern(Cursor &cursor, ElementType type) {
  Location where = cursor.here();
  cursor.expect("0");
  std::string digits = cursor.identifier("hexadecimal digits");
  std::uint64_t bits = 0;
  const char *end = digits.data() + digits.size();
  auto [stop, status] = std::from_chars(digits.data() + 1, end, bits, 16);
  if (digits[0] != 'x' || status != std::errc{} || stop != end)
    fail(where, "expected a pattern of bits", "such as 0x7fc0");
  if (byte_size(type) < 8 && bits >> (8 * byte_size(type)) != 0)
    fail(where, fmt::format("more bits than {} has", name(type)));
  if (!is_nan(type, bits))
    fail(where, fmt::format("0x{:x} is no NaN of {}", bits, name(type)));
  return bits;
}

} // namespace

std::uint64_t NanForm::pattern(ElementType float_type) const {
  return patterns[index_of(float_type)];
}

std::uint64_t quiet_nan(ElementType from, std::uint64_t bits, ElementType to) {
  int have = fraction_bits(from), want = fraction_bits(to), width = 8 * byte_size(to);
  std::uint64_t fraction = bits & ((std::uint64_t{1} << have) - 1);
  fraction = want < have ? fraction >> (have - want) : fraction << (want - have);
  std::uint64_t sign = bits >> (8 * byte_size(from) - 1) & 1;
  std::uint64_t exponent = ((std::uint64_t{1} << (width - 1)) - 1) >> want << want;
  return sign << (width - 1) | exponent | fraction | std::uint64_t{1} << (want - 1);
}

NanForm parse_nan_form(Cursor &cursor, bool accumulator) {
  constexpr std::array<std::string_view, 4> types = {"f16", "bf16", "f32", "f64"};
  NanForm form;
  if (!at_word(cursor, types) && !cursor.looking_at_word("propagate"))
    cursor.error_expected("an element type and its pattern, or 'propagate'");
  while (at_word(cursor, types)) {
    std::size_t type = choose_word(cursor, "element type", types);
    form.patterns[type] = read_pattern(cursor, kTypes[type]);
  }
  if (!cursor.accept_word("propagate"))
    return form;
  auto words = std::span(kOperands).first(accumulator ? 3 : 2);
  do {
    Location where = cursor.here();
    auto operand = static_cast<NanOperand>(choose_word(cursor, "operand", words));
    if (std::ranges::find(form.propagated, operand) != form.propagated.end())
      fail(where, "stated twice");
    form.propagated.push_back(operand);
  } while (at_word(cursor, words));
  return form;
}

std::string print_nan_form(const NanForm &form) {
  const NanForm plain;
  std::string out;
  for (std::size_t i = 0; i < kTypes.size(); ++i)
    if (form.patterns[i] != plain.patterns[i])
      out += fmt::format("{}{} 0x{:x}", out.empty() ? "" : " ", name(kTypes[i]), form.patterns[i]);
  if (form.propagates())
    out += out.empty() ? "propagate" : " propagate";
  for (NanOperand operand : form.propagated)
    out += " " + std::string(kOperands[static_cast<std::size_t>(operand)]);
  return out;
}

} // namespace isamorph::semantics
