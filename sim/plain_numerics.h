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

/// In how long blocks a sum is cut that the simulator's kernels can do: 0 for one sequence; nullopt
/// for other orders.
inline std::optional<std::size_t> block_width(const semantics::OrderDescriptor &order,
                                              std::size_t terms) {
  using Kind = semantics::OrderDescriptor::Kind;
  auto width = static_cast<std::size_t>(order.width);
  if (order.kind == Kind::Sequential || (order.kind == Kind::Blocks && terms <= width))
    return 0;
  return order.kind == Kind::Blocks ? std::optional(width) : std::nullopt;
}

} // namespace isamorph::sim
