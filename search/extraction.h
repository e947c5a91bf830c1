#pragma once
// Extraction: choosing one e-node for each e-class that is needed, so that the roots are covered
// without cycles at least cost.
//
// Two costs. The tree cost counts a class every time it is used, summed over the roots (a repeated
// root too); the optimum comes from Knuth's generalisation of Dijkstra's algorithm (1977). The DAG
// cost counts a needed class once; finding its optimum is NP-hard. Here an e-graph is read as a
// delete-free planning task (a node is an action that makes its class true when its children are),
// and a problem is simplified, cut into independent parts, bounded by LM-cut and searched by branch
// and bound.
//
// Every result carries a lower bound. Inside, costs are integers: the given ones times a power of
// two, rounded down, so that bounds are safe; they are exact for costs that are integers.

#include "search/serialized_egraph.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace isamorph::search {

constexpr std::uint32_t kNoNode = 0xffffffff;

/// For each class the node that stands for it, or kNoNode.
struct Extraction {
  std::vector<std::uint32_t> choice;
};

enum class ExtractionStatus : std::uint8_t {
  Optimal,    ///< cost and bound agree, up to 1e-9 of the cost
  Feasible,   ///< bound < cost
  Infeasible, ///< some root has no finite term
};

struct ExtractionResult {
  Extraction extraction; ///< only the classes that the roots need are chosen
  double cost = 0;       ///< infinite when infeasible
  double bound = 0;      ///< no extraction costs less
  ExtractionStatus status = ExtractionStatus::Infeasible;
  double seconds = 0;
  std::uint64_t branches = 0; ///< of branch and bound

  double gap() const { return cost - bound; }
};

/// The cost of an extraction, following choices from the roots: infinite when a needed class has no
/// choice or is needed for itself.
double tree_cost(const SerializedEGraph &graph, const Extraction &extraction);
double dag_cost(const SerializedEGraph &graph, const Extraction &extraction);

enum class CostKind : std::uint8_t { Tree, Dag };

/// Re-checks an extraction without trusting how it was found: choices are nodes of their classes,
/// every needed class has one, no class needs itself, and the cost is `cost` up to rounding.
/// Returns what is wrong, or an empty string.
std::string check_extraction(const SerializedEGraph &graph, const Extraction &extraction,
                             CostKind kind, double cost);

/// The least tree cost. Throws InputError when a node's cost is negative (the cost of a class would
/// not bound the cost of the trees that use it) or when the least cost is beyond double.
ExtractionResult extract_tree(const SerializedEGraph &graph);

/// A good DAG cost in about the time of reading the file: simplification, then local search from
/// the cheapest trees. The bound is what simplification alone proves.
ExtractionResult extract_dag_greedy(const SerializedEGraph &graph);

/// What a search knows while it runs.
struct ExtractionProgress {
  double cost = 0; ///< of the best extraction; infinite until all independent parts have one
  double bound = 0;
  std::uint64_t branches = 0;
};

struct ExtractionOptions {
  double time_limit = 10; ///< seconds; what is found and proved by then is returned
  const std::atomic<bool> *interrupt = nullptr; ///< stops as the time limit does, when set
  std::function<void(const ExtractionProgress &)> progress; ///< called about ten times a second

  // Techniques. Each keeps optimality; switching one off costs time or the proof.
  bool simplify = true;     ///< classes that every extraction needs are taken out of the choice
  bool dominance = true;    ///< drops nodes that another node of the class replaces at no more cost
  bool merging = true;      ///< folds classes with one user or one zero-cost node into their users
  bool decompose = true;    ///< independent parts are solved one by one
  bool local_search = true; ///< improves extractions by changing one class at a time
  bool perturbation = true; ///< local search continues from perturbed extractions
  bool landmarks = true;    ///< LM-cut bounds (otherwise: the cheapest node of forced classes)
  bool reduced_costs = true;         ///< drops nodes that the bound shows to be too expensive
  bool branch_and_bound = true;      ///< proves what bounds alone cannot
  std::uint64_t perturbations = 400; ///< rounds without progress until local search ends
};

/// The least DAG cost, or the best found within the limits. Negative costs are allowed: they count
/// as zero in the search and as they are in `cost`, and `bound` takes off what every class that can
/// be reached could add, so that such e-graphs seldom end as Optimal.
ExtractionResult extract_dag(const SerializedEGraph &graph, const ExtractionOptions &options = {});

} // namespace isamorph::search
