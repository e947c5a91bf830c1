#include "semantics/rules.h"

#include "semantics/hlo.h"

#include <algorithm>
#include <array>
#include <set>

namespace isamorph::embedded {
extern const char core_rules[];
extern const char integer_rules[];
} // namespace isamorph::embedded

namespace isamorph::semantics {
namespace {

constexpr std::array<std::string_view, 3> kLevelNames = {"bits", "finite", "real"};

/// Reads one `rule NAME LEVEL { ... }`.
class RuleReader {
public:
  explicit RuleReader(Cursor &cursor) : cursor_(cursor) {}

  RewriteRule read() {
    std::size_t begin = cursor_.here().offset;
    cursor_.expect_word("rule");
    rule_.location = cursor_.here();
    rule_.name = cursor_.identifier("the rule's name");
    Location level_place = cursor_.here();
    std::string word = cursor_.identifier("a level: bits, finite or real");
    auto found = semantics::level(word);
    if (!found)
      fail(level_place, "unknown level '" + word + "'", "levels: bits, finite, real");
    rule_.level = *found;
    cursor_.expect("{");
    while (!cursor_.accept("}"))
      read_item();
    if (!has_from_ || !has_to_)
      fail(rule_.location, "rule '" + rule_.name + "' needs both `from` and `to`");
    check_parameters();
    rule_.text = normalized(cursor_.source()->text.substr(begin, cursor_.offset() - begin));
    return std::move(rule_);
  }

private:
  void read_item() {
    if (cursor_.accept_word("type"))
      read_types();
    else if (cursor_.accept_word("int"))
      read_names(rule_.symbols.integers);
    else if (cursor_.accept_word("shape"))
      read_names(rule_.symbols.shapes);
    else if (cursor_.accept_word("unary"))
      read_operations(1);
    else if (cursor_.accept_word("binary"))
      read_operations(2);
    else if (cursor_.accept_word("where"))
      read_conditions();
    else if (cursor_.accept_word("both"))
      rule_.both_ways = true;
    else if (cursor_.accept_word("from"))
      rule_.from = read_side(has_from_);
    else if (cursor_.accept_word("to"))
      rule_.to = read_side(has_to_);
    else if (cursor_.looking_at("%"))
      read_parameter();
    else
      cursor_.error_expected("a declaration (type, int, shape, unary, binary, %x : shape), where, "
                             "from, to, both or '}'");
  }

  std::string new_name() {
    Location place = cursor_.here();
    std::string name = cursor_.identifier("a symbol's name");
    if (!names_.insert(name).second)
      fail(place, "'" + name + "' is declared twice");
    return name;
  }

  void read_names(Scope &scope) {
    do
      scope.add(new_name());
    while (cursor_.accept(","));
  }

  void read_types() {
    do {
      rule_.symbols.types.add(new_name());
      rule_.symbols.type_choices.emplace_back();
    } while (cursor_.accept(","));
    if (!cursor_.accept_word("in"))
      return;
    do {
      Location place = cursor_.here();
      std::string word = cursor_.identifier("an element type");
      auto type = element_type(word);
      if (!type)
        fail(place, "unknown element type '" + word + "'");
      rule_.symbols.type_choices.back().push_back(*type);
    } while (cursor_.accept(","));
  }

  void read_operations(int arity) {
    do {
      rule_.symbols.operations.add(new_name());
      rule_.symbols.operation_arity.push_back(arity);
    } while (cursor_.accept(","));
  }

  void read_conditions() {
    do
      rule_.conditions.push_back(parse_int_expr(cursor_, rule_.symbols.integers));
    while (cursor_.accept(","));
  }

  void read_parameter() {
    if (has_from_ || has_to_)
      cursor_.error("parameters are declared before `from` and `to`");
    Location place = cursor_.here();
    cursor_.expect("%");
    std::string name = cursor_.identifier("a parameter's name", ".-");
    for (const NamedShape &other : parameters_)
      if (other.name == name)
        fail(place, "'%" + name + "' is declared twice");
    cursor_.expect(":");
    parameters_.push_back({name, parse_shape_template(cursor_, rule_.symbols), place});
  }

  GraphTemplate read_side(bool &seen) {
    if (seen)
      cursor_.error("a rule has one `from` and one `to`");
    seen = true;
    cursor_.expect("{");
    GraphTemplate side = parse_template_body(cursor_, rule_.symbols, parameters_, {});
    cursor_.expect("}");
    if (side.parameters.size() > parameters_.size())
      fail(side.nodes[side.parameters[parameters_.size()]].location,
           "a rule's parameters are declared before `from` and `to`, as %x : shape");
    side.name = rule_.name;
    return side;
  }

  /// A parameter that `from` does not use would be unbound after a match.
  void check_parameters() const {
    std::vector<char> used(rule_.from.nodes.size(), 0);
    std::vector<std::uint32_t> open(rule_.from.results.begin(), rule_.from.results.end());
    while (!open.empty()) {
      std::uint32_t node = open.back();
      open.pop_back();
      if (used[node])
        continue;
      used[node] = 1;
      const auto &operands = rule_.from.nodes[node].operands;
      open.insert(open.end(), operands.begin(), operands.end());
    }
    for (std::size_t i = 0; i < rule_.from.parameters.size(); ++i)
      if (!used[rule_.from.parameters[i]])
        fail(parameters_[i].location,
             "`from` does not use parameter '%" + parameters_[i].name + "'");
  }

  /// The rule's text with comments gone and every run of spaces made one.
  static std::string normalized(const std::string &text) {
    std::string out;
    bool space = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '/' && i + 1 < text.size() && text[i + 1] == '/') {
        while (i < text.size() && text[i] != '\n')
          ++i;
        space = true;
        continue;
      }
      if (text[i] == ' ' || text[i] == '\n' || text[i] == '\t' || text[i] == '\r') {
        space = true;
        continue;
      }
      if (space && !out.empty())
        out += ' ';
      space = false;
      out += text[i];
    }
    return out;
  }

  Cursor &cursor_;
  RewriteRule rule_;
  std::vector<NamedShape> parameters_;
  std::set<std::string> names_;
  bool has_from_ = false, has_to_ = false;
};

} // namespace

std::string_view name(Level level) { return kLevelNames[static_cast<std::size_t>(level)]; }

std::optional<Level> level(std::string_view name) {
  for (std::size_t i = 0; i < kLevelNames.size(); ++i)
    if (kLevelNames[i] == name)
      return static_cast<Level>(i);
  return std::nullopt;
}

std::vector<RewriteRule> parse_rules(const SourceRef &source) {
  Cursor cursor(source);
  std::vector<RewriteRule> rules;
  std::set<std::string> names;
  while (!cursor.at_end()) {
    rules.push_back(RuleReader(cursor).read());
    if (!names.insert(rules.back().name).second)
      fail(rules.back().location, "rule '" + rules.back().name + "' is declared twice");
  }
  return rules;
}

const std::vector<RewriteRule> &shipped_rules() {
  static const std::vector<RewriteRule> rules = [] {
    auto all = parse_rules(make_source("semantics/rules/core.rules", embedded::core_rules));
    auto more = parse_rules(make_source("semantics/rules/integers.rules", embedded::integer_rules));
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }();
  return rules;
}

} // namespace isamorph::semantics
