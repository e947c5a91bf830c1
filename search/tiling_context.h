#pragma once
// What the forms of tilings share: the program and its place in memory, tile sizes to try, tiles'
// e-graphs, and the best kernel so far.

#include "search/kernel_assembly.h"
#include "search/loop_nest.h"
#include "search/saturate.h"
#include "search/tile_graph.h"
#include "search/tiling.h"

#include <chrono>

namespace isamorph::search {

/// A tile's graph and everything that is equal to its values.
struct TileValues {
  semantics::TensorGraph graph;
  TensorEGraph egraph;
  std::vector<ClassId> classes;                     ///< by node of the graph
  std::vector<ClassId> input_images, result_images; ///< in memory, by parameter and result
  ClassId input(std::size_t i) const { return egraph.find(classes[graph.parameters[i].v]); }
  ClassId result(std::size_t i) const { return egraph.find(classes[graph.results[i].v]); }
};

class TilingContext {
public:
  TilingContext(const semantics::TensorGraph &graph, const spec::Isa &isa,
                std::span<const semantics::RewriteRule> rules, const SearchOptions &options);

  const semantics::TensorGraph &graph() const { return graph_; }
  const spec::Isa &isa() const { return isa_; }
  const SearchOptions &options() const { return options_; }
  /// Inputs and outputs have their addresses; there are no instructions yet.
  const spec::Kernel &frame() const { return frame_; }
  std::int64_t parameter_address(semantics::NodeId parameter) const;

  TileValues saturated(const semantics::TensorGraph &tile);
  StepPlanner planner(const TileValues &values);
  void count(const StepPlanner &planner);

  /// Sizes that a dimension of `size` elements may be cut to, the best first: those that occur in
  /// the instruction set (`favourite`), or the other divisors.
  std::vector<std::int64_t> tile_sizes(std::int64_t size, bool favourite) const;

  /// Whether an on-chip buffer holds values of this shape.
  bool fits(const Shape &shape, std::uint32_t buffer) const;
  std::vector<std::uint32_t> buffers_for(const Shape &shape) const;

  /// Why a tile is hopeless: an operand of a dot that no buffer could hold even under another
  /// type. Not exact, since rewriting might cut it; saves saturating such tiles.
  std::optional<std::string> too_large(const semantics::TensorGraph &tile) const;

  /// Keeps the kernel if it is the cheapest so far.
  void offer(std::span<const LoopNest> nest, const OffChipPool &pool);
  /// The cost of the best kernel, if there is one.
  std::optional<std::int64_t> best() const;
  /// Time is up, or the user interrupted.
  bool stopped();
  /// Why a form found nothing; the first of each form is kept.
  void note(const std::string &why);

  SearchResult take();

private:
  void report();

  const semantics::TensorGraph &graph_;
  const spec::Isa &isa_;
  std::span<const semantics::RewriteRule> rules_;
  const SearchOptions &options_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  spec::Kernel frame_;
  std::vector<std::int64_t> favourites_; ///< sorted
  SearchResult result_;
  std::vector<std::string> notes_;
  std::string stopped_by_;
};

/// Tries all tilings of a form.
void tile_maps(TilingContext &context);
void tile_products(TilingContext &context);

} // namespace isamorph::search
