#pragma once
// Watching a kernel run, instruction by instruction: what debuggers are built on. A run that is not
// observed pays nothing.

#include "spec/unroll.h"

namespace isamorph::sim {

/// What the buffers hold at one moment.
class Machine {
public:
  virtual ~Machine() = default;
  /// The tensor of a region; places that were never written hold zeros. Throws InputError when the
  /// region leaves its buffer.
  virtual semantics::Tensor read(const spec::ConcreteRegion &region) const = 0;
};

/// One execution of an instruction.
struct Execution {
  std::size_t number;             ///< in the order of execution, from 1
  const spec::Instance &instance; ///< which instruction, with the values of this iteration
  const Machine &machine;
  std::span<const spec::ConcreteRegion> writes; ///< what it writes, in order
};

/// Called in program order; false ends the run.
class Observer {
public:
  virtual ~Observer() = default;
  virtual bool before(const Execution &) { return true; }
  virtual bool after(const Execution &) { return true; }
};

} // namespace isamorph::sim
