#pragma once
// Induction over loops: a generic iteration. Some loops of a kernel stay symbolic; their bodies run
// once, for all values of their variables (variable v of the space is the number of the iteration,
// from 0). What such a run computes holds for every iteration when no iteration can see another:
// the machine (generic_kernel.h) proves this on the way and otherwise names loops that must be
// unrolled.
//
// Loops over a variable of the same name and with as many iterations share a variable of the space:
// what iteration v of the one leaves in a place of its own is what iteration v of the next finds
// there. Loops of one name never stand in each other (spec::check_loops).

#include "semantics/affine_index.h"
#include "spec/kernel.h"
#include "verify/term.h"

#include <functional>
#include <map>
#include <stdexcept>

namespace isamorph::verify {

/// Thrown: these loops have no generic iteration, or nothing can be said about it.
struct UnrollLoops {
  std::vector<std::uint32_t> loops; ///< indices into Kernel::loops
};

/// Thrown where no loop is symbolic: an element comes from a place that only data tell.
struct NotAffine : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The loops that stay symbolic.
class GenericLoops {
public:
  /// `loops`: indices into Kernel::loops, ascending; each runs at least twice.
  GenericLoops(const spec::Kernel &kernel, std::vector<std::uint32_t> loops);

  semantics::IndexSpace &space() { return space_; }
  const semantics::IndexSpace &space() const { return space_; }
  const std::vector<std::uint32_t> &loops() const { return loops_; }
  std::optional<std::size_t> variable(std::uint32_t loop) const; ///< of the space
  bool depends(semantics::SlopeId slope, std::uint32_t loop) const;
  /// UnrollLoops of the innermost variable by which the slopes differ: where two nests of loops
  /// meet in a place, those that both run over stay. Of equal ones, the innermost on which they
  /// depend; of the innermost of all if there is none. NotAffine without symbolic loops.
  [[noreturn]] void refuse(semantics::SlopeId slope, semantics::SlopeId other = {}) const;

private:
  /// UnrollLoops of all loops of a variable.
  [[noreturn]] void unroll(std::size_t variable) const;

  std::vector<std::uint32_t> loops_;
  std::vector<std::size_t> variables_; ///< parallel to loops_
  semantics::IndexSpace space_;
};

/// An element of an input.
using InputElement =
    std::function<TermId(std::size_t parameter, const semantics::AffineIndex &position)>;

/// Elements of inputs at affine positions, as input terms: equal terms are equal positions. Element
/// e of parameter p, of a constant position, is the term input(p, e).
class GenericInputs {
public:
  GenericInputs(TermGraph &terms, std::vector<semantics::Shape> shapes)
      : terms_(terms), shapes_(std::move(shapes)), numbers_(shapes_.size()) {}

  TermId element(std::size_t parameter, const semantics::AffineIndex &position);

private:
  TermGraph &terms_;
  std::vector<semantics::Shape> shapes_;
  std::vector<std::map<semantics::AffineIndex, std::uint32_t>> numbers_; ///< from kFirstGeneric
};

/// A hash for positions.
struct AffineHash {
  std::size_t operator()(const semantics::AffineIndex &index) const {
    std::uint64_t h = static_cast<std::uint64_t>(index.offset) * 0x9e3779b97f4a7c15 + index.slope.v;
    return static_cast<std::size_t>((h ^ h >> 29) * 0xff51afd7ed558ccd >> 7);
  }
};

/// The bits of a constant at a position: of that element, or of all where they are the same.
std::optional<std::uint64_t> constant_at(const semantics::Tensor &tensor,
                                         const semantics::AffineIndex &position);

} // namespace isamorph::verify
