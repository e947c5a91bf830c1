#pragma once
// What an instruction demands of its addresses once its computational attributes are known: many
// executions differ in addresses only. Private to spec/.

#include "spec/kernel.h"

namespace isamorph::spec {

struct FoldedRules {
  std::vector<IntExpr> constraints;  ///< without those that hold
  std::vector<Region> reads, writes; ///< starts and extents folded
  bool steps = false;                ///< a region is repeated: it is not folded
};

/// Remembers them, by instruction and values of its computational attributes.
class FoldedRulesCache {
public:
  explicit FoldedRulesCache(const Isa &isa) : isa_(isa), known_(isa.instructions.size()) {}
  /// Of an instruction without state. Valid until the next call.
  const FoldedRules &of(const KernelInstruction &call);

private:
  struct Known {
    std::vector<std::int64_t> computational;
    FoldedRules rules;
  };
  static FoldedRules fold(const Instruction &definition, std::span<const std::int64_t> values);

  const Isa &isa_;
  std::vector<std::optional<Known>> known_; ///< by instruction: the last
};

} // namespace isamorph::spec
