#include "search/saturate.h"

#include "search/isa_views.h"
#include "search/movement_rule.h"

#include <numeric>

namespace isamorph::search {

using semantics::GraphTemplate;
using semantics::OpClass;
using semantics::RewriteRule;
using semantics::SymbolValues;

namespace {

auto add_node(TensorEGraph &egraph, OpCode op, std::span<const ClassId> operands,
              const Attributes &attributes, const Shape &shape) {
  return egraph.add(op, operands, attributes, shape);
}
auto add_node(TensorEGraph &egraph, OpCode op, std::span<const TermId> operands,
              const Attributes &attributes, const Shape &shape) {
  return egraph.add_term(op, operands, attributes, shape);
}

/// `Id` is ClassId or TermId.
template <class Id>
std::optional<std::vector<Id>> add_nodes(TensorEGraph &egraph, const GraphTemplate &graph,
                                         const SymbolValues &values,
                                         std::span<const Id> parameters) {
  std::vector<Id> added_nodes(graph.nodes.size());
  for (std::size_t i = 0; i < graph.parameters.size(); ++i)
    added_nodes[graph.parameters[i]] = parameters[i];
  std::vector<Id> operands;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const semantics::TemplateNode &node = graph.nodes[i];
    const auto *fixed = std::get_if<OpCode>(&node.op);
    if (fixed && *fixed == OpCode::Parameter)
      continue;
    auto shape = semantics::instantiate(node.shape, values);
    if (!shape)
      return std::nullopt;
    auto attributes = semantics::instantiate_attributes(node, *shape, values);
    if (!attributes)
      return std::nullopt;
    OpCode op = fixed ? *fixed : values.operations[std::get<std::uint32_t>(node.op)]->op;
    operands.clear();
    for (std::uint32_t operand : node.operands)
      operands.push_back(added_nodes[operand]);
    auto added = add_node(egraph, op, std::span<const Id>(operands), *attributes, *shape);
    if (!added)
      return std::nullopt;
    added_nodes[i] = *added;
  }
  std::vector<Id> results;
  for (std::uint32_t result : graph.results)
    results.push_back(added_nodes[result]);
  return results;
}

} // namespace

std::optional<std::vector<ClassId>> add_template(TensorEGraph &egraph, const GraphTemplate &graph,
                                                 const SymbolValues &values,
                                                 std::span<const ClassId> parameters) {
  return add_nodes(egraph, graph, values, parameters);
}

std::optional<std::vector<TermId>> add_template(TensorEGraph &egraph, const GraphTemplate &graph,
                                                const SymbolValues &values,
                                                std::span<const TermId> parameters) {
  return add_nodes(egraph, graph, values, parameters);
}

bool regions_fit(const spec::Isa &isa, const spec::Instruction &instruction,
                 const semantics::Bindings &bindings) {
  auto fits = [&](const spec::Region &region) {
    const spec::Buffer &buffer = isa.buffer(region.buffer);
    for (std::size_t d = 0; d < region.extents.size(); ++d) {
      auto extent = region.extents[d].evaluate(bindings);
      if (!extent || *extent < 0 || (!buffer.off_chip && *extent > buffer.addressed[d]))
        return false;
    }
    return true;
  };
  for (const spec::Read &read : instruction.reads)
    if (!fits(read.region))
      return false;
  for (const spec::Write &write : instruction.writes)
    if (!fits(write.region))
      return false;
  return true;
}

namespace {

std::vector<std::uint32_t> all_integers(const semantics::Symbols &symbols) {
  std::vector<std::uint32_t> all(symbols.integers.names.size());
  std::iota(all.begin(), all.end(), 0u);
  return all;
}

class Rewrite final : public TensorRule {
public:
  /// `log` may be null.
  Rewrite(std::span<const RewriteRule> rules, const DirectedRule &use, SaturationLog *log)
      : Rewrite(rules[use.rule], use.forward) {
    number_ = use.rule;
    admit_ = use.admit;
    log_ = log;
  }
  bool usable() const { return matcher_.usable(); }

  void search(const TensorEGraph &egraph) override {
    matches_ = matcher_.all(egraph);
    if (admit_)
      admit_(egraph, matches_);
  }

  void apply(TensorEGraph &egraph) override {
    for (const Match &match : matches_) {
      std::vector<ClassId> parameters;
      for (std::uint32_t parameter : from_.parameters)
        parameters.push_back(match.classes[parameter]);
      if (log_)
        merge_terms(egraph, match, parameters);
      else
        merge_classes(egraph, match, parameters);
    }
    matches_.clear();
  }

private:
  Rewrite(const RewriteRule &rule, bool forward)
      : forward_(forward), from_(forward ? rule.from : rule.to), to_(forward ? rule.to : rule.from),
        matcher_(from_, rule.symbols, rule.conditions,
                 RequiredAttributes{all_integers(rule.symbols)}) {}

  void merge_classes(TensorEGraph &egraph, const Match &match,
                     std::span<const ClassId> parameters) {
    auto results = add_template(egraph, to_, match.values, parameters);
    for (std::size_t i = 0; results && i < results->size(); ++i)
      egraph.merge(match.classes[from_.results[i]], (*results)[i]);
  }

  void merge_terms(TensorEGraph &egraph, const Match &match, std::span<const ClassId> parameters) {
    RuleUse use{number_, forward_, match.values, {}};
    for (ClassId c : parameters)
      use.parameters.push_back(egraph.graph().term_of(egraph.find(c)));
    std::span<const TermId> terms(use.parameters);
    auto left = add_template(egraph, from_, match.values, terms),
         right = add_template(egraph, to_, match.values, terms);
    if (!left || !right)
      return;
    auto reason = static_cast<std::uint32_t>(log_->uses.size());
    log_->uses.push_back(std::move(use));
    for (std::size_t i = 0; i < left->size(); ++i)
      egraph.graph().merge_terms((*left)[i], (*right)[i], {Reason::Kind::Rule, reason});
  }

  std::uint32_t number_ = 0;
  bool forward_;
  decltype(DirectedRule::admit) admit_;
  SaturationLog *log_ = nullptr;
  const GraphTemplate &from_, &to_;
  Matcher matcher_;
  std::vector<Match> matches_;
};

/// True for a body that only moves or reinterprets the bytes of its one operand, and repeats none:
/// repetitions of everything would have no end.
bool moves_only(const spec::Instruction &instruction) {
  if (instruction.reads.size() != 1)
    return false;
  for (const semantics::TemplateNode &node : instruction.body.nodes) {
    const auto *op = std::get_if<OpCode>(&node.op);
    if (!op)
      return false;
    OpClass cls = semantics::info(*op).cls;
    if (*op == OpCode::Broadcast)
      return false;
    if (*op != OpCode::Parameter && cls != OpClass::Movement && cls != OpClass::Bitcast)
      return false;
  }
  return instruction.body.nodes.size() > 1;
}

/// True for an instruction that computes on what it loads: no closure undoes memory images then.
bool computes_while_loading(const spec::Isa &isa, const spec::Instruction &instruction) {
  auto off_chip = [&](const auto &access) { return isa.buffer(access.region.buffer).off_chip; };
  return !moves_only(instruction) &&
         std::any_of(instruction.reads.begin(), instruction.reads.end(), off_chip) &&
         !std::any_of(instruction.writes.begin(), instruction.writes.end(), off_chip);
}

class Closure final : public TensorRule {
public:
  Closure(const spec::Isa &isa, const spec::Instruction &instruction)
      : isa_(isa), instruction_(instruction),
        indifferent_(required_attributes(instruction).indifferent),
        adds_values_(std::any_of(isa.instructions.begin(), isa.instructions.end(),
                                 [&](const auto &i) { return computes_while_loading(isa, i); }) &&
                     std::any_of(instruction.writes.begin(), instruction.writes.end(),
                                 [&](const spec::Write &write) {
                                   return isa.buffer(write.region.buffer).off_chip;
                                 })) {}

  void search(const TensorEGraph &egraph) override {
    const auto &body = instruction_.body;
    const auto &shape = body.nodes[body.parameters[0]].shape;
    for (std::uint32_t c = 0; c < egraph.graph().class_limit(); ++c) {
      if (!egraph.graph().is_representative({c}))
        continue;
      done_.resize(egraph.graph().class_limit(), 0);
      if (done_[c])
        continue;
      done_[c] = 1;
      Unifier unifier(instruction_.symbols);
      if (!unifier.unify(shape, egraph.shape({c})))
        continue;
      auto values = unifier.solved();
      if (!values)
        continue;
      if (!determined(values->integers) || !regions_fit(isa_, instruction_, values->integers))
        continue;
      complete(*values, {}, instruction_.constraints, [&](const SymbolValues &whole) {
        found_.push_back({ClassId{c}, whole});
      });
    }
  }

  void apply(TensorEGraph &egraph) override {
    for (const auto &[c, values] : found_) {
      auto added = add_template(egraph, instruction_.body, values, std::span(&c, 1));
      if (added && adds_values_ && egraph.find(added->front()) == egraph.find(egraph.add_bytes(c)))
        egraph.add_value_of_bytes(added->front(), egraph.shape(c));
    }
    found_.clear();
  }

private:
  /// All computational attributes are bound that make a difference.
  bool determined(const semantics::Bindings &attributes) const {
    for (std::uint32_t i = 0; i < instruction_.computational; ++i)
      if (!attributes[i] && std::ranges::find(indifferent_, i) == indifferent_.end())
        return false;
    return true;
  }

  const spec::Isa &isa_;
  const spec::Instruction &instruction_;
  std::vector<std::uint32_t> indifferent_; ///< attributes
  bool adds_values_;                       ///< of the memory images that its body makes
  std::vector<char> done_;                 ///< by class: its body was added on top
  std::vector<std::pair<ClassId, SymbolValues>> found_;
};

/// Memory images of constants that the instruction set can hold on chip.
class ConstantImages final : public TensorRule {
public:
  explicit ConstantImages(const spec::Isa &isa) {
    for (const spec::Buffer &buffer : isa.buffers)
      if (!buffer.off_chip)
        types_.push_back(buffer.type);
  }

  void search(const TensorEGraph &egraph) override {
    for (ClassId c : egraph.graph().classes()) {
      const TensorRef &value = egraph.constant(c);
      if (value && value->elements() > 0 &&
          std::find(types_.begin(), types_.end(), value->shape().type) != types_.end())
        found_.push_back(c);
    }
  }

  void apply(TensorEGraph &egraph) override {
    for (ClassId c : found_)
      egraph.add_bytes(c);
    found_.clear();
  }

private:
  std::vector<ElementType> types_;
  std::vector<ClassId> found_;
};

/// True for a rule that makes x of x + 0.
bool adds_zero(const RewriteRule &rule) {
  const auto &nodes = rule.to.nodes;
  const semantics::TemplateNode &root = nodes[rule.to.results[0]];
  auto is = [](const semantics::TemplateNode &node, OpCode op) {
    const auto *code = std::get_if<OpCode>(&node.op);
    return code && *code == op;
  };
  return is(root, OpCode::Add) &&
         std::any_of(root.operands.begin(), root.operands.end(), [&](std::uint32_t operand) {
           const semantics::TemplateNode &node = nodes[operand];
           return is(node, OpCode::Broadcast) && is(nodes[node.operands[0]], OpCode::Constant);
         });
}

/// True when some instruction writes a value without reading any: zeros need not be loaded.
bool has_source(const spec::Isa &isa) {
  return std::any_of(isa.instructions.begin(), isa.instructions.end(),
                     [](const auto &i) { return i.reads.empty() && !i.writes.empty(); });
}

struct LoopRule {
  std::unique_ptr<TensorRule> rule;
  TensorEGraph *egraph;
  void search(const EGraph<TensorAnalysis> &) { rule->search(*egraph); }
  void apply(EGraph<TensorAnalysis> &) { rule->apply(*egraph); }
};

} // namespace

void add_directions(std::vector<DirectedRule> &chosen, std::span<const RewriteRule> rules,
                    std::uint32_t rule) {
  chosen.push_back({rule, true, {}});
  if (rules[rule].both_ways)
    chosen.push_back({rule, false, {}});
}

SaturationReport saturate(TensorEGraph &egraph, std::span<const RewriteRule> rules,
                          std::span<const DirectedRule> chosen,
                          std::vector<std::unique_ptr<TensorRule>> others,
                          const SaturationLimits &limits, const std::function<bool()> &goal,
                          SaturationLog *log) {
  assert((log != nullptr) == (egraph.graph().proofs() != nullptr));
  std::vector<LoopRule> all;
  for (const DirectedRule &rule : chosen) {
    auto rewrite = std::make_unique<Rewrite>(rules, rule, log);
    if (rewrite->usable())
      all.push_back({std::move(rewrite), &egraph});
  }
  for (std::unique_ptr<TensorRule> &rule : others)
    all.push_back({std::move(rule), &egraph});
  SaturationGuard guard(limits);
  return saturation_loop(egraph.graph(), std::span(all), guard,
                         [&](const SaturationReport &) { return goal && goal(); });
}

SaturationReport saturate(TensorEGraph &egraph, const spec::Isa &isa,
                          std::span<const RewriteRule> rules, semantics::Level level,
                          const SaturationLimits &limits, std::span<const ClassId> parameters,
                          std::span<const ClassId> results, SaturationLog *log) {
  std::vector<DirectedRule> chosen;
  // Sums from zero are for units that only accumulate; a zero that must be loaded first makes them
  // dearer everywhere and the search space larger.
  for (std::uint32_t r = 0; r < rules.size(); ++r)
    if (semantics::implies(rules[r].level, level) && (!adds_zero(rules[r]) || has_source(isa)))
      add_directions(chosen, rules, r);
  std::vector<std::unique_ptr<TensorRule>> others;
  for (const spec::Instruction &instruction : isa.instructions)
    if (moves_only(instruction))
      others.push_back(std::make_unique<Closure>(isa, instruction));
  others.push_back(std::make_unique<ConstantImages>(isa));
  if (log) // views are explained by no rule
    for (Atoms atoms : {Atoms::Small, Atoms::Large})
      others.push_back(movement_rule(atoms));
  else
    for (std::unique_ptr<TensorRule> &rule : view_rules(isa, parameters, results))
      others.push_back(std::move(rule));
  return saturate(egraph, rules, chosen, std::move(others), limits,
                  log ? log->goal : std::function<bool()>(), log);
}

} // namespace isamorph::search
