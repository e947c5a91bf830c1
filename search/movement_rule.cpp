#include "search/movement_rule.h"

#include "search/byte_sources.h"

namespace isamorph::search {
namespace {

/// How movement makes a class of others; an atom is made of itself.
struct Movement {
  OperatorId op{};
  std::vector<ClassId> operands; ///< none of an atom
  ByteSources bytes;             ///< a source's tensor is the number of a class
};

/// One movement for each class, so that all lead to atoms: parameters, what no movement makes, and,
/// where values are movements of each other, the first in order that is also computed.
class Movements {
public:
  Movements(const TensorEGraph &egraph, Atoms atoms) : egraph_(egraph), atoms_(atoms) {
    std::vector<ClassId> open;
    for (ClassId c : egraph.graph().classes())
      if (is_parameter(c))
        add_atom(c);
      else
        open.push_back(c);
    while (!open.empty()) {
      std::size_t before = open.size();
      std::erase_if(open, [&](ClassId c) { return learn(c); });
      if (open.size() == before && !add_computed(open))
        return;
    }
  }

  const std::map<ClassId, Movement> &all() const { return all_; }

private:
  OpCode code(ENodeId node) const { return egraph_.operator_of(node).op; }
  bool has_node(ClassId c, auto &&accepts) const {
    return std::ranges::any_of(egraph_.graph().nodes_of(c), accepts);
  }
  bool is_parameter(ClassId c) const {
    return has_node(c, [&](ENodeId node) { return code(node) == OpCode::Parameter; });
  }
  bool is_computed(ClassId c) const {
    return has_node(c, [&](ENodeId node) { return !moves_bytes(code(node)); });
  }

  void add_atom(ClassId c) {
    all_.emplace(c, Movement{{}, {}, own_bytes(c.v, egraph_.shape(c).bytes())});
  }

  bool add_computed(std::vector<ClassId> &open) {
    auto best = open.end();
    for (auto c = open.begin(); c != open.end(); ++c)
      if (is_computed(*c) && (best == open.end() || before(*c, *best)))
        best = c;
    if (best == open.end())
      return false;
    add_atom(*best);
    open.erase(best);
    return true;
  }

  /// What is neither a part nor put together of parts comes first.
  bool before(ClassId a, ClassId b) const {
    bool parts = is_in_parts(a);
    if (parts != is_in_parts(b))
      return !parts;
    std::int64_t left = egraph_.shape(a).bytes(), right = egraph_.shape(b).bytes();
    return atoms_ == Atoms::Small ? left < right : right < left;
  }

  bool is_in_parts(ClassId c) const {
    return has_node(c, [&](ENodeId node) {
      return code(node) == OpCode::Slice || code(node) == OpCode::Concatenate;
    });
  }

  bool learn(ClassId c) {
    for (ENodeId node : egraph_.graph().nodes_of(c))
      if (auto movement = movement_of(node)) {
        all_.emplace(c, *std::move(movement));
        return true;
      }
    return false;
  }

  /// nullopt where an operand is not known, or the node computes.
  std::optional<Movement> movement_of(ENodeId node) const {
    auto bytes = bytes_of_node(egraph_, node, [&](ClassId operand) {
      auto found = all_.find(egraph_.find(operand));
      return found == all_.end() ? nullptr : &found->second.bytes;
    });
    if (!bytes)
      return std::nullopt;
    Movement out{egraph_.graph().op(node), {}, *std::move(bytes)};
    for (ClassId operand : egraph_.graph().children(node))
      out.operands.push_back(egraph_.find(operand));
    return out;
  }

  const TensorEGraph &egraph_;
  Atoms atoms_;
  std::map<ClassId, Movement> all_;
};

class MovementRule final : public TensorRule {
public:
  explicit MovementRule(Atoms atoms) : atoms_(atoms) {}

  void search(const TensorEGraph &egraph) override {
    if (!has_pieces(egraph) || too_large_to_follow(egraph))
      return;
    movements_ = Movements(egraph, atoms_).all();
    std::map<std::pair<std::uint32_t, ByteSources>, ClassId> first;
    for (auto &[c, movement] : movements_) {
      auto [known, fresh] = first.try_emplace({egraph.shape_id(c), std::move(movement.bytes)}, c);
      if (!fresh)
        found_.emplace_back(known->second, c);
    }
  }

  void apply(TensorEGraph &egraph) override {
    for (auto [a, b] : found_)
      egraph.graph().merge_terms(term(egraph, a), term(egraph, b), {Reason::Kind::Stated, 0});
    found_.clear();
    movements_.clear();
    terms_.clear();
  }

private:
  TermId term(TensorEGraph &egraph, ClassId c) {
    if (auto known = terms_.find(c); known != terms_.end())
      return known->second;
    const Movement &movement = movements_.at(c);
    if (movement.operands.empty())
      return terms_[c] = egraph.graph().term_of(c);
    std::vector<TermId> operands;
    for (ClassId operand : movement.operands)
      operands.push_back(term(egraph, operand));
    return terms_[c] = egraph.graph().add_term(movement.op, operands);
  }

  Atoms atoms_;
  std::map<ClassId, Movement> movements_;
  std::map<ClassId, TermId> terms_; ///< what the movements make of terms of the atoms
  std::vector<std::pair<ClassId, ClassId>> found_;
};

} // namespace

bool has_pieces(const TensorEGraph &egraph) {
  const OperatorTable &operators = egraph.operators();
  return !operators.with(OpCode::Slice).empty() || !operators.with(OpCode::Concatenate).empty();
}

bool too_large_to_follow(const TensorEGraph &egraph) {
  std::int64_t bytes = 0;
  for (ClassId c : egraph.graph().classes())
    bytes += egraph.shape(c).bytes();
  return bytes > kMostFollowedBytes;
}

std::unique_ptr<TensorRule> movement_rule(Atoms atoms) {
  return std::make_unique<MovementRule>(atoms);
}

} // namespace isamorph::search
