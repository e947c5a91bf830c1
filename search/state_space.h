#pragma once
// The planner's state space: which value lies where. A state is a sorted list of placements
// (vertex, slot); a slot is a rectangle of a buffer. Off-chip slots are outputs (one each, written
// once) and one scratch place a value; inputs and kernel constants are always there and are not
// part of the state.
//
// An instruction instance with its addresses fixed is an action. It needs its reads in the state;
// its writes take their slots and destroy every on-chip placement that overlaps them. Reads happen
// before writes.
//
// Addresses that need to be tried are the normal patterns: sums of extents of values (Herz 1972,
// Christofides and Whitlock 1977). A buffer is symmetric when all values in it have the same
// extent, that extent divides its size, and instructions use its addresses as bare attributes that
// no constraint mentions and no other buffer shares. Its slots can then be permuted freely: states
// keep the values of such a buffer packed in sorted order, a write to it takes the first free slot
// if there is one (overwriting instead is never better) and else each occupied one. Neither loses
// an optimal plan.

#include "search/landmarks.h"
#include "search/placement_graph.h"

namespace isamorph::search {

/// A rectangle of an on-chip buffer; for the off-chip buffer `starts` is {location}.
struct Slot {
  std::uint32_t buffer = 0;
  std::vector<std::int64_t> starts, extents;
  auto operator<=>(const Slot &) const = default;
};

/// A vertex in a slot, packed; sorted by vertex, then slot.
struct Placement {
  std::uint32_t vertex = 0, slot = 0;
  auto operator<=>(const Placement &) const = default;
};
using State = std::vector<Placement>;

/// Off-chip places: inputs, constants, outputs, then one scratch place for each off-chip vertex.
struct Locations {
  enum class Kind : std::uint8_t { Input, Constant, Output, Scratch };
  struct Location {
    Kind kind;
    std::uint32_t index; ///< parameter, constant, result number, or vertex
    VertexId vertex;
    std::int64_t bytes, address;
  };
  std::vector<Location> all;
  std::int64_t total_bytes = 0;
};

/// What an action does, in the slots of the state it is applied to.
struct Transition {
  std::uint32_t variant = 0;
  std::vector<Placement> reads, writes; ///< parallel to the instruction's
};

struct StateSpaceOptions {
  /// Treat the slots of a symmetric buffer as interchangeable. Keeps optimality.
  bool symmetry = true;
};

class StateSpace {
public:
  StateSpace(const PlacementGraph &graph, const spec::Isa &isa, const TensorEGraph &egraph,
             const StateSpaceOptions &options = {});

  /// An instance with the off-chip places of its writes chosen: the actions of the relaxed task, in
  /// its order.
  struct Variant {
    std::uint32_t instance;
    std::vector<std::uint32_t> destinations; ///< by write: a location for off-chip writes
  };
  const std::vector<Variant> &variants() const { return variants_; }
  /// Facts are the vertices, then one for each output that was written.
  const RelaxedTask &relaxed() const { return relaxed_; }
  std::int64_t cost(std::uint32_t variant) const { return relaxed_.actions[variant].cost; }

  /// The relaxed facts of a state, sorted.
  void facts(const State &state, std::vector<std::uint32_t> &out) const;
  bool is_goal(const State &state) const;

  /// Calls `found(transition, successor)` for every action that applies, in a fixed order. Not
  /// re-entrant.
  void expand(const State &state,
              const std::function<void(const Transition &, const State &)> &found);

  /// The state after a transition with placements where the transition put them (not packed).
  State apply(const State &state, const Transition &transition) const;
  /// Packs symmetric buffers. If `moved` is given, it gets (slot before, slot after) for every
  /// placement in one.
  void normalize(State &state,
                 std::vector<std::pair<std::uint32_t, std::uint32_t>> *moved = nullptr) const;

  const Slot &slot(std::uint32_t id) const { return slots_[id]; }
  /// Whether two slots share a place.
  bool overlap(std::uint32_t a, std::uint32_t b) const;
  bool symmetric(std::uint32_t buffer) const { return buffers_[buffer].symmetric; }
  const Locations &locations() const { return locations_; }
  const PlacementGraph &graph() const { return graph_; }
  const spec::Isa &isa() const { return isa_; }

  /// All attributes of a step for given slots of its reads and writes and given addresses of
  /// locations; nullopt when the equations or a constraint do not hold.
  std::optional<std::vector<std::int64_t>> bind(std::uint32_t instance, std::span<const Slot> reads,
                                                std::span<const Slot> writes,
                                                const Locations &locations) const;

private:
  struct BufferInfo {
    bool symmetric = false, tied = false; ///< tied: some instruction writes where it reads
    std::vector<std::uint32_t> slots;     ///< of a symmetric buffer, by position
    std::vector<std::vector<std::int64_t>> candidates; ///< addresses by dimension, of other buffers
  };
  struct Step; ///< a transition in the making (successors.cpp)

  void make_locations(const TensorEGraph &egraph);
  void make_variants();
  void classify_buffers();
  bool breaks_symmetry(const spec::Instruction &instruction, std::uint32_t buffer) const;
  std::uint32_t intern(const Slot &slot);
  void choose_reads(Step &step, std::size_t index);
  void choose_writes(Step &step, std::size_t index);
  void finish(Step &step);
  void try_write(Step &step, std::size_t index, std::uint32_t slot);
  void off_chip_reads(Step &step, std::size_t index);
  void off_chip_write(Step &step, std::size_t index);
  void write_symmetric(Step &step, std::size_t index);
  bool unify_starts(const spec::Region &region, std::span<const std::int64_t> starts,
                    semantics::Bindings &bindings) const;
  bool constraints_hold(const spec::Instruction &instruction,
                        const semantics::Bindings &bindings) const;
  std::vector<std::int64_t> extents(const spec::Region &region,
                                    const semantics::Bindings &bindings) const;

  const PlacementGraph &graph_;
  const spec::Isa &isa_;
  StateSpaceOptions options_;
  std::vector<Variant> variants_;
  RelaxedTask relaxed_;
  Locations locations_;
  std::vector<std::uint32_t>
      home_; ///< by vertex: the location where it lies from the start, or kNone
  std::vector<std::uint32_t> scratch_; ///< by vertex: its scratch location
  std::vector<BufferInfo> buffers_;
  std::vector<Slot> slots_;
  std::map<Slot, std::uint32_t> slot_ids_;
  std::vector<std::uint32_t> location_slots_; ///< by location
  std::vector<std::vector<char>>
      address_constraints_; ///< by instruction, constraint: mentions an address

  static constexpr std::uint32_t kNone = 0xffffffff;
};

} // namespace isamorph::search
