// TASO's equalities: the text of each reads back to itself, and its sizes fit or do not.
#include "tests/fuzz/readers.h"
#include "verify/audit_taso.h"

void isamorph::fuzz::taso_rules(const semantics::SourceRef &source) {
  for (const verify::TasoRule &rule : verify::read_taso_rules(source)) {
    auto again = read_printed(rule.text, [](const auto &s) { return verify::read_taso_rules(s); });
    require(again.size() == 1 && again[0].text == rule.text, "the rule's text is another rule");
    verify::taso_rewrite(rule, semantics::ElementType::BF16);
  }
}
