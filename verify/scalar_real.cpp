#include "verify/scalar_real.h"

#include "verify/checker/real_domain.h"

#include <cmath>
#include <fmt/format.h>
#include <set>

namespace isamorph::verify {
namespace {

using semantics::ElementType;
using semantics::OpCode;

/// A double as an exact fraction; nullopt beyond 2^62.
std::optional<std::string> number(double value) {
  if (!std::isfinite(value))
    return std::nullopt;
  int exponent = 0;
  auto mantissa = static_cast<std::int64_t>(std::ldexp(std::frexp(value, &exponent), 53));
  exponent -= 53;
  while (mantissa != 0 && mantissa % 2 == 0) {
    mantissa /= 2;
    ++exponent;
  }
  if (mantissa == 0)
    return "0.0";
  if (std::abs(exponent) > 62)
    return std::nullopt;
  std::string digits = fmt::format("{}.0", std::abs(mantissa)),
              power = fmt::format("{}.0", std::int64_t{1} << std::abs(exponent)),
              out = fmt::format("({} {} {})", exponent < 0 ? "/" : "*", digits, power);
  return mantissa < 0 ? "(- " + out + ")" : out;
}

/// Each node n becomes its value r<n> and its condition of being defined, d<n>.
class RealWriter {
public:
  explicit RealWriter(const ScalarClaim &claim) : claim_(claim) {}

  std::optional<RealObligation> write(const std::string &name) {
    for (std::size_t v = 0; v < claim_.variables.size(); ++v)
      if (!known(claim_.variables[v]))
        return std::nullopt;
      else
        declarations_ += fmt::format("(declare-const x{} {})\n", v, sort(claim_.variables[v]));
    for (std::uint32_t n = 0; n < claim_.nodes.size(); ++n)
      if (!define(n))
        return std::nullopt;
    std::string conclusion =
        fmt::format("(and (= d{0} d{1}) (=> d{0} (= r{0} r{1})))", claim_.left, claim_.right);
    return RealObligation{{name, fmt::format("(set-logic {})\n{}{}(assert (not {}))\n(check-sat)\n",
                                             exact_ ? "QF_NRA" : "QF_UFNRA", declarations_,
                                             definitions_, conclusion)},
                          exact_};
  }

private:
  static bool known(ElementType type) {
    return semantics::is_float(type) || type == ElementType::Pred;
  }
  static const char *sort(ElementType type) { return type == ElementType::Pred ? "Bool" : "Real"; }

  bool define(std::uint32_t n) {
    const ScalarNode &node = claim_.nodes[n];
    if (!known(node.type))
      return false;
    auto text = value(node);
    if (!text)
      return false;
    definitions_ += fmt::format("(define-fun r{} () {} {})\n(define-fun d{} () Bool {})\n", n,
                                sort(node.type), *text, n, defined(node));
    return true;
  }

  std::string operand(const ScalarNode &node, std::size_t i) const {
    return fmt::format("r{}", node.operands[i]);
  }
  std::string defined(const ScalarNode &node) const {
    auto d = [&](std::size_t i) { return fmt::format("d{}", node.operands[i]); };
    if (node.op == OpCode::Select)
      return fmt::format("(and {} (ite {} {} {}))", d(0), operand(node, 0), d(1), d(2));
    std::string out = "(and true";
    for (std::size_t i = 0; i < node.operands.size(); ++i)
      out += " " + d(i);
    if (node.op == OpCode::Divide)
      out += fmt::format(" (not (= {} 0.0))", operand(node, 1));
    if (is_function(node) && !defined_everywhere(node.op))
      out += " " + application("defined_", node);
    return out + ")";
  }

  /// A function that is not spelled out here.
  static bool is_function(const ScalarNode &node) {
    switch (node.op) {
    case OpCode::Parameter:
    case OpCode::Constant:
    case OpCode::Add:
    case OpCode::Subtract:
    case OpCode::Multiply:
    case OpCode::Divide:
    case OpCode::Negate:
    case OpCode::Abs:
    case OpCode::Sign:
    case OpCode::Maximum:
    case OpCode::Minimum:
    case OpCode::Clamp:
    case OpCode::Compare:
    case OpCode::Select:
    case OpCode::Convert:
      return false;
    default:
      return node.type != ElementType::Pred;
    }
  }
  std::string application(const char *prefix, const ScalarNode &node) const {
    std::string out = fmt::format("(|{}{}|", prefix, semantics::info(node.op).name);
    for (std::size_t i = 0; i < node.operands.size(); ++i)
      out += " " + operand(node, i);
    return out + ")";
  }
  std::string function(const ScalarNode &node) {
    exact_ = false;
    std::string_view name = semantics::info(node.op).name;
    if (functions_.insert(node.op).second) {
      std::string arguments = node.operands.size() == 1 ? "Real" : "Real Real";
      declarations_ += fmt::format("(declare-fun |{}| ({}) Real)\n", name, arguments);
      if (!defined_everywhere(node.op))
        declarations_ += fmt::format("(declare-fun |defined_{}| ({}) Bool)\n", name, arguments);
    }
    return application("", node);
  }

  std::optional<std::string> value(const ScalarNode &node) {
    auto with = [&](const char *f) {
      std::string out = std::string("(") + f;
      for (std::size_t i = 0; i < node.operands.size(); ++i)
        out += " " + operand(node, i);
      return out + ")";
    };
    auto larger = [](const std::string &a, const std::string &b, bool smaller) {
      return fmt::format("(ite ({} {} {}) {} {})", smaller ? "<" : ">", a, b, a, b);
    };
    switch (node.op) {
    case OpCode::Parameter:
      return fmt::format("x{}", node.value);
    case OpCode::Constant:
      if (node.type == ElementType::Pred)
        return node.value ? "true" : "false";
      return number(semantics::decode(node.type, node.value));
    case OpCode::Convert:
      return convert(node);
    case OpCode::Select:
      return with("ite");
    case OpCode::Compare:
      return compare(node);
    default:
      break;
    }
    if (node.type == ElementType::Pred)
      return logic(node, with);
    std::string x = operand(node, 0);
    switch (node.op) {
    case OpCode::Add:
      return with("+");
    case OpCode::Subtract:
    case OpCode::Negate:
      return with("-");
    case OpCode::Multiply:
      return with("*");
    case OpCode::Divide:
      return with("/");
    case OpCode::Abs:
      return fmt::format("(ite (< {0} 0.0) (- {0}) {0})", x);
    case OpCode::Sign:
      return fmt::format("(ite (< {0} 0.0) (- 1.0) (ite (> {0} 0.0) 1.0 0.0))", x);
    case OpCode::Maximum:
    case OpCode::Minimum:
      return larger(x, operand(node, 1), node.op == OpCode::Minimum);
    case OpCode::Clamp:
      return larger(larger(operand(node, 1), x, false), operand(node, 2), true);
    default:
      return function(node);
    }
  }

  template <class With>
  static std::optional<std::string> logic(const ScalarNode &node, const With &with) {
    switch (node.op) {
    case OpCode::Add:
    case OpCode::Maximum:
    case OpCode::Or:
      return with("or");
    case OpCode::Multiply:
    case OpCode::Minimum:
    case OpCode::And:
      return with("and");
    case OpCode::Xor:
      return with("xor");
    case OpCode::Not:
      return with("not");
    default:
      return std::nullopt;
    }
  }

  std::optional<std::string> convert(const ScalarNode &node) const {
    ElementType from = claim_.nodes[node.operands[0]].type;
    std::string x = operand(node, 0);
    if ((from == ElementType::Pred) == (node.type == ElementType::Pred))
      return x;
    return from == ElementType::Pred ? fmt::format("(ite {} 1.0 0.0)", x)
                                     : fmt::format("(not (= {} 0.0))", x);
  }
  std::optional<std::string> compare(const ScalarNode &node) const {
    if (claim_.nodes[node.operands[0]].type == ElementType::Pred)
      return std::nullopt;
    std::string x = operand(node, 0), y = operand(node, 1);
    auto direction = static_cast<semantics::CompareDirection>(
        node.attributes.get_one(semantics::AttributeKey::Direction));
    constexpr const char *forms[] = {"(= {} {})",  "(not (= {} {}))", "(< {} {})",
                                     "(<= {} {})", "(> {} {})",       "(>= {} {})"};
    return fmt::format(fmt::runtime(forms[static_cast<std::size_t>(direction)]), x, y);
  }

  const ScalarClaim &claim_;
  std::string declarations_, definitions_;
  std::set<OpCode> functions_;
  bool exact_ = true;
};

} // namespace

std::optional<RealObligation> real_obligation(const std::string &name, const ScalarClaim &claim) {
  return RealWriter(claim).write(name);
}

} // namespace isamorph::verify
