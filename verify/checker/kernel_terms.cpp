#include "verify/checker/kernel_terms.h"

#include "spec/unroll.h"
#include "verify/checker/refusal.h"

#include <algorithm>

namespace isamorph::verify {
namespace {

using semantics::NodeId;
using semantics::Shape;
using semantics::TensorTerms;

/// Which values lie where: regions of a buffer that do not overlap.
class Places {
public:
  explicit Places(const spec::Isa &isa) : isa_(isa) {}

  void write(const spec::ConcreteRegion &region, NodeId value) {
    std::erase_if(held_, [&](const Held &held) { return overlap(held.region, region); });
    held_.push_back({region, value});
  }
  NodeId read(const spec::ConcreteRegion &region) const {
    for (const Held &held : held_)
      if (held.region.buffer == region.buffer && held.region.starts == region.starts &&
          held.region.extents == region.extents)
        return held.value;
    refuse("the kernel reads a place of '" + isa_.buffer(region.buffer).name +
           "' that does not hold one whole value: it has no term");
  }

private:
  struct Held {
    spec::ConcreteRegion region;
    NodeId value;
  };
  static bool overlap(const spec::ConcreteRegion &a, const spec::ConcreteRegion &b) {
    if (a.buffer != b.buffer)
      return false;
    for (std::size_t d = 0; d < a.starts.size(); ++d)
      if (a.starts[d] + a.extents[d] <= b.starts[d] || b.starts[d] + b.extents[d] <= a.starts[d])
        return false;
    return true;
  }

  const spec::Isa &isa_;
  std::vector<Held> held_;
};

spec::ConcreteRegion region_of(const spec::Region &region, const semantics::Bindings &attributes) {
  auto concrete = spec::instantiate(region, attributes);
  if (!concrete)
    refuse("a region of an instruction has no value");
  return *concrete;
}

/// The instruction's body on top of what it reads.
void run(TensorTerms &terms, Places &places, const spec::KernelInstruction &call,
         const spec::Isa &isa) {
  const spec::Instruction &instruction = isa.instructions[call.instruction];
  semantics::Bindings attributes(call.attributes.begin(), call.attributes.end());
  semantics::TensorGraph body = spec::instantiate_body(instruction, attributes);
  std::vector<NodeId> operands;
  for (std::size_t r = 0; r < instruction.reads.size(); ++r) {
    operands.push_back(places.read(region_of(instruction.reads[r].region, attributes)));
    if (terms[operands[r]].shape != body[body.parameters[r]].shape)
      refuse("instruction '" + instruction.name +
             "' reads a value in another shape than it was written: the kernel has no term");
  }
  std::vector<NodeId> values = terms.add(body, operands);
  for (std::size_t w = 0; w < instruction.writes.size(); ++w)
    places.write(region_of(instruction.writes[w].region, attributes), values[body.results[w].v]);
}

} // namespace

std::vector<NodeId> kernel_images(TensorTerms &terms, const spec::Kernel &kernel,
                                  const spec::Isa &isa, std::span<const NodeId> parameters) {
  Places places(isa);
  auto bytes_of = [&](const spec::Placed &at) {
    return spec::ConcreteRegion{isa.off_chip, {at.address}, {at.shape.bytes()}};
  };
  for (std::size_t i = 0; i < kernel.inputs.size(); ++i)
    places.write(bytes_of(kernel.inputs[i]), terms.image(parameters[i]));
  for (const spec::Placed &constant : kernel.constants)
    places.write(bytes_of(constant), terms.image(terms.constant(constant.value)));
  for (const spec::KernelInstruction &call : spec::unrolled(kernel).instructions)
    run(terms, places, call, isa);
  std::vector<NodeId> out;
  for (const spec::Placed &output : kernel.outputs)
    out.push_back(places.read(bytes_of(output)));
  return out;
}

} // namespace isamorph::verify
