#include "spec/isa.h"

namespace isamorph::spec {

std::int64_t Buffer::unit_elements() const {
  std::int64_t product = 1;
  for (std::int64_t size : unit)
    product *= size;
  return product;
}

std::int64_t Buffer::places() const {
  std::int64_t product = 1;
  for (std::int64_t size : addressed)
    product *= size;
  return product;
}

const Instruction *Isa::find_instruction(std::string_view wanted) const {
  for (const Instruction &instruction : instructions)
    if (instruction.name == wanted)
      return &instruction;
  return nullptr;
}

std::optional<ConcreteRegion> instantiate(const Region &region,
                                          const semantics::Bindings &attributes) {
  ConcreteRegion concrete;
  concrete.buffer = region.buffer;
  concrete.starts.reserve(region.starts.size());
  concrete.extents.reserve(region.extents.size());
  for (std::size_t i = 0; i < region.starts.size(); ++i) {
    auto start = region.starts[i].evaluate(attributes);
    auto extent = region.extents[i].evaluate(attributes);
    if (!start || !extent)
      return std::nullopt;
    concrete.starts.push_back(*start);
    concrete.extents.push_back(*extent);
  }
  return concrete;
}

semantics::TensorGraph instantiate_body(const Instruction &instruction,
                                        const semantics::Bindings &attributes) {
  semantics::SymbolValues values(instruction.symbols);
  values.integers = attributes;
  values.integers.resize(instruction.symbols.integers.names.size());
  return semantics::instantiate(instruction.body, values);
}

} // namespace isamorph::spec
