#pragma once
// Which profiles the simulator's own kernels understand. Everything else runs on the evaluator.

#include "semantics/numerics.h"

namespace isamorph::sim {

/// Operations on single elements round as the host does: whatever the profile says of them besides
/// compute types and denormals (sim/denormals.h asks about those) has its default. Functions are
/// not among the kernels.
inline bool has_plain_elements(const semantics::NumericsProfile &profile) {
  // A member that is added does not compile until it has been thought of here.
  [[maybe_unused]] const auto &[name, compute, dot, reduce, denormals, exceptions, narrowing,
                                elementwise, conversion, functions] = profile;
  return !narrowing && elementwise == semantics::ElementNumerics{};
}

/// Folds of a type round as the host does: the profile says nothing of them but the accumulator's
/// type and the order of sums.
inline bool has_plain_fold(const semantics::NumericsProfile &profile,
                           const semantics::FoldNumerics &fold, semantics::ElementType type) {
  [[maybe_unused]] const auto &[accumulator, order, unit, nan] = fold; // as above
  return !profile.flush_narrowing && !semantics::unit_for(fold, type) &&
         nan == semantics::NanForm{};
}

/// How a sum is cut that the simulator's kernels can do.
struct Blocks {
  std::size_t width = 0; ///< 0: one sequence
  std::size_t first = 0; ///< the length of the first block
};

/// nullopt for other orders.
inline std::optional<Blocks> blocks(const semantics::OrderDescriptor &order, std::size_t terms) {
  using Kind = semantics::OrderDescriptor::Kind;
  auto width = static_cast<std::size_t>(order.width);
  if (order.kind == Kind::Sequential || (order.kind == Kind::Blocks && terms <= width))
    return Blocks{};
  if (order.kind != Kind::Blocks)
    return std::nullopt;
  return Blocks{width,
                static_cast<std::size_t>(order.first_block(static_cast<std::int64_t>(terms)))};
}

} // namespace isamorph::sim
