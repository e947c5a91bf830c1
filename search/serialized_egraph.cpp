#include "search/serialized_egraph.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <deque>
#include <unordered_map>
#include <utility>

namespace isamorph::search {
namespace {

using semantics::Location;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// JSON (RFC 8259) read from left to right. Strings without escapes are views of the source.
class JsonCursor {
public:
  explicit JsonCursor(const semantics::SourceRef &source) : source_(source), text_(source->text) {}

  [[noreturn]] void fail(std::size_t at, std::string message) const {
    semantics::fail(Location{source_, static_cast<std::uint32_t>(at)}, std::move(message));
  }

  /// The offset of the next token.
  std::size_t here() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t'))
      ++at_;
    return at_;
  }
  char peek() { return here() < text_.size() ? text_[at_] : '\0'; }
  bool take(char c) {
    if (peek() != c)
      return false;
    ++at_;
    return true;
  }
  void expect(char c, const char *what) {
    if (!take(c))
      fail(at_, std::string("expected ") + what + ", found " + found());
  }
  void expect_end() {
    if (here() != text_.size())
      fail(at_, "expected the end of the file, found " + found());
  }

  /// Calls `member(key, offset)` for each member, which reads the value.
  template <typename Member> void object(const char *what, Member member) {
    expect('{', what);
    if (take('}'))
      return;
    do {
      std::size_t at = here();
      std::string_view key = string("a key in quotes");
      expect(':', "':'");
      member(key, at);
    } while (take(','));
    expect('}', "',' or '}'");
  }
  template <typename Element> void array(const char *what, Element element) {
    expect('[', what);
    if (take(']'))
      return;
    do
      element();
    while (take(','));
    expect(']', "',' or ']'");
  }

  std::string_view string(const char *what) {
    expect('"', what);
    std::size_t begin = at_;
    while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\\' &&
           static_cast<unsigned char>(text_[at_]) >= 0x20)
      ++at_;
    if (at_ < text_.size() && text_[at_] == '"')
      return text_.substr(begin, at_++ - begin);
    std::string &out = unescaped_.emplace_back(text_.substr(begin, at_ - begin));
    while (true) {
      if (at_ >= text_.size())
        fail(begin - 1, "a string that does not end");
      char c = text_[at_++];
      if (c == '"')
        return out;
      if (static_cast<unsigned char>(c) < 0x20)
        fail(at_ - 1, "a control character in a string");
      if (c == '\\')
        escape(out);
      else
        out += c;
    }
  }

  double number(const char *what) {
    std::size_t begin = here(), at = begin;
    auto digits = [&] {
      std::size_t first = at;
      while (at < text_.size() && is_digit(text_[at]))
        ++at;
      return at > first;
    };
    auto has = [&](char c) { return at < text_.size() && text_[at] == c; };
    at += has('-');
    bool zero = has('0');
    std::size_t integer = at;
    bool good = digits() && !(zero && at - integer > 1);
    if (good && has('.'))
      good = (++at, digits());
    if (good && (has('e') || has('E'))) {
      ++at;
      at += has('+') || has('-');
      good = digits();
    }
    if (!good)
      fail(begin, std::string("expected ") + what + ", found " + found());
    double value = 0;
    auto [end, error] = std::from_chars(text_.data() + begin, text_.data() + at, value);
    if (error == std::errc::result_out_of_range)
      value = out_of_range(text_.substr(begin, at - begin));
    at_ = at;
    if (!std::isfinite(value))
      fail(begin, std::string(what) + " that is not finite");
    return value;
  }

  bool boolean(const char *what) {
    if (word("true"))
      return true;
    if (!word("false"))
      fail(here(), std::string("expected ") + what + ", found " + found());
    return false;
  }

  /// Any value; the text of it.
  std::string_view skip(int depth = 0) {
    if (depth > 200)
      fail(here(), "nested more than 200 deep");
    std::size_t begin = here();
    switch (peek()) {
    case '{':
      object("'{'", [&](std::string_view, std::size_t) { skip(depth + 1); });
      break;
    case '[':
      array("'['", [&] { skip(depth + 1); });
      break;
    case '"':
      string("a string");
      break;
    default:
      if (!word("true") && !word("false") && !word("null"))
        number("a value");
    }
    return text_.substr(begin, at_ - begin);
  }

private:
  std::string found() const {
    if (at_ >= text_.size())
      return "the end of the file";
    char c = text_[at_];
    return c < ' ' || c > '~' ? "a character that is not printable ASCII"
                              : std::string("'") + c + "'";
  }
  bool word(std::string_view w) {
    if (text_.substr(here(), w.size()) != w)
      return false;
    at_ += w.size();
    return true;
  }
  /// from_chars does not tell too large from too small.
  static double out_of_range(std::string_view digits) {
    return std::strtod(std::string(digits).c_str(), nullptr);
  }

  std::uint32_t hex4() {
    std::uint32_t value = 0;
    const char *begin = text_.data() + at_, *limit = text_.data() + text_.size();
    auto [end, error] =
        std::from_chars(begin, begin + std::min<std::ptrdiff_t>(4, limit - begin), value, 16);
    if (end - begin != 4)
      fail(at_, "expected four hexadecimal digits");
    at_ += 4;
    return value;
  }
  void escape(std::string &out) {
    std::size_t begin = at_ - 1;
    char c = at_ < text_.size() ? text_[at_++] : '\0';
    constexpr std::string_view from = "\"\\/bfnrt", to = "\"\\/\b\f\n\r\t";
    if (std::size_t i = from.find(c); c != '\0' && i != from.npos) {
      out += to[i];
      return;
    }
    if (c != 'u')
      fail(begin, "an unknown escape");
    std::uint32_t code = hex4();
    if (code >= 0xd800 && code < 0xdc00 && text_.substr(at_, 2) == "\\u") {
      at_ += 2;
      std::uint32_t low = hex4();
      if (low < 0xdc00 || low >= 0xe000)
        fail(begin, "half of a surrogate pair");
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    } else if (code >= 0xd800 && code < 0xe000) {
      fail(begin, "half of a surrogate pair");
    }
    append_utf8(out, code);
  }
  static void append_utf8(std::string &out, std::uint32_t code) {
    auto tail = [&](int shift) { out += static_cast<char>(0x80 | ((code >> shift) & 0x3f)); };
    if (code < 0x80) {
      out += static_cast<char>(code);
    } else if (code < 0x800) {
      out += static_cast<char>(0xc0 | (code >> 6));
      tail(0);
    } else if (code < 0x10000) {
      out += static_cast<char>(0xe0 | (code >> 12));
      tail(6), tail(0);
    } else {
      out += static_cast<char>(0xf0 | (code >> 18));
      tail(12), tail(6), tail(0);
    }
  }

  semantics::SourceRef source_;
  std::string_view text_;
  std::size_t at_ = 0;
  std::deque<std::string> unescaped_; ///< stable storage behind the views of escaped strings
};

/// A name in the text and where it stands.
struct Mention {
  std::string_view name;
  std::size_t at = 0;
};

using NameTable = std::unordered_map<std::string_view, std::uint32_t>; ///< for look-ups only

class EGraphReader {
public:
  explicit EGraphReader(const semantics::SourceRef &source) : json_(source) {}

  SerializedEGraph read() {
    graph_.children_at.push_back(0);
    bool nodes = false, roots = false;
    std::size_t begin = json_.here();
    json_.object("'{' of an e-graph", [&](std::string_view key, std::size_t at) {
      if (key == "nodes") {
        once(nodes, key, at);
        json_.object("an object of nodes",
                     [&](std::string_view name, std::size_t where) { node(name, where); });
      } else if (key == "root_eclasses") {
        once(roots, key, at);
        json_.array("an array of classes", [&] { roots_.push_back(mention("a class in quotes")); });
      } else if (key == "class_data") {
        graph_.class_data = json_.skip();
      } else {
        json_.skip();
      }
    });
    json_.expect_end();
    if (!nodes || !roots)
      json_.fail(begin, nodes ? "missing 'root_eclasses'" : "missing 'nodes'");
    if (roots_.empty())
      json_.fail(begin, "the e-graph has no roots");
    resolve();
    return std::move(graph_);
  }

private:
  Mention mention(const char *what) {
    std::size_t at = json_.here();
    return {json_.string(what), at};
  }
  void once(bool &seen, std::string_view key, std::size_t at) {
    if (std::exchange(seen, true))
      json_.fail(at, "'" + std::string(key) + "' is given twice");
  }

  void node(std::string_view name, std::size_t at) {
    auto id = graph_.nodes();
    if (!nodes_.emplace(name, id).second)
      json_.fail(at, "node '" + std::string(name) + "' is given twice");
    graph_.node_names.emplace_back(name);
    bool op = false, children = false, eclass = false, cost = false, subsumed = false;
    bool subsumed_value = false;
    json_.object("an object for the node", [&](std::string_view key, std::size_t where) {
      if (key == "op") {
        once(op, key, where);
        graph_.ops.emplace_back(json_.string("an operation in quotes"));
      } else if (key == "children") {
        once(children, key, where);
        json_.array("an array of nodes", [&] { children_.push_back(mention("a node in quotes")); });
      } else if (key == "eclass") {
        once(eclass, key, where);
        auto [entry, is_new] =
            classes_.emplace(json_.string("a class in quotes"), graph_.classes());
        if (is_new)
          graph_.class_names.emplace_back(entry->first);
        graph_.node_class.push_back(entry->second);
      } else if (key == "cost") {
        once(cost, key, where);
        graph_.costs.push_back(json_.number("a cost"));
      } else if (key == "subsumed") {
        once(subsumed, key, where);
        subsumed_value = json_.boolean("true or false");
      } else {
        json_.skip();
      }
    });
    auto missing = [&](const char *key) {
      json_.fail(at, "node '" + std::string(name) + "' has no '" + key + "'");
    };
    if (!op)
      missing("op");
    if (!children)
      missing("children");
    if (!eclass)
      missing("eclass");
    if (!cost)
      missing("cost");
    graph_.subsumed.push_back(subsumed_value);
    graph_.children_at.push_back(static_cast<std::uint32_t>(children_.size()));
  }

  void resolve() {
    graph_.child_nodes.reserve(children_.size());
    for (const Mention &child : children_) {
      auto known = nodes_.find(child.name);
      if (known == nodes_.end())
        json_.fail(child.at, "no node is called '" + std::string(child.name) + "'");
      graph_.child_nodes.push_back(known->second);
    }
    for (const Mention &root : roots_) {
      auto known = classes_.find(root.name);
      if (known == classes_.end())
        json_.fail(root.at, "no node is in the root class '" + std::string(root.name) + "'");
      graph_.roots.push_back(known->second);
    }
    graph_.index();
  }

  JsonCursor json_;
  SerializedEGraph graph_;
  std::vector<Mention> children_, roots_;
  NameTable nodes_, classes_;
};

} // namespace

void SerializedEGraph::index() {
  class_at.assign(classes() + 1, 0);
  for (std::uint32_t c : node_class)
    ++class_at[c + 1];
  for (std::uint32_t c = 0; c < classes(); ++c)
    class_at[c + 1] += class_at[c];
  class_nodes.resize(nodes());
  std::vector<std::uint32_t> next(class_at.begin(), class_at.end() - 1);
  for (std::uint32_t n = 0; n < nodes(); ++n)
    class_nodes[next[node_class[n]]++] = n;
  child_classes.clear();
  for (std::uint32_t child : child_nodes)
    child_classes.push_back(node_class[child]);
}

SerializedEGraph read_egraph(const semantics::SourceRef &source) {
  return EGraphReader(source).read();
}

std::string json_quoted(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      constexpr std::string_view digits = "0123456789abcdef";
      out += "\\u00";
      out += digits[static_cast<unsigned char>(c) >> 4];
      out += digits[c & 15];
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string print_egraph(const SerializedEGraph &graph) {
  std::string out = "{\n  \"nodes\": {";
  for (std::uint32_t n = 0; n < graph.nodes(); ++n) {
    out += (n ? ",\n    " : "\n    ") + json_quoted(graph.node_names[n]);
    out += ": {\"op\": " + json_quoted(graph.ops[n]) + ", \"children\": [";
    for (std::uint32_t i = graph.children_at[n]; i < graph.children_at[n + 1]; ++i)
      out += (i > graph.children_at[n] ? ", " : "") +
             json_quoted(graph.node_names[graph.child_nodes[i]]);
    char digits[32];
    auto end = std::to_chars(digits, digits + sizeof digits, graph.costs[n]).ptr;
    out += "], \"eclass\": " + json_quoted(graph.class_names[graph.node_class[n]]);
    out += ", \"cost\": " + std::string(digits, end);
    out += graph.subsumed[n] ? ", \"subsumed\": true}" : "}";
  }
  out += "\n  },\n  \"root_eclasses\": [";
  for (std::size_t i = 0; i < graph.roots.size(); ++i)
    out += (i ? ", " : "") + json_quoted(graph.class_names[graph.roots[i]]);
  out += ']';
  if (!graph.class_data.empty())
    out += ",\n  \"class_data\": " + graph.class_data;
  return out + "\n}\n";
}

} // namespace isamorph::search
