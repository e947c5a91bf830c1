#pragma once
// An e-graph: a set of terms that is closed under congruence, stored so that equal terms share one
// e-class.
//
// A term is an e-node: an operator and the e-classes of its operands. Operators are plain numbers
// (OperatorId); what they mean is the user's business, so that one engine serves every language. An
// e-class is a set of e-nodes that denote the same value. Three nouns (operator, node, class) and
// four verbs make up the interface:
//
//   add(operator, children)   the class of that term, new only if no equal term is known
//   merge(a, b)               states that two classes are equal
//   rebuild()                 restores the invariants after any number of merges
//   find(class)               the class's representative
//
// Rebuilding is deferred, as in egg (Willsey et al., "egg: fast and extensible equality
// saturation", POPL 2021): `merge` only unites two entries of a union-find and splices two lists,
// and notes which nodes point to the class that disappeared. `rebuild` works through these, gives
// them canonical children, and merges the classes of nodes that became equal, until nothing
// changes; then it makes the index (egraph_index.h) on which patterns are matched. Between a merge
// and the next rebuild, children may be stale and `add` may miss an equality that the next rebuild
// will find; `find` and the counts of classes are always right. The index, and with it nodes_of and
// nodes_with, show the e-graph as it was after the last rebuild.
//
// After a rebuild:
//   * every child of every live node is a representative;
//   * no two live nodes have the same operator and the same children;
//   * nodes_of(c) lists exactly the live nodes of representative c that are not hidden, by
//     operator, then children;
//   * data(c) is the join of Analysis::make over all nodes of c.
// A rebuild may renumber nodes (to drop those that became equal to others), never classes or terms.
//
// An analysis attaches a value to each class (egg, section 4). It is a type with
//   using Data = ...;
//   Data make(Graph &, ENodeId)           the value of one node, from the values of its children
//   bool merge(Data &into, Data &&from)   joins; true if `into` changed
//   void modify(Graph &, ClassId)         may add nodes to the class, merge it, or hide nodes
// where `merge` is associative, commutative and idempotent, so that the order of merges does not
// show. An analysis that finds a contradiction says so with `graph.contradict(...)`; saturation
// then stops.
//
// Semi-naive matching rests on stamps: a node's stamp is the number of the view (the index made by
// a rebuild) in which its class, its children or their data last changed. A match that involves no
// row stamped since a pattern was last matched was found then.
//
// Storage is flat: nodes and their children, the union-find and the lists of a class's nodes and
// uses (circular, spliced in constant time) are arrays of numbers. Nothing depends on addresses or
// on the iteration order of a hash table: the same calls give the same numbers.
//
// With `enable_explanations`, before anything is added, each merge is remembered with its reason
// (proof_forest.h), and terms can be named (add_term) to be explained later.

#include "search/egraph_index.h"
#include "search/proof_forest.h"

#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace isamorph::search {

/// The analysis of a language that needs none.
struct NoAnalysis {
  struct Data {};
  template <class Graph> Data make(Graph &, ENodeId) { return {}; }
  bool merge(Data &, Data &&) { return false; }
  template <class Graph> void modify(Graph &, ClassId) {}
};

/// Two equal terms that an analysis knows to be different.
struct Contradiction {
  std::string what;
  std::optional<std::pair<TermId, TermId>> terms; ///< when explanations are on
};

template <class Analysis = NoAnalysis> class EGraph {
public:
  using Data = typename Analysis::Data;

  explicit EGraph(Analysis analysis = {}) : analysis_(std::move(analysis)) {}

  /// The class of the term, which is added if it is new. Children need not be representatives.
  ClassId add(OperatorId op, std::span<const ClassId> children) {
    if (proofs_) {
      std::vector<TermId> terms;
      for (ClassId c : children)
        terms.push_back(term_of(c));
      return class_of(add_term(op, terms));
    }
    std::uint32_t head = canonicalize(op, children);
    std::uint64_t h = NodeTable::hash(head, scratch_);
    std::uint32_t found = nodes_.lookup(head, scratch_, h);
    if (found != kNone)
      return root({nodes_.owner(found)});
    ClassId id = new_class();
    append(head, h, id);
    settle(id);
    return root(id);
  }

  /// Adds the term to a class: like merge(target, add(op, children)), but no class is made for a
  /// new term. True if that was news.
  bool add_to(ClassId target, OperatorId op, std::span<const ClassId> children) {
    if (proofs_)
      return merge(target, add(op, children));
    std::uint32_t head = canonicalize(op, children);
    std::uint64_t h = NodeTable::hash(head, scratch_);
    std::uint32_t found = nodes_.lookup(head, scratch_, h);
    target = root(target);
    if (found != kNone)
      return merge({nodes_.owner(found)}, target);
    ++changes_;
    join(append(head, h, target), target);
    return true;
  }

  /// The class of a term if it is known; children need not be representatives.
  std::optional<ClassId> find_term(OperatorId op, std::span<const ClassId> children) const {
    std::vector<ClassId> canonical;
    for (ClassId c : children)
      canonical.push_back(find(c));
    std::uint32_t head = NodeTable::make_head(op, children.size());
    std::uint32_t found = nodes_.lookup(head, canonical, NodeTable::hash(head, canonical));
    return found == kNone ? std::nullopt : std::optional(find({nodes_.owner(found)}));
  }

  /// States a = b. True if that was news. Call `rebuild` before the next match.
  bool merge(ClassId a, ClassId b) {
    a = root(a), b = root(b);
    if (a == b)
      return false;
    if (proofs_)
      return merge_terms(class_term_[a.v], class_term_[b.v], {});
    unite(a, b);
    return true;
  }

  /// Restores congruence, analyses and indexes. Returns the number of merges that congruence
  /// forced.
  std::size_t rebuild();

  /// The part of rebuild that gives nodes canonical children. Between merges that follow from one
  /// view it saves the terms that would be added twice; the view stays as it is.
  void restore_congruence();

  ClassId find(ClassId c) const {
    while (parent_[c.v] != c)
      c = parent_[c.v];
    return c;
  }

  OperatorId op(ENodeId node) const { return nodes_.op(node.v); }
  std::span<const ClassId> children(ENodeId node) const { return nodes_.children(node.v); }
  /// The class a node belongs to (a representative).
  ClassId class_of(ENodeId node) const { return find({nodes_.owner(node.v)}); }
  bool is_live(ENodeId node) const { return nodes_.live(node.v); }

  /// The nodes of a representative, as of the last rebuild.
  std::span<const ENodeId> nodes_of(ClassId c) const { return index_.nodes_of(c); }
  /// The nodes with an operator, as of the last rebuild.
  std::span<const ENodeId> nodes_with(OperatorId op) const { return index_.nodes_with(op); }
  const EGraphIndex &index() const { return index_; }
  /// Nodes and their hash table, for look-ups of many terms at once.
  const NodeTable &table() const { return nodes_; }
  const Data &data(ClassId c) const { return data_[c.v]; }

  /// Live nodes without hidden ones.
  std::size_t node_count() const { return nodes_.live() - hidden_; }
  std::size_t class_count() const { return live_classes_; }
  /// Upper bound of class numbers, for arrays indexed by class.
  std::size_t class_limit() const { return parent_.size(); }
  bool is_representative(ClassId c) const { return parent_[c.v] == c; }
  /// All representatives in order of their numbers.
  std::vector<ClassId> classes() const {
    std::vector<ClassId> out;
    for (std::uint32_t i = 0; i < parent_.size(); ++i)
      if (parent_[i].v == i)
        out.push_back({i});
    return out;
  }
  /// How many merges happened so far.
  std::size_t merges() const { return merges_; }
  /// How many additions and merges happened so far.
  std::size_t changes() const { return changes_; }

  /// Takes the nodes of a class that `hide(node)` accepts out of matching and counts. They stay
  /// known to `add`.
  template <class Hide> void hide_nodes(ClassId c, Hide &&hide) {
    c = root(c);
    for_each_node(c, [&](std::uint32_t node) {
      if ((flags_[node] & kHidden) || !nodes_.live(node) || !hide(ENodeId{node}))
        return;
      flags_[node] |= kHidden;
      ++hidden_;
      ++changes_;
    });
  }
  /// Calls `visit(node)` for the live nodes of a class as they are now.
  template <class Visit> void visit_nodes(ClassId c, Visit &&visit) const {
    for_each_node(find(c), [&](std::uint32_t node) {
      if (nodes_.live(node) && !(flags_[node] & kHidden))
        visit(ENodeId{node});
    });
  }

  void contradict(Contradiction contradiction) {
    if (!contradiction_)
      contradiction_ = std::move(contradiction);
  }
  const std::optional<Contradiction> &contradiction() const { return contradiction_; }

  // Explanations.

  void enable_explanations() {
    assert(nodes_.size() == 0 && "explanations are enabled before the first term");
    proofs_ = std::make_unique<ProofForest>();
  }
  const ProofForest *proofs() const { return proofs_.get(); }
  /// The term as written; its class is class_of. Only with explanations.
  TermId add_term(OperatorId op, std::span<const TermId> children) {
    std::uint32_t head = NodeTable::make_head(op, children.size());
    ClassId buffer[8];
    std::vector<ClassId> more;
    std::span<ClassId> kids(buffer, std::min<std::size_t>(children.size(), 8));
    if (children.size() > 8) {
      more.resize(children.size());
      kids = more;
    }
    for (std::size_t i = 0; i < children.size(); ++i)
      kids[i] = {children[i].v};
    std::uint64_t term_hash = NodeTable::hash(head, kids);
    TermId known = proofs_->find(head, kids, term_hash);
    if (known.v != kNone)
      return known;
    scratch_.clear();
    for (TermId t : children)
      scratch_.push_back(class_of(t));
    std::uint64_t h = NodeTable::hash(head, scratch_);
    std::uint32_t found = nodes_.lookup(head, scratch_, h);
    if (found != kNone) {
      TermId term = proofs_->append(head, kids, term_hash, root({nodes_.owner(found)}));
      proofs_->link(term, node_term_[found], {Reason::Kind::Congruence}, true);
      return term;
    }
    ClassId id = new_class();
    TermId term = proofs_->append(head, kids, term_hash, id);
    node_term_.push_back(term);
    class_term_.push_back(term);
    append(head, h, id);
    settle(id);
    return term;
  }
  ClassId class_of(TermId term) { return root({proofs_->terms().owner(term.v)}); }
  /// Some term of a class.
  TermId term_of(ClassId c) const { return class_term_[c.v]; }
  /// States that two terms are equal, for a reason. True if that was news.
  bool merge_terms(TermId a, TermId b, Reason reason) {
    ClassId x = class_of(a), y = class_of(b);
    if (x == y) {
      proofs_->spare(a, b, reason);
      return false;
    }
    proofs_->link(a, b, reason, lesser(x, y) == x);
    unite(x, y);
    return true;
  }
  /// Why two terms of one class are equal.
  Explanation explain(TermId a, TermId b, bool shorten = true) const {
    return proofs_->explain(a, b, shorten);
  }

  Analysis &analysis() { return analysis_; }
  const Analysis &analysis() const { return analysis_; }

private:
  static constexpr bool kAnalysed = !std::is_same_v<Analysis, NoAnalysis>;
  enum Flag : std::uint8_t { kHidden = 1, kPending = 2, kAnalysisPending = 4 };

  /// Heads of circular lists: of nodes by next_node_, of uses (a node and a position) by next_use_.
  struct Class {
    std::uint32_t node = kNone, use = kNone, nodes = 0, uses = 0, stamp = 0;
  };

  /// The representative, with path halving.
  ClassId root(ClassId c) {
    while (parent_[c.v] != c) {
      parent_[c.v] = parent_[parent_[c.v].v];
      c = parent_[c.v];
    }
    return c;
  }

  std::uint32_t canonicalize(OperatorId op, std::span<const ClassId> children) {
    scratch_.clear();
    for (ClassId c : children)
      scratch_.push_back(root(c));
    return NodeTable::make_head(op, children.size());
  }

  ClassId new_class() {
    ClassId id{static_cast<std::uint32_t>(parent_.size())};
    parent_.push_back(id);
    classes_.push_back({});
    classes_.back().stamp = view_;
    data_.emplace_back();
    ++live_classes_;
    ++changes_;
    return id;
  }

  /// A new node, with scratch_ as its children, in a class.
  std::uint32_t append(std::uint32_t head, std::uint64_t h, ClassId owner) {
    std::uint32_t node = nodes_.append(head, scratch_, h, owner.v);
    stamps_.push_back(view_);
    flags_.push_back(0);
    enlist(node);
    return node;
  }

  /// Analysis of a class that has just got its first node.
  void settle(ClassId id) {
    if constexpr (kAnalysed) {
      Data made = analysis_.make(*this, ENodeId{classes_[id.v].node});
      data_[id.v] = std::move(made);
      analysis_.modify(*this, id);
    }
  }
  /// Analysis of a class that has got a further node.
  void join(std::uint32_t node, ClassId id) {
    if constexpr (kAnalysed) {
      Data made = analysis_.make(*this, ENodeId{node});
      id = root(id);
      if (analysis_.merge(data_[id.v], std::move(made)))
        data_changed(id);
      analysis_.modify(*this, id);
    }
  }

  template <class Visit> void for_each_node(ClassId c, Visit &&visit) const {
    std::uint32_t first = classes_[c.v].node;
    for (std::uint32_t n = first; n != kNone; n = next_node_[n] == first ? kNone : next_node_[n])
      visit(n);
  }
  template <class Visit> void for_each_use(ClassId c, Visit &&visit) const {
    std::uint32_t first = classes_[c.v].use;
    for (std::uint32_t u = first; u != kNone; u = next_use_[u] == first ? kNone : next_use_[u])
      visit(use_node_[u]);
  }

  /// Of two representatives, the one that disappears in a merge: fewer entries have to be gone
  /// through.
  ClassId lesser(ClassId a, ClassId b) const {
    auto weight = [&](ClassId c) { return classes_[c.v].nodes + classes_[c.v].uses; };
    return weight(a) < weight(b) || (weight(a) == weight(b) && b < a) ? a : b;
  }
  ClassId greater(ClassId a, ClassId b) const { return lesser(a, b) == a ? b : a; }

  void unite(ClassId a, ClassId b) {
    ClassId gone = lesser(a, b), kept = greater(a, b);
    parent_[gone.v] = kept;
    --live_classes_;
    ++merges_;
    ++changes_;
    for_each_node(gone, [&](std::uint32_t node) { stamps_[node] = view_; });
    for_each_use(gone, [&](std::uint32_t node) { enqueue(node, kPending, pending_); });
    if constexpr (kAnalysed) {
      // The users of `gone` may now know more, whether or not `kept` learned something.
      for_each_use(gone,
                   [&](std::uint32_t node) { enqueue(node, kAnalysisPending, analysis_pending_); });
      Data from = std::move(data_[gone.v]);
      if (analysis_.merge(data_[kept.v], std::move(from)))
        data_changed(kept);
      data_[gone.v] = Data{};
    }
    splice(classes_[kept.v].node, classes_[gone.v].node, next_node_);
    splice(classes_[kept.v].use, classes_[gone.v].use, next_use_);
    classes_[kept.v].nodes += classes_[gone.v].nodes;
    classes_[kept.v].uses += classes_[gone.v].uses;
    classes_[gone.v] = {};
    if constexpr (kAnalysed)
      analysis_.modify(*this, kept);
  }

  static void splice(std::uint32_t &into, std::uint32_t from, std::vector<std::uint32_t> &next) {
    if (into == kNone)
      into = from;
    else if (from != kNone)
      std::swap(next[into], next[from]);
  }

  void enqueue(std::uint32_t node, Flag flag, std::vector<std::uint32_t> &queue) {
    if (!nodes_.live(node) || (flags_[node] & flag))
      return;
    flags_[node] |= flag;
    queue.push_back(node);
  }

  /// What is computed from the class's data, and every match that saw them, is looked at again.
  void data_changed(ClassId c) {
    classes_[c.v].stamp = view_;
    ++changes_;
    for_each_node(c, [&](std::uint32_t node) { stamps_[node] = view_; });
    for_each_use(c, [&](std::uint32_t node) {
      stamps_[node] = view_;
      enqueue(node, kAnalysisPending, analysis_pending_);
    });
  }

  /// Gives a node canonical children. If another node is the same now, one of the two dies and
  /// their classes merge. The row that stays is new only if no row had its class and children
  /// before: that is why the other node stays if its class does.
  void repair(std::uint32_t node);

  /// Renumbers the live nodes, class by class, and drops the dead ones. Owners are representatives.
  void compact();

  /// Enters the next node into the lists of its class and of its children.
  void enlist(std::uint32_t node) {
    Class &c = classes_[nodes_.owner(node)];
    next_node_.push_back(node);
    if (c.node == kNone)
      c.node = node;
    else
      std::swap(next_node_[node], next_node_[c.node]);
    ++c.nodes;
    for (ClassId kid : nodes_.children(node)) {
      Class &child = classes_[kid.v];
      auto use = static_cast<std::uint32_t>(use_node_.size());
      use_node_.push_back(node);
      next_use_.push_back(use);
      if (child.use == kNone)
        child.use = use;
      else
        std::swap(next_use_[use], next_use_[child.use]);
      ++child.uses;
    }
  }

  void reanalyse(std::uint32_t node);

  Analysis analysis_;
  NodeTable nodes_;
  std::vector<ClassId> parent_; ///< union-find
  std::vector<Class> classes_;  ///< by class number; empty once merged away
  std::vector<Data> data_;
  std::vector<std::uint32_t> next_node_, stamps_;  ///< by node
  std::vector<std::uint8_t> flags_;                ///< by node
  std::vector<std::uint32_t> use_node_, next_use_; ///< by use
  std::vector<std::uint32_t> pending_, pending_batch_, analysis_pending_;
  std::vector<ClassId> scratch_;
  std::size_t live_classes_ = 0, merges_ = 0, changes_ = 0, hidden_ = 0;
  std::size_t indexed_changes_ = static_cast<std::size_t>(-1);
  std::uint32_t view_ = 1;
  EGraphIndex index_;
  std::optional<Contradiction> contradiction_;
  std::unique_ptr<ProofForest> proofs_;
  std::vector<TermId> node_term_, class_term_;
};

} // namespace isamorph::search

#include "search/egraph_rebuild.h"
