#include "search/tiling_scheme.h"

namespace isamorph::search {

Weight weigh(const LoopNest &nest, const spec::Isa &isa, costmodel::CostModel model) {
  Weight out;
  out.by_unit.assign(isa.units.size(), 0);
  for (const AffineCall &call : nest.calls) {
    const spec::Instruction &instruction = isa.instructions[call.instruction];
    semantics::Bindings attributes;
    for (const Affine &a : call.attributes)
      attributes.push_back(a.base);
    out.by_unit[instruction.cost.unit] +=
        costmodel::instruction_cost(instruction, attributes, model);
    out.bytes += instruction.cost.bytes.evaluate(attributes).value_or(0);
    ++out.calls;
  }
  for (const LoopNest &part : nest.parts)
    out.add(weigh(part, isa, model), nest.end - nest.start);
  return out;
}

} // namespace isamorph::search
