#pragma once
// The search as one call: saturate, match instructions, plan, allocate. Returns the cheapest kernel
// that the placement graph holds, with a lower bound and its certificate.
//
// What is searched: all kernels whose instructions compute whole values of the saturated e-graph
// (values that the rules equate with parts of the graph, and what moving instructions make of
// them), at normal-pattern addresses, and which load or store such values jointly where memory
// holds them side by side (search/joint_moves.h). Where a limit stopped the saturation, only the
// values found before are there: SearchResult::saturation says so. Cutting values that are larger
// than an instruction into tiles is not part of it (search/tiling.h).

#include "costmodel/cost_model.h"
#include "search/landmarks.h"
#include "search/saturation_loop.h"
#include "semantics/rules.h"

#include <atomic>
#include <functional>

namespace isamorph::search {

struct Progress {
  std::uint64_t expanded = 0;       ///< states
  std::optional<std::int64_t> best; ///< cost of the best kernel so far
  std::int64_t bound = 0;           ///< 0: not known yet
  std::size_t enodes = 0;           ///< of the e-graph that is being saturated; 0: none is
  std::size_t iterations = 0;       ///< of the saturation that are over
};

struct SearchOptions {
  semantics::Level level = semantics::Level::Bits;
  costmodel::CostModel cost = costmodel::CostModel::Count;
  double time_limit_seconds = 60;
  /// Planning ends here if there is no kernel by then: time for something else.
  double seconds_to_first_kernel = 1e18;
  int jobs = 1; ///< the result does not depend on it
  std::size_t max_enodes = 100'000;
  std::size_t max_iterations = 100;
  std::uint64_t max_states = 20'000'000;
  /// A file that planning continues from, if it exists, and writes now and then and when it is
  /// stopped; removed when planning is done. Not with the cost model `overlap`. Empty: none.
  std::string checkpoint;
  /// When there is no kernel at `level`, look whether a weaker level has one, to say so.
  bool try_weaker_levels = true;
  const std::atomic<bool> *interrupt = nullptr;
  std::function<void(const Progress &)> progress;
};

/// Why nothing is cheaper than the bound: the delete relaxation of the planning task and landmarks
/// in it. For costs that are sums, an action costs what its instruction costs. For `overlap`, the
/// task is about one unit: its actions cost their latency, all others nothing, since no kernel ends
/// before its busiest unit has done its work.
struct OptimalityCertificate {
  RelaxedTask task;
  std::optional<std::uint32_t> unit; ///< `overlap` only
  std::vector<std::string> fact_names, action_names;
  LandmarkBound landmarks; ///< at the root; its bound may be below the search's
};

struct SearchResult {
  enum class Status : std::uint8_t {
    Optimal,  ///< no kernel in the space above is cheaper: saturation and planning ended
    Feasible, ///< a cheaper one may exist
    Infeasible,
    OutOfTime
  } status = Status::OutOfTime;
  std::optional<spec::Kernel> kernel; ///< when Optimal or Feasible
  std::int64_t cost = 0, bound = 0;
  /// How saturation ended; unless it says Saturated, the bound holds only among the kernels over
  /// the values that were found before. None where the bound does not rest on saturation (of
  /// tiles).
  std::optional<StopReason> saturation;
  OptimalityCertificate certificate;
  std::uint64_t states_expanded = 0, states_evaluated = 0;
  std::size_t enodes = 0, eclasses = 0, iterations = 0;
  std::size_t vertices = 0, instances = 0; ///< of the placement graph
  struct Seconds {
    double saturate = 0, match = 0, plan = 0;
  } seconds;
  std::string reason;      ///< for people: why infeasible or out of time, or what bounds the result
  bool exhaustive = false; ///< saturation and planning both ran to their end
  bool cut_short = false;  ///< planning was stopped: with more time, there may be a cheaper kernel
  bool undetermined = false; ///< not all values of an attribute were tried: the same holds, and
                             ///< Infeasible is open
  std::optional<semantics::Level> weaker; ///< infeasible here, but this level has a kernel

  /// The bound holds for all kernels of the space above.
  bool bound_holds_for_all() const {
    return !undetermined && (!saturation || *saturation == StopReason::Saturated);
  }
};

SearchResult find_kernel(const semantics::TensorGraph &graph, const spec::Isa &isa,
                         std::span<const semantics::RewriteRule> rules,
                         const SearchOptions &options);

} // namespace isamorph::search
