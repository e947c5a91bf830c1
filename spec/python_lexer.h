#pragma once
// Tokens of the subset of Python in which kernel files are written. Private to spec/.

#include "semantics/source.h"

#include <cstdint>
#include <string>
#include <vector>

namespace isamorph::spec {

struct PythonToken {
  enum class Kind : std::uint8_t { Name, Number, String, Operator, NewLine, End };
  Kind kind = Kind::End;
  std::string text; ///< of a string: its value; of an operator: its characters
  std::uint32_t offset = 0;
  std::uint32_t indent = 0; ///< spaces before the first token of its logical line
};

/// The tokens of a text. Comments, blank lines and line ends inside brackets vanish; a NewLine ends
/// each logical line. Adjacent strings are joined. Throws InputError.
std::vector<PythonToken> python_tokens(const semantics::SourceRef &source);

} // namespace isamorph::spec
