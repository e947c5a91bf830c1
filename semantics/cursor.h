#pragma once
// A scanning position in a source: the few moves from which all readers of this project are built.
// Spaces and comments (`//...`, `/*...*/`, and `#...` when enabled) are skipped before every token.

#include "semantics/source.h"

#include <optional>

namespace isamorph::semantics {

class Cursor {
public:
  /// Throws InputError when the text is not UTF-8 or holds a NUL byte.
  explicit Cursor(SourceRef source, bool hash_comments = false);

  Location here(); ///< the place of the next token
  Location at(std::size_t offset) const { return {source_, static_cast<std::uint32_t>(offset)}; }
  bool at_end(); ///< nothing but spaces and comments is left
  char peek();   ///< the next token's first character; '\0' at the end
  bool looking_at(std::string_view text);
  bool looking_at_word(std::string_view word); ///< `word`, not followed by an identifier character

  bool accept(std::string_view text); ///< consumes `text` if it comes next
  bool accept_word(std::string_view word);
  void expect(std::string_view text); ///< consumes it or fails with "expected 'text'"
  void expect_word(std::string_view word);

  /// [A-Za-z_][A-Za-z0-9_]*, with any of `extra` allowed after the first character.
  std::string identifier(std::string_view what = "a name", std::string_view extra = "");
  std::optional<std::string> try_identifier(std::string_view extra = "");
  /// A signed decimal integer that fits 64 bits.
  std::int64_t integer(std::string_view what = "an integer");
  bool at_number();
  /// The text of a number as written: sign, digits, point, exponent, or inf, -inf, nan.
  std::string number_text();
  std::string quoted_string(); ///< "..." or '...' with backslash escapes
  std::string triple_quoted(); ///< """...""" verbatim, without a newline right after the opening
  std::string until(char stop, std::string_view what); ///< raw text up to `stop`, which is consumed
  std::string rest_of_line();                          ///< raw text up to the newline

  std::size_t offset() const { return offset_; }
  void seek(std::size_t offset) { offset_ = offset; }
  void skip_space();
  const SourceRef &source() const { return source_; }

  [[noreturn]] void error(std::string message, std::string hint = {}); ///< at the next token
  [[noreturn]] void error_expected(std::string_view what); ///< "expected WHAT, found 'x'"

private:
  SourceRef source_;
  std::size_t offset_ = 0;
  bool hash_comments_;
};

} // namespace isamorph::semantics
