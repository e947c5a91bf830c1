#include "search/egraph_index.h"

#include <tuple>

namespace isamorph::search {
namespace {

/// Turns counts at [k + 1] into places where group k begins.
void accumulate(std::vector<std::uint32_t> &first) {
  for (std::size_t k = 1; k < first.size(); ++k)
    first[k] += first[k - 1];
}

} // namespace

void EGraphIndex::build(const NodeTable &nodes, std::span<const ClassId> classes,
                        std::span<const std::uint32_t> stamps,
                        std::vector<std::uint32_t> class_stamps,
                        std::span<const std::uint8_t> hidden, std::uint32_t view) {
  class_stamps_ = std::move(class_stamps);
  view_ = view;
  sort_rows(nodes, classes, hidden);
  stamps_.resize(rows_.size());
  row_node_.resize(rows_.size());
  for (std::uint32_t r = 0; r < rows_.size(); ++r) {
    row_node_[r] = rows_[r].node;
    stamps_[r] = stamps[rows_[r].node.v];
  }
  classes_.clear();
  for (std::uint32_t c = 0; c < classes.size(); ++c)
    if (classes[c].v == c)
      classes_.push_back({c});
  index_operators(view);
  index_uses(classes.size());
}

EGraphIndex::Row EGraphIndex::make_row(const NodeTable &nodes, std::uint32_t node) {
  Row row{nodes.head(node), {}, {node}};
  auto kids = nodes.children(node);
  if (kids.size() <= NodeTable::kInline) {
    std::copy(kids.begin(), kids.end(), row.kid);
  } else {
    row.kid[0] = {static_cast<std::uint32_t>(wide_.size())};
    row.kid[1] = {static_cast<std::uint32_t>(kids.size())};
    wide_.insert(wide_.end(), kids.begin(), kids.end());
  }
  return row;
}

void EGraphIndex::sort_rows(const NodeTable &nodes, std::span<const ClassId> classes,
                            std::span<const std::uint8_t> hidden) {
  auto for_each_node = [&](auto &&visit) {
    for (std::uint32_t n = 0; n < nodes.size(); ++n)
      if (nodes.live(n) && !hidden[n])
        visit(n, classes[nodes.owner(n)].v);
  };
  operators_ = 0;
  wide_.clear();
  class_first_.assign(classes.size() + 1, 0);
  for_each_node([&](std::uint32_t n, std::uint32_t c) {
    ++class_first_[c + 1];
    operators_ = std::max(operators_, (nodes.head(n) >> 3) + 1);
  });
  accumulate(class_first_);
  rows_.resize(class_first_.back());
  row_class_.resize(rows_.size());
  order_.assign(class_first_.begin(), class_first_.end());
  for_each_node([&](std::uint32_t n, std::uint32_t c) { rows_[order_[c]++] = make_row(nodes, n); });
  for (std::uint32_t c = 0; c < classes.size(); ++c) {
    auto begin = rows_.begin() + class_first_[c], end = rows_.begin() + class_first_[c + 1];
    std::fill(row_class_.begin() + class_first_[c], row_class_.begin() + class_first_[c + 1],
              ClassId{c});
    if (end - begin > 1)
      std::sort(begin, end, [](const Row &a, const Row &b) {
        return std::tie(a.head, a.kid[0], a.kid[1], a.node) <
               std::tie(b.head, b.kid[0], b.kid[1], b.node);
      });
  }
}

void EGraphIndex::index_operators(std::uint32_t view) {
  op_first_.assign(operators_ + 1, 0);
  fresh_first_.assign(operators_ + 1, 0);
  for (std::uint32_t r = 0; r < rows_.size(); ++r) {
    ++op_first_[(rows_[r].head >> 3) + 1];
    fresh_first_[(rows_[r].head >> 3) + 1] += stamps_[r] == view;
  }
  accumulate(op_first_);
  accumulate(fresh_first_);
  op_rows_.resize(rows_.size());
  op_node_.resize(rows_.size());
  fresh_rows_.resize(fresh_first_.back());
  order_.assign(op_first_.begin(), op_first_.end());
  std::vector<std::uint32_t> fresh(fresh_first_.begin(), fresh_first_.end());
  for (std::uint32_t r = 0; r < rows_.size(); ++r) {
    std::uint32_t op = rows_[r].head >> 3;
    op_node_[order_[op]] = rows_[r].node;
    op_rows_[order_[op]++] = r;
    if (stamps_[r] == view)
      fresh_rows_[fresh[op]++] = r;
  }
  for (std::uint32_t op = 0; op < operators_; ++op)
    std::sort(fresh_rows_.begin() + fresh_first_[op], fresh_rows_.begin() + fresh_first_[op + 1],
              [&](std::uint32_t a, std::uint32_t b) {
                return std::tie(rows_[a].kid[0], rows_[a].kid[1], a) <
                       std::tie(rows_[b].kid[0], rows_[b].kid[1], b);
              });
}

/// Every use, operator by operator and position by position.
template <class Visit> void EGraphIndex::for_each_use(Visit &&visit) const {
  for (std::uint32_t op = 0; op < operators_; ++op) {
    bool more = true;
    for (std::uint32_t position = 0; more && position < kUsePositions; ++position) {
      more = false;
      for (std::uint32_t r : rows_with({op})) {
        auto kids = children(r);
        if (position >= kids.size())
          continue;
        more = true;
        visit(kids[position], Use{use_key({op}, position), r});
      }
    }
  }
}

void EGraphIndex::index_uses(std::size_t class_limit) {
  use_first_.assign(class_limit + 1, 0);
  for_each_use([&](ClassId child, Use) { ++use_first_[child.v + 1]; });
  accumulate(use_first_);
  uses_.resize(use_first_.back());
  order_.assign(use_first_.begin(), use_first_.end());
  for_each_use([&](ClassId child, Use use) { uses_[order_[child.v]++] = use; });
}

EGraphIndex::Range EGraphIndex::rows_of(ClassId c, std::uint32_t head) const {
  Range all = rows_of(c);
  auto begin = rows_.begin() + all.begin, end = rows_.begin() + all.end;
  if (all.size() <= 8) {
    while (begin != end && begin->head < head)
      ++begin;
    auto last = begin;
    while (last != end && last->head == head)
      ++last;
    return {static_cast<std::uint32_t>(begin - rows_.begin()),
            static_cast<std::uint32_t>(last - rows_.begin())};
  }
  auto first = std::partition_point(begin, end, [&](const Row &r) { return r.head < head; });
  auto last = std::partition_point(first, end, [&](const Row &r) { return r.head == head; });
  return {static_cast<std::uint32_t>(first - rows_.begin()),
          static_cast<std::uint32_t>(last - rows_.begin())};
}

EGraphIndex::Range EGraphIndex::with_first(Range rows, ClassId kid) const {
  auto begin = rows_.begin() + rows.begin, end = rows_.begin() + rows.end;
  auto first = std::partition_point(begin, end, [&](const Row &r) { return r.kid[0] < kid; });
  auto last = std::partition_point(first, end, [&](const Row &r) { return r.kid[0] == kid; });
  return {static_cast<std::uint32_t>(first - rows_.begin()),
          static_cast<std::uint32_t>(last - rows_.begin())};
}

std::span<const EGraphIndex::Use> EGraphIndex::uses_of(ClassId c, std::uint32_t key) const {
  auto all = uses_of(c);
  auto first =
      std::partition_point(all.begin(), all.end(), [&](const Use &u) { return u.key < key; });
  auto last = std::partition_point(first, all.end(), [&](const Use &u) { return u.key == key; });
  return {first, last};
}

} // namespace isamorph::search
