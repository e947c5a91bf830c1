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
//   (hash-consing) merge(a, b)               states that two classes are equal rebuild() restores
//   the invariants after any number of merges find(class)               the class's representative
//
// Rebuilding is deferred, as in egg (Willsey et al., "egg: fast and extensible equality
// saturation", POPL 2021): `merge` only unites two entries of a union-find and notes which nodes
// point to the class that disappeared. `rebuild` works through that list, gives these nodes
// canonical children, and merges the classes of nodes that became equal, until nothing changes.
// Between a merge and the next rebuild, nodes(), nodes_of() and counts may show stale children;
// `add` and `find` are right at any time, except that `add` may miss an equality that the next
// rebuild will find.
//
// After a rebuild:
//   * every child of every live node is a representative;
//   * no two live nodes have the same operator and the same children;
//   * nodes_of(c) lists exactly the live nodes of representative c, sorted by operator, then
//   children;
//   * data(c) is the join of Analysis::make over all nodes of c.
//
// An analysis attaches a value to each class (egg, section 4). It is a type with
//   using Data = ...;
//   Data make(Graph &, ENodeId)                 the value of one node, from the values of its
//   children bool merge(Data &into, Data &&from)        joins; true if `into` changed void
//   modify(Graph &, ClassId)              may add nodes to the class or merge it (constant folding)
// where `merge` is associative, commutative and idempotent, so that the order of merges does not
// show.
//
// Storage is flat: nodes in one vector, their children in one arena, the union-find in one vector,
// and the hash table holds node numbers only. A table entry is never erased: an entry whose node
// has since changed can match a look-up only by the node's present content, which makes the answer
// right anyway; stale entries go when the table grows.
//
// Nothing depends on addresses or on the iteration order of a hash table: the same calls give the
// same numbers.

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace isamorph::search {

struct ClassId {
  std::uint32_t v = 0;
  auto operator<=>(const ClassId &) const = default;
};
struct OperatorId {
  std::uint32_t v = 0;
  auto operator<=>(const OperatorId &) const = default;
};
struct ENodeId {
  std::uint32_t v = 0;
  auto operator<=>(const ENodeId &) const = default;
};

/// The analysis of a language that needs none.
struct NoAnalysis {
  struct Data {};
  template <class Graph> Data make(Graph &, ENodeId) { return {}; }
  bool merge(Data &, Data &&) { return false; }
  template <class Graph> void modify(Graph &, ClassId) {}
};

template <class Analysis = NoAnalysis> class EGraph {
public:
  using Data = typename Analysis::Data;

  explicit EGraph(Analysis analysis = {}) : analysis_(std::move(analysis)) {
    table_.resize(64, kNone);
  }

  /// The class of the term, which is added if it is new. Children need not be representatives.
  ClassId add(OperatorId op, std::span<const ClassId> children) {
    scratch_.clear();
    for (ClassId c : children)
      scratch_.push_back(root(c));
    std::uint64_t h = hash(op, scratch_);
    if (auto found = lookup(op, scratch_, h))
      return root(records_[found->v].owner);
    ENodeId node{static_cast<std::uint32_t>(records_.size())};
    ClassId id{static_cast<std::uint32_t>(parent_.size())};
    records_.push_back({op, static_cast<std::uint32_t>(arena_.size()),
                        static_cast<std::uint32_t>(scratch_.size()), id});
    arena_.insert(arena_.end(), scratch_.begin(), scratch_.end());
    parent_.push_back(id.v);
    classes_.push_back({{node}, {}, {}});
    ++live_nodes_;
    ++live_classes_;
    for (std::size_t i = 0; i < scratch_.size(); ++i)
      if (std::find(scratch_.begin(), scratch_.begin() + i, scratch_[i]) == scratch_.begin() + i)
        classes_[scratch_[i].v].parents.push_back(node);
    if (by_operator_.size() <= op.v)
      by_operator_.resize(op.v + 1);
    by_operator_[op.v].push_back(node);
    insert(node, h);
    changed_.push_back(id);
    Data made = analysis_.make(*this, node);
    classes_[id.v].data = std::move(made);
    analysis_.modify(*this, id);
    return root(id);
  }

  /// The class of a term if it is known; children need not be representatives.
  std::optional<ClassId> find_term(OperatorId op, std::span<const ClassId> children) const {
    std::vector<ClassId> canonical;
    for (ClassId c : children)
      canonical.push_back(find(c));
    auto found = lookup(op, canonical, hash(op, canonical));
    if (!found)
      return std::nullopt;
    return find(records_[found->v].owner);
  }

  /// States a = b. True if that was news. Call `rebuild` before the next match.
  bool merge(ClassId a, ClassId b) {
    a = root(a), b = root(b);
    if (a == b)
      return false;
    auto weight = [&](ClassId c) {
      return classes_[c.v].parents.size() + classes_[c.v].nodes.size();
    };
    if (weight(a) < weight(b) || (weight(a) == weight(b) && b < a))
      std::swap(a, b); // b disappears: the one with fewer entries to move
    parent_[b.v] = a.v;
    --live_classes_;
    Class &into = classes_[a.v], &from = classes_[b.v];
    pending_.insert(pending_.end(), from.parents.begin(), from.parents.end());
    if (analysis_.merge(into.data, Data(from.data)))
      analysis_pending_.insert(analysis_pending_.end(), into.parents.begin(), into.parents.end());
    // The parents of `from` may now know more, whether or not `into` learned something.
    analysis_pending_.insert(analysis_pending_.end(), from.parents.begin(), from.parents.end());
    into.nodes.insert(into.nodes.end(), from.nodes.begin(), from.nodes.end());
    into.parents.insert(into.parents.end(), from.parents.begin(), from.parents.end());
    from = {};
    touched_.push_back(a);
    changed_.push_back(a);
    ++merges_;
    analysis_.modify(*this, a);
    return true;
  }

  /// Restores congruence, analyses and indexes. Returns the number of merges that congruence
  /// forced.
  std::size_t rebuild() {
    std::size_t before = merges_;
    while (!pending_.empty() || !analysis_pending_.empty()) {
      while (!pending_.empty()) {
        std::vector<ENodeId> batch = std::move(pending_);
        pending_.clear();
        std::sort(batch.begin(), batch.end());
        batch.erase(std::unique(batch.begin(), batch.end()), batch.end());
        for (ENodeId node : batch)
          repair(node);
      }
      std::vector<ENodeId> batch = std::move(analysis_pending_);
      analysis_pending_.clear();
      std::sort(batch.begin(), batch.end());
      batch.erase(std::unique(batch.begin(), batch.end()), batch.end());
      for (ENodeId node : batch)
        reanalyse(node);
    }
    clean();
    return merges_ - before;
  }

  ClassId find(ClassId c) const {
    while (parent_[c.v] != c.v)
      c.v = parent_[c.v];
    return c;
  }

  OperatorId op(ENodeId node) const { return records_[node.v].op; }
  std::span<const ClassId> children(ENodeId node) const {
    const Record &r = records_[node.v];
    return {arena_.data() + r.first, r.arity};
  }
  /// The class a node belongs to (a representative).
  ClassId class_of(ENodeId node) const { return find(records_[node.v].owner); }
  bool is_live(ENodeId node) const { return records_[node.v].owner.v != kNone; }

  /// The nodes of a representative.
  std::span<const ENodeId> nodes_of(ClassId c) const { return classes_[c.v].nodes; }
  /// Nodes that have a representative among their children; some may have died, see is_live.
  std::span<const ENodeId> parents_of(ClassId c) const { return classes_[c.v].parents; }
  const Data &data(ClassId c) const { return classes_[c.v].data; }
  /// The live nodes with an operator, in the order in which they were added.
  std::span<const ENodeId> nodes_with(OperatorId op) const {
    if (op.v >= by_operator_.size())
      return {};
    return by_operator_[op.v];
  }

  std::size_t node_count() const { return live_nodes_; }
  std::size_t class_count() const { return live_classes_; }
  /// Upper bound of class numbers, for arrays indexed by class.
  std::size_t class_limit() const { return parent_.size(); }
  bool is_representative(ClassId c) const { return parent_[c.v] == c.v; }
  /// All representatives in order of their numbers.
  std::vector<ClassId> classes() const {
    std::vector<ClassId> out;
    for (std::uint32_t i = 0; i < parent_.size(); ++i)
      if (parent_[i] == i)
        out.push_back({i});
    return out;
  }
  /// How many merges happened so far.
  std::size_t merges() const { return merges_; }

  /// The classes that were added or merged since the last call, as representatives without
  /// repetition, in order.
  std::vector<ClassId> take_changed() {
    std::vector<ClassId> out;
    for (ClassId c : changed_)
      out.push_back(root(c));
    changed_.clear();
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
  }

  Analysis &analysis() { return analysis_; }
  const Analysis &analysis() const { return analysis_; }

private:
  static constexpr std::uint32_t kNone = 0xffffffff;

  struct Record {
    OperatorId op;
    std::uint32_t first, arity;
    ClassId owner; ///< kNone: the node became equal to another one
  };
  struct Class {
    std::vector<ENodeId> nodes, parents;
    Data data;
  };

  /// The representative, with path halving.
  ClassId root(ClassId c) {
    while (parent_[c.v] != c.v) {
      parent_[c.v] = parent_[parent_[c.v]];
      c.v = parent_[c.v];
    }
    return c;
  }

  static std::uint64_t hash(OperatorId op, std::span<const ClassId> children) {
    std::uint64_t h = (op.v + 1) * 0x9e3779b97f4a7c15ull;
    for (ClassId c : children) {
      h ^= c.v + 0x9e3779b97f4a7c15ull + (h << 6) + (h >> 2);
      h *= 0xff51afd7ed558ccdull;
      h ^= h >> 32;
    }
    return h ^ (h >> 29);
  }

  bool same(ENodeId node, OperatorId op, std::span<const ClassId> canonical) const {
    const Record &r = records_[node.v];
    return r.owner.v != kNone && r.op == op && r.arity == canonical.size() &&
           std::equal(canonical.begin(), canonical.end(), arena_.begin() + r.first);
  }

  std::optional<ENodeId> lookup(OperatorId op, std::span<const ClassId> canonical,
                                std::uint64_t h) const {
    std::size_t mask = table_.size() - 1;
    for (std::size_t i = h & mask; table_[i] != kNone; i = (i + 1) & mask)
      if (same({table_[i]}, op, canonical))
        return ENodeId{table_[i]};
    return std::nullopt;
  }

  void insert(ENodeId node, std::uint64_t h) {
    if ((filled_ + 1) * 2 > table_.size())
      grow();
    place(node, h);
  }

  void place(ENodeId node, std::uint64_t h) {
    std::size_t mask = table_.size() - 1, i = h & mask;
    while (table_[i] != kNone && table_[i] != node.v)
      i = (i + 1) & mask;
    if (table_[i] == kNone)
      ++filled_;
    table_[i] = node.v;
  }

  void grow() {
    std::size_t size = 64;
    while (size < live_nodes_ * 4 + 4)
      size *= 2;
    table_.assign(size, kNone);
    filled_ = 0;
    for (std::uint32_t i = 0; i < records_.size(); ++i)
      if (is_live({i}))
        place({i}, hash(records_[i].op, children({i})));
  }

  /// Gives a node canonical children; if another node is now the same, this one dies and the
  /// classes merge.
  void repair(ENodeId node) {
    Record &r = records_[node.v];
    if (r.owner.v == kNone)
      return;
    bool moved = false;
    for (std::uint32_t i = 0; i < r.arity; ++i) {
      ClassId now = root(arena_[r.first + i]);
      moved |= now != arena_[r.first + i];
      arena_[r.first + i] = now;
    }
    if (!moved)
      return;
    std::span<const ClassId> canonical = children(node);
    std::uint64_t h = hash(r.op, canonical);
    std::size_t mask = table_.size() - 1;
    for (std::size_t i = h & mask; table_[i] != kNone; i = (i + 1) & mask) {
      ENodeId other{table_[i]};
      if (other == node || !same(other, r.op, canonical))
        continue;
      ClassId a = root(records_[other.v].owner), b = root(r.owner);
      // The older node stays, so that numbers do not depend on the order of the work list.
      ENodeId dead = std::max(node, other);
      touched_.push_back(root(records_[dead.v].owner));
      records_[dead.v].owner.v = kNone;
      if (dead == other)
        insert(node, h);
      dead_ = true;
      --live_nodes_;
      merge(a, b);
      return;
    }
    insert(node, h);
    touched_.push_back(root(r.owner));
    changed_.push_back(r.owner);
  }

  void reanalyse(ENodeId node) {
    if (!is_live(node))
      return;
    ClassId c = root(records_[node.v].owner);
    Data made = analysis_.make(*this, node);
    c = root(c);
    if (!analysis_.merge(classes_[c.v].data, std::move(made)))
      return;
    const auto &up = classes_[c.v].parents;
    analysis_pending_.insert(analysis_pending_.end(), up.begin(), up.end());
    changed_.push_back(c);
    analysis_.modify(*this, c);
  }

  bool node_less(ENodeId a, ENodeId b) const {
    const Record &x = records_[a.v], &y = records_[b.v];
    if (x.op != y.op)
      return x.op < y.op;
    return std::lexicographical_compare(
        arena_.begin() + x.first, arena_.begin() + x.first + x.arity, arena_.begin() + y.first,
        arena_.begin() + y.first + y.arity);
  }

  void clean() {
    std::sort(touched_.begin(), touched_.end());
    touched_.erase(std::unique(touched_.begin(), touched_.end()), touched_.end());
    auto drop_dead = [&](std::vector<ENodeId> &list) {
      std::erase_if(list, [&](ENodeId n) { return !is_live(n); });
    };
    for (ClassId c : touched_) {
      if (!is_representative(c))
        continue;
      Class &entry = classes_[c.v];
      drop_dead(entry.nodes);
      std::sort(entry.nodes.begin(), entry.nodes.end(),
                [&](ENodeId a, ENodeId b) { return node_less(a, b); });
      std::sort(entry.parents.begin(), entry.parents.end());
      entry.parents.erase(std::unique(entry.parents.begin(), entry.parents.end()),
                          entry.parents.end());
      drop_dead(entry.parents);
    }
    touched_.clear();
    if (dead_)
      for (auto &list : by_operator_)
        drop_dead(list);
    dead_ = false;
  }

  Analysis analysis_;
  std::vector<Record> records_;
  std::vector<ClassId> arena_;
  std::vector<std::uint32_t> parent_; ///< union-find
  std::vector<Class> classes_;        ///< by class number; empty once merged away
  std::vector<std::uint32_t> table_;  ///< open addressing, node numbers
  std::size_t filled_ = 0, live_nodes_ = 0, live_classes_ = 0, merges_ = 0;
  std::vector<std::vector<ENodeId>> by_operator_;
  std::vector<ENodeId> pending_, analysis_pending_;
  std::vector<ClassId> touched_, changed_, scratch_;
  bool dead_ = false; ///< some node died since the last rebuild
};

} // namespace isamorph::search
