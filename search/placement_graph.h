#pragma once
// The placement graph: vertices are placements (a value in a buffer), hyperedges are instruction
// instances (an instruction with its computational attributes fixed, on given values; addresses
// stay free). It is what the planner plans on.
//
// Off-chip, values are memory images (u8[bytes]). Those of the parameters are there from the start;
// those of constants may be (a kernel constant costs nothing); those of the results are wanted,
// each at a place of its own. Where instructions move memory in pieces, a part of a parameter is
// there too, and a result that no instruction writes as a whole is wanted in pieces. The graph
// holds only what can be reached from the start without regard to capacity, and what some way to
// the results uses.
//
// A joint vertex stands for others of its buffer: it is there where these lie one after the other
// along the first dimension, and what writes it writes them. joint_moves.h adds them.

#include "costmodel/cost_model.h"
#include "search/matcher.h"

#include <algorithm>

namespace isamorph::search {

struct VertexId {
  std::uint32_t v = 0;
  auto operator<=>(const VertexId &) const = default;
};
struct Vertex {
  ClassId value;
  std::uint32_t buffer = 0;
  auto operator<=>(const Vertex &) const = default;
};

struct Instance {
  std::uint32_t instruction = 0;
  semantics::Bindings attributes;      ///< addresses unbound
  std::vector<VertexId> reads, writes; ///< parallel to the instruction's
  std::int64_t cost = 0;
};

/// A memory image that lies within that of a parameter or result.
struct Piece {
  VertexId vertex;
  std::uint32_t tensor = 0; ///< parameter or result number
  std::int64_t offset = 0;  ///< in bytes
  bool whole = true;
};

struct PlacementGraph {
  std::vector<Vertex> vertices;
  std::vector<Instance> instances;
  std::vector<std::vector<VertexId>> parts; ///< of joint vertices, by vertex; empty if none is
  std::vector<VertexId> inputs;    ///< what is there; one that nothing needs has a vertex too
  std::vector<Piece> input_pieces; ///< parts of inputs that instructions read
  std::vector<VertexId> constants; ///< off-chip vertices that may be kernel constants
  /// What is wanted: each result, or pieces that make it up, by result.
  std::vector<Piece> outputs;
  /// Every result can be reached when capacities are disregarded.
  bool reachable = false;
  /// Before pruning, for messages: values that lie in some on-chip buffer, or off-chip, in the
  /// relaxation (sorted).
  std::vector<ClassId> computable;
  /// Likewise: what instructions would read on chip, but nothing brings there.
  struct Missing {
    ClassId value;
    std::uint32_t instruction = 0;
  };
  std::vector<Missing> missing;
  /// Instructions that are missing some instances because nothing determines an attribute.
  struct Undetermined {
    std::uint32_t instruction = 0, attribute = 0;
  };
  std::vector<Undetermined> undetermined;

  bool is_joint(VertexId v) const { return v.v < parts.size() && !parts[v.v].empty(); }
  /// Calls `f` with each vertex that a joint one stands for, in order, or with the vertex itself.
  template <class F> void each_part(VertexId v, F &&f) const {
    if (is_joint(v))
      std::for_each(parts[v.v].begin(), parts[v.v].end(), f);
    else
      f(v);
  }
};

/// From the placements that are there from the start and those that are wanted, of an ISA without
/// conditions; what its instructions do to control state is kept. There are no pieces.
PlacementGraph build_placement_graph(const TensorEGraph &egraph, const spec::Isa &isa,
                                     costmodel::CostModel model, std::span<const Vertex> inputs,
                                     std::span<const Vertex> outputs);

/// From memory to memory.
PlacementGraph build_placement_graph(const TensorEGraph &egraph, const spec::Isa &isa,
                                     costmodel::CostModel model,
                                     std::span<const ClassId> parameter_images,
                                     std::span<const ClassId> result_images);

} // namespace isamorph::search
