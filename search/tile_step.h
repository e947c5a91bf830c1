#pragma once
// A step of a kernel with loops: instructions that make some placements from others, whose
// addresses are affine in the variables of the loops around the step. Each is a small problem for
// the planner (search/state_space.h), solved for the addresses where all variables are 0; the
// addresses elsewhere follow from the instructions' regions.

#include "search/planner.h"

#include <array>
#include <map>

namespace isamorph::search {

/// base + the sum of factor * variable over loops, which are numbered.
struct Affine {
  std::int64_t base = 0;
  std::map<std::uint32_t, std::int64_t> factors; ///< no zeros

  void add(std::uint32_t loop, std::int64_t factor);
};

/// An instruction whose attributes are affine in the variables of loops.
struct AffineCall {
  std::uint32_t instruction = 0;
  std::vector<Affine> attributes;
};

/// A placement and where it lies: off-chip a byte address, on-chip the start along the first
/// addressed dimension (0 along others).
struct StepPlace {
  Vertex vertex;
  Affine start;
};

struct StepProblem {
  std::vector<StepPlace> inputs, outputs;
  /// By buffer: places at its start that belong to inputs and outputs of this step or of others.
  std::vector<std::int64_t> reserved;
};

struct Step {
  std::vector<AffineCall> calls;
  std::int64_t cost = 0;
};

/// Off-chip places that steps add to the kernel's tensors: constants (each value once) and scratch.
class OffChipPool {
public:
  explicit OffChipPool(std::int64_t begin) : end_(begin) {}
  std::int64_t constant(const TensorRef &value);
  std::int64_t scratch(std::int64_t bytes);
  std::int64_t end() const { return end_; }
  const std::vector<spec::Placed> &constants() const { return constants_; }

private:
  std::int64_t end_;
  std::vector<spec::Placed> constants_;
};

/// Plans the steps on the values of one saturated e-graph.
class StepPlanner {
public:
  StepPlanner(const TensorEGraph &egraph, const spec::Isa &isa, costmodel::CostModel model,
              const PlannerOptions &options);

  /// The cheapest step that was found; nullopt when there is none, or its addresses are not affine.
  std::optional<Step> plan(const StepProblem &problem, OffChipPool &pool);

  std::uint64_t states_expanded() const { return expanded_; }
  /// A plan was not the cheapest for want of time.
  bool stopped() const { return stopped_; }

private:
  const PlacementGraph &placements(const StepProblem &problem);

  const TensorEGraph &egraph_;
  const spec::Isa &isa_;
  /// By the vertices that are there at first and those that are wanted.
  std::map<std::array<std::vector<Vertex>, 2>, PlacementGraph> graphs_;
  costmodel::CostModel model_;
  PlannerOptions options_;
  std::uint64_t expanded_ = 0;
  bool stopped_ = false;
};

} // namespace isamorph::search
