#pragma once
// Reading one of a fixed list of words.

#include "semantics/cursor.h"

#include <initializer_list>

namespace isamorph::semantics {

/// The next identifier's index among `words`; an error that suggests the nearest, or lists all.
std::size_t choose_word(Cursor &cursor, std::string_view what,
                        std::span<const std::string_view> words);
std::size_t choose_word(Cursor &cursor, std::string_view what,
                        std::initializer_list<std::string_view> words);

[[noreturn]] void fail_unknown(const Location &where, std::string_view what,
                               const std::string &word, const std::vector<std::string> &known);

} // namespace isamorph::semantics
