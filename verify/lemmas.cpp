#include "verify/lemmas.h"

#include "semantics/op.h"
#include "verify/scalar_circuit.h"
#include "verify/scalar_prover.h"

#include <sstream>

namespace isamorph::verify {
namespace {

using semantics::ElementType;
using semantics::OpCode;

std::string float_sort(ElementType type) {
  switch (type) {
  case ElementType::F16:
    return "(_ FloatingPoint 5 11)";
  case ElementType::BF16:
    return "(_ FloatingPoint 8 8)";
  case ElementType::F32:
    return "(_ FloatingPoint 8 24)";
  default:
    return "(_ FloatingPoint 11 53)";
  }
}

/// The text between "(_ FloatingPoint " and ")".
std::string widths(ElementType type) {
  std::string sort = float_sort(type);
  return sort.substr(17, sort.size() - 18);
}

std::string sort_of(ElementType type) {
  if (type == ElementType::Pred)
    return "Bool";
  return semantics::is_float(type)
             ? float_sort(type)
             : "(_ BitVec " + std::to_string(8 * semantics::byte_size(type)) + ")";
}

Obligation claim(const std::string &name, const std::string &logic, const std::string &declarations,
                 const std::string &fact) {
  return {name, "(set-logic " + logic + ")\n" + declarations + "(assert (not " + fact +
                    "))\n(check-sat)\n"};
}

/// Of an integer type or pred.
std::optional<std::string> apply(OpCode op, ElementType type, const std::string &a,
                                 const std::string &b) {
  auto direct = [&](const std::string &f) { return "(" + f + " " + a + " " + b + ")"; };
  bool pred = type == ElementType::Pred, sign = semantics::is_signed_integer(type);
  switch (op) {
  case OpCode::Add:
    return direct(pred ? "or" : "bvadd");
  case OpCode::Multiply:
    return direct(pred ? "and" : "bvmul");
  case OpCode::Maximum:
  case OpCode::Minimum: {
    bool maximum = op == OpCode::Maximum;
    if (pred)
      return direct(maximum ? "or" : "and");
    std::string less = direct(sign ? "bvslt" : "bvult");
    return "(ite " + less + " " + (maximum ? b + " " + a : a + " " + b) + ")";
  }
  case OpCode::And:
    return direct(pred ? "and" : "bvand");
  case OpCode::Or:
    return direct(pred ? "or" : "bvor");
  case OpCode::Xor:
    return direct(pred ? "xor" : "bvxor");
  default:
    return std::nullopt;
  }
}

std::vector<std::string> words_of(const std::string &text) {
  std::istringstream in(text);
  std::vector<std::string> out;
  for (std::string word; in >> word;)
    out.push_back(word);
  return out;
}

std::optional<ElementType> float_named(const std::string &name) {
  auto type = semantics::element_type(name);
  return type && semantics::is_float(*type) ? type : std::nullopt;
}

/// By circuits, for every way of rounding.
std::optional<std::vector<Obligation>> commutative_floats(const std::string &name, OpCode op,
                                                          ElementType type) {
  if (op != OpCode::Add && op != OpCode::Multiply && op != OpCode::Maximum && op != OpCode::Minimum)
    return std::nullopt;
  ScalarClaim claim{{"x", "y"},
                    {type, type},
                    {{OpCode::Parameter, {}, {}, type, 0},
                     {OpCode::Parameter, {}, {}, type, 1},
                     {op, {0, 1}, {}, type, 0},
                     {op, {1, 0}, {}, type, 0}},
                    2,
                    3};
  std::vector<Obligation> out;
  for (const semantics::NumericsProfile &profile : scalar_profiles())
    out.push_back(
        *circuit_obligation(name + ", " + profile.name, claim, semantics::Level::Bits, profile));
  return out;
}

std::optional<std::vector<Obligation>> commutative(const std::string &name,
                                                   const std::vector<std::string> &words) {
  auto op = semantics::op_code(words[1]);
  auto type = semantics::element_type(words[2]);
  if (!op || !type)
    return std::nullopt;
  if (semantics::is_float(*type))
    return commutative_floats(name, *op, *type);
  auto xy = apply(*op, *type, "x", "y"), yx = apply(*op, *type, "y", "x");
  if (!xy)
    return std::nullopt;
  std::string declare =
      "(declare-const x " + sort_of(*type) + ")\n(declare-const y " + sort_of(*type) + ")\n";
  return std::vector{claim(name, "QF_BV", declare, "(= " + *xy + " " + *yx + ")")};
}

std::vector<Obligation> unit_vector_dot(const std::string &name, ElementType element,
                                        ElementType accumulator) {
  std::string t = widths(element), a = widths(accumulator);
  std::string x = "((_ to_fp " + a + ") RNE x)", one = "((_ to_fp " + a + ") RNE 1.0)";
  std::string declare = "(declare-const x " + float_sort(element) + ")\n(declare-const z " +
                        float_sort(accumulator) + ")\n(declare-const w " + float_sort(accumulator) +
                        ")\n(assert (not (fp.isNaN x)))\n(assert (not (fp.isInfinite x)))\n"
                        "(assert (fp.isZero z))\n(assert (fp.isZero w))\n";
  auto fact = [&](const std::string &part, const std::string &text) {
    return claim(name + " " + part, "QF_FP", declare, text);
  };
  return {fact("(a)", "(fp.isZero (fp.mul RNE " + x + " z))"),
          fact("(b)", "(fp.isZero (fp.add RNE z w))"),
          fact("(c)", "(and (fp.eq (fp.add RNE z " + x + ") " + x + ") (fp.eq (fp.add RNE " + x +
                          " z) " + x + "))"),
          fact("(d)", "(= (fp.mul RNE " + x + " " + one + ") " + x + ")"),
          fact("(e)", "(= ((_ to_fp " + t + ") RNE " + x + ") x)")};
}

std::optional<std::vector<Obligation>> neutral(const std::string &name,
                                               const std::vector<std::string> &words) {
  auto type = float_named(words[2]);
  if (!type)
    return std::nullopt;
  std::string one = "((_ to_fp " + widths(*type) + ") RNE 1.0)", value;
  std::string declare =
      "(declare-const x " + float_sort(*type) + ")\n(declare-const z " + float_sort(*type) +
      ")\n(assert (not (fp.isNaN x)))\n(assert (not (fp.isInfinite x)))\n(assert (fp.isZero z))\n";
  if (words[0] == "add" && words[1] == "zero")
    value = "(fp.add RNE x z)";
  else if (words[0] == "subtract" && words[1] == "zero")
    value = "(fp.sub RNE x z)";
  else if (words[0] == "multiply" && words[1] == "one")
    value = "(fp.mul RNE x " + one + ")";
  else if (words[0] == "divide" && words[1] == "one")
    value = "(fp.div RNE x " + one + ")";
  else
    return std::nullopt;
  return std::vector{claim(name, "QF_FP", declare, "(fp.eq " + value + " x)")};
}

std::vector<Obligation> join_extract() {
  std::vector<Obligation> out;
  for (int bytes : {2, 4, 8}) {
    std::string x = "(concat";
    for (int b = bytes - 1; b >= 0; --b)
      x += " ((_ extract " + std::to_string(8 * b + 7) + " " + std::to_string(8 * b) + ") x)";
    out.push_back(claim("join extract " + std::to_string(8 * bytes), "QF_BV",
                        "(declare-const x (_ BitVec " + std::to_string(8 * bytes) + "))\n",
                        "(= " + x + ") x)"));
  }
  return out;
}

std::vector<Obligation> real(const std::string &name, const std::string &f) {
  std::string declare = "(declare-const x Real)\n(declare-const y Real)\n(declare-const z Real)\n";
  return {claim(name + " associative", "QF_NRA", declare,
                "(= (" + f + " (" + f + " x y) z) (" + f + " x (" + f + " y z)))"),
          claim(name + " commutative", "QF_NRA", declare, "(= (" + f + " x y) (" + f + " y x))")};
}

} // namespace

std::string lemma_method(const std::string &name) {
  auto obligations = lemma_obligations(name);
  if (!obligations || obligations->empty())
    return "none";
  const std::string &text = obligations->front().smtlib;
  if (text.starts_with("(set-logic QF_NRA)"))
    return "real arithmetic";
  if (text.starts_with("(set-logic QF_FP)"))
    return "floating-point theory";
  return words_of(name).size() == 3 && float_named(words_of(name)[2]) ? "circuit" : "bit-vectors";
}

std::optional<std::vector<Obligation>> lemma_obligations(const std::string &name) {
  std::vector<std::string> words = words_of(name);
  if (name == "join extract")
    return join_extract();
  if (name == "real sum")
    return real(name, "+");
  if (name == "real product")
    return real(name, "*");
  if (words.size() == 3 && words[0] == "commutative")
    return commutative(name, words);
  if (words.size() == 6 && name.starts_with("unit vector dot ") && words[4] == "in") {
    auto element = float_named(words[3]), accumulator = float_named(words[5]);
    if (element && accumulator)
      return unit_vector_dot(name, *element, *accumulator);
  }
  return words.size() == 3 ? neutral(name, words) : std::nullopt;
}

} // namespace isamorph::verify
