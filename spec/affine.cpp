#include "spec/affine.h"

#include <algorithm>
#include <limits>

namespace isamorph::spec {
namespace {

using semantics::Cursor;
using semantics::fail;
using semantics::Location;

constexpr int kMaxDepth = 100;

std::int64_t checked(char op, std::int64_t a, std::int64_t b, const Location &where) {
  std::int64_t out = 0;
  bool overflow = op == '+'   ? __builtin_add_overflow(a, b, &out)
                  : op == '-' ? __builtin_sub_overflow(a, b, &out)
                              : __builtin_mul_overflow(a, b, &out);
  if (overflow)
    fail(where, "this integer does not fit 64 bits");
  return out;
}

class Parser {
public:
  Parser(Cursor &cursor, std::span<const std::string> variables)
      : cursor_(cursor), variables_(variables) {}

  Affine sum(int depth) {
    Affine left = product(depth);
    while (cursor_.looking_at("+") || cursor_.looking_at("-")) {
      Location where = cursor_.here();
      char op = cursor_.accept("+") ? '+' : '-';
      if (op == '-')
        cursor_.expect("-");
      left = combine(op, left, product(depth), where);
    }
    return left;
  }

private:
  Affine product(int depth) {
    Affine left = atom(depth);
    while (cursor_.looking_at("*")) {
      Location where = cursor_.here();
      cursor_.expect("*");
      left = combine('*', left, atom(depth), where);
    }
    return left;
  }

  Affine atom(int depth) {
    if (depth > kMaxDepth)
      cursor_.error("this expression is nested too deeply");
    if (cursor_.accept("(")) {
      Affine value = sum(depth + 1);
      cursor_.expect(")");
      return value;
    }
    Location where = cursor_.here();
    if (auto name = cursor_.try_identifier()) {
      auto variable = find_variable(variables_, *name);
      if (!variable)
        fail(where, "expected an integer, found '" + *name + "'",
             variables_.empty() ? ""
                                : "variables of the loops here: " + semantics::join(variables_));
      return {0, {{*variable, 1}}};
    }
    if (!negates())
      return {cursor_.integer(), {}};
    cursor_.expect("-");
    return combine('*', {-1, {}}, atom(depth + 1), where);
  }

  /// Whether a '-' comes that is not the sign of a number.
  bool negates() {
    if (!cursor_.looking_at("-"))
      return false;
    std::size_t next = cursor_.here().offset + 1;
    const std::string &text = cursor_.source()->text;
    return next < text.size() && !(text[next] >= '0' && text[next] <= '9');
  }

  Cursor &cursor_;
  std::span<const std::string> variables_;
};

/// One more term of a printed sum: "-x" becomes " - x" behind others.
void append(std::string &out, std::int64_t factor, const std::string &variable) {
  bool turn = !out.empty() && factor < 0 && factor != std::numeric_limits<std::int64_t>::min();
  out += out.empty() ? "" : turn ? " - " : " + ";
  std::int64_t shown = turn ? -factor : factor;
  if (variable.empty())
    out += std::to_string(shown);
  else if (shown == 1 || shown == -1)
    out += (shown < 0 ? "-" : "") + variable;
  else
    out += std::to_string(shown) + "*" + variable;
}

} // namespace

Affine combine(char op, const Affine &a, const Affine &b, const Location &where) {
  if (op == '*' && !a.terms.empty() && !b.terms.empty())
    fail(where, "a product of loop variables is not affine");
  if (op == '*') {
    const Affine &form = a.terms.empty() ? b : a;
    std::int64_t factor = a.terms.empty() ? a.constant : b.constant;
    Affine out{checked('*', form.constant, factor, where), {}};
    for (auto [variable, old] : form.terms)
      if (factor != 0)
        out.terms.emplace_back(variable, checked('*', old, factor, where));
    return out;
  }
  Affine out{checked(op, a.constant, b.constant, where), a.terms};
  for (auto [variable, factor] : b.terms) {
    auto at = std::lower_bound(out.terms.begin(), out.terms.end(), variable,
                               [](const auto &term, std::uint32_t v) { return term.first < v; });
    if (at == out.terms.end() || at->first != variable)
      at = out.terms.insert(at, {variable, 0});
    at->second = checked(op, at->second, factor, where);
  }
  std::erase_if(out.terms, [](const auto &term) { return term.second == 0; });
  return out;
}

Affine parse_affine(Cursor &cursor, std::span<const std::string> variables) {
  return Parser(cursor, variables).sum(0);
}

std::string affine_text(const KernelInstruction &call, std::uint32_t attribute,
                        std::span<const std::string> variables) {
  std::string out;
  for (const Stride &stride : call.strides)
    if (stride.attribute == attribute)
      append(out, stride.factor, variables[stride.depth]);
  if (out.empty() || call.attributes[attribute] != 0)
    append(out, call.attributes[attribute], "");
  return out;
}

std::optional<std::uint32_t> find_variable(std::span<const std::string> variables,
                                           std::string_view name) {
  auto found = std::find(variables.rbegin(), variables.rend(), name);
  if (found == variables.rend())
    return std::nullopt;
  return static_cast<std::uint32_t>(variables.rend() - found - 1);
}

void LoopStack::open(Loop loop) {
  loop.first = loop.last = static_cast<std::uint32_t>(kernel_.instructions.size());
  open_.push_back(static_cast<std::uint32_t>(kernel_.loops.size()));
  variables_.push_back(loop.variable);
  kernel_.loops.push_back(std::move(loop));
}

void LoopStack::close() {
  kernel_.loops[open_.back()].last = static_cast<std::uint32_t>(kernel_.instructions.size());
  open_.pop_back();
  variables_.pop_back();
}

} // namespace isamorph::spec
