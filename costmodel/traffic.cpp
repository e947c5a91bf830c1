#include "costmodel/traffic.h"

#include "spec/state.h"
#include "spec/unroll.h"

#include <algorithm>

namespace isamorph::costmodel {
namespace {

std::int64_t bytes_of(const spec::Region &region, const semantics::Bindings &attributes) {
  std::int64_t bytes = 1;
  for (const semantics::IntExpr &extent : region.extents)
    bytes *= extent.evaluate(attributes).value_or(0);
  return bytes;
}

Traffic of_call(const spec::Isa &isa, const spec::KernelInstruction &call) {
  const spec::Instruction &instruction = isa.instructions[call.instruction];
  semantics::Bindings attributes(call.attributes.begin(), call.attributes.end());
  Traffic out;
  for (const spec::Read &read : instruction.reads)
    if (read.region.buffer == isa.off_chip)
      out.loaded += bytes_of(read.region, attributes);
  for (const spec::Write &write : instruction.writes)
    if (write.region.buffer == isa.off_chip)
      out.stored += bytes_of(write.region, attributes);
  return out;
}

/// Whether the variable of a loop changes the size of an off-chip region.
bool varies(const spec::Isa &isa, const spec::KernelInstruction &call) {
  const spec::Instruction &instruction = isa.instructions[call.instruction];
  bool out = false;
  auto look = [&](const spec::Region &region) {
    for (const semantics::IntExpr &extent : region.extents)
      extent.for_each_variable([&](std::uint32_t v) {
        for (const spec::Stride &stride : call.strides)
          out |= region.buffer == isa.off_chip && stride.attribute == v;
      });
  };
  for (const spec::Read &read : instruction.reads)
    look(read.region);
  for (const spec::Write &write : instruction.writes)
    look(write.region);
  return out;
}

} // namespace

Traffic traffic(const spec::Isa &given_isa, const spec::Kernel &given) {
  spec::Resolved resolved(given_isa, given);
  const spec::Isa &isa = resolved.isa();
  const spec::Kernel &kernel = resolved.kernel();
  Traffic total;
  std::vector<char> walked(kernel.instructions.size(), 0);
  for (std::uint32_t i = 0; i < walked.size(); ++i) {
    walked[i] = varies(isa, kernel.instructions[i]);
    if (walked[i])
      continue;
    Traffic once = of_call(isa, kernel.instructions[i]);
    std::int64_t times = spec::instance_count(kernel, i);
    total.loaded += once.loaded * times;
    total.stored += once.stored * times;
  }
  if (std::find(walked.begin(), walked.end(), 1) == walked.end())
    return total;
  spec::for_each_instance(kernel, [&](const spec::Instance &instance) {
    if (!walked[instance.index])
      return;
    Traffic once = of_call(isa, instance.call);
    total.loaded += once.loaded;
    total.stored += once.stored;
  });
  return total;
}

} // namespace isamorph::costmodel
