#include "verify/checker/chain_checker.h"

#include "semantics/byte_sources.h"
#include "semantics/evaluator.h"
#include "semantics/hlo.h"
#include "semantics/rewrite_chain.h"
#include "verify/checker/kernel_terms.h"
#include "verify/checker/lemma_parts.h"
#include "verify/checker/rule_lemma.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <map>

namespace isamorph::verify {
namespace {

using semantics::InputError;
using semantics::NodeId;
using semantics::OpCode;
using semantics::RewriteRule;
using semantics::Shape;
using semantics::SymbolValues;
using semantics::TensorTerms;

/// Larger constants are not made.
constexpr std::int64_t kMaxConstantElements = std::int64_t{1} << 24;

std::uint32_t symbol(const std::optional<std::uint32_t> &index, const Part &part) {
  if (!index)
    part.refuse("the rule has no such symbol");
  return *index;
}

/// {"m": 64, "T": "bf16", "s": [8, 64], "F": "exponential"}
SymbolValues symbol_values(const Part &part, const semantics::Symbols &symbols) {
  SymbolValues out(symbols);
  for (const auto &[name, value] : part.json().items()) {
    const Part at = part.at(name.c_str());
    if (value.is_number()) {
      out.integers[symbol(symbols.integers.find(name), at)] = at.integer();
    } else if (value.is_array()) {
      auto &sizes = out.shapes[symbol(symbols.shapes.find(name), at)].emplace();
      for (const Part &size : at.elements())
        sizes.push_back(size.integer());
    } else if (auto type = semantics::element_type(at.text())) {
      out.types[symbol(symbols.types.find(name), at)] = *type;
    } else if (auto op = semantics::op_code(at.text())) {
      out.operations[symbol(symbols.operations.find(name), at)] = semantics::OperationValue{*op};
    } else {
      at.refuse("'" + at.text() + "' is neither an element type nor an operation");
    }
  }
  return out;
}

class ChainChecker {
public:
  ChainChecker(const Part &part, const ChainSubject &subject, const CheckOptions &options,
               CheckReport &report)
      : part_(part), subject_(subject), options_(options), report_(report) {}

  void check() {
    part_.only({"terms", "rules", "lemmas", "parts", "outputs"});
    read_terms();
    for (const Part &rule : part_.at("rules").elements())
      read_rule(rule);
    for (const Part &path : part_.at("parts").elements())
      parts_.push_back(check_path(path));
    check_ends(part_.at("outputs"));
    check_uses();
    report_.steps.push_back(fmt::format(
        "chain of {} rewriting steps by {} rules: from the program's terms to the kernel's", steps_,
        rules_.size()));
    check_lemmas_of_rules();
    summarize();
  }

private:
  struct Path {
    NodeId from, to;
    bool used = false;
  };
  struct Rule {
    RewriteRule rule;
    bool used = false;
  };

  /// Term number i is the one that the text calls t<i>.
  void read_terms() {
    const Part part = part_.at("terms");
    part.only({"text", "sha256"});
    semantics::SourceRef source = embedded(part);
    try {
      semantics::TensorGraph graph = semantics::parse_hlo(source);
      std::vector<NodeId> ids = terms_.add(graph);
      for (std::size_t i = 0; i < ids.size(); ++i)
        by_name_.emplace(graph.nodes[i].name, ids[i]);
    } catch (const InputError &error) {
      part.refuse(error.what());
    }
  }

  NodeId term(const Part &number) const {
    auto found = by_name_.find("t" + std::to_string(number.index(~std::uint32_t{0})));
    if (found == by_name_.end())
      number.refuse("there is no such term");
    return found->second;
  }

  void read_rule(const Part &part) {
    part.only({"text", "sha256", "lemma"});
    semantics::SourceRef source = embedded(part);
    std::vector<RewriteRule> read;
    try {
      read = semantics::parse_rules(source);
    } catch (const InputError &error) {
      part.refuse(error.what());
    }
    if (read.size() != 1 || read[0].from.results.size() != 1 || read[0].to.results.size() != 1)
      part.at("text").refuse("must be one rule between two terms");
    const RewriteRule &rule = read[0];
    if (!semantics::implies(rule.level, subject_.level))
      part.at("text").refuse(fmt::format("rule '{}' holds at {}, which is weaker than {}",
                                         rule.name, semantics::name(rule.level),
                                         semantics::name(subject_.level)));
    rules_.push_back({std::move(read[0])});
  }

  void check_lemmas_of_rules() {
    std::vector<Part> rules = part_.at("rules").elements();
    for (std::size_t r = 0; r < rules.size(); ++r)
      check_rule_lemma(rules[r].at("lemma"), rules_[r].rule, subject_.isa.numerics, options_,
                       done_);
    const Part lemmas = part_.at("lemmas");
    std::set<std::string> listed = check_lemmas(lemmas, options_, report_);
    for (const std::string &lemma : done_.scalar)
      if (!listed.contains(lemma))
        lemmas.refuse("a rule rests on lemma '" + lemma + "', which is not listed");
    for (const std::string &lemma : listed)
      if (!done_.scalar.contains(lemma))
        lemmas.refuse("no rule rests on lemma '" + lemma + "'");
  }

  Path check_path(const Part &path) {
    path.only({"from", "to", "steps"});
    NodeId now = term(path.at("from")), end = term(path.at("to"));
    Path out{now, end};
    for (const Part &step : path.at("steps").elements()) {
      now = check_step(step, now);
      ++steps_;
    }
    if (now != end)
      path.at("to").refuse("the steps do not end there");
    return out;
  }

  /// The whole term after a step.
  NodeId check_step(const Part &step, NodeId now) {
    std::vector<std::uint32_t> at;
    for (const Part &operand : step.at("at").elements())
      at.push_back(operand.index(~std::uint32_t{0}));
    NodeId next = term(step.at("to"));
    auto place = terms_.at(now, at), result = terms_.at(next, at);
    if (!place || !result)
      step.at("at").refuse("there is no such place");
    if (step.has("rule"))
      check_instance(step, *place, *result);
    else if (step.has("part"))
      check_part(step, *place, *result);
    else if (step.has("move"))
      check_move(step, *place, *result);
    else
      check_fold(step, *place, *result);
    if (terms_[*place].shape != terms_[*result].shape || terms_.replaced(now, at, *result) != next)
      step.at("to").refuse("differs from the term before elsewhere than at the step's place");
    return next;
  }

  void check_part(const Part &step, NodeId place, NodeId result) {
    step.only({"at", "part", "to"});
    Path &path = parts_[step.at("part").index(parts_.size())];
    path.used = true;
    if (path.from != place || path.to != result)
      step.at("part").refuse("the part does not lead from what stands at the place before the step "
                             "to what stands there after it");
  }

  void check_instance(const Part &step, NodeId place, NodeId result) {
    step.only({"at", "rule", "forward", "symbols", "parameters", "to"});
    Rule &used = rules_[step.at("rule").index(rules_.size())];
    used.used = true;
    const RewriteRule &rule = used.rule;
    bool forward = step.at("forward").flag();
    SymbolValues values = symbol_values(step.at("symbols"), rule.symbols);
    if (std::string why = misfit(rule, values); !why.empty())
      step.at("symbols").refuse("rule '" + rule.name + "': " + why);
    std::vector<NodeId> parameters;
    for (const Part &number : step.at("parameters").elements())
      parameters.push_back(term(number));
    NodeId from = forward ? place : result, to = forward ? result : place;
    const char *before = "what stands at the place is not the instance of rule '",
               *after = "what is put at the place is not the instance of rule '";
    if (instance(step, rule, rule.from, values, parameters, from) != from)
      step.refuse((forward ? before : after) + rule.name + "', left side");
    if (instance(step, rule, rule.to, values, parameters, to) != to)
      step.refuse((forward ? after : before) + rule.name + "', right side");
  }

  /// One side of a rule for these values and parameters. Its result must be of the shape of the
  /// term `expected`, so that nothing larger is made.
  NodeId instance(const Part &step, const RewriteRule &rule, const semantics::GraphTemplate &side,
                  const SymbolValues &values, const std::vector<NodeId> &parameters,
                  NodeId expected) {
    if (parameters.size() != side.parameters.size())
      step.at("parameters")
          .refuse(fmt::format("rule '{}' has {} parameters", rule.name, side.parameters.size()));
    for (std::size_t p = 0; p < parameters.size(); ++p)
      if (instantiate(side.nodes[side.parameters[p]].shape, values) != terms_[parameters[p]].shape)
        step.at("parameters")
            .refuse(fmt::format("parameter {} of rule '{}' is of another shape", p, rule.name));
    if (instantiate(side.nodes[side.results[0]].shape, values) != terms_[expected].shape)
      step.refuse("rule '" + rule.name + "' is about another shape than stands at the place");
    for (const semantics::TemplateNode &node : side.nodes)
      if (node.literal || node.literal_value)
        limit_constant(step, instantiate(node.shape, values));
    try {
      semantics::TensorGraph graph = instantiate(side, values);
      return terms_.add(graph, parameters)[graph.results[0].v];
    } catch (const InputError &error) {
      step.refuse("rule '" + rule.name + "': " + error.what());
    }
  }

  static void limit_constant(const Part &step, const std::optional<Shape> &shape) {
    if (!shape || shape->elements() > kMaxConstantElements)
      step.refuse("an instance with a constant of too many elements");
  }

  /// Both take the same bytes of the same terms to the same places.
  void check_move(const Part &step, NodeId place, NodeId result) {
    step.only({"at", "move", "to"});
    if (!step.at("move").flag())
      step.at("move").refuse("must be true");
    if (place == result)
      step.refuse("a movement that changes nothing");
    auto before = semantics::bytes_of_term(terms_, place, semantics::kMaxMovedBytes),
         after = semantics::bytes_of_term(terms_, result, semantics::kMaxMovedBytes);
    if (!before || !after)
      step.refuse("the values that are moved are too large to be looked at byte by byte");
    if (*before != *after)
      step.refuse("what is put at the place has other bytes than what stands there");
  }

  /// One of the two is an operation on constants, the other the constant that it gives.
  void check_fold(const Part &step, NodeId place, NodeId result) {
    step.only({"at", "fold", "to"});
    if (!step.at("fold").flag())
      step.at("fold").refuse("must be true");
    bool forward = terms_[result].op == OpCode::Constant;
    const semantics::Node &constant = terms_[forward ? result : place],
                          &operation = terms_[forward ? place : result];
    std::vector<const semantics::Tensor *> operands;
    for (NodeId operand : operation.operands)
      operands.push_back(terms_[operand].attributes.literal.get());
    bool closed = operation.op != OpCode::Parameter && operation.op != OpCode::Constant &&
                  semantics::info(operation.op).evaluable &&
                  std::count(operands.begin(), operands.end(), nullptr) == 0;
    if (constant.op != OpCode::Constant || !closed)
      step.refuse("a fold is of an operation on constants");
    limit_constant(step, operation.shape);
    if (operation.shape != constant.shape ||
        !(semantics::evaluate_op(operation.op, operation.attributes, operands, operation.shape,
                                 subject_.isa.numerics) == *constant.attributes.literal))
      step.refuse("the operation does not give this constant");
  }

  /// The chains begin at what the program computes and end at what the kernel computes.
  void check_ends(const Part &outputs) {
    std::vector<Part> paths = outputs.elements();
    if (paths.size() != subject_.graph.results.size())
      outputs.refuse(fmt::format("the program has {} results", subject_.graph.results.size()));
    std::vector<NodeId> program = terms_.add(subject_.graph), parameters, computed;
    for (NodeId p : subject_.graph.parameters)
      parameters.push_back(program[p.v]);
    try {
      computed = kernel_images(terms_, subject_.kernel, subject_.isa, parameters);
    } catch (const Refused &refused) {
      outputs.refuse(refused.reason);
    }
    for (std::size_t r = 0; r < paths.size(); ++r) {
      Path path = check_path(paths[r]);
      if (path.from != terms_.image(program[subject_.graph.results[r].v]))
        paths[r].at("from").refuse(
            fmt::format("is not the memory image of the program's result {}", r));
      if (path.to != computed[r])
        paths[r].at("to").refuse(fmt::format("is not what the kernel computes for output {}", r));
    }
  }

  void check_uses() const {
    for (std::size_t r = 0; r < rules_.size(); ++r)
      if (!rules_[r].used)
        part_.at("rules").refuse("no step uses rule '" + rules_[r].rule.name + "'");
    for (std::size_t p = 0; p < parts_.size(); ++p)
      if (!parts_[p].used)
        part_.at("parts").refuse(fmt::format("no step uses part {}", p));
  }

  void summarize() {
    std::string line = fmt::format("the rules' lemmas: {} obligations proved", done_.obligations);
    if (done_.encoded > 0 && !options_.prove_rule)
      line += fmt::format(" (those of {} rules not made anew)", done_.encoded);
    if (done_.enumerations > 0)
      line += fmt::format(", {} enumerations", done_.enumerations);
    if (done_.not_recomputed > 0)
      line += fmt::format(" ({} digests not recomputed: --exhaustive does)", done_.not_recomputed);
    if (!done_.laws.empty())
      line += fmt::format("; taken for granted: {}", fmt::join(done_.laws, ", "));
    report_.steps.push_back(line);
  }

  const Part &part_;
  const ChainSubject &subject_;
  const CheckOptions &options_;
  CheckReport &report_;
  TensorTerms terms_;
  std::map<std::string, NodeId> by_name_; ///< terms of the text
  std::vector<Rule> rules_;
  std::vector<Path> parts_;
  RuleLemmas done_;
  std::size_t steps_ = 0;
};

} // namespace

void check_chain(const Part &part, const ChainSubject &subject, const CheckOptions &options,
                 CheckReport &report) {
  ChainChecker(part, subject, options, report).check();
}

} // namespace isamorph::verify
