#include "search/planned_arms.h"

#include <algorithm>

namespace isamorph::search {

PlannedArms::PlannedArms(const spec::Isa &isa) : given_(isa) {
  if (!spec::has_control(isa))
    return;
  spec::Arms all(isa);
  arms_ = all;
  arms_->isa.instructions.clear();
  arms_->instruction.clear();
  auto steps = [](const auto &operand) { return operand.region.steps.has_value(); };
  for (std::size_t a = 0; a < all.isa.instructions.size(); ++a) {
    const spec::Instruction &arm = all.isa.instructions[a];
    if (std::any_of(arm.reads.begin(), arm.reads.end(), steps) ||
        std::any_of(arm.writes.begin(), arm.writes.end(), steps))
      continue;
    arms_->isa.instructions.push_back(arm);
    arms_->instruction.push_back(all.instruction[a]);
  }
}

void PlannedArms::to_instructions(spec::Kernel &kernel) const {
  if (!arms_)
    return;
  for (spec::KernelInstruction &call : kernel.instructions) {
    call.attributes.resize(arms_->isa.instructions[call.instruction].attribute_count());
    call.instruction = arms_->instruction[call.instruction];
  }
}

} // namespace isamorph::search
