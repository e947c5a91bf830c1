#include "semantics/int_expr.h"

#include <algorithm>
#include <array>

namespace isamorph::semantics {
namespace {

using Value = std::optional<std::int64_t>;

Value floor_divide(std::int64_t a, std::int64_t b) {
  if (b == 0 || (a == INT64_MIN && b == -1))
    return std::nullopt;
  std::int64_t q = a / b;
  return q - ((a % b != 0) && ((a < 0) != (b < 0)));
}

Value apply(IntOp op, std::int64_t a, std::int64_t b) {
  std::int64_t r = 0;
  switch (op) {
  case IntOp::Add:
    return __builtin_add_overflow(a, b, &r) ? Value{} : Value{r};
  case IntOp::Subtract:
    return __builtin_sub_overflow(a, b, &r) ? Value{} : Value{r};
  case IntOp::Multiply:
    return __builtin_mul_overflow(a, b, &r) ? Value{} : Value{r};
  case IntOp::Divide:
    return floor_divide(a, b);
  case IntOp::Modulo: {
    Value q = floor_divide(a, b);
    return q ? Value{a - *q * b} : Value{};
  }
  case IntOp::Min:
    return std::min(a, b);
  case IntOp::Max:
    return std::max(a, b);
  case IntOp::Equal:
    return a == b;
  case IntOp::NotEqual:
    return a != b;
  case IntOp::Less:
    return a < b;
  case IntOp::LessEqual:
    return a <= b;
  case IntOp::And:
    return a && b;
  case IntOp::Or:
    return a || b;
  default:
    return std::nullopt;
  }
}

Value apply(IntOp op, std::int64_t a) {
  if (op == IntOp::Not)
    return !a;
  return a == INT64_MIN ? Value{} : Value{-a};
}

int precedence(IntOp op) {
  switch (op) {
  case IntOp::Or:
    return 1;
  case IntOp::And:
    return 2;
  case IntOp::Equal:
  case IntOp::NotEqual:
  case IntOp::Less:
  case IntOp::LessEqual:
    return 3;
  case IntOp::Add:
  case IntOp::Subtract:
    return 4;
  case IntOp::Multiply:
  case IntOp::Divide:
  case IntOp::Modulo:
    return 5;
  case IntOp::Negate:
  case IntOp::Not:
    return 6;
  default:
    return 7;
  }
}

std::string_view symbol(IntOp op) {
  switch (op) {
  case IntOp::Or:
    return " || ";
  case IntOp::And:
    return " && ";
  case IntOp::Equal:
    return " == ";
  case IntOp::NotEqual:
    return " != ";
  case IntOp::Less:
    return " < ";
  case IntOp::LessEqual:
    return " <= ";
  case IntOp::Add:
    return " + ";
  case IntOp::Subtract:
    return " - ";
  case IntOp::Multiply:
    return "*";
  case IntOp::Divide:
    return "/";
  default:
    return "%";
  }
}

/// Nested deeper than this, an expression is refused: evaluation is recursive.
constexpr int kMaxDepth = 200;

class Parser {
public:
  Parser(Cursor &cursor, const Scope &scope, const Constants &constants)
      : cursor_(cursor), scope_(scope), constants_(constants) {}

  IntExpr parse() { return logic_or(); }

private:
  IntExpr logic_or() {
    Depth depth(*this);
    IntExpr left = logic_and();
    while (cursor_.accept("||"))
      left = make(IntOp::Or, std::move(left), logic_and());
    return left;
  }

  IntExpr logic_and() {
    IntExpr left = comparison();
    while (cursor_.accept("&&"))
      left = make(IntOp::And, std::move(left), comparison());
    return left;
  }

  std::optional<std::string_view> comparison_operator() {
    for (std::string_view text : {"==", "!=", "<=", ">=", "<", ">"})
      if (cursor_.accept(text))
        return text;
    return std::nullopt;
  }

  IntExpr compare(std::string_view text, IntExpr a, IntExpr b) {
    if (text == "==")
      return make(IntOp::Equal, std::move(a), std::move(b));
    if (text == "!=")
      return make(IntOp::NotEqual, std::move(a), std::move(b));
    if (text == "<=")
      return make(IntOp::LessEqual, std::move(a), std::move(b));
    if (text == "<")
      return make(IntOp::Less, std::move(a), std::move(b));
    return make(text == ">=" ? IntOp::LessEqual : IntOp::Less, std::move(b), std::move(a));
  }

  /// `a < b <= c` means `a < b && b <= c`.
  IntExpr comparison() {
    IntExpr left = sum();
    std::optional<IntExpr> all;
    while (auto text = comparison_operator()) {
      IntExpr right = sum();
      IntExpr one = compare(*text, left, right);
      all = all ? make(IntOp::And, std::move(*all), std::move(one)) : std::move(one);
      left = std::move(right);
    }
    return all ? *all : left;
  }

  IntExpr sum() {
    IntExpr left = product();
    while (true) {
      if (cursor_.accept("+"))
        left = make(IntOp::Add, std::move(left), product());
      else if (cursor_.accept("-"))
        left = make(IntOp::Subtract, std::move(left), product());
      else
        return left;
    }
  }

  IntExpr product() {
    IntExpr left = unary();
    while (true) {
      if (cursor_.accept("*"))
        left = make(IntOp::Multiply, std::move(left), unary());
      else if (cursor_.accept("/"))
        left = make(IntOp::Divide, std::move(left), unary());
      else if (cursor_.accept("%"))
        left = make(IntOp::Modulo, std::move(left), unary());
      else
        return left;
    }
  }

  IntExpr unary() {
    Depth depth(*this);
    if (cursor_.accept("-"))
      return IntExpr::make(IntOp::Negate, {unary()});
    if (!cursor_.looking_at("!=") && cursor_.accept("!"))
      return IntExpr::make(IntOp::Not, {unary()});
    return primary();
  }

  IntExpr primary() {
    if (cursor_.accept("(")) {
      IntExpr inner = logic_or();
      cursor_.expect(")");
      return inner;
    }
    if (char c = cursor_.peek(); c >= '0' && c <= '9')
      return cursor_.integer();
    Location place = cursor_.here();
    std::string word = cursor_.identifier("an integer expression");
    if ((word == "min" || word == "max") && cursor_.accept("(")) {
      IntExpr a = logic_or();
      cursor_.expect(",");
      IntExpr b = logic_or();
      cursor_.expect(")");
      return make(word == "min" ? IntOp::Min : IntOp::Max, std::move(a), std::move(b));
    }
    if (auto index = scope_.find(word))
      return IntExpr::variable(*index, word);
    if (auto constant = constants_.find(word); constant != constants_.end())
      return constant->second;
    std::vector<std::string> known = scope_.names;
    for (const auto &[name, value] : constants_)
      known.push_back(name);
    std::string hint = suggest(word, known);
    if (hint.empty() && !known.empty())
      hint = "known: " + join(known);
    fail(place, "unknown name '" + word + "' in an integer expression", hint);
  }

  static IntExpr make(IntOp op, IntExpr a, IntExpr b) {
    return IntExpr::make(op, {std::move(a), std::move(b)});
  }

  struct Depth {
    explicit Depth(Parser &p) : parser(p) {
      if (++parser.depth_ > kMaxDepth)
        parser.cursor_.error("this expression is nested too deeply");
    }
    ~Depth() { --parser.depth_; }
    Depth(const Depth &) = delete;
    Parser &parser;
  };

  Cursor &cursor_;
  const Scope &scope_;
  const Constants &constants_;
  int depth_ = 0;
};

} // namespace

std::optional<std::uint32_t> Scope::find(std::string_view name) const {
  for (std::size_t i = 0; i < names.size(); ++i)
    if (names[i] == name)
      return static_cast<std::uint32_t>(i);
  return std::nullopt;
}

std::uint32_t Scope::add(std::string name) {
  names.push_back(std::move(name));
  return static_cast<std::uint32_t>(names.size() - 1);
}

IntExpr IntExpr::variable(std::uint32_t index, std::string name) {
  IntExpr e;
  e.op_ = IntOp::Variable;
  e.value_ = index;
  e.name_ = std::make_shared<const std::string>(std::move(name));
  return e;
}

IntExpr IntExpr::make(IntOp op, std::vector<IntExpr> arguments) {
  bool constant = std::all_of(arguments.begin(), arguments.end(),
                              [](const IntExpr &a) { return a.is_constant(); });
  if (constant) {
    Value v = arguments.size() == 1 ? apply(op, arguments[0].value_)
                                    : apply(op, arguments[0].value_, arguments[1].value_);
    if (v)
      return *v;
  }
  IntExpr e;
  e.op_ = op;
  e.arguments_ = std::make_shared<const std::vector<IntExpr>>(std::move(arguments));
  return e;
}

std::span<const IntExpr> IntExpr::arguments() const {
  return arguments_ ? std::span<const IntExpr>(*arguments_) : std::span<const IntExpr>();
}

std::optional<std::int64_t> IntExpr::evaluate(const Bindings &bindings) const {
  if (op_ == IntOp::Constant)
    return value_;
  if (op_ == IntOp::Variable)
    return variable_index() < bindings.size() ? bindings[variable_index()] : std::nullopt;
  Value a = (*arguments_)[0].evaluate(bindings);
  if (!a)
    return std::nullopt;
  if (arguments_->size() == 1)
    return apply(op_, *a);
  Value b = (*arguments_)[1].evaluate(bindings);
  return b ? apply(op_, *a, *b) : Value{};
}

void IntExpr::for_each_variable(const std::function<void(std::uint32_t)> &f) const {
  if (op_ == IntOp::Variable)
    f(variable_index());
  for (const IntExpr &a : arguments())
    a.for_each_variable(f);
}

IntExpr IntExpr::substitute(const Bindings &bindings) const {
  if (op_ == IntOp::Constant)
    return *this;
  if (op_ == IntOp::Variable) {
    Value v = evaluate(bindings);
    return v ? IntExpr(*v) : *this;
  }
  std::vector<IntExpr> inner;
  for (const IntExpr &a : arguments())
    inner.push_back(a.substitute(bindings));
  return make(op_, std::move(inner));
}

std::string IntExpr::to_string() const {
  if (op_ == IntOp::Constant) // -2^63 cannot be written as a negated literal
    return value_ == INT64_MIN ? "(-9223372036854775807 - 1)"
           : value_ < 0        ? "(" + std::to_string(value_) + ")"
                               : std::to_string(value_);
  if (op_ == IntOp::Variable)
    return *name_;
  auto wrap = [&](const IntExpr &e, int least) {
    std::string text = e.to_string();
    return precedence(e.op_) < least ? "(" + text + ")" : text;
  };
  int own = precedence(op_);
  if (op_ == IntOp::Min || op_ == IntOp::Max)
    return (op_ == IntOp::Min ? "min(" : "max(") + (*arguments_)[0].to_string() + ", " +
           (*arguments_)[1].to_string() + ")";
  if (arguments_->size() == 1)
    return (op_ == IntOp::Negate ? "-" : "!") + wrap((*arguments_)[0], own);
  // Comparisons do not associate (they chain); the others associate to the left.
  int left = own == 3 ? own + 1 : own;
  return wrap((*arguments_)[0], left) + std::string(symbol(op_)) + wrap((*arguments_)[1], own + 1);
}

bool IntExpr::operator==(const IntExpr &other) const {
  return op_ == other.op_ && value_ == other.value_ &&
         std::ranges::equal(arguments(), other.arguments());
}

IntExpr parse_int_expr(Cursor &cursor, const Scope &scope, const Constants &constants) {
  return Parser(cursor, scope, constants).parse();
}

std::optional<LinearForm> linear_form(const IntExpr &expression, const Bindings &bindings) {
  switch (expression.op()) {
  case IntOp::Variable:
    if (expression.evaluate(bindings))
      return std::nullopt;
    return LinearForm{expression.variable_index(), 1, 0};
  case IntOp::Negate: {
    auto inner = linear_form(expression.arguments()[0], bindings);
    if (!inner || inner->factor == INT64_MIN || inner->offset == INT64_MIN)
      return std::nullopt;
    return LinearForm{inner->variable, -inner->factor, -inner->offset};
  }
  case IntOp::Add:
  case IntOp::Subtract:
  case IntOp::Multiply: {
    const IntExpr &a = expression.arguments()[0], &b = expression.arguments()[1];
    Value va = a.evaluate(bindings), vb = b.evaluate(bindings);
    if (!va == !vb)
      return std::nullopt;
    auto inner = linear_form(va ? b : a, bindings);
    if (!inner)
      return std::nullopt;
    std::int64_t other = va ? *va : *vb;
    IntOp op = expression.op();
    if (op == IntOp::Multiply) {
      auto factor = apply(op, inner->factor, other), offset = apply(op, inner->offset, other);
      return factor && offset && *factor != 0
                 ? std::optional(LinearForm{inner->variable, *factor, *offset})
                 : std::nullopt;
    }
    bool negated = op == IntOp::Subtract && va.has_value(); // c - (a*x + b)
    auto offset =
        negated ? apply(IntOp::Subtract, other, inner->offset) : apply(op, inner->offset, other);
    if (!offset || (negated && inner->factor == INT64_MIN))
      return std::nullopt;
    return LinearForm{inner->variable, negated ? -inner->factor : inner->factor, *offset};
  }
  default:
    return std::nullopt;
  }
}

bool solve(std::vector<Equation> &equations, Bindings &bindings) {
  bool progress = true;
  while (progress) {
    progress = false;
    std::vector<Equation> open;
    for (Equation &equation : equations) {
      if (Value v = equation.expression.evaluate(bindings)) {
        if (*v != equation.value)
          return false;
        continue;
      }
      if (auto linear = linear_form(equation.expression, bindings)) {
        Value difference = apply(IntOp::Subtract, equation.value, linear->offset);
        if (!difference || (linear->factor == -1 && *difference == INT64_MIN) ||
            *difference % linear->factor != 0)
          return false;
        bindings[linear->variable] = *difference / linear->factor;
        progress = true;
        continue;
      }
      open.push_back(std::move(equation));
    }
    equations = std::move(open);
  }
  return true;
}

} // namespace isamorph::semantics
