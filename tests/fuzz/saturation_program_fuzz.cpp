// Saturation programs, which are read and not run: every pattern is well-formed and prints and
// reads back, and no two rules have one name.
#include "search/saturation_program.h"
#include "tests/fuzz/readers.h"

#include <set>

namespace isamorph::fuzz {
namespace {

void check_pattern(const search::Pattern &pattern, search::OperatorNames names,
                   const std::vector<std::string> &variables) {
  require(!pattern.nodes.empty(), "a pattern without nodes");
  for (std::size_t i = 0; i < pattern.nodes.size(); ++i) {
    const search::Pattern::Node &node = pattern.nodes[i];
    require(node.number < (node.is_variable ? variables.size() : names.size()),
            "a pattern with an unknown operator or variable");
    for (std::uint32_t child : node.children)
      require(child < i, "a pattern with an operator before its operand");
  }
  std::vector<std::string> same = variables;
  search::Pattern again =
      read_printed(to_string(pattern, names, variables), [&](const semantics::SourceRef &s) {
        return search::parse_pattern(s->text, names, same);
      });
  require(again == pattern && same == variables, "the printed pattern is another");
}

} // namespace

void saturation_program(const semantics::SourceRef &source) {
  search::SaturationProgram program = search::parse_saturation_program(source);
  for (const search::Pattern &term : program.terms)
    check_pattern(term, program.names, {});
  std::set<std::string> rules;
  for (const search::ProgramRule &rule : program.rules) {
    require(rules.insert(rule.name).second, "two rules of one name");
    check_pattern(rule.from, program.names, rule.variables);
    check_pattern(rule.to, program.names, rule.variables);
    for (const search::Condition &condition : rule.conditions)
      require(condition.a < rule.variables.size() && condition.b < rule.variables.size(),
              "a condition on an unknown variable");
  }
  for (const search::Goal &goal : program.goals) {
    check_pattern(goal.left, program.names, {});
    check_pattern(goal.right, program.names, goal.variables);
  }
}

} // namespace isamorph::fuzz
