#pragma once
// The readers of what a user writes, as fuzzing sees them. Each takes any bytes: it throws
// semantics::InputError, or accepts them and checks what it promises of the result, such as that
// its printed text reads back. Whatever else comes out is a finding: another exception, an abort, a
// sanitizer's report. readers.txt lists the readers and the texts to begin with.

#include "semantics/source.h"

#include <algorithm>
#include <stdexcept>

namespace isamorph::fuzz {

using Reader = void(const semantics::SourceRef &);

Reader hlo, isa, kernel, rules, numerics, certificate, egraph, saturation_program, allocation,
    tensor, checkpoint, taso_rules;

/// A promise that does not hold.
struct Finding : std::logic_error {
  using std::logic_error::logic_error;
};

inline void require(bool holds, const char *what) {
  if (!holds)
    throw Finding(what);
}

/// What `read` makes of printed text, which it must not refuse.
template <class Read> auto read_printed(const std::string &text, Read &&read) {
  try {
    return read(semantics::make_source("<printed>", text));
  } catch (const semantics::InputError &error) {
    throw Finding("printed text is refused: " + std::string(error.what()) + "\n" + text);
  }
}

/// An error names a place; if in this text, then one that it has.
inline void check_place(const semantics::InputError &error, const semantics::SourceText &source) {
  if (error.line() == 0)
    throw Finding("no place in: " + std::string(error.what()));
  if (error.file() != source.name)
    return;
  std::size_t begin = 0;
  for (std::uint32_t line = 1; line < error.line(); ++line) {
    begin = source.text.find('\n', begin);
    if (begin++ == std::string::npos)
      throw Finding("a line outside the text: " + std::string(error.what()));
  }
  std::size_t end = std::min(source.text.find('\n', begin), source.text.size());
  if (error.column() == 0 || error.column() > end - begin + 1)
    throw Finding("a column outside its line: " + std::string(error.what()));
}

/// Whether the reader accepts the bytes.
inline bool accepts(Reader &read, std::string bytes) {
  semantics::SourceRef source = semantics::make_source("<fuzz>", std::move(bytes));
  try {
    read(source);
    return true;
  } catch (const semantics::InputError &error) {
    check_place(error, *source);
    return false;
  }
}

} // namespace isamorph::fuzz
