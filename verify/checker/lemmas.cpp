#include "verify/checker/lemmas.h"

#include "verify/checker/product_lemma.h"
#include "verify/checker/scalar_circuit.h"
#include "verify/checker/smt_arithmetic.h"

#include <sstream>

namespace isamorph::verify {
namespace {

using semantics::ElementType;
using semantics::OpCode;

/// The text between "(_ FloatingPoint " and ")".
std::string widths(ElementType type) {
  std::string sort = exact_sort(type);
  return sort.substr(17, sort.size() - 18);
}

Obligation claim(const std::string &name, const std::string &logic, const std::string &declarations,
                 const std::string &fact) {
  return {name, "(set-logic " + logic + ")\n" + declarations + "(assert (not " + fact +
                    "))\n(check-sat)\n"};
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

std::string declarations(ElementType type, std::initializer_list<const char *> names) {
  std::string out;
  for (const char *name : names)
    out += std::string("(declare-const ") + name + " " + exact_sort(type) + ")\n";
  return out;
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

/// "commutative OP TYPE", "associative OP TYPE" and "idempotent OP TYPE". The integers modulo a
/// power of two are a ring because the integers are; there associativity is an identity of numbers.
std::optional<std::vector<Obligation>> symmetry(const std::string &name,
                                                const std::vector<std::string> &words) {
  auto op = semantics::op_code(words[1]);
  auto type = semantics::element_type(words[2]);
  if (!op || !type || !semantics::info(*op).commutative)
    return std::nullopt;
  if (semantics::is_float(*type) && words[0] == "commutative")
    return commutative_floats(name, *op, *type);
  auto apply = [&](const std::string &a, const std::string &b) {
    return exact_operation({*op}, *type, {a, b});
  };
  if (!apply("x", "y"))
    return std::nullopt;
  bool commutes = words[0] == "commutative";
  if (words[0] == "idempotent" && semantics::is_float(*type)) // which may flush x
    return std::nullopt;
  if (words[0] == "idempotent")
    return std::vector{
        claim(name, "QF_BV", declarations(*type, {"x"}), "(= " + *apply("x", "x") + " x)")};
  std::string left = commutes ? *apply("x", "y") : *apply(*apply("x", "y"), "z"),
              right = commutes ? *apply("y", "x") : *apply("x", *apply("y", "z"));
  if (!commutes && semantics::is_integer(*type) && *op == OpCode::Multiply)
    return std::vector{claim(
        name, "QF_NIA", "(declare-const x Int)\n(declare-const y Int)\n(declare-const z Int)\n",
        "(= (* (* x y) z) (* x (* y z)))")};
  // Of floats only extrema are associative. Reading denormals as zeros keeps their order, so that
  // what holds where denormals are kept holds where they are flushed.
  return std::vector{claim(name, semantics::is_float(*type) ? "QF_FP" : "QF_BV",
                           declarations(*type, {"x", "y", "z"}), "(= " + left + " " + right + ")")};
}

std::vector<Obligation> unit_vector_dot(const std::string &name, ElementType element,
                                        ElementType accumulator) {
  std::string t = widths(element), a = widths(accumulator);
  std::string x = "((_ to_fp " + a + ") RNE x)", one = "((_ to_fp " + a + ") RNE 1.0)";
  std::string declare = "(declare-const x " + exact_sort(element) + ")\n(declare-const z " +
                        exact_sort(accumulator) + ")\n(declare-const w " + exact_sort(accumulator) +
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

std::vector<Obligation> zero_products(const std::string &name, ElementType element,
                                      ElementType accumulator) {
  std::string a = widths(accumulator), sort = exact_sort(accumulator);
  std::string x = "((_ to_fp " + a + ") RNE x)", finite;
  for (const char *variable : {"x", "s"})
    finite += "(assert (not (fp.isNaN " + std::string(variable) +
              ")))\n(assert (not (fp.isInfinite " + variable + ")))\n";
  std::string declare = "(declare-const x " + exact_sort(element) + ")\n(declare-const s " + sort +
                        ")\n(declare-const z " + sort + ")\n" + finite + "(assert (fp.isZero z))\n";
  return {claim(name + " (a)", "QF_FP", declare, "(fp.isZero (fp.mul RNE " + x + " z))"),
          claim(name + " (b)", "QF_FP", declare, "(fp.eq (fp.add RNE s z) s)")};
}

std::optional<std::vector<Obligation>> neutral(const std::string &name,
                                               const std::vector<std::string> &words) {
  auto type = float_named(words[2]);
  if (!type)
    return std::nullopt;
  std::string one = "((_ to_fp " + widths(*type) + ") RNE 1.0)", value;
  std::string declare =
      "(declare-const x " + exact_sort(*type) + ")\n(declare-const z " + exact_sort(*type) +
      ")\n(assert (not (fp.isNaN x)))\n(assert (not (fp.isInfinite x)))\n(assert (fp.isZero z))\n";
  if (words[0] == "multiply" && words[1] == "zero")
    return std::vector{claim(name, "QF_FP", declare, "(fp.isZero (fp.mul RNE x z))")};
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

/// One obligation for each fact about real numbers x, y, z that is stated.
std::vector<Obligation>
over_reals(const std::string &name, const std::string &assumed,
           std::initializer_list<std::pair<const char *, const char *>> facts) {
  std::string declare =
      "(declare-const x Real)\n(declare-const y Real)\n(declare-const z Real)\n" + assumed;
  std::vector<Obligation> out;
  for (auto [part, fact] : facts)
    out.push_back(claim(name + " " + part, "QF_NRA", declare, fact));
  return out;
}

std::vector<Obligation> real_ring(const std::string &name) {
  return over_reals(name, "",
                    {{"sum", "(and (= (+ (+ x y) z) (+ x (+ y z))) (= (+ x y) (+ y x)))"},
                     {"product", "(and (= (* (* x y) z) (* x (* y z))) (= (* x y) (* y x)))"},
                     {"distributive", "(= (* x (+ y z)) (+ (* x y) (* x z)))"},
                     {"neutral", "(and (= (+ x 0.0) x) (= (* x 1.0) x) (= (* x 0.0) 0.0))"},
                     {"difference", "(and (= (- x y) (+ x (* (- 1.0) y))) (= (- x) (* (- 1.0) x)) "
                                    "(= (- x x) 0.0))"}});
}

std::vector<Obligation> real_division(const std::string &name) {
  return over_reals(name, "(assert (not (= y 0.0)))\n(assert (not (= z 0.0)))\n",
                    {{"reciprocal", "(= (/ x y) (* x (/ 1.0 y)))"},
                     {"cancels", "(and (= (* y (/ 1.0 y)) 1.0) (= (/ 1.0 (/ 1.0 y)) y))"},
                     {"product", "(= (/ 1.0 (* y z)) (* (/ 1.0 y) (/ 1.0 z)))"}});
}

std::vector<Obligation> real_maximum(const std::string &name) {
  return over_reals(
      name,
      "(define-fun max ((a Real) (b Real)) Real (ite (>= a b) a b))\n"
      "(define-fun min ((a Real) (b Real)) Real (ite (<= a b) a b))\n",
      {{"set", "(and (= (max (max x y) z) (max x (max y z))) (= (max x y) (max y x)) (= (max x x) "
               "x))"},
       {"multiple", "(=> (> z 0.0) (= (* z (max x y)) (max (* z x) (* z y))))"},
       {"order", "(=> (>= (- x y) 0.0) (= (max x y) x))"},
       {"minimum", "(= (min x y) (- (max (- x) (- y))))"},
       {"absolute value", "(= (ite (>= x 0.0) x (- x)) (max x (- x)))"},
       {"square", "(>= (* x x) 0.0)"}});
}

/// Integers are a commutative ring, and so are their remainders modulo m: what was reduced, r of
/// x = m q + r, may be reduced again after a sum or product.
std::vector<Obligation> integer_ring(const std::string &name) {
  std::string declare = "(declare-const x Int)\n(declare-const y Int)\n(declare-const z Int)\n"
                        "(declare-const m Int)\n(declare-const q Int)\n(declare-const r Int)\n";
  auto fact = [&](const std::string &part, const std::string &text) {
    return claim(name + " " + part, "QF_NIA", declare, text);
  };
  return {fact("sum", "(and (= (+ (+ x y) z) (+ x (+ y z))) (= (+ x y) (+ y x)))"),
          fact("product", "(and (= (* (* x y) z) (* x (* y z))) (= (* x y) (* y x)))"),
          fact("distributive", "(= (* x (+ y z)) (+ (* x y) (* x z)))"),
          fact("reduced sum", "(= (+ (+ (* m q) r) y) (+ (* m q) (+ r y)))"),
          fact("reduced product", "(= (* (+ (* m q) r) y) (+ (* m (* q y)) (* r y)))")};
}

/// A number within the range of a type is what wrapping leaves of it, read as that type.
std::vector<Obligation> integer_range(const std::string &name) {
  std::vector<Obligation> out;
  std::string declare = "(declare-const x Int)\n(declare-const y Int)\n(declare-const k Int)\n";
  for (int bits : {8, 16, 32, 64})
    for (bool sign : {false, true}) {
      std::string size = bits == 64 ? "18446744073709551616"
                                    : std::to_string(std::uint64_t{1} << bits),
                  half = std::to_string(std::uint64_t{1} << (bits - 1));
      auto within = [&](const std::string &v) {
        return sign ? "(and (<= (- " + half + ") " + v + ") (< " + v + " " + half + "))"
                    : "(and (<= 0 " + v + ") (< " + v + " " + size + "))";
      };
      out.push_back(claim(name + (sign ? " s" : " u") + std::to_string(bits), "QF_LIA",
                          declare + "(assert " + within("x") + ")\n(assert " + within("y") +
                              ")\n(assert (= x (+ y (* " + size + " k))))\n",
                          "(= x y)"));
    }
  return out;
}

/// Three variables of a type, for claims about its operations.
std::string three(ElementType type) { return declarations(type, {"x", "y", "z"}); }

std::optional<std::string> apply(OpCode op, ElementType type, const std::string &a,
                                 const std::string &b) {
  return exact_operation({op}, type, {a, b});
}

/// Operands may be regrouped, exchanged and repeated.
std::vector<Obligation> semilattice(const std::string &name, OpCode op, ElementType type) {
  auto with = [&](const std::string &a, const std::string &b) { return *apply(op, type, a, b); };
  auto fact = [&](const std::string &part, const std::string &a, const std::string &b) {
    return claim(name + " " + part, "QF_BV", three(type), "(= " + a + " " + b + ")");
  };
  return {fact("associative", with(with("x", "y"), "z"), with("x", with("y", "z"))),
          fact("commutative", with("x", "y"), with("y", "x")),
          fact("idempotent", with("x", "x"), "x")};
}

/// Maximum and minimum: semilattices that absorb and distribute over each other.
std::vector<Obligation> lattice(const std::string &name, ElementType type) {
  std::vector<Obligation> out;
  for (OpCode op : {OpCode::Maximum, OpCode::Minimum}) {
    std::string own = name + " " + std::string(semantics::info(op).name);
    OpCode other = op == OpCode::Maximum ? OpCode::Minimum : OpCode::Maximum;
    auto in = [&](const std::string &a, const std::string &b) { return *apply(op, type, a, b); };
    auto over = [&](const std::string &a, const std::string &b) {
      return *apply(other, type, a, b);
    };
    for (Obligation &obligation : semilattice(own, op, type))
      out.push_back(std::move(obligation));
    out.push_back(
        claim(own + " absorbs", "QF_BV", three(type), "(= " + in("x", over("x", "y")) + " x)"));
    out.push_back(
        claim(own + " distributes", "QF_BV", three(type),
              "(= " + in("x", over("y", "z")) + " " + over(in("x", "y"), in("x", "z")) + ")"));
  }
  return out;
}

/// "semilattice and u8", "lattice s32"
std::optional<std::vector<Obligation>> ordered(const std::string &name,
                                               const std::vector<std::string> &words) {
  auto type = semantics::element_type(words.back());
  if (!type || !semantics::is_integer(*type))
    return std::nullopt;
  if (words.size() == 2)
    return words[0] == "lattice" ? std::optional(lattice(name, *type)) : std::nullopt;
  auto op = semantics::op_code(words[1]);
  bool known =
      words.size() == 3 && words[0] == "semilattice" && (op == OpCode::And || op == OpCode::Or);
  return known ? std::optional(semilattice(name, *op, *type)) : std::nullopt;
}

} // namespace

bool is_law(const std::string &name) {
  for (const char *law :
       {"exp(a+b)=exp(a)exp(b)", "exp(0)=1", "exp(x)>=0, logistic(x)>=0, sqrt(x)>=0", "exp(x)>0",
        "log(exp(x))=x", "log(a*b)=log(a)+log(b) where a>0 and b>0", "exp(log(x))=x where x>0",
        "exponential-minus-one(x)=exp(x)-1", "log-plus-one(x)=log(1+x)", "rsqrt(x)=1/sqrt(x)",
        "logistic(x)=1/(1+exp(-x))", "tanh(x)=1-2/(exp(2x)+1)"})
    if (name == law)
      return true;
  return false;
}

std::vector<std::string> shipped_lemmas() { return {"exact product bf16 in f32"}; }

std::string lemma_method(const std::string &name) {
  auto obligations = lemma_obligations(name);
  if (!obligations || obligations->empty())
    return "none";
  const std::string &text = obligations->front().smtlib;
  std::string_view logic(text);
  logic = logic.substr(0, logic.find(')'));
  if (logic == "(set-logic QF_NRA")
    return "real arithmetic";
  if (logic == "(set-logic QF_NIA" || logic == "(set-logic QF_LIA")
    return "integer arithmetic";
  if (logic == "(set-logic QF_FP")
    return "floating-point theory";
  if (name.starts_with("exact product "))
    return "circuit";
  return words_of(name).size() == 3 && float_named(words_of(name)[2]) ? "circuit" : "bit-vectors";
}

std::optional<std::vector<Obligation>> lemma_obligations(const std::string &name) {
  std::vector<std::string> words = words_of(name);
  if (name == "join extract")
    return join_extract();
  if (name == "integer ring")
    return integer_ring(name);
  if (name == "integer range")
    return integer_range(name);
  if (words.size() >= 2 && (words[0] == "lattice" || words[0] == "semilattice"))
    return ordered(name, words);
  if (name == "exact product bf16 in f32")
    return exact_product(name);
  if (name == "real ring")
    return real_ring(name);
  if (name == "real division")
    return real_division(name);
  if (name == "real maximum")
    return real_maximum(name);
  if (words.size() == 3 &&
      (words[0] == "commutative" || words[0] == "associative" || words[0] == "idempotent"))
    return symmetry(name, words);
  if (words.size() == 6 && name.starts_with("unit vector dot ") && words[4] == "in") {
    auto element = float_named(words[3]), accumulator = float_named(words[5]);
    if (element && accumulator)
      return unit_vector_dot(name, *element, *accumulator);
  }
  if (words.size() == 5 && name.starts_with("zero products ") && words[3] == "in") {
    auto element = float_named(words[2]), accumulator = float_named(words[4]);
    if (element && accumulator)
      return zero_products(name, *element, *accumulator);
  }
  return words.size() == 3 ? neutral(name, words) : std::nullopt;
}

} // namespace isamorph::verify
