#include "spec/python_lexer.h"

#include <array>

namespace isamorph::spec {
namespace {

using semantics::fail;
using Kind = PythonToken::Kind;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

class Lexer {
public:
  explicit Lexer(const semantics::SourceRef &source) : source_(source), text_(source->text) {}

  std::vector<PythonToken> run() {
    if (text_.compare(0, 3, "\xef\xbb\xbf") == 0)
      at_ = 3;
    start_line();
    while (at_ < text_.size())
      step();
    if (!open_.empty())
      error(open_.back().second, std::string("'") + open_.back().first + "' is never closed");
    end_line();
    add(Kind::End, "", at_);
    return std::move(tokens_);
  }

private:
  [[noreturn]] void error(std::size_t offset, const std::string &message) const {
    fail({source_, static_cast<std::uint32_t>(offset)}, message);
  }

  void add(Kind kind, std::string text, std::size_t offset) {
    tokens_.push_back({kind, std::move(text), static_cast<std::uint32_t>(offset), indent_});
  }

  void end_line() {
    if (!tokens_.empty() && tokens_.back().kind != Kind::NewLine)
      add(Kind::NewLine, "", at_);
  }

  void start_line() {
    indent_ = 0;
    for (; at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t'); ++at_)
      indent_ += text_[at_] == '\t' ? 8 - indent_ % 8 : 1;
  }

  void step() {
    char c = text_[at_];
    if (c == '\n') {
      if (open_.empty()) {
        end_line();
        ++at_;
        start_line();
      } else {
        ++at_;
      }
    } else if (c == ' ' || c == '\t' || c == '\r' || c == '\f') {
      ++at_;
    } else if (c == '#') {
      at_ = std::min(text_.find('\n', at_), text_.size());
    } else if (c == '\\') {
      continuation();
    } else if (is_letter(c)) {
      word();
    } else if (is_digit(c) || (c == '.' && at_ + 1 < text_.size() && is_digit(text_[at_ + 1]))) {
      number();
    } else if (c == '"' || c == '\'') {
      string();
    } else {
      symbol();
    }
  }

  void continuation() {
    std::size_t next = at_ + 1;
    if (next < text_.size() && text_[next] == '\r')
      ++next;
    if (next >= text_.size() || text_[next] != '\n')
      error(at_, "expected the end of the line after '\\'");
    at_ = next + 1;
  }

  void word() {
    std::size_t begin = at_;
    while (at_ < text_.size() && (is_letter(text_[at_]) || is_digit(text_[at_])))
      ++at_;
    std::string name = text_.substr(begin, at_ - begin);
    if (at_ < text_.size() && (text_[at_] == '"' || text_[at_] == '\''))
      error(begin, "strings with a prefix are not supported");
    add(Kind::Name, std::move(name), begin);
  }

  void number() {
    std::size_t begin = at_;
    std::string digits;
    auto take = [&] {
      for (; at_ < text_.size() && (is_digit(text_[at_]) || text_[at_] == '_'); ++at_)
        if (text_[at_] != '_')
          digits += text_[at_];
    };
    bool hex = text_.compare(begin, 2, "0x") == 0 || text_.compare(begin, 2, "0X") == 0;
    if (hex) {
      for (digits = "0x", at_ += 2;
           at_ < text_.size() && std::isxdigit(static_cast<unsigned char>(text_[at_])); ++at_)
        digits += text_[at_];
    } else {
      take();
      if (at_ < text_.size() && text_[at_] == '.') {
        digits += text_[at_++];
        take();
      }
      if (at_ + 1 < text_.size() && (text_[at_] == 'e' || text_[at_] == 'E')) {
        digits += text_[at_++];
        if (text_[at_] == '-' || text_[at_] == '+')
          digits += text_[at_++];
        take();
      }
    }
    if (at_ < text_.size() && is_letter(text_[at_]))
      error(begin, "this is no number");
    add(Kind::Number, std::move(digits), begin);
  }

  void string() {
    std::size_t begin = at_;
    std::string quote(1, text_[at_]);
    if (text_.compare(at_, 3, std::string(3, text_[at_])) == 0)
      quote = std::string(3, text_[at_]);
    at_ += quote.size();
    std::string value;
    while (text_.compare(at_, quote.size(), quote) != 0) {
      if (at_ >= text_.size() || (quote.size() == 1 && text_[at_] == '\n'))
        error(begin, "this string has no end");
      if (text_[at_] == '\\' && at_ + 1 < text_.size())
        ++at_;
      value += text_[at_++];
    }
    at_ += quote.size();
    if (!tokens_.empty() && tokens_.back().kind == Kind::String)
      tokens_.back().text += value;
    else
      add(Kind::String, std::move(value), begin);
  }

  void symbol() {
    static constexpr std::array<std::string_view, 16> kLong = {"**", "//", "->", "==", "!=", "<=",
                                                               ">=", "+=", "-=", "*=", "/=", "<<",
                                                               ">>", ":=", "%=", "&="};
    std::size_t begin = at_;
    for (std::string_view text : kLong)
      if (text_.compare(at_, 2, text) == 0) {
        at_ += 2;
        add(Kind::Operator, std::string(text), begin);
        return;
      }
    char c = text_[at_];
    if (static_cast<unsigned char>(c) >= 0x80 ||
        std::string_view("()[]{},:.=@+-*/%;<>&|^~!").find(c) == std::string_view::npos)
      error(at_, "this character has no meaning here");
    bracket(c);
    ++at_;
    add(Kind::Operator, std::string(1, c), begin);
  }

  void bracket(char c) {
    if (c == '(' || c == '[' || c == '{')
      open_.emplace_back(c, at_);
    if (c != ')' && c != ']' && c != '}')
      return;
    char wanted = c == ')' ? '(' : c == ']' ? '[' : '{';
    if (open_.empty() || open_.back().first != wanted)
      error(at_, std::string("'") + c + "' closes nothing");
    open_.pop_back();
  }

  const semantics::SourceRef &source_;
  const std::string &text_;
  std::size_t at_ = 0;
  std::uint32_t indent_ = 0;
  std::vector<PythonToken> tokens_;
  std::vector<std::pair<char, std::size_t>> open_;
};

} // namespace

std::vector<PythonToken> python_tokens(const semantics::SourceRef &source) {
  return Lexer(source).run();
}

} // namespace isamorph::spec
