#pragma once
// A frozen view of an e-graph as sorted tables, made by every rebuild and used until the next one:
// what e-matching joins.
//
//   rows     one for each node that takes part in matching: class, operator, children; sorted by
//            class, operator and (up to two) children, so that the nodes of a class with an
//            operator and a given first child are a binary search away
//   uses     for every child of every row: sorted by the child's class, then operator and
//            position, so that a match can also be continued from a term to those that hold it
//   fresh    the rows whose content (class, children) is not what it was in the view before
//
// Building it takes time linear in the number of nodes, up to the sorting within classes.

#include "search/node_table.h"

namespace isamorph::search {

class EGraphIndex {
public:
  struct Row {
    std::uint32_t head;              ///< as in NodeTable
    ClassId kid[NodeTable::kInline]; ///< the children, or where they begin in `wide_` and how many
                                     ///< they are
    ENodeId node;
  };
  struct Use {
    std::uint32_t key; ///< operator and position, see use_key
    std::uint32_t row;
  };
  struct Range {
    std::uint32_t begin = 0, end = 0;
    std::uint32_t size() const { return end - begin; }
  };
  /// Positions from here on are not in `uses`.
  static constexpr std::uint32_t kUsePositions = 62;

  /// `classes`: by class number, the representative. Stamps: by node and by class, the number of
  /// the view in which its content was new. Nodes whose flag is set take no part.
  void build(const NodeTable &nodes, std::span<const ClassId> classes,
             std::span<const std::uint32_t> stamps, std::vector<std::uint32_t> class_stamps,
             std::span<const std::uint8_t> hidden, std::uint32_t view);

  /// The number of this view.
  std::uint32_t view() const { return view_; }
  std::size_t size() const { return rows_.size(); }
  const Row &row(std::uint32_t r) const { return rows_[r]; }
  ClassId class_of(std::uint32_t r) const { return row_class_[r]; }
  std::uint32_t stamp(std::uint32_t r) const { return stamps_[r]; }
  std::uint32_t class_stamp(ClassId c) const { return class_stamps_[c.v]; }
  std::span<const ClassId> children(std::uint32_t r) const {
    const Row &row = rows_[r];
    std::uint32_t arity = row.head & 7;
    return arity <= NodeTable::kInline ? std::span(row.kid, arity)
                                       : std::span(wide_).subspan(row.kid[0].v, row.kid[1].v);
  }

  Range rows_of(ClassId c) const {
    return c.v + 1 < class_first_.size() ? Range{class_first_[c.v], class_first_[c.v + 1]}
                                         : Range{};
  }
  /// The rows of a class with an operator and arity.
  Range rows_of(ClassId c, std::uint32_t head) const;
  /// Among rows with one head, sorted by children: those with a first child.
  Range with_first(Range rows, ClassId first) const;

  std::span<const ENodeId> nodes_of(ClassId c) const {
    Range r = rows_of(c);
    return std::span(row_node_).subspan(r.begin, r.size());
  }
  /// Rows with an operator, whatever the arity, in order.
  std::span<const std::uint32_t> rows_with(OperatorId op) const {
    return op.v + 1 < op_first_.size()
               ? std::span(op_rows_).subspan(op_first_[op.v], op_first_[op.v + 1] - op_first_[op.v])
               : std::span<const std::uint32_t>{};
  }
  std::span<const ENodeId> nodes_with(OperatorId op) const {
    return op.v + 1 < op_first_.size()
               ? std::span(op_node_).subspan(op_first_[op.v], op_first_[op.v + 1] - op_first_[op.v])
               : std::span<const ENodeId>{};
  }
  std::span<const std::uint32_t> fresh_with(OperatorId op) const {
    return op.v + 1 < fresh_first_.size()
               ? std::span(fresh_rows_)
                     .subspan(fresh_first_[op.v], fresh_first_[op.v + 1] - fresh_first_[op.v])
               : std::span<const std::uint32_t>{};
  }

  static std::uint32_t use_key(OperatorId op, std::uint32_t position) {
    return op.v << 6 | position;
  }
  std::span<const Use> uses_of(ClassId c) const {
    return c.v + 1 < use_first_.size()
               ? std::span(uses_).subspan(use_first_[c.v], use_first_[c.v + 1] - use_first_[c.v])
               : std::span<const Use>{};
  }
  std::span<const Use> uses_of(ClassId c, std::uint32_t key) const;

  const std::vector<ClassId> &classes() const { return classes_; } ///< representatives, ascending

private:
  void sort_rows(const NodeTable &nodes, std::span<const ClassId> classes,
                 std::span<const std::uint8_t> hidden);
  Row make_row(const NodeTable &nodes, std::uint32_t node);
  template <class Visit> void for_each_use(Visit &&visit) const;
  void index_operators(std::uint32_t view);
  void index_uses(std::size_t class_limit);

  std::uint32_t view_ = 0, operators_ = 0;
  std::vector<Row> rows_;
  std::vector<ClassId> row_class_, classes_, wide_;
  std::vector<std::uint32_t> stamps_, class_stamps_, class_first_, op_first_, op_rows_,
      fresh_first_, fresh_rows_, use_first_, order_;
  std::vector<ENodeId> row_node_, op_node_;
  std::vector<Use> uses_;
};

} // namespace isamorph::search
