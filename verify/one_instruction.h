#pragma once
// One instruction of an ISA on buffers of given contents, element by element, by the reference
// evaluator. Private to verify/.

#include "semantics/tensor.h"
#include "spec/state.h"

#include <functional>
#include <map>

namespace isamorph::verify {

/// An element of a buffer: row-major over its places and then within one; bytes of off-chip memory.
struct Element {
  std::uint32_t buffer = 0;
  std::int64_t index = 0;
  auto operator<=>(const Element &) const = default;
};
using Elements = std::map<Element, std::uint64_t>; ///< their bits

/// An ISA without its other instructions.
spec::Isa alone(spec::Isa isa, const std::string &name);

class OneInstruction {
public:
  OneInstruction(const spec::Isa &isa, const std::string &name);

  const spec::Isa &isa() const { return isa_; }
  const spec::Instruction &instruction() const { return isa_.instructions[0]; }
  const spec::Isa &arms() const { return arms_.isa; }

  /// What it does with these attributes in this state, parallel to the ISA's.
  struct Execution {
    std::uint32_t arm = 0;
    semantics::Bindings values;
    std::vector<std::vector<Element>> reads, writes; ///< of each region, as its tensor's
    std::vector<std::int64_t> state;                 ///< afterwards
  };
  /// nullopt where the ISA does not allow it: a condition does not hold, a region leaves its
  /// buffer.
  std::optional<Execution> prepare(const std::vector<std::int64_t> &attributes,
                                   const std::vector<std::int64_t> &state);
  const semantics::TensorGraph &body(const Execution &execution);
  /// What it writes. `contents` says what elements hold before.
  Elements run(const Execution &execution,
               const std::function<std::uint64_t(const Element &)> &contents);

  /// "tiles[0, 3] element [2, 5]", "memory[12]"
  std::string text(const Element &element) const;
  semantics::ElementType type(const Element &element) const {
    return isa_.buffer(element.buffer).type;
  }

private:
  std::optional<std::vector<Element>> elements(const spec::Region &region,
                                               const semantics::Bindings &values) const;
  bool add_box(const spec::Region &region, std::int64_t shift, const semantics::Bindings &values,
               std::vector<Element> &out) const;

  spec::Isa isa_;
  spec::Arms arms_;
  std::map<std::pair<std::uint32_t, semantics::Bindings>, semantics::TensorGraph> bodies_;
};

} // namespace isamorph::verify
