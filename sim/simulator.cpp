#include "sim/simulator.h"

#include "sim/program.h"

namespace isamorph::sim {

Simulator::Simulator(const spec::Isa &isa, spec::Kernel kernel)
    : program_(std::make_unique<Program>(isa, std::move(kernel))) {}
Simulator::~Simulator() = default;
Simulator::Simulator(Simulator &&) noexcept = default;

std::vector<semantics::Tensor> Simulator::run(std::span<const semantics::Tensor> inputs) const {
  return program_->run(inputs);
}

std::optional<std::vector<semantics::Tensor>>
Simulator::run(std::span<const semantics::Tensor> inputs, Observer &observer) const {
  return program_->run(inputs, observer);
}

} // namespace isamorph::sim
