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

/// A vertex in a slot; states are sorted by vertex, then slot. Slots are numbered by what they are
/// and not by when they were met, so that states mean the same in every thread and every run.
struct Placement {
  std::uint32_t vertex = 0, slot = 0;
  auto operator<=>(const Placement &) const = default;
};
using State = std::vector<Placement>;

/// Off-chip places: inputs, constants, outputs, then one scratch place for each off-chip vertex.
/// Pieces lie within the place of their input, or within the room of their result.
struct Locations {
  enum class Kind : std::uint8_t { Input, Constant, Output, Scratch, Room };
  struct Location {
    Kind kind;
    std::uint32_t index; ///< parameter, constant, number among the graph's outputs, vertex, result
    VertexId vertex;
    std::int64_t bytes, address;
    std::uint32_t within; ///< the location that it is a piece of; its own number if of none
    std::int64_t offset;  ///< in that
  };
  std::vector<Location> all;
  std::int64_t total_bytes = 0;
  bool is_piece(std::size_t id) const { return all[id].within != id; }
};

/// What an action does, in the slots of the state it is applied to.
struct Transition {
  std::uint32_t variant = 0;
  std::vector<Placement> reads, writes; ///< parallel to the instruction's
};

/// What is left out of the search space. Each option says whether it keeps optimality.
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

  /// Receives (transition, successor); both are scratch that the next call overwrites.
  using Found = std::function<void(const Transition &, const State &)>;
  class Expander;
  /// Calls `found` for every action that applies, in a fixed order. With many states, an `Expander`
  /// saves its scratch's allocation.
  void expand(const State &state, const Found &found) const;

  /// The state after a transition with placements where the transition put them (not packed).
  State apply(const State &state, const Transition &transition) const;
  void apply(const State &state, const Transition &transition, State &next) const;
  /// Packs symmetric buffers. If `moved` is given, it gets (slot before, slot after) for every
  /// placement in one.
  void normalize(State &state,
                 std::vector<std::pair<std::uint32_t, std::uint32_t>> *moved = nullptr) const;

  Slot slot(std::uint32_t id) const;
  /// Whether two slots share a place.
  bool overlap(std::uint32_t a, std::uint32_t b) const;
  bool symmetric(std::uint32_t buffer) const { return buffers_[buffer].symmetric; }
  /// Whether some instruction writes to the buffer at an address that it also reads from.
  bool tied(std::uint32_t buffer) const { return buffers_[buffer].tied; }
  bool is_output(std::uint32_t slot) const {
    return slot < locations_.all.size() && locations_.all[slot].kind == Locations::Kind::Output;
  }
  /// Whether the numbers could be a state: placements in order, each in a slot of its buffer.
  bool plausible(std::span<const Placement> state) const;
  /// Of everything that decides successors and costs, the same in every run.
  std::uint64_t fingerprint() const;
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
    bool two_copies = false;              ///< some instruction may need a value at two places
    std::vector<std::vector<std::int64_t>> shapes; ///< extents of its slots, sorted
    std::uint32_t first_slot = 0, slots_of_a_shape = 0;
    std::vector<std::uint32_t> slots;                  ///< of a symmetric buffer, by position
    std::vector<std::vector<std::int64_t>> candidates; ///< addresses by dimension, of other buffers
  };

  void make_locations(const TensorEGraph &egraph);
  void make_outputs(const TensorEGraph &egraph);
  std::uint32_t add_location(Locations::Kind kind, std::size_t index, VertexId v,
                             std::int64_t bytes);
  std::uint32_t add_piece(Locations::Kind kind, std::size_t index, VertexId v, std::int64_t bytes,
                          std::uint32_t within, std::int64_t offset);
  std::vector<std::vector<std::uint32_t>> destinations(const Instance &instance) const;
  void make_variants();
  void classify_buffers();
  void number_slots();
  bool breaks_symmetry(const spec::Instruction &instruction, std::uint32_t buffer) const;
  std::uint32_t buffer_of(std::uint32_t slot) const;
  std::uint32_t slot_id(std::uint32_t buffer, std::span<const std::int64_t> starts,
                        std::span<const std::int64_t> extents) const;
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
  std::vector<std::vector<char>>
      address_constraints_; ///< by instruction, constraint: mentions an address

  static constexpr std::uint32_t kNone = 0xffffffff;
};

/// Makes successors of one state after the other; one for each thread.
class StateSpace::Expander {
public:
  explicit Expander(const StateSpace &space);
  void operator()(const State &state, const Found &found);

private:
  void choose_reads(std::size_t index);
  void off_chip_reads(std::size_t index);
  void choose_writes(std::size_t index);
  void off_chip_write(std::size_t index);
  void write_symmetric(std::size_t index);
  void write_anywhere(std::size_t index, std::span<const std::int64_t> extents);
  void try_write(std::size_t index, std::uint32_t slot);
  void finish();
  bool bind(const spec::Region &region, std::uint32_t slot);
  bool present(std::uint32_t vertex) const { return present_[vertex] == round_; }

  const StateSpace &space_;
  const State *state_ = nullptr;
  const Found *found_ = nullptr;
  const Variant *variant_ = nullptr;
  const Instance *instance_ = nullptr;
  const spec::Instruction *instruction_ = nullptr;
  semantics::Bindings bindings_;
  std::vector<semantics::Bindings> saved_; ///< by the number of reads and writes chosen
  Transition transition_;
  State next_;
  std::vector<std::uint32_t> present_; ///< by vertex: the last round in which it was there
  std::uint32_t round_ = 0;
};

} // namespace isamorph::search
