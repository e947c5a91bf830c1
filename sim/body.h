#pragma once
// A tensor graph compiled to a flat program over raw element storage: what an instruction does to
// the tensors it reads and writes. Movement that keeps bytes costs nothing, other regular movement
// is a strided copy, sums and arithmetic run on vector instructions where the profile is understood
// (sim/dot.h, sim/reduce.h, sim/arithmetic.h), and everything else is the evaluator's. The bits are
// always those of semantics::evaluate.

#include "semantics/fold_layout.h"
#include "semantics/graph.h"
#include "semantics/numerics.h"
#include "semantics/strided_copy.h"
#include "sim/arithmetic.h"
#include "sim/dot.h"
#include "sim/narrow_dot.h"
#include "sim/reduce.h"

#include <atomic>
#include <variant>

namespace isamorph::sim {

class Body {
public:
  /// Throws InputError when an operation of the graph has no evaluator.
  Body(const semantics::TensorGraph &graph, const semantics::NumericsProfile &profile,
       VectorTarget target = host_vector_target());

  std::size_t scratch_bytes() const { return scratch_bytes_; }
  /// How many elements it touches or products it forms, about.
  std::size_t work() const { return work_; }
  /// Dense tensors: the graph's parameters and results in order. A result overlaps no parameter and
  /// no other result; `scratch` is aligned for lanes. Several threads may run one body.
  void run(std::span<const std::byte *const> reads, std::span<std::byte *const> writes,
           std::byte *scratch) const;

private:
  /// Where a value lies.
  struct Place {
    enum class Kind : std::uint8_t { Read, Write, Scratch, Literal };
    Kind kind = Kind::Scratch;
    std::size_t index = 0; ///< of the parameter, result or literal; a byte offset in scratch
  };
  struct CopyBytes {
    Place from, to;
    std::size_t bytes;
  };
  struct Move {
    Place from, to;
    semantics::StridedCopy copy;
  };
  struct RunDot {
    Place lhs, rhs, to;
    Dot dot;
    std::size_t scratch;
  };
  struct RunNarrowDot {
    Place lhs, rhs;
    std::optional<Place> addend;
    Place to;
    NarrowDot dot;
    std::size_t scratch;
  };
  /// By the profile's unit, rows in parallel.
  struct RunUnit {
    Place lhs, rhs, to;
    semantics::DotLayout layout;
    semantics::ElementType type;
  };
  struct RunReduce {
    Place input, init, to;
    ReduceAdd reduce;
    std::size_t scratch;
  };
  struct RunArithmetic {
    Place a, b, to;
    std::size_t count;
    Arithmetic function;
    bool flushes; ///< in a flushing scope (sim/denormals.h)
  };
  struct Widen {
    Place from, to;
    std::size_t count;
    Widening function;
  };
  /// An element-wise operation by the evaluator, or by a table once it was asked for often enough.
  struct Elementwise {
    semantics::OpCode op;
    semantics::Attributes attributes;
    std::vector<Place> operands;
    std::vector<semantics::ElementType> types;
    std::array<bool, 3> repeated{};
    semantics::ElementType result;
    Place to;
    std::size_t count;
    std::unique_ptr<std::atomic<std::size_t>> evaluated; ///< null: no table can be had
  };
  /// Any operation, as a graph of its own.
  struct Evaluate {
    semantics::TensorGraph graph;
    std::vector<Place> operands;
    Place to;
  };
  using Action = std::variant<CopyBytes, Move, RunDot, RunNarrowDot, RunUnit, RunReduce,
                              RunArithmetic, Widen, Elementwise, Evaluate>;
  class Compiler;
  class Runner;

  semantics::NumericsProfile profile_;
  VectorTarget target_;
  std::vector<semantics::TensorRef> literals_;
  std::vector<Action> actions_;
  std::size_t scratch_bytes_ = 0, work_ = 0;
};

} // namespace isamorph::sim
