#include "verify/integer_formula.h"

namespace isamorph::verify {
namespace {

using semantics::IntExpr;
using semantics::IntOp;

std::string call(const std::string &f, const std::string &a, const std::string &b) {
  return "(" + f + " " + a + " " + b + ")";
}

bool is_truth(IntOp op) {
  return op == IntOp::Not || op == IntOp::Equal || op == IntOp::NotEqual || op == IntOp::Less ||
         op == IntOp::LessEqual || op == IntOp::And || op == IntOp::Or;
}

} // namespace

std::string integer_formula(const IntExpr &e, Divisors *divisors) {
  auto arguments = e.arguments();
  auto terms = [&](const char *f) {
    return call(f, integer_term(arguments[0], divisors), integer_term(arguments[1], divisors));
  };
  auto formulas = [&](const char *f) {
    return call(f, integer_formula(arguments[0], divisors),
                integer_formula(arguments[1], divisors));
  };
  switch (e.op()) {
  case IntOp::Not:
    return "(not " + integer_formula(arguments[0], divisors) + ")";
  case IntOp::Equal:
    return terms("=");
  case IntOp::NotEqual:
    return "(not " + terms("=") + ")";
  case IntOp::Less:
    return terms("<");
  case IntOp::LessEqual:
    return terms("<=");
  case IntOp::And:
    return formulas("and");
  case IntOp::Or:
    return formulas("or");
  default:
    return "(not (= " + integer_term(e, divisors) + " 0))";
  }
}

std::string integer_term(const IntExpr &e, Divisors *divisors) {
  if (is_truth(e.op()))
    return "(ite " + integer_formula(e, divisors) + " 1 0)";
  auto arguments = e.arguments();
  auto both = [&](const char *f) {
    return call(f, integer_term(arguments[0], divisors), integer_term(arguments[1], divisors));
  };
  auto extreme = [&](bool minimum) {
    std::string a = integer_term(arguments[0], divisors), b = integer_term(arguments[1], divisors);
    return "(ite (<= " + a + " " + b + ") " + (minimum ? a + " " + b : b + " " + a) + ")";
  };
  switch (e.op()) {
  case IntOp::Constant:
    return e.value() < 0 ? "(- " + std::to_string(e.value()).substr(1) + ")"
                         : std::to_string(e.value());
  case IntOp::Variable:
    return "n_" + e.name();
  case IntOp::Negate:
    return "(- " + integer_term(arguments[0], divisors) + ")";
  case IntOp::Add:
    return both("+");
  case IntOp::Subtract:
    return both("-");
  case IntOp::Multiply:
    return both("*");
  case IntOp::Min:
    return extreme(true);
  case IntOp::Max:
    return extreme(false);
  default: // for a positive divisor SMT-LIB's div and mod round down, as ours do
    if (!arguments[1].is_constant() || arguments[1].value() <= 0) {
      if (!divisors)
        throw OutsideFragment("division by something other than a positive number");
      divisors->insert(integer_term(arguments[1], divisors));
    }
    return both(e.op() == IntOp::Divide ? "div" : "mod");
  }
}

} // namespace isamorph::verify
