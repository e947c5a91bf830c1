#include "verify/checker/smt_arithmetic.h"

namespace isamorph::verify {
namespace {

using semantics::CompareDirection;
using semantics::ElementType;
using semantics::OpCode;
using Operands = std::vector<std::string>;

std::string call(const std::string &f, const Operands &operands) {
  std::string out = "(" + f;
  for (const std::string &o : operands)
    out += " " + o;
  return out + ")";
}

std::string choose(const std::string &condition, const std::string &a, const std::string &b) {
  return "(ite " + condition + " " + a + " " + b + ")";
}

int width(ElementType type) { return 8 * semantics::byte_size(type); }

std::string power_of_two(int exponent) {
  return exponent == 64 ? "18446744073709551616"
                        : std::to_string(std::uint64_t{1} << static_cast<unsigned>(exponent));
}

/// A comparison made of `less` and `equal`; `ordered` comparisons are false for NaN.
std::string compare(CompareDirection direction, const std::string &less, const std::string &equal,
                    const Operands &a) {
  const Operands swapped = {a[1], a[0]};
  switch (direction) {
  case CompareDirection::EQ:
    return call(equal, a);
  case CompareDirection::NE:
    return "(not " + call(equal, a) + ")";
  case CompareDirection::LT:
    return call(less, a);
  case CompareDirection::GT:
    return call(less, swapped);
  case CompareDirection::LE:
    return "(or " + call(less, a) + " " + call(equal, a) + ")";
  default:
    return "(or " + call(less, swapped) + " " + call(equal, a) + ")";
  }
}

/// maximum, minimum and clamp of a total order.
std::optional<std::string> order_operation(OpCode op, const std::string &less, const Operands &a) {
  switch (op) {
  case OpCode::Maximum:
    return choose(call(less, a), a[1], a[0]);
  case OpCode::Minimum:
    return choose(call(less, a), a[0], a[1]);
  case OpCode::Clamp: {
    auto raised = order_operation(OpCode::Maximum, less, {a[1], a[0]});
    return order_operation(OpCode::Minimum, less, {*raised, a[2]});
  }
  default:
    return std::nullopt;
  }
}

/// maximum and minimum as the evaluator defines them: NaN if either is; -0 below +0.
std::string float_extreme(bool maximum, ElementType type, const std::string &a,
                          const std::string &b) {
  std::string sort = exact_sort(type);
  std::string nan = "(_ NaN " + sort.substr(17);
  std::string less = maximum ? "(fp.lt " + a + " " + b + ")" : "(fp.lt " + b + " " + a + ")";
  std::string first_on_tie = maximum ? "(fp.isNegative " + a + ")" : "(fp.isPositive " + a + ")";
  return choose(
      "(or (fp.isNaN " + a + ") (fp.isNaN " + b + "))", nan,
      choose("(fp.eq " + a + " " + b + ")", choose(first_on_tie, b, a), choose(less, b, a)));
}

std::optional<std::string> float_operation(const ScalarOperation &operation, ElementType type,
                                           const Operands &a) {
  switch (operation.op) {
  case OpCode::Add:
    return call("fp.add RNE", a);
  case OpCode::Subtract:
    return call("fp.sub RNE", a);
  case OpCode::Multiply:
    return call("fp.mul RNE", a);
  case OpCode::Divide:
    return call("fp.div RNE", a);
  case OpCode::Negate:
    return call("fp.neg", a);
  case OpCode::Abs:
    return call("fp.abs", a);
  case OpCode::Maximum:
  case OpCode::Minimum:
    return float_extreme(operation.op == OpCode::Maximum, type, a[0], a[1]);
  case OpCode::Clamp:
    return float_extreme(false, type, float_extreme(true, type, a[1], a[0]), a[2]);
  case OpCode::Compare:
    return compare(operation.direction, "fp.lt", "fp.eq", a);
  default:
    return std::nullopt;
  }
}

std::optional<std::string> truth_operation(const ScalarOperation &operation, const Operands &a) {
  switch (operation.op) {
  case OpCode::Add:
  case OpCode::Maximum:
  case OpCode::Or:
    return call("or", a);
  case OpCode::Multiply:
  case OpCode::Minimum:
  case OpCode::And:
    return call("and", a);
  case OpCode::Xor:
    return call("xor", a);
  case OpCode::Not:
    return call("not", a);
  case OpCode::Clamp:
    return "(and (or " + a[1] + " " + a[0] + ") " + a[2] + ")";
  case OpCode::Compare: {
    std::string less = "(and (not " + a[0] + ") " + a[1] + ")",
                greater = "(and " + a[0] + " (not " + a[1] + "))";
    switch (operation.direction) {
    case CompareDirection::EQ:
      return call("=", a);
    case CompareDirection::NE:
      return call("xor", a);
    case CompareDirection::LT:
      return less;
    case CompareDirection::GT:
      return greater;
    case CompareDirection::LE:
      return "(not " + greater + ")";
    default:
      return "(not " + less + ")";
    }
  }
  default:
    return std::nullopt;
  }
}

std::optional<std::string> bits_operation(const ScalarOperation &operation, ElementType type,
                                          const Operands &a) {
  bool sign = semantics::is_signed_integer(type);
  std::string zero = exact_literal(type, 0), ones = "(bvnot " + zero + ")";
  std::string less = sign ? "bvslt" : "bvult";
  switch (operation.op) {
  case OpCode::Add:
    return call("bvadd", a);
  case OpCode::Subtract:
    return call("bvsub", a);
  case OpCode::Multiply:
    return call("bvmul", a);
  case OpCode::Divide:
    return choose("(= " + a[1] + " " + zero + ")", ones, call(sign ? "bvsdiv" : "bvudiv", a));
  case OpCode::Remainder:
    return choose("(= " + a[1] + " " + zero + ")", a[0], call(sign ? "bvsrem" : "bvurem", a));
  case OpCode::Negate:
    return call("bvneg", a);
  case OpCode::Abs:
    return sign ? choose("(bvslt " + a[0] + " " + zero + ")", call("bvneg", a), a[0]) : a[0];
  case OpCode::And:
    return call("bvand", a);
  case OpCode::Or:
    return call("bvor", a);
  case OpCode::Xor:
    return call("bvxor", a);
  case OpCode::Not:
    return call("bvnot", a);
  case OpCode::Compare:
    return compare(operation.direction, less, "=", a);
  default:
    return order_operation(operation.op, less, a);
  }
}

} // namespace

std::string exact_sort(ElementType type) {
  switch (type) {
  case ElementType::Pred:
    return "Bool";
  case ElementType::F16:
    return "(_ FloatingPoint 5 11)";
  case ElementType::BF16:
    return "(_ FloatingPoint 8 8)";
  case ElementType::F32:
    return "(_ FloatingPoint 8 24)";
  case ElementType::F64:
    return "(_ FloatingPoint 11 53)";
  default:
    return "(_ BitVec " + std::to_string(width(type)) + ")";
  }
}

std::string exact_literal(ElementType type, std::uint64_t bits) {
  if (type == ElementType::Pred)
    return bits ? "true" : "false";
  std::string vector = "(_ bv" + std::to_string(bits) + " " + std::to_string(width(type)) + ")";
  if (!semantics::is_float(type))
    return vector;
  std::string sort = exact_sort(type); // "(_ FloatingPoint e s)"
  return "((_ to_fp " + sort.substr(17) + " " + vector + ")";
}

std::optional<std::string> exact_operation(const ScalarOperation &operation, ElementType type,
                                           const Operands &operands) {
  if (semantics::is_float(type))
    return float_operation(operation, type, operands);
  return type == ElementType::Pred ? truth_operation(operation, operands)
                                   : bits_operation(operation, type, operands);
}

std::optional<std::string> real_operation(const ScalarOperation &operation, const Operands &a) {
  switch (operation.op) {
  case OpCode::Add:
    return call("+", a);
  case OpCode::Subtract:
  case OpCode::Negate:
    return call("-", a);
  case OpCode::Multiply:
    return call("*", a);
  case OpCode::Divide:
    return call("/", a);
  case OpCode::Abs:
    return choose("(< " + a[0] + " 0.0)", "(- " + a[0] + ")", a[0]);
  case OpCode::Exponential:
    return call("exp", a);
  case OpCode::Compare:
    return compare(operation.direction, "<", "=", a);
  default:
    return order_operation(operation.op, "<", a);
  }
}

std::optional<std::string> integer_operation(const ScalarOperation &operation, const Operands &a) {
  switch (operation.op) {
  case OpCode::Add:
    return call("+", a);
  case OpCode::Subtract:
  case OpCode::Negate:
    return call("-", a);
  case OpCode::Multiply:
    return call("*", a);
  case OpCode::Remainder: {
    std::string divisor = choose("(< " + a[1] + " 0)", "(- " + a[1] + ")", a[1]);
    return choose("(= " + a[1] + " 0)", a[0],
                  choose("(>= " + a[0] + " 0)", "(mod " + a[0] + " " + divisor + ")",
                         "(- (mod (- " + a[0] + ") " + divisor + "))"));
  }
  case OpCode::Compare:
    return compare(operation.direction, "<", "=", a);
  default:
    return order_operation(operation.op, "<", a);
  }
}

bool is_ring_operation(OpCode op) {
  return op == OpCode::Add || op == OpCode::Subtract || op == OpCode::Multiply ||
         op == OpCode::Negate;
}

std::string wrapped(ElementType type, const std::string &term) {
  std::string modulus = power_of_two(width(type));
  if (!semantics::is_signed_integer(type))
    return "(mod " + term + " " + modulus + ")";
  std::string half = power_of_two(width(type) - 1);
  return "(- (mod (+ " + term + " " + half + ") " + modulus + ") " + half + ")";
}

std::string in_range(ElementType type, const std::string &term) {
  bool sign = semantics::is_signed_integer(type);
  std::string top = power_of_two(width(type) - (sign ? 1 : 0));
  std::string least = sign ? "(- " + top + ")" : "0";
  return "(and (<= " + least + " " + term + ") (< " + term + " " + top + "))";
}

std::string integer_literal(std::int64_t value) {
  std::string text = std::to_string(value);
  return value < 0 ? "(- " + text.substr(1) + ")" : text;
}

} // namespace isamorph::verify
