#pragma once
// Rewrite rules as data: two GraphTemplates over the same parameters, and the level at which they
// are equal. The text format is described at the top of semantics/rules/core.rules, whose rules are
// embedded into the library.

#include "semantics/graph_template.h"

namespace isamorph::semantics {

/// Equivalence levels, strongest first (design, section 5).
enum class Level : std::uint8_t { Bits, Finite, Real };
std::string_view name(Level level);
std::optional<Level> level(std::string_view name);
/// `a` implies `b`: what holds at a holds at b.
inline bool implies(Level a, Level b) { return a <= b; }

/// `from` = `to` for all values of the symbols for which `conditions` hold and both sides are
/// well-typed. Both have the same parameters. `from` may be a bare parameter: the rule then applies
/// to every tensor of the parameter's shape.
struct RewriteRule {
  std::string name;
  Level level = Level::Bits;
  Symbols symbols;
  std::vector<IntExpr> conditions;
  GraphTemplate from, to;
  bool both_ways = false; ///< `<=>`: also read from right to left
  /// What identifies the rule for caches: its normalized text.
  std::string text;
  Location location;
};

/// Throws InputError.
std::vector<RewriteRule> parse_rules(const SourceRef &source);
const std::vector<RewriteRule> &shipped_rules();

} // namespace isamorph::semantics
