#include "verify/kernel_slice.h"

#include "spec/unroll.h"
#include "verify/region_elements.h"

#include <algorithm>

namespace isamorph::verify {
namespace {

/// More bytes off the chip are not looked at.
constexpr std::int64_t kMostBytes = std::int64_t{1} << 30;

/// The elements of all buffers that are still needed, going backwards.
class Needed {
public:
  Needed(const spec::Isa &isa, std::int64_t off_chip_bytes) : isa_(isa) {
    for (std::uint32_t b = 0; b < isa.buffers.size(); ++b) {
      const spec::Buffer &buffer = isa.buffer(b);
      std::int64_t elements = b == isa.off_chip ? off_chip_bytes : buffer.unit_elements();
      for (std::int64_t size : buffer.addressed)
        elements *= b == isa.off_chip ? 1 : size;
      elements_.emplace_back(static_cast<std::size_t>(elements), 0);
    }
  }

  void mark(const spec::ConcreteRegion &region, bool needed) {
    for_each_element(isa_.buffer(region.buffer), region, [&](std::int64_t e) {
      elements_[region.buffer][static_cast<std::size_t>(e)] = needed;
    });
  }

  bool any(const spec::ConcreteRegion &region) const {
    bool found = false;
    for_each_element(isa_.buffer(region.buffer), region, [&](std::int64_t e) {
      found |= elements_[region.buffer][static_cast<std::size_t>(e)] != 0;
    });
    return found;
  }

private:
  const spec::Isa &isa_;
  std::vector<std::vector<char>> elements_; ///< by buffer
};

/// Whether an instance writes what is needed; then it needs what it reads instead.
bool contributes(const spec::KernelInstruction &call, const spec::Isa &isa, Needed &needed) {
  const spec::Instruction &instruction = isa.instructions[call.instruction];
  semantics::Bindings attributes(call.attributes.begin(), call.attributes.end());
  std::vector<spec::ConcreteRegion> writes;
  for (const spec::Write &write : instruction.writes)
    writes.push_back(spec::instantiate(write.region, attributes).value());
  if (std::ranges::none_of(writes, [&](const auto &region) { return needed.any(region); }))
    return false;
  for (const spec::ConcreteRegion &region : writes)
    needed.mark(region, false);
  for (const spec::Read &read : instruction.reads)
    needed.mark(spec::instantiate(read.region, attributes).value(), true);
  return true;
}

} // namespace

std::optional<spec::Kernel> slice_of(const spec::Kernel &kernel, const spec::Isa &isa,
                                     std::size_t output, std::int64_t element,
                                     const StopToken &stop) {
  if (kernel.off_chip_bytes > kMostBytes)
    return std::nullopt;
  const spec::Placed &whole = kernel.outputs[output];
  std::int64_t size = semantics::byte_size(whole.shape.type);
  spec::Kernel out = kernel;
  out.outputs = {{whole.name, whole.address + element * size, {whole.shape.type, {1}}, {}, {}}};
  out.loops.clear();
  out.instructions.clear();
  Needed needed(isa, kernel.off_chip_bytes);
  needed.mark({isa.off_chip, {out.outputs[0].address}, {size}}, true);
  spec::for_each_instance_backwards(kernel, [&](const spec::Instance &instance) {
    stop.poll();
    if (contributes(instance.call, isa, needed)) {
      out.instructions.push_back(instance.call);
      out.instructions.back().strides.clear();
    }
  });
  std::ranges::reverse(out.instructions);
  return out;
}

} // namespace isamorph::verify
