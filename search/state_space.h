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
//
// A buffer is ample when its addresses are as free and it has room for every value of the graph at
// a place of its own, those that instructions read or write jointly one after the other. Values are
// then written to their own place only: what lies elsewhere is never destroyed, so that a state has
// what it would have had otherwise, and more. Neither does this lose an optimal plan.
//
// A joint vertex is never in a state; its parts are, each in its part of the slot.
//
// Control state is part of a state: a placement whose vertex is none and whose slot is its value,
// for each variable that has not its initial value. An action applies where its conditions hold in
// the state that it finds, and changes it. A buffer whose addresses also stand in control state is
// renamable when they do so only as they are, from attributes to regions: places in it that hold
// nothing and that no variable names are then alike, and of them the first is tried. Attributes
// that only go into control state take the addresses that it may have to name. The delete
// relaxation has no control state, so that its bounds stay bounds.

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

/// Places with a meaning of their own: inputs, constants, outputs, then one scratch place for each
/// off-chip vertex. They lie off-chip, except for inputs and outputs in on-chip buffers. Pieces lie
/// within the place of their input, or within the room of their result.
struct Locations {
  enum class Kind : std::uint8_t { Input, Constant, Output, Scratch, Room };
  struct Location {
    Kind kind;
    std::uint32_t index; ///< parameter, constant, number among the graph's outputs, vertex, result
    VertexId vertex;
    std::int64_t bytes, address; ///< off-chip
    Slot slot;                   ///< on-chip; off-chip, `starts` is {location}
    std::uint32_t within;        ///< the location that it is a piece of; its own number if of none
    std::int64_t offset;         ///< in that
  };
  std::vector<Location> all;
  std::int64_t total_bytes = 0;
  bool is_piece(std::size_t id) const { return all[id].within != id; }
};

/// What an action does, in the slots of the state it is applied to.
struct Transition {
  std::uint32_t variant = 0;
  std::vector<Placement> reads, writes; ///< parallel to the instruction's
  std::vector<Placement> control;       ///< the control state after it
  semantics::Bindings fixed; ///< the control state that it finds, and attributes that go into it
};

/// What is left out of the search space. Each option says whether it keeps optimality.
struct StateSpaceOptions {
  /// Treat the slots of a symmetric buffer as interchangeable. Keeps optimality.
  bool symmetry = true;
  /// By buffer, or empty: how many places at the start of its first addressed dimension are for
  /// inputs and outputs alone. Plans write there only what is wanted there.
  std::vector<std::int64_t> reserved = {};
  /// By input and by output: where those of on-chip buffers lie in the reserved part. An output may
  /// take the place of an input that no later step reads.
  std::vector<std::vector<std::int64_t>> input_starts = {}, output_starts = {};
  /// Write values of an ample buffer to their own place. Keeps optimality.
  bool own_places = true;
};

class StateSpace {
public:
  StateSpace(const PlacementGraph &graph, const spec::Isa &isa, const TensorEGraph &egraph,
             const StateSpaceOptions &options = {});

  /// An instance with the off-chip places of its writes chosen: the actions of the relaxed task, in
  /// its order.
  struct Variant {
    std::uint32_t instance;
    std::vector<std::uint32_t> destinations; ///< by write: a location, or none for a free slot
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
  /// Appends the placements that a read or write stands for: the parts of a joint one, or itself.
  void parts_at(Placement p, std::vector<Placement> &out) const;
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
  /// Whether a placement is the value of a control-state variable.
  bool is_control(Placement p) const { return p.vertex >= graph_.vertices.size(); }
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

  /// All attributes of a step, and control state, for given slots of its reads and writes and given
  /// addresses of locations; `fixed` is the transition's. nullopt when the equations or a
  /// constraint do not hold.
  std::optional<std::vector<std::int64_t>>
  bind(std::uint32_t instance, const semantics::Bindings &fixed, std::span<const Slot> reads,
       std::span<const Slot> writes, const Locations &locations) const;

private:
  struct BufferInfo {
    bool symmetric = false, tied = false; ///< tied: some instruction writes where it reads
    bool two_copies = false;              ///< some instruction may need a value at two places
    bool renamable = false;               ///< and not symmetric; `slots` are set
    std::vector<std::uint32_t> named_by;  ///< of a renamable buffer: control-state variables
    std::vector<std::vector<std::int64_t>> shapes; ///< extents of its slots, sorted
    std::uint32_t first_slot = 0, slots_of_a_shape = 0;
    std::vector<std::uint32_t> slots;  ///< of a symmetric or renamable buffer, by position
    std::vector<std::uint32_t> places; ///< of an ample buffer, by vertex: its own slot
    std::vector<std::vector<std::int64_t>> candidates; ///< addresses by dimension, of other buffers
  };

  void make_locations(const TensorEGraph &egraph);
  /// nullopt off chip.
  std::optional<Slot> pinned_slot(VertexId vertex, const Shape &shape,
                                  std::span<const std::vector<std::int64_t>> starts,
                                  std::size_t index) const;
  std::int64_t reserved(std::uint32_t buffer) const {
    return options_.reserved.empty() ? 0 : options_.reserved[buffer];
  }
  bool is_location(std::uint32_t slot) const { return slot < locations_.all.size(); }
  void make_outputs(const TensorEGraph &egraph);
  std::uint32_t add_location(Locations::Kind kind, std::size_t index, VertexId v,
                             std::int64_t bytes, std::optional<Slot> pinned = std::nullopt);
  std::uint32_t add_piece(Locations::Kind kind, std::size_t index, VertexId v, std::int64_t bytes,
                          std::uint32_t within, std::int64_t offset);
  std::vector<std::vector<std::uint32_t>> destinations(const Instance &instance) const;
  void find_joint_homes();
  bool joint_output_fits(VertexId vertex, std::uint32_t location) const;
  void make_variants();
  RelaxedAction relaxed_action(const Instance &instance,
                               std::span<const std::uint32_t> places) const;
  void classify_buffers();
  void find_addresses(std::uint32_t buffer, bool broken);
  void find_extents();
  void find_places(std::uint32_t buffer);
  bool writes_twice(std::uint32_t buffer) const;
  std::optional<std::map<std::uint32_t, std::uint32_t>> neighbours(std::uint32_t buffer) const;
  void number_slots();
  void number_control(std::uint64_t first);
  void find_renamable(std::uint32_t buffer);
  void find_name_candidates();
  bool only_names(const spec::Instruction &instruction, std::uint32_t buffer,
                  std::span<const std::uint32_t> variables) const;
  std::vector<std::uint32_t> namers_of(std::uint32_t buffer) const;
  std::vector<const spec::Instruction *> instructions_used() const;
  std::uint32_t control_variable(Placement p) const {
    return p.vertex - static_cast<std::uint32_t>(graph_.vertices.size());
  }
  std::int64_t control_value(Placement p) const;
  /// By control-state variable.
  void control_values(const State &state, std::vector<std::int64_t> &out) const;
  /// The control state after an arm; false where it leaves a range.
  bool control_after(std::uint32_t arm, const semantics::Bindings &bindings,
                     std::vector<Placement> &out) const;
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
  std::vector<std::uint32_t> scratch_;             ///< by vertex: its scratch location
  std::vector<std::vector<std::int64_t>> extents_; ///< by vertex: of its slots on chip
  std::vector<BufferInfo> buffers_;
  std::uint32_t first_control_ = 0;          ///< the first slot that is a value of control state
  std::vector<std::uint32_t> control_slots_; ///< by variable: the slot that is its least value
  /// By variable: the addresses that it may have to name in buffers that are not renamable.
  std::vector<std::vector<std::int64_t>> name_candidates_;
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
  void joint_reads(std::size_t index);
  bool holds(Placement p);
  void choose_writes(std::size_t index);
  void write_to_location(std::size_t index);
  void write_symmetric(std::size_t index);
  void write_anywhere(std::size_t index, std::span<const std::int64_t> extents);
  void write_renamable(std::size_t index);
  void write_to_own_place(std::size_t index);
  void choose_names(std::size_t update);
  std::vector<std::uint32_t> nameable(std::uint32_t buffer) const;
  void find_control();
  bool may_apply() const;
  void try_write(std::size_t index, std::uint32_t slot);
  void finish();
  bool bind(const spec::Region &region, std::uint32_t slot);
  bool present(std::uint32_t vertex) const { return present_[vertex] == round_; }
  bool all_present(VertexId vertex) const {
    bool all = true;
    space_.graph_.each_part(vertex, [&](VertexId part) { all &= present(part.v); });
    return all;
  }

  const StateSpace &space_;
  const State *state_ = nullptr;
  const Found *found_ = nullptr;
  const Variant *variant_ = nullptr;
  const Instance *instance_ = nullptr;
  const spec::Instruction *instruction_ = nullptr;
  semantics::Bindings bindings_;
  std::vector<semantics::Bindings> saved_; ///< by the number of reads and writes chosen
  Transition transition_;
  std::vector<Placement> parts_;
  std::vector<std::int64_t> control_; ///< of the state
  State next_;
  std::vector<std::uint32_t> present_; ///< by vertex: the last round in which it was there
  std::uint32_t round_ = 0;
};

} // namespace isamorph::search
