#pragma once
// Text that a user wrote, places in it, and the one exception that reports a mistake in it.
//
// Every reader (HLO, ISA, kernel, rules, numerics) holds a `SourceText` and reports through `fail`,
// so that each error names file:line:column, shows the line with a caret and says what was
// expected.

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace isamorph::semantics {

/// A named text. `name` is what errors show: a path, or "<...>" for text made in memory.
struct SourceText {
  std::string name;
  std::string text;
};
using SourceRef = std::shared_ptr<const SourceText>;

SourceRef make_source(std::string name, std::string text);

/// Reads a whole file; throws InputError when it cannot be read or is larger than `limit` bytes.
SourceRef read_source(const std::string &path, std::size_t limit = std::size_t{256} << 20);

/// A place in a source; `source` may be null for things that no text declared.
struct Location {
  SourceRef source;
  std::uint32_t offset = 0;
};

/// A mistake in what the user gave: text, file or option. Exit status 2 on the command line.
class InputError : public std::exception {
public:
  /// An error without a place (a missing file, a bad option).
  explicit InputError(std::string message);
  InputError(const Location &where, std::string message, std::string hint = {});

  /// "file:line:column: error: message\n  line\n  ^\nhint", without a final newline.
  const char *what() const noexcept override { return text_.c_str(); }
  const std::string &message() const { return message_; }
  const std::string &file() const { return file_; }
  std::uint32_t line() const { return line_; }     ///< 1-based; 0 when there is no place
  std::uint32_t column() const { return column_; } ///< 1-based, in bytes; 0 when there is no place

private:
  std::string text_, message_, file_;
  std::uint32_t line_ = 0, column_ = 0;
};

/// Throws InputError at a place. `hint` is a further line such as "did you mean 'gemm'?".
[[noreturn]] void fail(const Location &where, std::string message, std::string hint = {});

/// "did you mean 'X'?" for the nearest of `known` by edit distance, or "" when none is near.
std::string suggest(std::string_view name, std::span<const std::string> known);

/// "known: a, b, c" in the order given, for messages.
std::string join(std::span<const std::string> words, std::string_view separator = ", ");

/// Writes `content` to a temporary file beside `path`, then renames it: whole or not at all.
void write_file_atomically(const std::string &path, std::string_view content);

} // namespace isamorph::semantics
