#include "semantics/keywords.h"

#include <fmt/format.h>

namespace isamorph::semantics {

void fail_unknown(const Location &where, std::string_view what, const std::string &word,
                  const std::vector<std::string> &known) {
  std::string hint = suggest(word, known);
  fail(where, fmt::format("unknown {} '{}'", what, word),
       hint.empty() ? "known: " + join(known) : hint);
}

std::size_t choose_word(Cursor &cursor, std::string_view what,
                        std::span<const std::string_view> words) {
  Location where = cursor.here();
  std::string word = cursor.identifier(what);
  for (std::size_t i = 0; i < words.size(); ++i)
    if (words[i] == word)
      return i;
  fail_unknown(where, what, word, {words.begin(), words.end()});
}

std::size_t choose_word(Cursor &cursor, std::string_view what,
                        std::initializer_list<std::string_view> words) {
  return choose_word(cursor, what, std::span(words.begin(), words.size()));
}

} // namespace isamorph::semantics
