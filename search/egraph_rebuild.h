#pragma once
// How an e-graph restores its invariants: the definitions of EGraph's members for rebuilding. Part
// of search/egraph.h, which includes it.

#include "search/egraph.h"

namespace isamorph::search {

template <class Analysis> std::size_t EGraph<Analysis>::rebuild() {
  std::size_t before = merges_;
  if (contradiction_)
    return 0; // whatever follows from it would be merged; the last view is the last sound one
  while (!pending_.empty() || !analysis_pending_.empty()) {
    restore_congruence();
    if (contradiction_)
      return merges_ - before;
    std::vector<std::uint32_t> batch = std::move(analysis_pending_);
    analysis_pending_.clear();
    for (std::uint32_t node : batch) {
      flags_[node] &= static_cast<std::uint8_t>(~kAnalysisPending);
      reanalyse(node);
      if (contradiction_)
        return merges_ - before;
    }
  }
  if (indexed_changes_ != changes_) {
    for (std::uint32_t c = 0; c < parent_.size(); ++c)
      root({c});
    for (std::uint32_t c = 0; c < parent_.size(); ++c)
      parent_[c] = root({c});
    for (std::uint32_t n = 0; n < nodes_.size(); ++n)
      if (nodes_.live(n))
        nodes_.owner(n) = parent_[nodes_.owner(n)].v;
    if (nodes_.size() - nodes_.live() > nodes_.live() / 4)
      compact();
    std::vector<std::uint32_t> class_stamps;
    class_stamps.reserve(classes_.size());
    for (const Class &c : classes_)
      class_stamps.push_back(c.stamp);
    index_.build(nodes_, parent_, stamps_, std::move(class_stamps), flags_, view_);
    ++view_;
    indexed_changes_ = changes_;
  }
  return merges_ - before;
}

template <class Analysis> void EGraph<Analysis>::restore_congruence() {
  while (!pending_.empty()) {
    pending_batch_.swap(pending_);
    pending_.clear();
    for (std::uint32_t node : pending_batch_) {
      flags_[node] &= static_cast<std::uint8_t>(~kPending);
      repair(node);
      if (contradiction_)
        return;
    }
  }
}

template <class Analysis> void EGraph<Analysis>::repair(std::uint32_t node) {
  if (!nodes_.live(node))
    return;
  bool moved = false;
  for (ClassId &c : nodes_.mutable_children(node)) {
    ClassId now = root(c);
    moved |= now != c;
    c = now;
  }
  if (!moved)
    return;
  ++changes_;
  std::uint64_t h = NodeTable::hash(nodes_.head(node), nodes_.children(node));
  std::uint32_t other = nodes_.twin(node, h);
  if (other == kNone) {
    stamps_[node] = view_;
    nodes_.enter(node, h);
    return;
  }
  ClassId a = root({nodes_.owner(other)}), b = root({nodes_.owner(node)});
  bool other_stays = a == b || greater(a, b) == a;
  std::uint32_t kept = other_stays ? other : node, dead = other_stays ? node : other;
  if (flags_[dead] & kHidden) {
    --hidden_;
  } else if (flags_[kept] & kHidden) { // one of the two was to be seen
    flags_[kept] &= static_cast<std::uint8_t>(~kHidden);
    stamps_[kept] = view_;
    --hidden_;
  }
  nodes_.kill(dead);
  if (!other_stays) {
    stamps_[node] = view_;
    nodes_.enter(node, h);
  }
  if (a == b)
    return;
  if (proofs_)
    proofs_->link(node_term_[other], node_term_[node], {Reason::Kind::Congruence},
                  lesser(a, b) == a);
  unite(a, b);
}

template <class Analysis> void EGraph<Analysis>::compact() {
  std::vector<std::uint32_t> first(parent_.size() + 1, 0), order(nodes_.live());
  for (std::uint32_t n = 0; n < nodes_.size(); ++n)
    if (nodes_.live(n))
      ++first[nodes_.owner(n) + 1];
  for (std::size_t c = 1; c < first.size(); ++c)
    first[c] += first[c - 1];
  for (std::uint32_t n = 0; n < nodes_.size(); ++n)
    if (nodes_.live(n))
      order[first[nodes_.owner(n)]++] = n;
  auto reorder = [&](auto &list) {
    std::remove_reference_t<decltype(list)> kept;
    kept.reserve(order.size());
    for (std::uint32_t old : order)
      kept.push_back(list[old]);
    list = std::move(kept);
  };
  reorder(stamps_);
  reorder(flags_);
  if (proofs_)
    reorder(node_term_);
  nodes_.reorder(order);
  for (Class &c : classes_)
    c.node = c.use = kNone, c.nodes = c.uses = 0;
  next_node_.clear();
  use_node_.clear();
  next_use_.clear();
  for (std::uint32_t n = 0; n < nodes_.size(); ++n)
    enlist(n);
}

template <class Analysis> void EGraph<Analysis>::reanalyse(std::uint32_t node) {
  if constexpr (kAnalysed) {
    if (!nodes_.live(node))
      return;
    Data made = analysis_.make(*this, ENodeId{node});
    ClassId c = root({nodes_.owner(node)});
    if (!analysis_.merge(data_[c.v], std::move(made)))
      return;
    data_changed(c);
    analysis_.modify(*this, c);
  }
}

} // namespace isamorph::search
