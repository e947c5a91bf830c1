#pragma once
// The loops of a kernel as a tree, for whoever walks its instructions: forwards, backwards, or with
// some loops once.

#include "spec/kernel.h"

#include <span>

namespace isamorph::spec {

/// Borrows nothing: the kernel may go.
class Nesting {
public:
  /// Of a kernel with well-formed loops (check_loops).
  explicit Nesting(const Kernel &kernel);

  /// A loop or an instruction that stands in a body.
  struct Item {
    std::uint32_t index; ///< into Kernel::loops or Kernel::instructions
    bool loop;
  };
  /// What stands outside of loops, in order.
  std::span<const Item> outside() const { return bodies_.back(); }
  /// What stands in a loop, outside of the loops within it.
  std::span<const Item> body(std::uint32_t loop) const { return bodies_[loop]; }

private:
  std::vector<std::vector<Item>> bodies_; ///< by loop; the last: outside
};

} // namespace isamorph::spec
