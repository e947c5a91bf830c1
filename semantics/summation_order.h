#pragma once
// The order of a sum as a tree: as a profile's knobs declare it, and as it shows in results alone.
//
// The second is found by masks (Xie, Gao and Zhang, FPRev, 2024): one term is a large number,
// another its opposite, the rest are ones; the ones that are summed with the large number before it
// is cancelled are lost, so that the result tells how many leaves lie below the lowest common node
// of the two. The trees of all pairs are one tree. Sums rounded to odd show no tree: they keep a
// trace of every one.

#include "semantics/numerics.h"

#include <functional>

namespace isamorph::semantics {

/// A leaf is a term's index; an inner node has its parts in the order of their least leaves. Parts
/// of one node are summed together: two of them by an addition, more by an aligned or exact sum.
struct SummationTree {
  std::int64_t leaf = -1;
  std::vector<SummationTree> parts;
  bool exact = false; ///< the node loses nothing that its parts have not lost
  bool operator==(const SummationTree &) const = default;

  std::int64_t least_leaf() const;
  std::int64_t leaves() const;
  std::string to_string() const; ///< "((0 1) 2)"
};

/// The tree over `terms` >= 1 terms that a fold of a float type denotes, without the initial value,
/// which is zero.
SummationTree declared_order(const FoldNumerics &fold, ElementType type, std::int64_t terms);

/// How many ones are left when term i is large, j its opposite and all others are ones.
std::int64_t surviving_ones(const SummationTree &tree, std::int64_t i, std::int64_t j);

/// The same number, by evaluating a dot (of at most 64 terms) under a profile.
std::int64_t masked_dot(const NumericsProfile &profile, ElementType type, std::int64_t terms,
                        std::int64_t i, std::int64_t j);

/// The tree that `surviving` shows; exact nodes do not show.
SummationTree
recover_order(std::int64_t terms,
              const std::function<std::int64_t(std::int64_t i, std::int64_t j)> &surviving);

} // namespace isamorph::semantics
