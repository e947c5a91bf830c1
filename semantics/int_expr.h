#pragma once
// Integer expressions over named variables: the sizes, addresses, constraints and costs that ISAs
// and rewrite rules state. Values are 64-bit; an overflow, a division by zero or an unbound
// variable has no value.
//
// Grammar, loosest first: `a || b`, `a && b`, comparisons (`1 <= n <= 64` chains), `+ -`, `* / %`,
// unary `- !`, then numbers, variables, `min(a,b)`, `max(a,b)`, `(e)`. `/` is floor division, `%`
// its remainder (never negative for a positive divisor). Comparisons and logic give 0 or 1.

#include "semantics/cursor.h"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace isamorph::semantics {

class IntExpr;

/// Values of variables by index into the owner's `Scope`; nullopt while unbound.
using Bindings = std::vector<std::optional<std::int64_t>>;

/// The variables that the expressions of one instruction or rule may use; an index is the
/// variable's identity.
struct Scope {
  std::vector<std::string> names;
  std::optional<std::uint32_t> find(std::string_view name) const;
  std::uint32_t add(std::string name); ///< the index of a new name (must not exist yet)
  Bindings unbound() const { return Bindings(names.size()); }
};

/// Constants that are replaced while parsing (an ISA's parameters).
using Constants = std::map<std::string, std::int64_t, std::less<>>;

enum class IntOp : std::uint8_t {
  Constant,
  Variable,
  Negate,
  Not,
  Add,
  Subtract,
  Multiply,
  Divide,
  Modulo,
  Min,
  Max,
  Equal,
  NotEqual,
  Less,
  LessEqual,
  And,
  Or,
};

/// An immutable expression tree with value semantics (shared nodes). Default: the constant 0.
class IntExpr {
public:
  IntExpr() = default;
  IntExpr(std::int64_t value) : value_(value) {} // NOLINT: a number is an expression
  static IntExpr variable(std::uint32_t index, std::string name);
  static IntExpr make(IntOp op, std::vector<IntExpr> arguments); ///< folds constants

  IntOp op() const { return op_; }
  bool is_constant() const { return op_ == IntOp::Constant; }
  std::int64_t value() const { return value_; } ///< of a Constant
  std::uint32_t variable_index() const {
    return static_cast<std::uint32_t>(value_);
  }                                                  ///< of a Variable
  const std::string &name() const { return *name_; } ///< of a Variable
  std::span<const IntExpr> arguments() const;

  std::optional<std::int64_t> evaluate(const Bindings &bindings) const;
  /// Calls `f(index)` for every variable occurrence.
  void for_each_variable(const std::function<void(std::uint32_t)> &f) const;
  /// The expression with known variables replaced by their values, folded.
  IntExpr substitute(const Bindings &bindings) const;
  /// As text that parses back to the same tree.
  std::string to_string() const;
  bool operator==(const IntExpr &other) const;

private:
  IntOp op_ = IntOp::Constant;
  std::int64_t value_ = 0;
  std::shared_ptr<const std::string> name_;
  std::shared_ptr<const std::vector<IntExpr>> arguments_;
};

/// Parses an expression at the cursor. An unknown name is an error that suggests the nearest known
/// one.
IntExpr parse_int_expr(Cursor &cursor, const Scope &scope, const Constants &constants = {});

/// Solves `expressions[i] == values[i]` for the unbound variables that appear linearly and alone in
/// some equation, repeatedly. Returns false when an equation is violated; equations that stay open
/// (two unknowns, or a non-linear one) are returned in `open`.
struct Equation {
  IntExpr expression;
  std::int64_t value;
};
bool solve(std::vector<Equation> &equations, Bindings &bindings);

/// a*x + b with x the only unbound variable, if the expression has that form under `bindings`.
struct LinearForm {
  std::uint32_t variable;
  std::int64_t factor, offset;
};
std::optional<LinearForm> linear_form(const IntExpr &expression, const Bindings &bindings);

} // namespace isamorph::semantics
