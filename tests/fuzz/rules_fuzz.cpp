// Rewrite rules: both sides of a rule have the same parameters, and its text is a rule again.
#include "semantics/rules.h"
#include "tests/fuzz/readers.h"

void isamorph::fuzz::rules(const semantics::SourceRef &source) {
  for (const semantics::RewriteRule &rule : semantics::parse_rules(source)) {
    auto again = read_printed(rule.text, [](const auto &s) { return semantics::parse_rules(s); });
    require(again.size() == 1 && again[0].text == rule.text, "the rule's text is another rule");
  }
}
