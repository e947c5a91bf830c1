#pragma once
// Patterns: terms with variables, written as S-expressions: (* ?a (+ ?b 1)). A word that begins
// with ? is a variable, any other word an operator; (f) and f are the same operator without
// children. Operators are named by a table, so that languages are data.

#include "search/node_table.h"

#include <map>
#include <string>
#include <string_view>

namespace isamorph::semantics {
class Cursor;
}

namespace isamorph::search {

/// Names of operators by number, in the order in which they came up.
class OperatorNames {
public:
  OperatorId intern(std::string_view name);
  const std::string &name(OperatorId op) const { return names_[op.v]; }
  std::optional<OperatorId> find(std::string_view name) const;
  std::size_t size() const { return names_.size(); }

private:
  std::vector<std::string> names_;
  std::map<std::string, OperatorId, std::less<>> ids_;
};

/// Nodes come after their children; the last one is the root.
struct Pattern {
  struct Node {
    bool is_variable = false;
    std::uint32_t number = 0; ///< of the variable, or of the operator
    std::vector<std::uint32_t> children;
    auto operator<=>(const Node &) const = default;
  };
  std::vector<Node> nodes;
  auto operator<=>(const Pattern &) const = default;
};

/// The number that a name denotes, if it does.
std::optional<double> number_of(std::string_view name);
/// The shortest name of a number; readers give every leaf that is a number this name.
std::string name_of(double number);

/// Reads a pattern; new variables are appended to `variables`. Throws InputError.
Pattern read_pattern(semantics::Cursor &cursor, OperatorNames &names,
                     std::vector<std::string> &variables);
/// The same from a text that is nothing else.
Pattern parse_pattern(std::string_view text, OperatorNames &names,
                      std::vector<std::string> &variables);
std::string to_string(const Pattern &pattern, const OperatorNames &names,
                      std::span<const std::string> variables);

/// Adds a pattern with classes (or terms) for its variables: `add(operator, children)` is called
/// for each node. Returns what the root became. `scratch` is overwritten.
template <class Id, class Add>
Id instantiate(const Pattern &pattern, std::span<const Id> bindings, std::vector<Id> &scratch,
               Add &&add) {
  scratch.clear();
  Id children[8];
  std::vector<Id> many;
  for (const Pattern::Node &node : pattern.nodes) {
    if (node.is_variable) {
      scratch.push_back(bindings[node.number]);
      continue;
    }
    std::span<Id> kids(children, std::min<std::size_t>(8, node.children.size()));
    if (node.children.size() > 8) {
      many.resize(node.children.size());
      kids = many;
    }
    for (std::size_t i = 0; i < kids.size(); ++i)
      kids[i] = scratch[node.children[i]];
    Id added = add(OperatorId{node.number}, std::span<const Id>(kids));
    scratch.push_back(added);
  }
  return scratch.back();
}

} // namespace isamorph::search
