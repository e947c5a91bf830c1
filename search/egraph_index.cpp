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
  operators_ = 0;
  unsorted_.clear();
  wide_.clear();
  for (std::uint32_t n = 0; n < nodes.size(); ++n) {
    if (!nodes.live(n) || hidden[n])
      continue;
    auto kids = nodes.children(n);
    Row row{nodes.head(n), {}, {n}};
    if (kids.size() <= NodeTable::kInline) {
      std::copy(kids.begin(), kids.end(), row.kid);
    } else {
      row.kid[0] = {static_cast<std::uint32_t>(wide_.size())};
      row.kid[1] = {static_cast<std::uint32_t>(kids.size())};
      wide_.insert(wide_.end(), kids.begin(), kids.end());
    }
    unsorted_.push_back(row);
    operators_ = std::max(operators_, (row.head >> 3) + 1);
  }
  sort_rows(nodes, classes);
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

void EGraphIndex::sort_rows(const NodeTable &nodes, std::span<const ClassId> classes) {
  auto class_of = [&](const Row &row) { return classes[nodes.owner(row.node.v)]; };
  class_first_.assign(classes.size() + 1, 0);
  for (const Row &row : unsorted_)
    ++class_first_[class_of(row).v + 1];
  accumulate(class_first_);
  rows_.resize(unsorted_.size());
  row_class_.resize(unsorted_.size());
  order_.assign(class_first_.begin(), class_first_.end());
  for (const Row &row : unsorted_)
    rows_[order_[class_of(row).v]++] = row;
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
}

void EGraphIndex::index_uses(std::size_t class_limit) {
  // Stable sorts by row, then by key, then by child; rows of one operator come together already.
  unsorted_uses_.clear();
  use_first_.assign(class_limit + 1, 0);
  for (std::uint32_t op = 0; op < operators_; ++op) {
    bool more = true;
    for (std::uint32_t position = 0; more && position < kUsePositions; ++position) {
      more = false;
      for (std::uint32_t r : rows_with({op})) {
        auto kids = children(r);
        if (position >= kids.size())
          continue;
        more = true;
        ++use_first_[kids[position].v + 1];
        unsorted_uses_.push_back({use_key({op}, position), r});
      }
    }
  }
  accumulate(use_first_);
  uses_.resize(unsorted_uses_.size());
  order_.assign(use_first_.begin(), use_first_.end());
  for (const Use &use : unsorted_uses_)
    uses_[order_[children(use.row)[use.key & 63].v]++] = use;
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
