#include "sim/simulator.h"

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

/// The attributes on which a body depends: most bodies are the same for all addresses.
std::vector<std::uint32_t> body_variables(const spec::Instruction &instruction) {
  std::vector<char> used(instruction.attribute_count(), 0);
  auto note = [&](const semantics::IntExpr &expression) {
    expression.for_each_variable([&](std::uint32_t v) { used[v] = 1; });
  };
  for (const semantics::TemplateNode &node : instruction.body.nodes) {
    for (const auto &[key, values] : node.attributes)
      for (const semantics::IntExpr &value : values)
        note(value);
    for (const semantics::IntExpr &size : node.shape.dims)
      note(size);
    if (node.literal_value)
      note(*node.literal_value);
  }
  std::vector<std::uint32_t> variables;
  for (std::uint32_t v = 0; v < used.size(); ++v)
    if (used[v])
      variables.push_back(v);
  return variables;
}

} // namespace

struct Simulator::Program {
  struct Step {
    std::uint32_t body;
    std::vector<Access> reads, writes;
  };
  semantics::NumericsProfile numerics;
  std::vector<std::size_t> buffer_bytes;
  std::uint32_t off_chip;
  std::vector<spec::Placed> inputs, constants, outputs;
  std::vector<semantics::TensorGraph> bodies;
  std::vector<Step> steps;

  Program(const spec::Isa &isa, const spec::Kernel &kernel);
  Access resolve(const spec::Isa &isa, const spec::Region &region,
                 const semantics::Bindings &attributes) const;
  void place(const spec::Placed &placed, const Tensor &value, Memory &memory) const;

private:
  std::int64_t off_chip_bytes_;
};

Access Simulator::Program::resolve(const spec::Isa &isa, const spec::Region &region,
                                   const semantics::Bindings &attributes) const {
  auto concrete = spec::instantiate(region, attributes);
  assert(concrete);
  const spec::Buffer &buffer = isa.buffer(region.buffer);
  std::vector<std::int64_t> sizes = buffer.addressed;
  if (buffer.off_chip)
    sizes = {off_chip_bytes_};
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

Simulator::Program::Program(const spec::Isa &isa, const spec::Kernel &kernel)
    : numerics(isa.numerics), off_chip(isa.off_chip), inputs(kernel.inputs),
      constants(kernel.constants), outputs(kernel.outputs), off_chip_bytes_(kernel.off_chip_bytes) {
  for (const spec::Buffer &buffer : isa.buffers)
    buffer_bytes.push_back(static_cast<std::size_t>(buffer.off_chip
                                                        ? off_chip_bytes_
                                                        : buffer.places() * buffer.unit_elements() *
                                                              semantics::byte_size(buffer.type)));
  std::vector<std::vector<std::uint32_t>> variables;
  for (const spec::Instruction &instruction : isa.instructions)
    variables.push_back(body_variables(instruction));
  std::map<std::pair<std::uint32_t, std::vector<std::int64_t>>, std::uint32_t> known;
  for (const spec::KernelInstruction &call : kernel.instructions) {
    const spec::Instruction &instruction = isa.instructions[call.instruction];
    semantics::Bindings attributes(call.attributes.begin(), call.attributes.end());
    std::vector<std::int64_t> values;
    for (std::uint32_t v : variables[call.instruction])
      values.push_back(call.attributes[v]);
    auto [entry, is_new] = known.try_emplace({call.instruction, std::move(values)},
                                             static_cast<std::uint32_t>(bodies.size()));
    if (is_new)
      bodies.push_back(spec::instantiate_body(instruction, attributes));
    Step step{entry->second, {}, {}};
    for (const spec::Read &read : instruction.reads)
      step.reads.push_back(resolve(isa, read.region, attributes));
    for (const spec::Write &write : instruction.writes)
      step.writes.push_back(resolve(isa, write.region, attributes));
    assert(bodies[step.body].parameters.size() == step.reads.size());
    assert(bodies[step.body].results.size() == step.writes.size());
    steps.push_back(std::move(step));
  }
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
  if (inputs.size() != program.inputs.size())
    throw semantics::InputError(
        fmt::format("{} inputs for a kernel of {}", inputs.size(), program.inputs.size()));
  Memory memory;
  for (std::size_t bytes : program.buffer_bytes)
    memory.emplace_back(bytes);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const spec::Placed &placed = program.inputs[i];
    if (inputs[i].shape() != placed.shape)
      semantics::fail(placed.location,
                      fmt::format("input {} is {}, but the kernel's is {}", i,
                                  inputs[i].shape().to_string(), placed.shape.to_string()));
    program.place(placed, inputs[i], memory);
  }
  for (const spec::Placed &constant : program.constants)
    program.place(constant, *constant.value, memory);

  for (const Program::Step &step : program.steps) {
    std::vector<Tensor> operands;
    for (const Access &read : step.reads)
      operands.push_back(gather(read, memory));
    auto results = semantics::evaluate(program.bodies[step.body], operands, program.numerics);
    for (std::size_t i = 0; i < results.size(); ++i)
      scatter(step.writes[i], results[i], memory);
  }

  std::vector<Tensor> outputs;
  for (const spec::Placed &placed : program.outputs) {
    auto begin = memory[program.off_chip].begin() + placed.address;
    outputs.emplace_back(placed.shape, std::vector<std::byte>(begin, begin + placed.shape.bytes()));
  }
  return outputs;
}

} // namespace isamorph::sim
