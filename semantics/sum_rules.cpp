#include "semantics/sum_rules.h"

namespace isamorph::embedded {
extern const char sum_rules[];
} // namespace isamorph::embedded

namespace isamorph::semantics {

const std::vector<RewriteRule> &sum_rules() {
  static const std::vector<RewriteRule> rules =
      parse_rules(make_source("semantics/rules/sums.rules", embedded::sum_rules));
  return rules;
}

} // namespace isamorph::semantics
