#include "search/row_lemma.h"

#include "search/byte_sources.h"
#include "search/isa_views.h"
#include "search/row_terms.h"
#include "search/saturate.h"
#include "semantics/tensor_terms.h"

namespace isamorph::search {

using semantics::AttributeKey;
using semantics::RewriteRule;
using semantics::TensorGraph;

namespace {

/// An e-graph with the three bodies in it.
class RowLemma {
public:
  RowLemma(const spec::Isa &isa, const spec::Instruction &instruction, const RowSplit &split)
      : egraph_(isa.numerics), first_{spec::instantiate_body(instruction, split.first), {}},
        second_{spec::instantiate_body(instruction, split.second), {}},
        both_{spec::instantiate_body(instruction, split.both), {}} {}

  bool prove(std::span<const RewriteRule> rules, semantics::Level level) {
    if (!add_nodes())
      return false;
    std::vector<DirectedRule> chosen;
    for (std::uint32_t r = 0; r < rules.size(); ++r)
      if (semantics::implies(rules[r].level, level) && is_about_parts(rules[r]))
        add_directions(chosen, rules, r);
    std::vector<std::unique_ptr<TensorRule>> others;
    others.push_back(same_bytes_rule(atoms_));
    saturate(egraph_, rules, chosen, std::move(others), {kMostNodes, kMostIterations},
             [&] { return holds(); });
    return holds();
  }

private:
  static constexpr std::size_t kMostNodes = 5000, kMostIterations = 10;
  struct Body {
    TensorGraph graph;
    std::vector<ClassId> classes; ///< by node
  };

  static bool is_about_parts(const RewriteRule &rule) {
    const auto *op = std::get_if<OpCode>(&rule.from.nodes[rule.from.results[0]].op);
    return op && (*op == OpCode::Concatenate || *op == OpCode::Slice);
  }

  ClassId parameter(const Shape &shape) {
    Attributes number;
    number.set(AttributeKey::ParameterNumber, {static_cast<std::int64_t>(atoms_.size())});
    atoms_.push_back(*egraph_.add(OpCode::Parameter, {}, number, shape));
    return atoms_.back();
  }

  /// All nodes, and what relates those that correspond; false where an operand has no rows.
  bool add_nodes() {
    for (std::uint32_t i = 0; i < both_.graph.nodes.size(); ++i) {
      OpCode op = both_.graph.nodes[i].op;
      if (op == OpCode::Parameter) {
        first_.classes.push_back(parameter(first_.graph.nodes[i].shape));
        second_.classes.push_back(parameter(second_.graph.nodes[i].shape));
        if (!has_rows(i))
          return false;
        both_.classes.push_back(concatenate_rows(egraph_, first_.classes[i], second_.classes[i]));
        continue;
      }
      for (Body *body : {&first_, &second_, &both_})
        add_node(*body, i);
      if (!moves_bytes(op)) {
        atoms_.push_back(first_.classes[i]);
        atoms_.push_back(second_.classes[i]);
      }
      if (has_rows(i)) {
        concatenate_rows(egraph_, first_.classes[i], second_.classes[i]);
        concatenate_rows(egraph_, slice(i, true), slice(i, false));
      }
    }
    egraph_.rebuild();
    return true;
  }

  void add_node(Body &body, std::uint32_t i) {
    const semantics::Node &node = body.graph.nodes[i];
    std::vector<ClassId> operands;
    for (semantics::NodeId operand : node.operands)
      operands.push_back(body.classes[operand.v]);
    body.classes.push_back(*egraph_.add(node.op, operands, node.attributes, node.shape));
  }

  /// The rows of a node of both are those of the two.
  bool has_rows(std::uint32_t i) const {
    const std::vector<std::int64_t> &a = first_.graph.nodes[i].shape.dims,
                                    &b = second_.graph.nodes[i].shape.dims,
                                    &c = both_.graph.nodes[i].shape.dims;
    return !c.empty() && c[0] == a[0] + b[0] && std::equal(c.begin() + 1, c.end(), a.begin() + 1) &&
           std::equal(c.begin() + 1, c.end(), b.begin() + 1);
  }

  /// The rows of a node of both that are the first's or the second's.
  ClassId slice(std::uint32_t i, bool first) {
    const Shape &whole = both_.graph.nodes[i].shape;
    const Shape &part = (first ? first_ : second_).graph.nodes[i].shape;
    std::vector<std::int64_t> starts(whole.dims.size(), 0);
    starts[0] = first ? 0 : first_.graph.nodes[i].shape.dims[0];
    return *egraph_.add(OpCode::Slice, std::span(&both_.classes[i], 1),
                        semantics::slice_attributes(starts, part.dims), part);
  }

  bool holds() {
    for (std::size_t r = 0; r < both_.graph.results.size(); ++r) {
      std::uint32_t i = both_.graph.results[r].v;
      if (!has_rows(i) || egraph_.find(slice(i, true)) != egraph_.find(first_.classes[i]) ||
          egraph_.find(slice(i, false)) != egraph_.find(second_.classes[i]))
        return false;
    }
    return true;
  }

  TensorEGraph egraph_;
  Body first_, second_, both_;
  std::vector<ClassId> atoms_; ///< parameters, and what computation makes in the two
};

} // namespace

bool works_by_rows(const spec::Isa &isa, const spec::Instruction &instruction,
                   const RowSplit &split, std::span<const RewriteRule> rules,
                   semantics::Level level) {
  return RowLemma(isa, instruction, split).prove(rules, level);
}

} // namespace isamorph::search
