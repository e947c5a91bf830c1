#include "verify/isa_check.h"

#include "semantics/interrupt_point.h"
#include "spec/state.h"
#include "spec/unroll.h"
#include "verify/integer_formula.h"
#include "verify/smt.h"
#include "verify/typing.h"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>

namespace isamorph::verify {
namespace {

using semantics::Bindings;
using semantics::IntExpr;
using semantics::IntOp;

/// The value of `symbol` in a model as solvers print it: "(define-fun symbol () Int\n  (- 5))".
std::optional<std::int64_t> value_in(const std::string &model, const std::string &symbol) {
  std::string head = "(define-fun " + symbol + " () Int";
  std::size_t at = model.find(head);
  if (at == std::string::npos)
    return std::nullopt;
  at = model.find_first_not_of(" \n\t", at + head.size());
  if (at == std::string::npos)
    return std::nullopt;
  bool negative = model.compare(at, 3, "(- ") == 0;
  std::size_t begin = at + (negative ? 3 : 0), end = model.find_first_not_of("0123456789", begin);
  std::string digits = model.substr(begin, end == std::string::npos ? end : end - begin);
  if (digits.empty() || digits.size() > 18)
    return std::nullopt;
  return negative ? -std::stoll(digits) : std::stoll(digits);
}

/// Of an arm that stands alone (spec::Arms).
class ArmCheck {
public:
  ArmCheck(const spec::Isa &isa, const spec::Instruction &instruction,
           const IsaCheckOptions &options, IsaCheck &out)
      : isa_(isa), instruction_(instruction), options_(options), out_(out) {
    write_premises();
  }

  void run() {
    for (const spec::Read &read : instruction_.reads)
      region(read.region, "%" + read.name);
    Typing typing = typing_of(instruction_.body);
    for (std::size_t i = 0; i < instruction_.writes.size(); ++i)
      written(i);
    for (const TypingFinding &finding : typing.findings)
      report(finding.wrong ? Severity::Error : Severity::Unknown, finding.location,
             finding.message);
    out_.obligations += typing.findings.size();
    for (const Requirement &requirement : typing.requirements)
      decide(requirement);
    decide({instruction_.location, "the latency", 0, instruction_.cost.latency, IntOp::LessEqual});
    decide({instruction_.location, "the bytes", 0, instruction_.cost.bytes, IntOp::LessEqual});
  }

  /// False when no attributes and no state satisfy its conditions.
  bool can_run() {
    if (instruction_.constraints.empty())
      return true;
    ++out_.obligations;
    SmtResult result = solve("can run", "");
    if (result.answer == SmtAnswer::Unknown)
      report(Severity::Unknown, instruction_.location,
             "whether its conditions can hold was not decided: " + result.detail);
    out_.proved += result.answer == SmtAnswer::Refuted;
    return result.answer != SmtAnswer::Proved;
  }

private:
  const std::vector<std::string> &names() const { return instruction_.symbols.integers.names; }

  void report(Severity severity, const semantics::Location &where, const std::string &message) {
    out_.findings.push_back({severity, where, instruction_.name + ": " + message});
  }

  void write_premises() {
    premises_ = "(set-logic ALL)\n";
    for (std::size_t i = 0; i < names().size(); ++i) {
      premises_ += "(declare-const n_" + names()[i] + " Int)\n";
      if (i >= instruction_.attribute_count())
        in_range(i, isa_.state[i - instruction_.attribute_count()]);
      else if (i >= instruction_.computational)
        premises_ += "(assert (<= 0 n_" + names()[i] + "))\n";
    }
    for (std::size_t i = 0; i < instruction_.constraints.size(); ++i)
      try {
        premises_ += "(assert " + integer_formula(instruction_.constraints[i]) + ")\n";
      } catch (const OutsideFragment &error) {
        // Fewer premises: what is proved still holds, and a counterexample is evaluated before it
        // is believed.
        report(Severity::Unknown, instruction_.location,
               "`" + instruction_.constraint_texts[i] + "`: " + error.what());
      }
  }

  void in_range(std::size_t symbol, const spec::StateVariable &variable) {
    IntExpr value = IntExpr::variable(static_cast<std::uint32_t>(symbol), variable.name);
    for (const IntExpr &claim : {IntExpr::make(IntOp::LessEqual, {variable.low, value}),
                                 IntExpr::make(IntOp::LessEqual, {value, variable.high})})
      premises_ += "(assert " + integer_formula(claim) + ")\n";
  }

  SmtResult solve(const std::string &what, const std::string &assertions) const {
    SmtResult result = check({isa_.name + " " + instruction_.name + ": " + what,
                              premises_ + assertions + "(check-sat)\n"},
                             {options_.timeout_ms, 0, options_.interrupt});
    semantics::interrupt_point();
    return result;
  }

  void region(const spec::Region &region, const std::string &what) {
    const spec::Buffer &buffer = isa_.buffer(region.buffer);
    if (region.steps)
      decide({region.location, "how often the region of " + what + " is repeated", 1,
              region.steps->count, IntOp::LessEqual});
    for (std::size_t d = 0; d < region.extents.size(); ++d) {
      std::string extent = "the extent of " + what + " in dimension " + std::to_string(d) +
                           " of buffer '" + buffer.name + "'";
      decide({region.location, extent, 0, region.extents[d], IntOp::LessEqual});
      if (!buffer.off_chip)
        decide({region.location, extent, region.extents[d], buffer.addressed[d], IntOp::LessEqual});
    }
  }

  void written(std::size_t index) {
    const spec::Write &write = instruction_.writes[index];
    const spec::Buffer &buffer = isa_.buffer(write.region.buffer);
    region(write.region, "%" + write.value);
    std::vector<IntExpr> sizes;
    if (write.region.steps)
      sizes.push_back(write.region.steps->count);
    sizes.insert(sizes.end(), write.region.extents.begin(), write.region.extents.end());
    sizes.insert(sizes.end(), buffer.unit.begin(), buffer.unit.end());
    const semantics::ShapeTemplate &value =
        instruction_.body.nodes[instruction_.body.results[index]].shape;
    const auto *type = std::get_if<semantics::ElementType>(&value.type);
    if (!type || *type != buffer.type || value.dims.size() != sizes.size()) {
      ++out_.obligations;
      report(Severity::Error, write.region.location,
             "%" + write.value + " has another element type or rank than its region of '" +
                 buffer.name + "'");
      return;
    }
    for (std::size_t d = 0; d < sizes.size(); ++d)
      decide({write.region.location,
              "size of dimension " + std::to_string(d) + " of the written %" + write.value,
              value.dims[d], sizes[d]});
  }

  /// Proved, or a finding. Conditions without attributes need no solver.
  void decide(const Requirement &requirement) {
    ++out_.obligations;
    IntExpr claim = IntExpr::make(requirement.relation, {requirement.left, requirement.right});
    if (requirement.relation == IntOp::Equal && requirement.left == requirement.right)
      claim = 1;
    if (claim.is_constant() && claim.value() != 0) {
      ++out_.proved;
      return;
    }
    try {
      std::string denied = "(assert (not " + integer_formula(claim) + "))\n";
      SmtResult result = solve(requirement.what, denied);
      if (result.answer == SmtAnswer::Proved) {
        ++out_.proved;
        return;
      }
      std::optional<Bindings> values = result.answer == SmtAnswer::Refuted
                                           ? counterexample(claim, denied, result.detail)
                                           : std::nullopt;
      if (values)
        report(Severity::Error, requirement.location, explain(requirement, *values));
      else
        report(Severity::Unknown, requirement.location,
               requirement.what + ": " + (result.detail.empty() ? "not decided" : reason(result)));
    } catch (const OutsideFragment &error) {
      report(Severity::Unknown, requirement.location, requirement.what + ": " + error.what());
    }
  }

  static std::string reason(const SmtResult &result) {
    return result.answer == SmtAnswer::Refuted ? "the counterexample found has no value in 64 bits"
                                               : result.detail;
  }

  /// Attribute values that violate the claim, small ones if there are, checked by evaluation.
  std::optional<Bindings> counterexample(const IntExpr &claim, const std::string &denied,
                                         const std::string &any) const {
    for (int bound : {1, 2, 8, 64, 256, 65536}) {
      std::string bounds;
      for (const std::string &n : names())
        bounds += "(assert (<= (- " + std::to_string(bound) + ") n_" + n + " " +
                  std::to_string(bound) + "))\n";
      SmtResult result = solve("small counterexample", denied + bounds);
      if (result.answer == SmtAnswer::Refuted)
        if (auto values = confirmed(claim, result.detail))
          return values;
    }
    return confirmed(claim, any);
  }

  std::optional<Bindings> confirmed(const IntExpr &claim, const std::string &model) const {
    Bindings values;
    for (const std::string &n : names())
      values.emplace_back(value_in(model, "n_" + n).value_or(0));
    for (const IntExpr &constraint : instruction_.constraints)
      if (constraint.evaluate(values).value_or(0) == 0)
        return std::nullopt;
    return claim.evaluate(values) == std::optional<std::int64_t>(0) ? std::optional(values)
                                                                    : std::nullopt;
  }

  std::string explain(const Requirement &requirement, const Bindings &values) const {
    auto side = [&](const IntExpr &e) {
      auto value = e.evaluate(values);
      return e.is_constant() || !value ? e.to_string()
                                       : e.to_string() + " = " + std::to_string(*value);
    };
    std::vector<char> used(names().size(), 0);
    auto mark = [&](std::uint32_t index) { used[index] = 1; };
    requirement.left.for_each_variable(mark);
    requirement.right.for_each_variable(mark);
    std::vector<std::string> bound;
    for (std::size_t i = 0; i < names().size(); ++i)
      if (used[i])
        bound.push_back(names()[i] + " = " + std::to_string(*values[i]));
    const char *relation =
        requirement.relation == IntOp::Equal ? " must be equal to " : " must be at most ";
    std::string text =
        requirement.what + ": " + side(requirement.left) + relation + side(requirement.right);
    return bound.empty() ? text : text + ", which fails for " + semantics::join(bound);
  }

  const spec::Isa &isa_;
  const spec::Instruction &instruction_;
  const IsaCheckOptions &options_;
  IsaCheck &out_;
  std::string premises_;
};

/// An instruction by its arms.
class InstructionCheck {
public:
  InstructionCheck(const spec::Instruction &instruction, std::span<const spec::Instruction> arms,
                   IsaCheck &out)
      : instruction_(instruction), arms_(arms), out_(out) {}

  void run(const spec::Isa &isa, const IsaCheckOptions &options) {
    std::size_t can_run = 0, never = 0;
    for (const spec::Instruction &arm : arms_) {
      ArmCheck check(isa, arm, options, out_);
      if (!check.can_run()) {
        ++never;
        continue;
      }
      ++can_run;
      check.run();
    }
    if (can_run == 0)
      report(Severity::Error,
             "can never run: no attribute values satisfy `where " + conditions() + "`");
    else
      unused_attributes();
    out_.proved += can_run == 0 ? 0 : never; // such an arm needs no more
  }

private:
  void report(Severity severity, const std::string &message) {
    out_.findings.push_back({severity, instruction_.location, instruction_.name + ": " + message});
  }

  std::string conditions() const {
    return semantics::join(instruction_.ways().front().constraint_texts);
  }

  void unused_attributes() {
    std::vector<char> used(instruction_.symbols.integers.names.size(), 0);
    auto mark = [&](const IntExpr &e) {
      e.for_each_variable([&](std::uint32_t index) { used[index] = 1; });
    };
    auto mark_region = [&](const spec::Region &r) {
      std::for_each(r.starts.begin(), r.starts.end(), mark);
      std::for_each(r.extents.begin(), r.extents.end(), mark);
      if (r.steps)
        mark(r.steps->count), mark(r.steps->distance);
    };
    for (const spec::Instruction &way : instruction_.ways()) {
      for (const spec::Read &read : way.reads)
        mark_region(read.region);
      for (const spec::Write &write : way.writes)
        mark_region(write.region);
      for (const spec::Update &update : way.before)
        mark(update.value);
      for (const spec::Update &update : way.after)
        mark(update.value);
      mark(way.guard);
      for (std::uint32_t index : spec::body_variables(way))
        used[index] = 1;
    }
    for (std::size_t i = 0; i < instruction_.attribute_count(); ++i)
      if (!used[i])
        report(Severity::Warning, "attribute '" + instruction_.symbols.integers.names[i] +
                                      "' has no influence on what the instruction does");
  }

  const spec::Instruction &instruction_;
  std::span<const spec::Instruction> arms_;
  IsaCheck &out_;
};

} // namespace

std::string_view name(Severity severity) {
  return severity == Severity::Error     ? "error"
         : severity == Severity::Unknown ? "unknown"
                                         : "warning";
}

bool IsaCheck::has(Severity severity) const {
  return std::any_of(findings.begin(), findings.end(),
                     [&](const IsaFinding &finding) { return finding.severity == severity; });
}

IsaCheck check_isa(const spec::Isa &isa, const IsaCheckOptions &options) {
  auto begin = std::chrono::steady_clock::now();
  IsaCheck out;
  spec::Arms arms(isa);
  for (std::uint32_t i = 0; i < isa.instructions.size(); ++i)
    try {
      InstructionCheck(isa.instructions[i],
                       std::span(arms.isa.instructions)
                           .subspan(arms.first[i], arms.first[i + 1] - arms.first[i]),
                       out)
          .run(arms.isa, options);
    } catch (const semantics::Interrupted &) {
      throw semantics::Interrupted(
          fmt::format("interrupted in instruction {}, {} of {}: {} obligations proved so far",
                      isa.instructions[i].name, i + 1, isa.instructions.size(), out.proved));
    }
  out.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return out;
}

} // namespace isamorph::verify
