#include "semantics/cursor.h"

#include <catch2/catch.hpp>
#include <functional>

using namespace isamorph::semantics;

namespace {

Cursor on(const std::string &text) { return Cursor(make_source("text", text)); }

struct Mistake {
  std::uint32_t line, column;
  std::string message;
};

Mistake mistake(const std::function<void()> &read) {
  try {
    read();
  } catch (const InputError &error) {
    return {error.line(), error.column(), error.message()};
  }
  return {0, 0, "accepted"};
}

void check_mistake(const std::function<void()> &read, std::uint32_t line, std::uint32_t column,
                   const std::string &message) {
  Mistake found = mistake(read);
  CHECK(found.line == line);
  CHECK(found.column == column);
  CHECK_THAT(found.message, Catch::Matchers::Contains(message));
}

} // namespace

TEST_CASE("spaces and comments stand between tokens") {
  Cursor cursor = on(" a // to the end\r\n\t/* * / **/b/**/ // c");
  CHECK(cursor.identifier() == "a");
  CHECK(cursor.peek() == 'b');
  CHECK(cursor.accept_word("b"));
  CHECK(cursor.at_end());
  CHECK(cursor.peek() == '\0');
}

TEST_CASE("a number sign begins a comment only where that was asked for") {
  Cursor with(make_source("text", "a # b\nc"), true);
  CHECK(with.identifier() == "a");
  CHECK(with.identifier() == "c");
  Cursor without = on("a # b");
  CHECK(without.identifier() == "a");
  CHECK(without.peek() == '#');
}

TEST_CASE("a word ends where no identifier character follows") {
  Cursor cursor = on("ROOT_1 ROOT");
  CHECK_FALSE(cursor.accept_word("ROOT"));
  CHECK(cursor.accept("ROOT"));
  CHECK(cursor.identifier() == "_1");
  CHECK(cursor.accept_word("ROOT"));
  CHECK(on("x.y-z").identifier("a name", ".-") == "x.y-z");
  CHECK(on("x.y-z").identifier() == "x");
  CHECK_FALSE(on("9x").try_identifier());
}

TEST_CASE("integers fit 64 bits or are refused") {
  CHECK(on("9223372036854775807").integer() == INT64_MAX);
  CHECK(on("-9223372036854775808").integer() == INT64_MIN);
  check_mistake([] { on(" 9223372036854775808").integer(); }, 1, 2, "does not fit 64 bits");
  check_mistake([] { on("-9223372036854775809").integer(); }, 1, 1, "does not fit 64 bits");
  check_mistake([] { on("x").integer("a size"); }, 1, 1, "expected a size, found 'x'");
}

TEST_CASE("the text of a number is its sign, digits, point and exponent") {
  for (const char *text : {"1", "-1.5", "+2.", ".5", "1e9", "1.25E-3", "inf", "-inf", "nan"}) {
    Cursor cursor = on(std::string(text) + ",");
    CHECK(cursor.number_text() == text);
    CHECK(cursor.peek() == ',');
  }
  Cursor no_exponent = on("1e,");
  CHECK(no_exponent.number_text() == "1");
  CHECK(no_exponent.identifier() == "e");
  check_mistake([] { on("-x").number_text(); }, 1, 1, "expected a number");
  check_mistake([] { on("infinite").number_text(); }, 1, 1, "expected a number");
}

TEST_CASE("strings end on their line") {
  CHECK(on(R"("a\"b\\\n")").quoted_string() == "a\"b\\\n");
  CHECK(on("'a\"b'").quoted_string() == "a\"b");
  check_mistake([] { on("\n \"abc\n\"").quoted_string(); }, 2, 2, "no end on its line");
  check_mistake([] { on("\"abc\\").quoted_string(); }, 1, 1, "no end on its line");
  CHECK(on("\"\"\"\na\"\nb\"\"\"").triple_quoted() == "a\"\nb");
  check_mistake([] { on("\"\"\"a").triple_quoted(); }, 1, 1, "this text has no end");
}

TEST_CASE("mistakes name the next token's place") {
  check_mistake([] { on("\n\n   // c\n  ]").expect("["); }, 4, 3, "expected '[', found ']'");
  check_mistake([] { on("a\n").expect_word("b"); }, 1, 1, "expected 'b', found 'a'");
  check_mistake([] { on("").identifier(); }, 1, 1, "found the end of the text");
  check_mistake([] { on("\xc3\xa9").identifier(); }, 1, 1, "a non-ASCII character");
  check_mistake([] { on(" /* b").at_end(); }, 1, 2, "this comment has no end");
}

TEST_CASE("what is not UTF-8 is refused at its first wrong byte") {
  for (const char *good :
       {"\xc2\x80", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"})
    CHECK_NOTHROW(on(std::string("// ") + good));
  // Stray and missing continuations, overlong forms, surrogates, beyond U+10FFFF.
  for (const char *bad :
       {"\x80", "\xc2", "\xc0\xaf", "\xc1\xbf", "\xe0\x9f\x80", "\xe2\x82", "\xed\xa0\x80",
        "\xf0\x8f\x80\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff"})
    check_mistake([&] { on(std::string("//\n ") + bad); }, 2, 2, "not valid UTF-8");
  check_mistake([] { on(std::string("a\0b", 3)); }, 1, 2, "NUL byte");
}
