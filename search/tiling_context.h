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

/// Which sizes a dimension may be cut to: those that occur in the instruction set and divide it or
/// (Uneven) not, or other divisors.
enum class TileSizes : std::uint8_t { Favourite, Uneven, Other }; // in this order

/// What takes the nests that are found, with all that they need off chip.
using TakeNest = std::function<void(std::vector<LoopNest>, const OffChipPool &)>;

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

  /// Sizes that a dimension of `size` elements may be cut to, the greatest first.
  std::vector<std::int64_t> tile_sizes(std::int64_t size, TileSizes which) const;

  /// Whether an on-chip buffer holds values of this shape.
  bool fits(const Shape &shape, std::uint32_t buffer) const;
  std::vector<std::uint32_t> buffers_for(const Shape &shape) const;

  /// Of one instruction (search/lower_bound.h).
  const std::optional<std::int64_t> &most_products() const { return most_products_; }

  /// Why a tile is hopeless: an operand of a dot that no buffer could hold even under another
  /// type. Not exact, since rewriting might cut it; saves saturating such tiles.
  std::optional<std::string> too_large(const semantics::TensorGraph &tile) const;

  /// What a nest costs, be it a kernel or a part of one; nullopt when the search was stopped, or
  /// the cost is found to reach `limit`.
  std::optional<std::int64_t> cost(std::span<const LoopNest> nest,
                                   std::optional<std::int64_t> limit);
  /// Keeps the kernel if it is the cheapest so far.
  void offer(std::span<const LoopNest> nest, const OffChipPool &pool);
  /// How many kernels were offered, cheap or dear.
  std::size_t offered() const { return offered_; }
  /// The cost of the best kernel, if there is one.
  std::optional<std::int64_t> best() const;
  /// Time is up, or the user interrupted.
  bool stopped();
  /// Why a form found nothing; the first few since the last new form are kept.
  void note(const std::string &why);
  void new_form() { first_note_ = notes_.size(); }

  SearchResult take();

private:
  std::optional<std::int64_t> cost(const spec::Kernel &kernel, std::optional<std::int64_t> limit);
  void report();
  double seconds_left() const;

  const semantics::TensorGraph &graph_;
  const spec::Isa &isa_;
  std::span<const semantics::RewriteRule> rules_;
  const SearchOptions &options_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  spec::Kernel frame_;
  std::vector<std::int64_t> favourites_; ///< sorted
  std::optional<std::int64_t> most_products_;
  SearchResult result_;
  std::size_t offered_ = 0;
  std::vector<std::string> notes_;
  std::size_t first_note_ = 0; ///< of the form that is tried
  std::string stopped_by_;
};

/// The cheapest nest for one part of the results of a program, other parts having their own.
class Cheapest {
public:
  explicit Cheapest(TilingContext &context) : context_(context) {}
  TakeNest taker();
  /// Appends it to other parts; false when there is none.
  bool move_to(std::vector<LoopNest> &parts, OffChipPool &pool);

private:
  TilingContext &context_;
  std::vector<LoopNest> nest_;
  std::optional<OffChipPool> pool_; ///< when there is one
  std::int64_t cost_ = 0;
};

/// Tries tilings of a form whose sizes are of the classes up to `last`: all those of favourite
/// sizes, of others until one is found.
void tile_maps(TilingContext &context, TileSizes last);
/// Of favourite sizes, too, until one is found.
void tile_products(TilingContext &context, TileSizes last);

} // namespace isamorph::search
