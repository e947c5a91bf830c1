#include "verify/checker/kernel_terms.h"

#include "spec/unroll.h"
#include "verify/checker/refusal.h"

#include <algorithm>

namespace isamorph::verify {
namespace {

using semantics::AttributeKey;
using semantics::NodeId;
using semantics::OpCode;
using semantics::Shape;
using semantics::TensorTerms;

/// Which values lie where: regions of a buffer that do not overlap. Values are cut and put together
/// along the first dimension only.
class Places {
public:
  Places(TensorTerms &terms, const spec::Isa &isa) : terms_(terms), isa_(isa) {}

  void write(const spec::ConcreteRegion &region, NodeId value) {
    std::vector<Held> before = std::move(held_);
    held_.clear();
    for (const Held &held : before) {
      if (!overlap(held.region, region)) {
        held_.push_back(held);
      } else if (same_columns(held.region, region)) {
        keep(held, first(held.region), first(region));
        keep(held, end(region), end(held.region));
      }
    }
    held_.push_back({region, value});
  }

  NodeId read(const spec::ConcreteRegion &region) {
    std::vector<const Held *> parts;
    for (const Held &held : held_)
      if (overlap(held.region, region)) {
        if (held.region.starts == region.starts && held.region.extents == region.extents)
          return held.value;
        if (!same_columns(held.region, region))
          refuse_read(region);
        parts.push_back(&held);
      }
    std::ranges::sort(parts, {}, [](const Held *held) { return first(held->region); });
    std::vector<NodeId> values;
    std::int64_t next = region.starts.empty() ? 0 : first(region);
    for (const Held *held : parts) {
      if (std::max(first(held->region), first(region)) != next)
        refuse_read(region);
      std::int64_t last = std::min(end(held->region), end(region));
      values.push_back(rows(*held, next, last));
      next = last;
    }
    if (values.empty() || next != end(region))
      refuse_read(region);
    return joined(values);
  }

private:
  struct Held {
    spec::ConcreteRegion region;
    NodeId value; ///< [extents..., unit...]
  };

  static std::int64_t first(const spec::ConcreteRegion &region) { return region.starts[0]; }
  static std::int64_t end(const spec::ConcreteRegion &region) {
    return region.starts[0] + region.extents[0];
  }
  static bool overlap(const spec::ConcreteRegion &a, const spec::ConcreteRegion &b) {
    if (a.buffer != b.buffer)
      return false;
    for (std::size_t d = 0; d < a.starts.size(); ++d)
      if (a.starts[d] + a.extents[d] <= b.starts[d] || b.starts[d] + b.extents[d] <= a.starts[d])
        return false;
    return true;
  }
  /// Whether two regions are the same but for the first dimension, which there is.
  static bool same_columns(const spec::ConcreteRegion &a, const spec::ConcreteRegion &b) {
    for (std::size_t d = 1; d < a.starts.size(); ++d)
      if (a.starts[d] != b.starts[d] || a.extents[d] != b.extents[d])
        return false;
    return !a.starts.empty();
  }
  [[noreturn]] void refuse_read(const spec::ConcreteRegion &region) const {
    refuse("the kernel reads a place of '" + isa_.buffer(region.buffer).name +
           "' that does not hold one whole value, nor values one after the other: it has no term");
  }

  /// What is left of a value at [from, to) of the buffer's first dimension.
  void keep(const Held &held, std::int64_t from, std::int64_t to) {
    if (from >= to)
      return;
    Held left = held;
    left.value = rows(held, from, to);
    left.region.starts[0] = from;
    left.region.extents[0] = to - from;
    held_.push_back(std::move(left));
  }

  /// The part of a value at [from, to) of the buffer's first dimension.
  NodeId rows(const Held &held, std::int64_t from, std::int64_t to) {
    Shape shape = terms_[held.value].shape;
    if (from == first(held.region) && to == end(held.region))
      return held.value;
    std::vector<std::int64_t> starts(shape.rank(), 0);
    starts[0] = from - first(held.region);
    shape.dims[0] = to - from;
    return terms_.add(OpCode::Slice, {held.value}, semantics::slice_attributes(starts, shape.dims),
                      shape);
  }

  /// Joined in halves: the parts of n values have log n times the bytes of the whole.
  NodeId joined(std::span<const NodeId> values) {
    if (values.size() == 1)
      return values[0];
    NodeId above = joined(values.first(values.size() / 2)),
           below = joined(values.subspan(values.size() / 2));
    Shape shape = terms_[above].shape;
    shape.dims[0] += terms_[below].shape.dims[0];
    semantics::Attributes attributes;
    attributes.set(AttributeKey::Dimensions, {0});
    return terms_.add(OpCode::Concatenate, {above, below}, attributes, shape);
  }

  TensorTerms &terms_;
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
  Places places(terms, isa);
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
