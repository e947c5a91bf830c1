#include "search/pattern.h"

#include "semantics/cursor.h"

#include <charconv>
#include <cmath>
#include <fmt/format.h>

namespace isamorph::search {

std::optional<double> number_of(std::string_view name) {
  double value = 0;
  bool starts =
      !name.empty() && (std::string_view("0123456789").find(name[0]) != std::string::npos ||
                        (name.size() > 1 && (name[0] == '-' || name[0] == '.')));
  auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), value);
  if (!starts || error != std::errc() || end != name.data() + name.size() || !std::isfinite(value))
    return std::nullopt;
  return value;
}

std::string name_of(double number) { return fmt::format("{}", number); }

OperatorId OperatorNames::intern(std::string_view name) {
  auto known = ids_.find(name);
  if (known != ids_.end())
    return known->second;
  OperatorId id{static_cast<std::uint32_t>(names_.size())};
  names_.emplace_back(name);
  ids_.emplace(names_.back(), id);
  return id;
}

std::optional<OperatorId> OperatorNames::find(std::string_view name) const {
  auto known = ids_.find(name);
  return known == ids_.end() ? std::nullopt : std::optional(known->second);
}

namespace {

constexpr std::size_t kMaxDepth = 1000, kMaxArity = 62;

class Reader {
public:
  Reader(semantics::Cursor &cursor, OperatorNames &names, std::vector<std::string> &variables)
      : cursor_(cursor), names_(names), variables_(variables) {}

  Pattern read() {
    term(0);
    return std::move(pattern_);
  }

private:
  std::string word() {
    cursor_.skip_space();
    const std::string &text = cursor_.source()->text;
    std::size_t begin = cursor_.offset(), end = begin;
    while (end < text.size() && std::string_view(" \t\r\n(),").find(text[end]) == std::string::npos)
      ++end;
    if (begin == end)
      cursor_.error_expected("a term, such as (+ ?a 1)");
    cursor_.seek(end);
    return text.substr(begin, end - begin);
  }

  std::uint32_t push(Pattern::Node node) {
    pattern_.nodes.push_back(std::move(node));
    return static_cast<std::uint32_t>(pattern_.nodes.size() - 1);
  }

  std::uint32_t term(std::size_t depth) {
    if (depth == kMaxDepth)
      cursor_.error("terms are nested at most 1000 deep");
    if (cursor_.peek() != '(')
      return leaf();
    cursor_.expect("(");
    semantics::Location here = cursor_.here();
    std::string op = word();
    if (op.starts_with('?'))
      semantics::fail(here, "a variable stands where the operator must");
    if (cursor_.peek() == ')')
      op = leaf_name(std::move(op));
    Pattern::Node node{false, names_.intern(op).v, {}};
    while (cursor_.peek() != ')') {
      if (cursor_.at_end())
        cursor_.error_expected("')'");
      if (node.children.size() == kMaxArity)
        cursor_.error("an operator takes at most 62 operands");
      node.children.push_back(term(depth + 1));
    }
    cursor_.expect(")");
    return push(std::move(node));
  }

  static std::string leaf_name(std::string name) {
    auto number = number_of(name);
    return number ? name_of(*number) : std::move(name);
  }

  std::uint32_t leaf() {
    std::string name = leaf_name(word());
    if (!name.starts_with('?'))
      return push({false, names_.intern(name).v, {}});
    auto known = std::find(variables_.begin(), variables_.end(), name);
    auto number = static_cast<std::uint32_t>(known - variables_.begin());
    if (known == variables_.end())
      variables_.push_back(name);
    return push({true, number, {}});
  }

  semantics::Cursor &cursor_;
  OperatorNames &names_;
  std::vector<std::string> &variables_;
  Pattern pattern_;
};

} // namespace

Pattern read_pattern(semantics::Cursor &cursor, OperatorNames &names,
                     std::vector<std::string> &variables) {
  return Reader(cursor, names, variables).read();
}

Pattern parse_pattern(std::string_view text, OperatorNames &names,
                      std::vector<std::string> &variables) {
  semantics::Cursor cursor(semantics::make_source("<pattern>", std::string(text)));
  Pattern pattern = read_pattern(cursor, names, variables);
  if (!cursor.at_end())
    cursor.error_expected("the end of the term");
  return pattern;
}

std::string to_string(const Pattern &pattern, const OperatorNames &names,
                      std::span<const std::string> variables) {
  std::vector<std::string> texts;
  for (const Pattern::Node &node : pattern.nodes) {
    if (node.is_variable) {
      texts.push_back(variables[node.number]);
      continue;
    }
    std::string text = names.name({node.number});
    if (!node.children.empty()) {
      text = "(" + text;
      for (std::uint32_t child : node.children)
        text += " " + texts[child];
      text += ")";
    }
    texts.push_back(std::move(text));
  }
  return texts.back();
}

} // namespace isamorph::search
