#include "semantics/rule_facts.h"

namespace isamorph::embedded {
extern const char rule_facts[];
extern const char element_rules[];
} // namespace isamorph::embedded

namespace isamorph::semantics {

const std::vector<RewriteRule> &element_facts() {
  static const std::vector<RewriteRule> facts =
      parse_rules(make_source("semantics/rules/elements.rules", embedded::element_rules));
  return facts;
}

const std::vector<RewriteRule> &scalar_facts() {
  static const std::vector<RewriteRule> facts = [] {
    auto all = parse_rules(make_source("semantics/rules/facts.rules", embedded::rule_facts));
    const std::vector<RewriteRule> &more = element_facts();
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }();
  return facts;
}

} // namespace isamorph::semantics
