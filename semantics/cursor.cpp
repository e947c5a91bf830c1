#include "semantics/cursor.h"

#include "semantics/interrupt_point.h"

#include <charconv>
#include <cstring>
#include <limits>

namespace isamorph::semantics {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Whether eight bytes of the text from `i` on are ASCII without NUL.
bool plain_ahead(const std::string &text, std::size_t i) {
  if (text.size() - i < sizeof(std::uint64_t))
    return false;
  std::uint64_t bytes = 0;
  std::memcpy(&bytes, text.data() + i, sizeof bytes);
  constexpr std::uint64_t ones = 0x0101010101010101, tops = ones << 7;
  return ((bytes | (bytes - ones)) & tops) == 0;
}

/// The offset of the first byte that is not part of well-formed UTF-8 (RFC 3629) or is NUL;
/// text.size() if none.
std::size_t first_bad_byte(const std::string &text) {
  std::size_t i = 0;
  auto continuation = [&](std::size_t k) {
    return i + k < text.size() && (static_cast<unsigned char>(text[i + k]) & 0xc0) == 0x80;
  };
  while (i < text.size()) {
    if (plain_ahead(text, i)) {
      i += sizeof(std::uint64_t);
      continue;
    }
    auto c = static_cast<unsigned char>(text[i]);
    auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0;
    if (c == 0)
      return i;
    if (c < 0x80)
      i += 1;
    else if (c >= 0xc2 && c <= 0xdf && continuation(1))
      i += 2;
    else if (c >= 0xe0 && c <= 0xef && continuation(1) && continuation(2) &&
             !(c == 0xe0 && next < 0xa0) && !(c == 0xed && next > 0x9f))
      i += 3;
    else if (c >= 0xf0 && c <= 0xf4 && continuation(1) && continuation(2) && continuation(3) &&
             !(c == 0xf0 && next < 0x90) && !(c == 0xf4 && next > 0x8f))
      i += 4;
    else
      return i;
  }
  return i;
}

} // namespace

Cursor::Cursor(SourceRef source, bool hash_comments)
    : source_(std::move(source)), hash_comments_(hash_comments) {
  if (source_->text.size() >= std::numeric_limits<std::uint32_t>::max())
    throw InputError(source_->name + ": text too large");
  std::size_t bad = first_bad_byte(source_->text);
  if (bad < source_->text.size())
    fail(at(bad),
         source_->text[bad] == '\0' ? "the text holds a NUL byte" : "the text is not valid UTF-8");
}

void Cursor::skip_space() {
  interrupt_point();
  const std::string &text = source_->text;
  while (offset_ < text.size()) {
    char c = text[offset_];
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      ++offset_;
    } else if (c != '/' && !(hash_comments_ && c == '#')) {
      return;
    } else if (c == '#' || text.compare(offset_, 2, "//") == 0) {
      std::size_t end = text.find('\n', offset_);
      offset_ = end == std::string::npos ? text.size() : end;
    } else if (text.compare(offset_, 2, "/*") == 0) {
      std::size_t end = text.find("*/", offset_ + 2);
      if (end == std::string::npos)
        fail(at(offset_), "this comment has no end", "expected '*/'");
      offset_ = end + 2;
    } else {
      return;
    }
  }
}

Location Cursor::here() {
  skip_space();
  return at(offset_);
}

bool Cursor::at_end() {
  skip_space();
  return offset_ == source_->text.size();
}

char Cursor::peek() { return at_end() ? '\0' : source_->text[offset_]; }

bool Cursor::looking_at(std::string_view text) {
  skip_space();
  return std::string_view(source_->text).substr(offset_).starts_with(text);
}

bool Cursor::looking_at_word(std::string_view word) {
  if (!looking_at(word))
    return false;
  std::size_t end = offset_ + word.size();
  return end >= source_->text.size() ||
         !(is_letter(source_->text[end]) || is_digit(source_->text[end]));
}

bool Cursor::accept(std::string_view text) {
  if (!looking_at(text))
    return false;
  offset_ += text.size();
  return true;
}

bool Cursor::accept_word(std::string_view word) {
  if (!looking_at_word(word))
    return false;
  offset_ += word.size();
  return true;
}

void Cursor::expect(std::string_view text) {
  if (!accept(text))
    error_expected("'" + std::string(text) + "'");
}

void Cursor::expect_word(std::string_view word) {
  if (!accept_word(word))
    error_expected("'" + std::string(word) + "'");
}

std::optional<std::string> Cursor::try_identifier(std::string_view extra) {
  if (!is_letter(peek()))
    return std::nullopt;
  const std::string &text = source_->text;
  std::size_t begin = offset_++;
  while (offset_ < text.size() && (is_letter(text[offset_]) || is_digit(text[offset_]) ||
                                   extra.find(text[offset_]) != std::string_view::npos))
    ++offset_;
  return text.substr(begin, offset_ - begin);
}

std::string Cursor::identifier(std::string_view what, std::string_view extra) {
  auto name = try_identifier(extra);
  if (!name)
    error_expected(what);
  return *name;
}

std::int64_t Cursor::integer(std::string_view what) {
  skip_space();
  const char *begin = source_->text.data() + offset_,
             *end = source_->text.data() + source_->text.size();
  std::int64_t value = 0;
  auto [stop, status] = std::from_chars(begin, end, value);
  if (status == std::errc::result_out_of_range)
    error("this integer does not fit 64 bits");
  if (status != std::errc{})
    error_expected(what);
  offset_ += static_cast<std::size_t>(stop - begin);
  return value;
}

bool Cursor::at_number() {
  char c = peek();
  if (c == '-' || c == '+')
    c = offset_ + 1 < source_->text.size() ? source_->text[offset_ + 1] : '\0';
  return is_digit(c) || c == '.' || looking_at_word("inf") || looking_at_word("-inf") ||
         looking_at_word("nan") || looking_at_word("-nan");
}

std::string Cursor::number_text() {
  if (!at_number())
    error_expected("a number");
  const std::string &text = source_->text;
  std::size_t begin = offset_;
  if (text[offset_] == '-' || text[offset_] == '+')
    ++offset_;
  if (offset_ < text.size() && is_letter(text[offset_])) {
    offset_ += 3;
    return text.substr(begin, offset_ - begin);
  }
  auto digits = [&] {
    while (offset_ < text.size() && is_digit(text[offset_]))
      ++offset_;
  };
  digits();
  if (offset_ < text.size() && text[offset_] == '.') {
    ++offset_;
    digits();
  }
  if (offset_ < text.size() && (text[offset_] == 'e' || text[offset_] == 'E')) {
    std::size_t exponent = offset_++;
    if (offset_ < text.size() && (text[offset_] == '-' || text[offset_] == '+'))
      ++offset_;
    if (offset_ >= text.size() || !is_digit(text[offset_]))
      offset_ = exponent;
    digits();
  }
  return text.substr(begin, offset_ - begin);
}

std::string Cursor::quoted_string() {
  char quote = peek();
  if (quote != '"' && quote != '\'')
    error_expected("a string");
  const std::string &text = source_->text;
  std::size_t begin = offset_++;
  std::string out;
  while (offset_ < text.size() && text[offset_] != quote && text[offset_] != '\n') {
    char c = text[offset_++];
    if (c != '\\' || offset_ == text.size()) {
      out += c;
      continue;
    }
    char escaped = text[offset_++];
    out += escaped == 'n' ? '\n' : escaped == 't' ? '\t' : escaped;
  }
  if (offset_ == text.size() || text[offset_] != quote)
    fail(at(begin), "this string has no end on its line");
  ++offset_;
  return out;
}

std::string Cursor::triple_quoted() {
  if (!looking_at("\"\"\""))
    error_expected("text in \"\"\"...\"\"\"");
  std::size_t begin = offset_ + 3;
  std::size_t end = source_->text.find("\"\"\"", begin);
  if (end == std::string::npos)
    error("this text has no end", "expected '\"\"\"'");
  offset_ = end + 3;
  if (begin < end && source_->text[begin] == '\n')
    ++begin;
  return source_->text.substr(begin, end - begin);
}

std::string Cursor::until(char stop, std::string_view what) {
  std::size_t end = source_->text.find(stop, offset_);
  if (end == std::string::npos)
    error_expected(what);
  std::string out = source_->text.substr(offset_, end - offset_);
  offset_ = end + 1;
  return out;
}

std::string Cursor::rest_of_line() {
  std::size_t end = std::min(source_->text.find('\n', offset_), source_->text.size());
  std::string out = source_->text.substr(offset_, end - offset_);
  offset_ = end;
  return out;
}

void Cursor::error(std::string message, std::string hint) {
  fail(here(), std::move(message), std::move(hint));
}

void Cursor::error_expected(std::string_view what) {
  Location place = here();
  std::string found = "the end of the text";
  if (offset_ < source_->text.size()) {
    std::size_t saved = offset_;
    auto word = try_identifier(".-");
    offset_ = saved;
    auto c = static_cast<unsigned char>(source_->text[offset_]);
    found = word       ? "'" + word->substr(0, 40) + "'"
            : c < 0x80 ? std::string("'") + source_->text[offset_] + "'"
                       : "a non-ASCII character";
  }
  fail(place, "expected " + std::string(what) + ", found " + found);
}

} // namespace isamorph::semantics
