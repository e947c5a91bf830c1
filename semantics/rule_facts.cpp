#include "semantics/rule_facts.h"

namespace isamorph::embedded {
extern const char rule_facts[];
} // namespace isamorph::embedded

namespace isamorph::semantics {

const std::vector<RewriteRule> &scalar_facts() {
  static const std::vector<RewriteRule> facts =
      parse_rules(make_source("semantics/rules/facts.rules", embedded::rule_facts));
  return facts;
}

} // namespace isamorph::semantics
