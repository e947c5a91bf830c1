#pragma once
// Hash-consed nodes: an operator and its children, stored flat. Up to two children stand in the
// node itself (16 bytes with its owner), so that a look-up touches the table once and the node
// once; more stand in an arena. The table holds 32 bits of hash beside each node number, of which
// the lower ones say where the entry belongs. An entry is never erased: when a node's children
// change it is entered anew, and its old entry can match a look-up only by the node's present
// content, which makes the answer right anyway; stale entries go when the table grows.

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <optional>
#include <span>
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

inline constexpr std::uint32_t kNone = 0xffffffff;
/// Operators are numbers below this.
inline constexpr std::uint32_t kOperatorLimit = std::uint32_t{1} << 26;

class NodeTable {
public:
  static constexpr std::uint32_t kInline = 2;

  struct Node {
    std::uint32_t head;  ///< operator and, in the low three bits, the arity, or 7 for more than six
    std::uint32_t owner; ///< the user's; kNone: dead
    ClassId kid[kInline]; ///< the children, or the first one's place in the arena
  };

  NodeTable() : table_(64, kEmpty) {}

  std::size_t size() const { return nodes_.size(); }
  OperatorId op(std::uint32_t node) const { return {nodes_[node].head >> 3}; }
  std::uint32_t head(std::uint32_t node) const { return nodes_[node].head; }
  std::uint32_t &owner(std::uint32_t node) { return nodes_[node].owner; }
  std::uint32_t owner(std::uint32_t node) const { return nodes_[node].owner; }
  std::uint32_t arity(std::uint32_t node) const { return arity(nodes_[node]); }
  std::span<const ClassId> children(std::uint32_t node) const {
    const Node &n = nodes_[node];
    std::uint32_t count = arity(n);
    return {count <= kInline ? n.kid : arena_.data() + n.kid[0].v, count};
  }
  std::span<ClassId> mutable_children(std::uint32_t node) {
    Node &n = nodes_[node];
    std::uint32_t count = arity(n);
    return {count <= kInline ? n.kid : arena_.data() + n.kid[0].v, count};
  }

  static std::uint32_t make_head(OperatorId op, std::size_t arity) {
    assert(op.v < kOperatorLimit);
    return op.v << 3 | static_cast<std::uint32_t>(std::min<std::size_t>(arity, 7));
  }
  static std::uint64_t hash(std::uint32_t head, std::span<const ClassId> children) {
    std::uint64_t h = (head + 1) * 0x9e3779b97f4a7c15ull;
    for (ClassId c : children) {
      h = (h ^ c.v) * 0xff51afd7ed558ccdull;
      h ^= h >> 32;
    }
    return h * 0xc4ceb9fe1a85ec53ull ^ h >> 29;
  }

  /// The node with this operator and these children.
  std::uint32_t lookup(std::uint32_t head, std::span<const ClassId> children,
                       std::uint64_t h) const {
    std::size_t mask = table_.size() - 1;
    std::uint64_t tag = h >> 32;
    for (std::size_t i = tag & mask; table_[i] != kEmpty; i = (i + 1) & mask)
      if (table_[i] >> 32 == tag && same(static_cast<std::uint32_t>(table_[i]), head, children))
        return static_cast<std::uint32_t>(table_[i]);
    return kNone;
  }
  /// The same for two children.
  std::uint32_t lookup(std::uint32_t head, ClassId a, ClassId b, std::uint64_t h) const {
    std::size_t mask = table_.size() - 1;
    std::uint64_t tag = h >> 32;
    for (std::size_t i = tag & mask; table_[i] != kEmpty; i = (i + 1) & mask) {
      if (table_[i] >> 32 != tag)
        continue;
      const Node &n = nodes_[static_cast<std::uint32_t>(table_[i])];
      if (n.head == head && n.kid[0] == a && n.kid[1] == b && n.owner != kNone)
        return static_cast<std::uint32_t>(table_[i]);
    }
    return kNone;
  }
  void prefetch(std::uint64_t h) const {
    __builtin_prefetch(&table_[h >> 32 & (table_.size() - 1)]);
  }
  /// Brings the node that a table slot of this hash most likely names.
  void prefetch_node(std::uint64_t h) const {
    std::uint64_t entry = table_[h >> 32 & (table_.size() - 1)];
    if (entry != kEmpty)
      __builtin_prefetch(&nodes_[static_cast<std::uint32_t>(entry)]);
  }

  /// Appends a node, which must not be known yet.
  std::uint32_t append(std::uint32_t head, std::span<const ClassId> children, std::uint64_t h,
                       std::uint32_t owner) {
    auto node = static_cast<std::uint32_t>(nodes_.size());
    Node n{head, owner, {}};
    if (children.size() <= kInline) {
      for (std::size_t i = 0; i < children.size(); ++i)
        n.kid[i] = children[i];
    } else {
      if (children.size() >= 7)
        arena_.push_back({static_cast<std::uint32_t>(children.size())});
      n.kid[0] = {static_cast<std::uint32_t>(arena_.size())};
      arena_.insert(arena_.end(), children.begin(), children.end());
    }
    nodes_.push_back(n);
    ++live_;
    enter(node, h);
    return node;
  }

  /// Enters a node whose children changed.
  void enter(std::uint32_t node, std::uint64_t h) {
    if ((filled_ + 1) * 8 > table_.size() * 5) {
      if (live_ * 4 > filled_ * 3)
        enlarge();
      else
        rebuild();
    }
    place(h >> 32 << 32 | node);
  }
  void kill(std::uint32_t node) {
    nodes_[node].owner = kNone;
    --live_;
  }
  bool live(std::uint32_t node) const { return nodes_[node].owner != kNone; }
  std::size_t live() const { return live_; }

  /// The other live nodes with this content, one after another; `node` itself is passed over.
  std::uint32_t twin(std::uint32_t node, std::uint64_t h) const {
    std::size_t mask = table_.size() - 1;
    std::uint64_t tag = h >> 32;
    for (std::size_t i = tag & mask; table_[i] != kEmpty; i = (i + 1) & mask) {
      auto other = static_cast<std::uint32_t>(table_[i]);
      if (table_[i] >> 32 == tag && other != node && same(other, nodes_[node].head, children(node)))
        return other;
    }
    return kNone;
  }

  /// Keeps only the live nodes, in a new order: `order[i]` becomes node i.
  void reorder(std::span<const std::uint32_t> order) {
    std::vector<Node> nodes;
    std::vector<ClassId> arena;
    nodes.reserve(order.size());
    for (std::uint32_t old : order) {
      Node n = nodes_[old];
      auto kids = children(old);
      if (kids.size() > kInline) {
        if (kids.size() >= 7)
          arena.push_back({static_cast<std::uint32_t>(kids.size())});
        n.kid[0] = {static_cast<std::uint32_t>(arena.size())};
        arena.insert(arena.end(), kids.begin(), kids.end());
      }
      nodes.push_back(n);
    }
    nodes_ = std::move(nodes);
    arena_ = std::move(arena);
    rebuild();
  }

private:
  static constexpr std::uint64_t kEmpty = ~std::uint64_t{0};

  std::uint32_t arity(const Node &n) const {
    std::uint32_t count = n.head & 7;
    return count < 7 ? count : arena_[n.kid[0].v - 1].v;
  }
  bool same(std::uint32_t node, std::uint32_t head, std::span<const ClassId> kids) const {
    const Node &n = nodes_[node];
    if (n.head != head || n.owner == kNone)
      return false;
    auto mine = children(node);
    return std::equal(mine.begin(), mine.end(), kids.begin(), kids.end());
  }
  void place(std::uint64_t entry) {
    std::size_t mask = table_.size() - 1, i = entry >> 32 & mask;
    while (table_[i] != kEmpty && table_[i] != entry)
      i = (i + 1) & mask;
    filled_ += table_[i] == kEmpty;
    table_[i] = entry;
  }
  /// Doubles the table. Entries hold what says where they go, so no node is looked at.
  void enlarge() {
    std::vector<std::uint64_t> old(table_.size() * 2, kEmpty);
    old.swap(table_);
    filled_ = 0;
    for (std::uint64_t entry : old)
      if (entry != kEmpty)
        place(entry);
  }
  /// Enters the live nodes into a new table.
  void rebuild() {
    std::size_t size = 64;
    while (size < live_ * 3 + 3)
      size *= 2;
    table_.assign(size, kEmpty);
    filled_ = 0;
    for (std::uint32_t i = 0; i < nodes_.size(); ++i)
      if (live(i))
        place(hash(nodes_[i].head, children(i)) >> 32 << 32 | i);
  }

  std::vector<Node> nodes_;
  std::vector<ClassId> arena_;
  std::vector<std::uint64_t> table_; ///< open addressing: upper half of the hash, node
  std::size_t filled_ = 0, live_ = 0;
};

} // namespace isamorph::search
