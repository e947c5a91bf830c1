#pragma once
// What the searches plan on: an ISA itself, or the arms of one that has control state, conditions
// or regions with steps (spec/state.h), as far as their own regions have no steps.

#include "spec/state.h"

namespace isamorph::search {

class PlannedArms {
public:
  /// Borrows an ISA without control.
  explicit PlannedArms(const spec::Isa &isa);
  const spec::Isa &isa() const { return arms_ ? arms_->isa : given_; }
  /// Turns a kernel of arms into one of the instructions that they belong to.
  void to_instructions(spec::Kernel &kernel) const;

private:
  const spec::Isa &given_;
  std::optional<spec::Arms> arms_;
};

} // namespace isamorph::search
