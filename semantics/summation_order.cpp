#include "semantics/summation_order.h"

#include "semantics/evaluator.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <map>
#include <optional>

namespace isamorph::semantics {
namespace {

using Trees = std::vector<SummationTree>;

SummationTree node(Trees parts, bool exact = false) {
  if (parts.size() == 1)
    return std::move(parts[0]);
  std::sort(parts.begin(), parts.end(), [](const SummationTree &a, const SummationTree &b) {
    return a.least_leaf() < b.least_leaf();
  });
  return {-1, std::move(parts), exact};
}

SummationTree sequence(Trees terms) {
  SummationTree sum = std::move(terms[0]);
  for (std::size_t i = 1; i < terms.size(); ++i)
    sum = node({std::move(sum), std::move(terms[i])});
  return sum;
}

SummationTree balanced(std::span<const SummationTree> terms) {
  if (terms.size() == 1)
    return terms[0];
  std::size_t middle = (terms.size() + 1) / 2;
  return node({balanced(terms.subspan(0, middle)), balanced(terms.subspan(middle))});
}

Trees leaves(std::int64_t begin, std::int64_t end) {
  Trees out;
  for (std::int64_t i = begin; i < end; ++i)
    out.push_back({i, {}});
  return out;
}

/// The terms of a block joined with what was summed before.
SummationTree unit_step(const StepProgram &unit, Trees terms, std::optional<SummationTree> before) {
  using Sum = StepProgram::Sum;
  using Join = StepProgram::Join;
  if (unit.descending)
    std::reverse(terms.begin(), terms.end());
  bool exact = unit.sum == Sum::Exact;
  // Aligned twice: the exponent of what was cancelled in one group still cuts the others off.
  if (unit.join == Join::Aligned || (unit.join == Join::Within && unit.sum != Sum::Chain)) {
    if (before)
      terms.push_back(std::move(*before));
    return node(std::move(terms), exact);
  }
  if (unit.join == Join::Within) {
    if (before)
      terms.insert(terms.begin(), std::move(*before));
    return sequence(std::move(terms));
  }
  SummationTree sum;
  if (unit.sum == Sum::Chain) {
    Trees chains;
    auto count = static_cast<std::size_t>(unit.chains);
    for (std::size_t c = 0; c < std::min(count, terms.size()); ++c) {
      Trees own;
      for (std::size_t i = c; i < terms.size(); i += count)
        own.push_back(terms[i]);
      chains.push_back(sequence(std::move(own)));
    }
    sum = sequence(std::move(chains));
  } else {
    sum = unit.sum == Sum::Tree ? balanced(terms) : node(std::move(terms), exact);
  }
  return before ? node({std::move(*before), std::move(sum)}) : sum;
}

/// The way from the root to a leaf, as parts' numbers.
bool path_to(const SummationTree &tree, std::int64_t leaf, std::vector<std::size_t> &path) {
  if (tree.leaf == leaf)
    return true;
  for (std::size_t p = 0; p < tree.parts.size(); ++p) {
    path.push_back(p);
    if (path_to(tree.parts[p], leaf, path))
      return true;
    path.pop_back();
  }
  return false;
}

using BelowBoth = std::function<std::int64_t(std::int64_t, std::int64_t)>;

/// A tree over some leaves, and how many leaves lie below its root in the whole tree.
struct Recovered {
  SummationTree tree;
  std::int64_t below = 1;
};

Recovered recover(const std::vector<std::int64_t> &some, const BelowBoth &below_both) {
  Recovered out{{some[0], {}}, 1};
  std::map<std::int64_t, std::vector<std::int64_t>> by_node;
  for (std::size_t s = 1; s < some.size(); ++s)
    by_node[below_both(some[0], some[s])].push_back(some[s]);
  for (const auto &[below, others] : by_node) {
    Recovered rest = recover(others, below_both);
    Trees parts = {std::move(out.tree)};
    if (rest.below == below) // the others are several parts of the same node
      for (SummationTree &part : rest.tree.parts)
        parts.push_back(std::move(part));
    else
      parts.push_back(std::move(rest.tree));
    out = {node(std::move(parts)), below};
  }
  return out;
}

} // namespace

std::int64_t SummationTree::least_leaf() const {
  return parts.empty() ? leaf : parts[0].least_leaf();
}

std::int64_t SummationTree::leaves() const {
  std::int64_t count = parts.empty() ? 1 : 0;
  for (const SummationTree &part : parts)
    count += part.leaves();
  return count;
}

std::string SummationTree::to_string() const {
  if (parts.empty())
    return std::to_string(leaf);
  std::string text = "(";
  for (const SummationTree &part : parts)
    text += (text.size() > 1 ? " " : "") + part.to_string();
  return text + ")";
}

SummationTree declared_order(const FoldNumerics &fold, ElementType type, std::int64_t terms) {
  assert(terms >= 1);
  const StepProgram *unit = unit_for(fold, type);
  std::int64_t width = unit ? unit->block : fold.order.width;
  if (!unit && fold.order.kind == OrderDescriptor::Kind::Pairwise)
    return balanced(leaves(0, terms));
  if (!unit && (fold.order.kind == OrderDescriptor::Kind::Sequential || terms <= width))
    return sequence(leaves(0, terms));
  if (unit && width == StepProgram::kWholeRow)
    width = terms;
  std::optional<SummationTree> sum;
  std::int64_t end = std::min(terms, unit ? width : fold.order.first_block(terms));
  for (std::int64_t begin = 0; begin < terms; begin = end, end = std::min(terms, end + width)) {
    Trees block = leaves(begin, end);
    if (unit)
      sum = unit_step(*unit, std::move(block), std::move(sum));
    else if (SummationTree part = sequence(std::move(block)); sum)
      sum = node({std::move(*sum), std::move(part)});
    else
      sum = std::move(part);
  }
  return *sum;
}

std::int64_t surviving_ones(const SummationTree &tree, std::int64_t i, std::int64_t j) {
  std::vector<std::size_t> to_i, to_j;
  bool found = path_to(tree, i, to_i) && path_to(tree, j, to_j);
  assert(found && i != j);
  (void)found;
  const SummationTree *common = &tree;
  std::size_t depth = 0;
  for (; to_i[depth] == to_j[depth]; ++depth)
    common = &common->parts[to_i[depth]];
  std::int64_t lost =
      common->exact ? common->parts[to_i[depth]].leaves() + common->parts[to_j[depth]].leaves()
                    : common->leaves();
  return tree.leaves() - lost;
}

std::int64_t masked_dot(const NumericsProfile &profile, ElementType type, std::int64_t terms,
                        std::int64_t i, std::int64_t j) {
  assert(terms <= 64 && is_float(type));
  // The square swallows 64 ones in every accumulator that f16 sums are kept in, and in f64.
  double large = type == ElementType::F16 ? 0x1p15 : 0x1p60;
  Tensor left(Shape{type, {terms}}), right(Shape{type, {terms}});
  for (std::int64_t t = 0; t < terms; ++t) {
    left.set_bits(t, encode(type, t == i ? large : t == j ? -large : 1));
    right.set_bits(t, encode(type, t == i || t == j ? large : 1));
  }
  Attributes attributes;
  attributes.set(AttributeKey::LhsContracting, {0});
  attributes.set(AttributeKey::RhsContracting, {0});
  std::array<const Tensor *, 2> operands = {&left, &right};
  Tensor sum = evaluate_op(OpCode::Dot, attributes, operands, Shape{type, {}}, profile);
  return std::llround(decode(type, sum.bits(0)));
}

SummationTree
recover_order(std::int64_t terms,
              const std::function<std::int64_t(std::int64_t i, std::int64_t j)> &surviving) {
  std::vector<std::int64_t> all(static_cast<std::size_t>(terms));
  for (std::size_t t = 0; t < all.size(); ++t)
    all[t] = static_cast<std::int64_t>(t);
  return recover(all, [&](std::int64_t i, std::int64_t j) { return terms - surviving(i, j); }).tree;
}

} // namespace isamorph::semantics
