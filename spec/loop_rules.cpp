#include "spec/loop_rules.h"

#include <algorithm>

namespace isamorph::spec {
namespace {

__extension__ using Wide = __int128;

void note(const IntExpr &expression, std::set<std::uint32_t> &variables) {
  expression.for_each_variable([&](std::uint32_t v) { variables.insert(v); });
}
void note(const Region &region, std::set<std::uint32_t> &variables) {
  for (std::size_t d = 0; d < region.starts.size(); ++d) {
    note(region.starts[d], variables);
    note(region.extents[d], variables);
  }
}

} // namespace

/// An instruction with the ranges of its attributes, and what is open.
struct LoopRules::Ranged {
  const KernelInstruction &call;
  const Instruction &definition;
  const std::vector<std::uint32_t> &around;
  std::vector<IntRange> ranges; ///< by attribute
  std::set<std::uint32_t> open; ///< attributes on which rules depend that are to be checked
};

LoopRules::LoopRules(const Kernel &kernel, const Isa &isa, std::vector<IntervalSet> &written)
    : kernel_(kernel), isa_(isa), written_(written), around_(enclosing_loops(kernel)),
      flags_(kernel.instructions.size(), std::vector<char>(kernel.loops.size(), 0)) {}

void LoopRules::reach(std::uint32_t instruction) {
  while (next_ < kernel_.loops.size() && kernel_.loops[next_].first <= instruction) {
    const Loop &loop = kernel_.loops[next_];
    enter(loop);
    while (next_ < kernel_.loops.size() && kernel_.loops[next_].first < loop.last)
      ++next_;
  }
}

void LoopRules::enter(const Loop &loop) {
  std::vector<Ranged> all;
  std::vector<std::optional<Hull>> read; // of reads that are to be checked
  for (std::uint32_t i = loop.first; i < loop.last; ++i) {
    Ranged &one = all.emplace_back(ranged(i));
    for (const IntExpr &constraint : one.definition.constraints) {
      auto value = range_of(constraint, one.ranges);
      if (!value || (value->low <= 0 && value->high >= 0))
        note(constraint, one.open);
    }
    for (const Read &r : one.definition.reads) {
      auto places = hull(r.region, one.ranges);
      if (places && is_written(*places))
        continue;
      note(r.region, one.open);
      read.push_back(places);
    }
  }
  auto may_be_read = [&](const Hull &places) {
    return std::ranges::any_of(read, [&](const std::optional<Hull> &r) {
      return !r || (r->buffer == places.buffer && r->begin < places.end && places.begin < r->end);
    });
  };
  for (Ranged &one : all)
    for (const Write &w : one.definition.writes) {
      auto places = hull(w.region, one.ranges);
      if (places && fills(*places, w.region, one) && !may_be_read(*places))
        written_[places->buffer].add(places->begin, places->end);
      else
        note(w.region, one.open);
    }
  for (std::uint32_t i = loop.first; i < loop.last; ++i)
    for (const Stride &stride : kernel_.instructions[i].strides)
      if (all[i - loop.first].open.count(stride.attribute))
        flags_[i][around_[i][stride.depth]] = 1;
}

LoopRules::Ranged LoopRules::ranged(std::uint32_t instruction) const {
  const KernelInstruction &call = kernel_.instructions[instruction];
  std::vector<std::pair<Wide, Wide>> bounds;
  for (std::int64_t value : call.attributes)
    bounds.emplace_back(value, value);
  for (const Stride &stride : call.strides) {
    const Loop &loop = kernel_.loops[around_[instruction][stride.depth]];
    Wide first = Wide{stride.factor} * loop.start,
         last = first + Wide{stride.factor} * (loop.iterations() - 1) * loop.step;
    bounds[stride.attribute].first += std::min(first, last);
    bounds[stride.attribute].second += std::max(first, last);
  }
  Ranged out{call, isa_.instructions[call.instruction], around_[instruction], {}, {}};
  for (auto [low, high] : bounds) // check_loops saw to it that they fit
    out.ranges.push_back({static_cast<std::int64_t>(low), static_cast<std::int64_t>(high)});
  return out;
}

std::vector<std::int64_t> LoopRules::sizes(const Region &region) const {
  const Buffer &buffer = isa_.buffer(region.buffer);
  return buffer.off_chip ? std::vector{kernel_.off_chip_bytes} : buffer.addressed;
}

/// nullopt where it is empty or may leave the buffer.
std::optional<LoopRules::Hull> LoopRules::hull(const Region &region,
                                               std::span<const IntRange> ranges) const {
  std::vector<std::int64_t> size = sizes(region);
  Hull out{region.buffer, 0, 1};
  std::int64_t stride = 1;
  for (std::size_t d = size.size(); d-- > 0;) {
    auto start = range_of(region.starts[d], ranges), extent = range_of(region.extents[d], ranges);
    if (!start || !extent || extent->low < 1 || extent->high > size[d] || start->low < 0 ||
        start->high > size[d] - extent->high)
      return std::nullopt;
    out.begin += start->low * stride;
    out.end += (start->high + extent->high - 1) * stride;
    stride *= size[d];
  }
  return out;
}

bool LoopRules::is_written(const Hull &hull) const {
  return !written_[hull.buffer].first_missing(hull.begin, hull.end);
}

/// Whether the iterations together cover all of the hull: one run of places, moved by loops each of
/// which leaves no gap behind those that move it less.
bool LoopRules::fills(const Hull &hull, const Region &region, const Ranged &ranged) const {
  std::vector<std::int64_t> size = sizes(region);
  std::vector<std::int64_t> moves(ranged.around.size(), 0); // by depth: places an iteration
  std::int64_t run = 1, stride = 1;
  bool whole = true; // all dimensions within are covered
  for (std::size_t d = size.size(); d-- > 0;) {
    auto extent = *range_of(region.extents[d], ranged.ranges);
    if (extent.low != extent.high || (!whole && extent.low != 1))
      return false;
    if (whole)
      run = extent.low * stride;
    whole = whole && extent.low == size[d];
    const IntExpr &start = region.starts[d];
    auto range = *range_of(start, ranged.ranges);
    if (start.op() != semantics::IntOp::Variable && range.low != range.high)
      return false;
    for (const Stride &s : ranged.call.strides)
      if (start.op() == semantics::IntOp::Variable && s.attribute == start.variable_index() &&
          kernel_.loops[ranged.around[s.depth]].iterations() > 1)
        moves[s.depth] += s.factor * kernel_.loops[ranged.around[s.depth]].step * stride;
    stride *= size[d];
  }
  std::vector<std::pair<std::int64_t, std::int64_t>> steps; // by how much, how often
  for (std::size_t depth = 0; depth < moves.size(); ++depth)
    if (moves[depth] != 0)
      steps.emplace_back(std::abs(moves[depth]),
                         kernel_.loops[ranged.around[depth]].iterations() - 1);
  std::ranges::sort(steps);
  for (auto [by, times] : steps) {
    if (by > run)
      return false;
    run += by * times;
  }
  return run == hull.end - hull.begin;
}

} // namespace isamorph::spec
