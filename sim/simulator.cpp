#include "sim/simulator.h"

#include "spec/unroll.h"

#include <algorithm>
#include <cassert>
#include <fmt/format.h>
#include <map>

namespace isamorph::sim {

using semantics::Shape;
using semantics::Tensor;

namespace {

/// The bytes of a region: equally long runs, in the order of the region's tensor.
struct Access {
  std::uint32_t buffer = 0;
  Shape shape; ///< of the region as a tensor
  std::size_t run_bytes = 0;
  std::vector<std::size_t> offsets;
};

using Memory = std::vector<std::vector<std::byte>>;

Tensor gather(const Access &access, const Memory &memory) {
  const std::byte *from = memory[access.buffer].data();
  std::vector<std::byte> bytes;
  bytes.reserve(access.run_bytes * access.offsets.size());
  for (std::size_t offset : access.offsets)
    bytes.insert(bytes.end(), from + offset, from + offset + access.run_bytes);
  return Tensor(access.shape, std::move(bytes));
}

void scatter(const Access &access, const Tensor &value, Memory &memory) {
  assert(value.bytes().size() == access.run_bytes * access.offsets.size());
  const std::byte *from = value.bytes().data();
  for (std::size_t offset : access.offsets) {
    std::copy(from, from + access.run_bytes, memory[access.buffer].data() + offset);
    from += access.run_bytes;
  }
}

} // namespace

/// A kernel's instructions with what running them needs. Those whose attributes no loop changes are
/// resolved once; of others only the bodies are, and each instance resolves its addresses.
struct Simulator::Program {
  struct Step {
    std::uint32_t body;
    std::vector<Access> reads, writes;
  };
  struct Regions {
    std::vector<spec::Region> reads, writes;
    std::vector<std::uint32_t> body_variables;
  };
  using BodyKey = std::pair<std::uint32_t, std::vector<std::int64_t>>;

  semantics::NumericsProfile numerics;
  std::vector<spec::Buffer> buffers;
  std::vector<std::size_t> buffer_bytes;
  std::uint32_t off_chip;
  spec::Kernel kernel;
  std::vector<Regions> regions; ///< by instruction of the ISA
  std::vector<semantics::TensorGraph> bodies;
  std::map<BodyKey, std::uint32_t> body_of;
  std::vector<std::optional<Step>> steps; ///< by instruction of the kernel; nullopt: by instance

  Program(const spec::Isa &isa, const spec::Kernel &kernel);
  Step resolve(const spec::KernelInstruction &call) const;
  Access resolve(const spec::Region &region, const semantics::Bindings &attributes) const;
  void run(const Step &step, Memory &memory) const;
  void place(const spec::Placed &placed, const Tensor &value, Memory &memory) const;

private:
  BodyKey key(const spec::KernelInstruction &call) const;
  void add_body(const spec::Isa &isa, const spec::KernelInstruction &call);
  void add_bodies(const spec::Isa &isa);
};

Access Simulator::Program::resolve(const spec::Region &region,
                                   const semantics::Bindings &attributes) const {
  auto concrete = spec::instantiate(region, attributes);
  assert(concrete);
  const spec::Buffer &buffer = buffers[region.buffer];
  std::vector<std::int64_t> sizes = buffer.addressed;
  if (buffer.off_chip)
    sizes = {kernel.off_chip_bytes};
  assert(concrete->starts.size() == sizes.size());
  Access access{region.buffer, {buffer.type, concrete->extents}, 0, {}};
  access.shape.dims.insert(access.shape.dims.end(), buffer.unit.begin(), buffer.unit.end());

  // The last addressed dimension is contiguous; each index of the others begins a run.
  auto place_bytes =
      static_cast<std::size_t>(buffer.unit_elements() * semantics::byte_size(buffer.type));
  std::vector<std::int64_t> strides = semantics::row_major_strides(sizes);
  std::size_t last = sizes.empty() ? 0 : sizes.size() - 1;
  std::vector<std::size_t> places{0};
  for (std::size_t d = 0; d < sizes.size(); ++d) {
    std::int64_t start = concrete->starts[d], extent = concrete->extents[d];
    assert(start >= 0 && extent >= 0 && extent <= sizes[d] && start <= sizes[d] - extent);
    std::vector<std::size_t> next;
    for (std::size_t base : places)
      for (std::int64_t i = 0; i < (d == last ? 1 : extent); ++i)
        next.push_back(base + static_cast<std::size_t>((start + i) * strides[d]));
    places = std::move(next);
  }
  access.run_bytes =
      place_bytes * (sizes.empty() ? 1 : static_cast<std::size_t>(concrete->extents[last]));
  for (std::size_t place : places)
    access.offsets.push_back(place * place_bytes);
  return access;
}

Simulator::Program::Program(const spec::Isa &isa, const spec::Kernel &run)
    : numerics(isa.numerics), buffers(isa.buffers), off_chip(isa.off_chip), kernel(run) {
  for (const spec::Buffer &buffer : isa.buffers)
    buffer_bytes.push_back(static_cast<std::size_t>(buffer.off_chip
                                                        ? kernel.off_chip_bytes
                                                        : buffer.places() * buffer.unit_elements() *
                                                              semantics::byte_size(buffer.type)));
  for (const spec::Instruction &instruction : isa.instructions) {
    regions.push_back({{}, {}, spec::body_variables(instruction)});
    for (const spec::Read &read : instruction.reads)
      regions.back().reads.push_back(read.region);
    for (const spec::Write &write : instruction.writes)
      regions.back().writes.push_back(write.region);
  }
  add_bodies(isa);
  for (const spec::KernelInstruction &call : kernel.instructions)
    steps.push_back(call.strides.empty() ? std::optional(resolve(call)) : std::nullopt);
}

Simulator::Program::BodyKey Simulator::Program::key(const spec::KernelInstruction &call) const {
  BodyKey out{call.instruction, {}};
  for (std::uint32_t v : regions[call.instruction].body_variables)
    out.second.push_back(call.attributes[v]);
  return out;
}

void Simulator::Program::add_body(const spec::Isa &isa, const spec::KernelInstruction &call) {
  auto [entry, is_new] = body_of.try_emplace(key(call), static_cast<std::uint32_t>(bodies.size()));
  if (!is_new)
    return;
  const spec::Instruction &instruction = isa.instructions[call.instruction];
  bodies.push_back(spec::instantiate_body(
      instruction, semantics::Bindings(call.attributes.begin(), call.attributes.end())));
  assert(bodies.back().parameters.size() == instruction.reads.size());
  assert(bodies.back().results.size() == instruction.writes.size());
}

/// Iterations are walked only for instructions whose bodies they change.
void Simulator::Program::add_bodies(const spec::Isa &isa) {
  std::vector<char> varies(kernel.instructions.size(), 0);
  for (std::size_t i = 0; i < varies.size(); ++i) {
    const spec::KernelInstruction &call = kernel.instructions[i];
    const auto &variables = regions[call.instruction].body_variables;
    for (const spec::Stride &stride : call.strides)
      varies[i] |= std::binary_search(variables.begin(), variables.end(), stride.attribute);
    if (!varies[i])
      add_body(isa, call);
  }
  if (std::find(varies.begin(), varies.end(), 1) != varies.end())
    spec::for_each_instance(kernel, [&](const spec::Instance &instance) {
      if (varies[instance.index])
        add_body(isa, instance.call);
    });
}

Simulator::Program::Step Simulator::Program::resolve(const spec::KernelInstruction &call) const {
  semantics::Bindings attributes(call.attributes.begin(), call.attributes.end());
  Step step{body_of.at(key(call)), {}, {}};
  for (const spec::Region &region : regions[call.instruction].reads)
    step.reads.push_back(resolve(region, attributes));
  for (const spec::Region &region : regions[call.instruction].writes)
    step.writes.push_back(resolve(region, attributes));
  return step;
}

void Simulator::Program::run(const Step &step, Memory &memory) const {
  std::vector<Tensor> operands;
  for (const Access &read : step.reads)
    operands.push_back(gather(read, memory));
  auto results = semantics::evaluate(bodies[step.body], operands, numerics);
  for (std::size_t i = 0; i < results.size(); ++i)
    scatter(step.writes[i], results[i], memory);
}

void Simulator::Program::place(const spec::Placed &placed, const Tensor &value,
                               Memory &memory) const {
  auto bytes = value.bytes();
  std::vector<std::byte> &target = memory[off_chip];
  assert(placed.address >= 0 &&
         static_cast<std::size_t>(placed.address) + bytes.size() <= target.size());
  std::copy(bytes.begin(), bytes.end(), target.begin() + placed.address);
}

Simulator::Simulator(const spec::Isa &isa, const spec::Kernel &kernel)
    : program_(std::make_unique<Program>(isa, kernel)) {}
Simulator::~Simulator() = default;
Simulator::Simulator(Simulator &&) noexcept = default;

std::vector<Tensor> Simulator::run(std::span<const Tensor> inputs) const {
  const Program &program = *program_;
  if (inputs.size() != program.kernel.inputs.size())
    throw semantics::InputError(
        fmt::format("{} inputs for a kernel of {}", inputs.size(), program.kernel.inputs.size()));
  Memory memory;
  for (std::size_t bytes : program.buffer_bytes)
    memory.emplace_back(bytes);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const spec::Placed &placed = program.kernel.inputs[i];
    if (inputs[i].shape() != placed.shape)
      semantics::fail(placed.location,
                      fmt::format("input {} is {}, but the kernel's is {}", i,
                                  inputs[i].shape().to_string(), placed.shape.to_string()));
    program.place(placed, inputs[i], memory);
  }
  for (const spec::Placed &constant : program.kernel.constants)
    program.place(constant, *constant.value, memory);

  spec::for_each_instance(program.kernel, [&](const spec::Instance &instance) {
    const auto &step = program.steps[instance.index];
    program.run(step ? *step : program.resolve(instance.call), memory);
  });

  std::vector<Tensor> outputs;
  for (const spec::Placed &placed : program.kernel.outputs) {
    auto begin = memory[program.off_chip].begin() + placed.address;
    outputs.emplace_back(placed.shape, std::vector<std::byte>(begin, begin + placed.shape.bytes()));
  }
  return outputs;
}

} // namespace isamorph::sim
