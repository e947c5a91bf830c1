#pragma once
// Every small change of a kernel: addresses and sizes that are a bit off, instructions that are
// missing, repeated, exchanged, or another one with the same attributes.

#include "spec/kernel.h"

#include <functional>
#include <set>

namespace isamorph::verify::test {

struct Mutant {
  std::string what;
  spec::Kernel kernel;
};

/// The unit of an attribute's address is a place of the buffer it starts; larger values are also
/// halved, doubled and moved by a row.
inline std::vector<std::int64_t> steps(std::int64_t value) {
  std::vector<std::int64_t> out = {1, -1};
  if (value >= 8)
    out.insert(out.end(), {value, -value / 2});
  if (value >= 128)
    out.insert(out.end(), {128, -128, 2, -2});
  return out;
}

inline std::vector<Mutant> mutants(const spec::Kernel &kernel, const spec::Isa &isa) {
  std::vector<Mutant> out;
  auto add = [&](const std::string &what, std::size_t at,
                 const std::function<void(spec::Kernel &)> &change) {
    Mutant mutant{what + " of " + std::to_string(at) + ": " +
                      to_string(kernel.instructions[at], isa),
                  kernel};
    change(mutant.kernel);
    if (mutant.kernel.instructions != kernel.instructions)
      out.push_back(std::move(mutant));
  };
  for (std::size_t i = 0; i < kernel.instructions.size(); ++i) {
    const spec::KernelInstruction &instruction = kernel.instructions[i];
    for (std::size_t a = 0; a < instruction.attributes.size(); ++a) {
      for (std::int64_t step : steps(instruction.attributes[a]))
        add("change by " + std::to_string(step), i,
            [&](spec::Kernel &k) { k.instructions[i].attributes[a] += step; });
      for (std::size_t b = a + 1; b < instruction.attributes.size(); ++b)
        add("swap", i, [&](spec::Kernel &k) {
          std::swap(k.instructions[i].attributes[a], k.instructions[i].attributes[b]);
        });
    }
    for (std::uint32_t other = 0; other < isa.instructions.size(); ++other)
      if (isa.instructions[other].attribute_count() == instruction.attributes.size())
        add("replacement by " + isa.instructions[other].name, i,
            [&](spec::Kernel &k) { k.instructions[i].instruction = other; });
    auto position = static_cast<std::ptrdiff_t>(i);
    add("removal", i,
        [&](spec::Kernel &k) { k.instructions.erase(k.instructions.begin() + position); });
    add("duplication", i, [&](spec::Kernel &k) {
      k.instructions.insert(k.instructions.begin() + position, instruction);
    });
    if (i + 1 < kernel.instructions.size())
      add("exchange", i,
          [&](spec::Kernel &k) { std::swap(k.instructions[i], k.instructions[i + 1]); });
  }
  return out;
}

} // namespace isamorph::verify::test
