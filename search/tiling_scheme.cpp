#include "search/tiling_scheme.h"

#include "spec/unroll.h"

#include <tuple>

namespace isamorph::search {

using costmodel::CostModel;

Weight weigh(const LoopNest &nest, const spec::Isa &isa, CostModel model) {
  Weight out;
  out.by_unit.assign(isa.units.size(), 0);
  for (const AffineCall &call : nest.calls) {
    const spec::Instruction &instruction = isa.instructions[call.instruction];
    semantics::Bindings attributes;
    for (const Affine &a : call.attributes)
      attributes.push_back(a.base);
    out.by_unit[instruction.cost.unit] +=
        costmodel::instruction_cost(instruction, attributes, model);
    out.bytes += instruction.cost.bytes.evaluate(attributes).value_or(0);
    ++out.calls;
  }
  for (const LoopNest &part : nest.parts)
    out.add(weigh(part, isa, model), nest.end - nest.start);
  return out;
}

TileLayout TileLayout::of(std::int64_t parity) const {
  TileLayout out = *this;
  for (std::size_t x = 0; x < out.starts.size(); ++x)
    out.starts[x].base += parity * distance[x];
  return out;
}

std::optional<TileLayout> layout(const Scheme &scheme, const ProductTiles &tiles,
                                 const spec::Isa &isa) {
  TileLayout out{{}, {}, std::vector<std::int64_t>(isa.buffers.size(), 0)};
  for (std::size_t x = 0; x < kHeld; ++x) {
    bool tail = x > 2;
    std::size_t depth = x == 2 ? scheme.position(kSum) : scheme.depth_of[x % 3];
    auto [first, second] = tiles.axes_of(x % 3);
    std::int64_t height = tiles.heights[x], inner = tail ? 1 : scheme.extent(second, depth),
                 copies = scheme.copies(depth), size = height * inner * scheme.extent(first, depth);
    std::int64_t &used = out.reserved[tiles.buffers[x]];
    out.starts[x].base = used;
    scheme.add_index(out.starts[x], first, depth, height * inner);
    if (!tail)
      scheme.add_index(out.starts[x], second, depth, height);
    out.distance[x] = copies > 1 ? size : 0;
    used += copies * size;
    const auto &addressed = isa.buffer(tiles.buffers[x]).addressed;
    if (used > (addressed.empty() ? 1 : addressed[0]))
      return std::nullopt;
  }
  return out;
}

namespace {

class SchemeSearch {
public:
  SchemeSearch(const ProductTiles &tiles, const spec::Isa &isa, CostModel model)
      : tiles_(tiles), isa_(isa), model_(model) {}

  std::vector<Scheme> run() {
    for (std::int64_t rows : divisors(tiles_.counts[kRows]))
      for (std::int64_t columns : divisors(tiles_.counts[kColumns])) {
        Scheme scheme;
        scheme.trips = {tiles_.counts[kRows] / rows, rows, tiles_.counts[kColumns] / columns,
                        columns, tiles_.counts[kDepth]};
        add_orders(scheme);
      }
    std::stable_sort(found_.begin(), found_.end(), [](const Found &a, const Found &b) {
      return std::tie(a.scheme.makespan, a.scheme.cost, a.scheme.bytes, a.unrolled, a.open) <
             std::tie(b.scheme.makespan, b.scheme.cost, b.scheme.bytes, b.unrolled, b.open);
    });
    std::vector<Scheme> out;
    for (const Found &found : found_)
      out.push_back(found.scheme);
    return out;
  }

private:
  struct Found {
    Scheme scheme;
    std::int64_t unrolled; ///< products in the loops that a proof unrolls
    std::int64_t open;     ///< sums at a time
  };

  static std::vector<std::int64_t> divisors(std::int64_t count) {
    std::vector<std::int64_t> out;
    for (std::int64_t n = 1; n <= count; ++n)
      if (count % n == 0)
        out.push_back(n);
    return out;
  }

  void add_orders(Scheme scheme) {
    std::array<LoopId, 3> inner = {kRowsIn, kColumnsIn, kSum};
    for (bool swapped : {false, true}) {
      std::sort(inner.begin(), inner.end());
      do {
        scheme.order = {swapped ? kColumnsOut : kRowsOut, swapped ? kRowsOut : kColumnsOut,
                        inner[0], inner[1], inner[2]};
        for (std::size_t a : depths(scheme, 0))
          for (std::size_t b : depths(scheme, 1)) {
            scheme.depth_of = {a, b};
            add_doubled(scheme);
          }
      } while (std::next_permutation(inner.begin(), inner.end()));
    }
  }

  /// A scheme without double buffering, and, where units overlap, with it.
  void add_doubled(Scheme scheme) {
    if (!add(scheme) || model_ != CostModel::Overlap)
      return;
    std::size_t innermost = std::max(
        {scheme.depth_of[0], scheme.depth_of[1], scheme.position(kSum)}); // something is made there
    for (scheme.doubled = 0; scheme.doubled < innermost; ++scheme.doubled)
      if (scheme.trips[scheme.order[scheme.doubled]] > 1)
        add(scheme);
  }

  /// False where it does not fit.
  bool add(Scheme scheme) {
    if (!layout(scheme, tiles_, isa_))
      return false;
    Weight weight = total(scheme);
    if (weight.calls > spec::kMaxInstances / tiles_.batches)
      return false;
    scheme.cost = weight.cost(model_);
    scheme.bytes = weight.bytes;
    scheme.makespan = model_ == CostModel::Overlap ? span(scheme, 0).serial : scheme.cost;
    found_.push_back({scheme, unrolled(scheme), tiles_.tiles(2, scheme, scheme.position(kSum))});
    return true;
  }

  /// Around how many loops an operand may be loaded: innermost, or just outside of a loop that it
  /// does not depend on.
  std::vector<std::size_t> depths(const Scheme &scheme, std::size_t x) const {
    std::vector<std::size_t> out = {kLoops};
    for (LoopId id : Scheme::loops_of(tiles_.free[1 - x]))
      if (scheme.trips[id] > 1)
        out.push_back(scheme.position(id));
    return out;
  }

  /// What a scheme costs, were its steps planned as the smallest ones were.
  Weight total(const Scheme &scheme) const {
    std::int64_t sums = tiles_.counts[kRows] * tiles_.counts[kColumns];
    Weight out;
    for (std::size_t x = 0; x < 2; ++x) {
      std::size_t depth = scheme.depth_of[x];
      out.add(tiles_.weights[x], scheme.trips_around(depth) * tiles_.tiles(x, scheme, depth));
      out.add(tiles_.weights[kTailLeft + x],
              scheme.trips_but_sum(depth) * scheme.extent(tiles_.free[x], depth));
    }
    out.add(tiles_.weights[kAccumulate], sums * (tiles_.counts[kDepth] - 1));
    for (ProductStep step : {kBegin, kZero, kStore, kTail})
      out.add(tiles_.weights[step], sums);
    return out;
  }

  /// Those loops on which no place on chip depends, and that carry no sum, need not be unrolled.
  std::int64_t unrolled(const Scheme &scheme) const {
    std::int64_t out = scheme.doubled < kLoops ? 2 : 1;
    for (std::size_t l = 0; l < kLoops; ++l) {
      LoopId id = scheme.order[l];
      bool moves = id == kSum;
      for (std::size_t x = 0; x < 3; ++x) {
        auto [first, second] = tiles_.axes_of(x);
        std::size_t depth = x == 2 ? scheme.position(kSum) : scheme.depth_of[x];
        for (Axis axis : {first, second})
          for (LoopId own : Scheme::loops_of(axis))
            moves |= own == id && l >= depth;
      }
      out *= moves ? scheme.trips[id] : 1;
    }
    return out;
  }

  /// The work of some loops, and about how long they take from the first load to the last store.
  struct Span {
    Weight work;
    std::int64_t direct = 0; ///< loads before anything else
    std::int64_t serial = 0;

    void then(const Weight &weight, std::int64_t times) {
      work.add(weight, times);
      serial += weight.sum() * times;
    }
  };

  /// What happens inside of the first `depth` loops. One loop's iterations overlap if it is
  /// doubled; what else does is left aside: among equals, kernels are simulated.
  Span span(const Scheme &scheme, std::size_t depth) const {
    Span out;
    for (std::size_t x = 0; x < 2; ++x)
      if (scheme.depth_of[x] == depth)
        out.then(tiles_.weights[x], tiles_.tiles(x, scheme, depth));
    out.direct = out.serial;
    if (depth == kLoops) {
      out.then(tiles_.weights[kAccumulate], 1);
      return out;
    }
    LoopId id = scheme.order[depth];
    std::int64_t trips = scheme.trips[id], sums = tiles_.tiles(2, scheme, depth);
    if (id == kSum)
      out.then(tiles_.weights[kZero], sums);
    Span body = span(scheme, depth + 1);
    std::int64_t next = scheme.doubled == depth
                            ? std::max(body.work.busiest(), body.serial - body.direct)
                            : body.serial;
    out.work.add(body.work, trips);
    out.serial += body.serial + (trips - 1) * next;
    if (id == kSum)
      out.then(tiles_.weights[kStore], sums);
    return out;
  }

  const ProductTiles &tiles_;
  const spec::Isa &isa_;
  CostModel model_;
  std::vector<Found> found_;
};

} // namespace

std::vector<Scheme> schemes(const ProductTiles &tiles, const spec::Isa &isa, CostModel model) {
  return SchemeSearch(tiles, isa, model).run();
}

} // namespace isamorph::search
