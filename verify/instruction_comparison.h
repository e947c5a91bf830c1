#pragma once
// Whether instructions of two ISAs do the same whatever their texts say: both run on the same
// buffers, of boundary and random contents, with the same attributes and the same control state. A
// difference that is found is shown on few non-zero elements. Where none is, and reads, writes,
// conditions and updates are the same, the two bodies are compared on symbols, which proves.

#include "spec/isa.h"

namespace isamorph::verify {

struct InstructionComparisonOptions {
  int runs = 200; ///< of each instruction
  std::uint64_t seed = 1;
  /// Elements that running one may compute, about, and as many for making an input small.
  std::int64_t work = std::int64_t{1} << 27;
  double seconds = 20; ///< for a proof
};

struct InstructionComparison {
  enum class Answer : std::uint8_t {
    Proved,       ///< the same for all contents, attributes and states
    NoDifference, ///< none was found, which proves nothing
    Different,
    NotCompared,
  };
  std::string instruction;
  Answer answer = Answer::NotCompared;
  int runs = 0;       ///< in which both ISAs allowed the instruction
  std::string reason; ///< the proof, the difference with its inputs, or what stands in the way
};
/// "equal", "no difference found", "different", "not compared"
std::string_view name(InstructionComparison::Answer answer);

/// The instructions that both ISAs have, in the first one's order, but those whose texts and
/// numerics are the same; none where buffers or control state differ. The same answers for a seed
/// on every machine, but for a proof that ran out of time.
std::vector<InstructionComparison>
compare_instructions(const spec::Isa &first, const spec::Isa &second,
                     const InstructionComparisonOptions &options = {});

} // namespace isamorph::verify
