#pragma once
// Which profiles the simulator's own kernels understand. Everything else runs on the evaluator.

#include "semantics/numerics.h"

namespace isamorph::sim {

/// The profile says nothing but a name, compute and accumulator types, the orders of sums, and what
/// becomes of denormals (sim/denormals.h asks about that): whatever else a profile can say has its
/// default.
inline bool is_plain(const semantics::NumericsProfile &profile) {
  semantics::NumericsProfile plain;
  plain.name = profile.name;
  plain.compute = profile.compute;
  plain.dot.accumulator = profile.dot.accumulator;
  plain.dot.order = profile.dot.order;
  plain.reduce.accumulator = profile.reduce.accumulator;
  plain.reduce.order = profile.reduce.order;
  plain.denormals = profile.denormals;
  plain.denormal_exceptions = profile.denormal_exceptions;
  return plain == profile;
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
