#pragma once
// The instructions of a kernel with symbolic loops once, by the checker. Private to it.

#include "semantics/affine_index.h"
#include "spec/kernel.h"
#include "spec/nesting.h"

#include <functional>
#include <map>

namespace isamorph::verify {

/// The variable of each symbolic loop, and how many values it has. Loops that do not stand in each
/// other share one when they are over the same name and run as often: one is over when the next one
/// begins.
struct LoopVariables {
  /// `loops`: indices into Kernel::loops. Throws Refused of a loop that runs once.
  LoopVariables(const spec::Kernel &kernel, const std::vector<std::uint32_t> &loops);

  std::map<std::size_t, std::size_t> of; ///< by loop
  std::vector<std::int64_t> counts;

private:
  bool may_share(const spec::Kernel &kernel, std::size_t variable, std::uint32_t loop) const;
};

/// An instruction in a generic iteration.
struct GenericCall {
  const spec::Instruction &instruction;
  semantics::Bindings numbers; ///< of attributes, in the first iteration of symbolic loops
  std::vector<semantics::AffineIndex> forms; ///< of attributes
};

class GenericWalk {
public:
  GenericWalk(const spec::Kernel &kernel, const spec::Isa &isa, semantics::IndexSpace &space,
              const LoopVariables &variables);

  std::size_t variable(std::size_t loop) const { return variables_.of.at(loop); }
  bool depends(const semantics::AffineIndex &position, std::size_t loop) const {
    return space_.factors(position.slope)[variable(loop)] != 0;
  }

  using Visit = std::function<void(const GenericCall &)>;
  /// Called with a symbolic loop before and after its body.
  using Around = std::function<void(std::size_t loop)>;

  /// All instructions, in order.
  void all(const Visit &visit, const Around &enter, const Around &leave);
  /// Those of the body of a loop that is being walked.
  void body(std::size_t loop, const Visit &visit);

private:
  struct Calls {
    const Visit *visit;
    const Around *enter, *leave;
  };
  void range(std::span<const spec::Nesting::Item> items, const Calls &calls);
  void iterate(std::uint32_t number, const Calls &calls);
  GenericCall call(std::size_t index);
  bool symbolic(std::size_t loop) const { return variables_.of.contains(loop); }

  const spec::Kernel &kernel_;
  const spec::Isa &isa_;
  semantics::IndexSpace &space_;
  const LoopVariables &variables_;
  spec::Nesting nesting_;
  std::vector<std::vector<std::uint32_t>> around_;
  std::vector<std::int64_t> values_; ///< of the open loops; symbolic ones at their start
};

} // namespace isamorph::verify
