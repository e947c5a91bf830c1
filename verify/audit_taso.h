#pragma once
// TASO's equalities (Jia et al., SOSP 2019) as text, one a line: `matmul(input_1,input_4) ==
// transpose(matmul(transpose(input_4),transpose(input_1)))`. Numbers come before operands.
// taso_meaning() says what inputs and operators mean; it stands in RULES.md.

#include "verify/audit.h"

namespace isamorph::verify {

/// An expression's operator and its operands, as indices of nodes before it.
struct TasoNode {
  std::string name; ///< "matmul", "input_7"
  std::vector<std::int64_t> numbers;
  std::vector<std::uint32_t> operands;
  semantics::Location location;
};

struct TasoRule {
  std::vector<TasoNode> nodes; ///< an input that occurs twice is two nodes of one name
  std::uint32_t left = 0, right = 0;
  std::string text; ///< "LEFT == RIGHT" without spaces in the expressions; reads back to the same
};

/// The kinds of the inputs and what each operator means in HLO, as Markdown.
std::string taso_meaning();
/// What stands above so many equalities in RULES.md.
AuditHeading taso_heading(std::size_t equalities, const semantics::NumericsProfile &profile,
                          semantics::ElementType type);

/// Throws InputError.
std::vector<TasoRule> read_taso_rules(const semantics::SourceRef &source);

/// The equality in the language of rules: sizes are its integers. Throws InputError at the
/// expression whose operands' shapes do not fit for any sizes.
semantics::RewriteRule taso_rewrite(const TasoRule &rule, semantics::ElementType type);

/// To be audited: with all sizes 1, all 2, and various ones from 1 to 3, as far as they are
/// possible.
RuleSubject taso_subject(const TasoRule &rule, semantics::ElementType type);

} // namespace isamorph::verify
