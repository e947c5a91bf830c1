#pragma once
// Every small change of a kernel with loops: addresses, strides and bounds that are a bit off,
// instructions that are missing, repeated or exchanged, loops that end later.

#include "spec/kernel.h"

#include <functional>

namespace isamorph::verify::test {

inline void erase(spec::Kernel &kernel, std::uint32_t at) {
  kernel.instructions.erase(kernel.instructions.begin() + at);
  for (spec::Loop &loop : kernel.loops) {
    loop.first -= loop.first > at;
    loop.last -= loop.last > at;
  }
}

inline void duplicate(spec::Kernel &kernel, std::uint32_t at) {
  spec::KernelInstruction copy = kernel.instructions[at];
  kernel.instructions.insert(kernel.instructions.begin() + at, copy);
  for (spec::Loop &loop : kernel.loops) {
    loop.first += loop.first > at;
    loop.last += loop.last > at;
  }
}

struct LoopMutant {
  std::string what;
  spec::Kernel kernel;
};

inline std::vector<LoopMutant> loop_mutants(const spec::Kernel &kernel, const spec::Isa &isa) {
  std::vector<LoopMutant> out;
  auto add = [&](const std::string &what, const std::function<void(spec::Kernel &)> &change) {
    LoopMutant mutant{what, kernel};
    change(mutant.kernel);
    if (mutant.kernel.instructions != kernel.instructions || mutant.kernel.loops != kernel.loops)
      out.push_back(std::move(mutant));
  };
  for (std::uint32_t i = 0; i < kernel.instructions.size(); ++i) {
    std::string name = " of " + std::to_string(i) + ": " +
                       isa.instructions[kernel.instructions[i].instruction].name;
    for (std::size_t a = 0; a < kernel.instructions[i].attributes.size(); ++a)
      for (std::int64_t step : {1, -1, 4, -4, 16, -16})
        add("attribute " + std::to_string(a) + " by " + std::to_string(step) + name,
            [&](spec::Kernel &k) { k.instructions[i].attributes[a] += step; });
    for (std::size_t s = 0; s < kernel.instructions[i].strides.size(); ++s) {
      for (std::int64_t step : {1, -1, 4, -4})
        add("stride by " + std::to_string(step) + name, [&](spec::Kernel &k) {
          if ((k.instructions[i].strides[s].factor += step) == 0)
            k.instructions[i].strides.erase(k.instructions[i].strides.begin() +
                                            static_cast<std::ptrdiff_t>(s));
        });
      add("no stride" + name, [&](spec::Kernel &k) {
        k.instructions[i].strides.erase(k.instructions[i].strides.begin() +
                                        static_cast<std::ptrdiff_t>(s));
      });
    }
    add("removal" + name, [&](spec::Kernel &k) { erase(k, i); });
    add("duplication" + name, [&](spec::Kernel &k) { duplicate(k, i); });
    if (i + 1 < kernel.instructions.size())
      add("exchange" + name,
          [&](spec::Kernel &k) { std::swap(k.instructions[i], k.instructions[i + 1]); });
  }
  for (std::size_t l = 0; l < kernel.loops.size(); ++l) {
    std::string name = " of loop " + kernel.loops[l].variable + " " + std::to_string(l);
    for (std::int64_t step : {1, -1}) {
      add("start" + name, [&](spec::Kernel &k) { k.loops[l].start += step; });
      add("end" + name, [&](spec::Kernel &k) { k.loops[l].end += step; });
      add("step" + name, [&](spec::Kernel &k) { k.loops[l].step += step; });
      add("range" + name, [&](spec::Kernel &k) {
        k.loops[l].start += step;
        k.loops[l].end += step;
      });
    }
    add("body" + name, [&](spec::Kernel &k) { ++k.loops[l].last; });
  }
  return out;
}

} // namespace isamorph::verify::test
