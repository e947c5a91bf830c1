#include "sim/loop_nest.h"

#include "semantics/affine_index.h"

#include <algorithm>

namespace isamorph::sim {

using semantics::AffineIndex;

class LoopNest::Compiler {
public:
  Compiler(const spec::Kernel &kernel, const MemoryMap &map) : kernel_(kernel), map_(map) {
    std::size_t loop = 0;
    nest_.off_chip_base_ = map.off_chip_base();
    nest_.bodies_.resize(kernel.loops.size());
    for (const spec::Loop &l : kernel.loops)
      nest_.iterations_.push_back(l.iterations());
    list(0, static_cast<std::uint32_t>(kernel.instructions.size()), loop, nest_.top_);
  }

  bool add(std::uint32_t instruction, std::span<const std::uint32_t> around, const Routine &routine,
           Regions regions) {
    const spec::KernelInstruction &call = kernel_.instructions[instruction];
    std::vector<std::int64_t> counts;
    variables_.clear();
    for (std::uint32_t loop : around) {
      std::int64_t count = nest_.iterations_[loop];
      variables_.push_back(count > 1 ? std::optional(counts.size()) : std::nullopt);
      if (count > 1)
        counts.push_back(count);
    }
    space_.emplace(std::move(counts));
    attributes_.clear();
    for (std::uint32_t a = 0; a < call.attributes.size(); ++a) {
      auto value = attribute(call, a, around);
      if (!value)
        return false;
      attributes_.push_back(*value);
    }
    addresses_.clear();
    nest_.steps_.push_back({&routine, nest_.operands_.size()});
    for (std::size_t i = 0; i < regions.size(); ++i)
      if (!add_operand(regions[i], routine, i))
        return false;
    for (std::size_t i = routine.reads(); i < regions.size(); ++i)
      nest_.operands_[nest_.steps_.back().first_operand + i].staged |= touches_another(routine, i);
    return true;
  }

  LoopNest take() {
    nest_.work_.resize(kernel_.loops.size());
    for (std::size_t loop = kernel_.loops.size(); loop-- > 0;) {
      std::size_t work = 0;
      for (Item item : nest_.bodies_[loop])
        work += item.loop ? nest_.work_[item.index] : nest_.steps_[item.index].routine->work();
      nest_.work_[loop] = work * static_cast<std::size_t>(nest_.iterations_[loop]);
    }
    return std::move(nest_);
  }

private:
  /// The items of instructions [first, last), whose loops begin at `loop`, which moves past them.
  void list(std::uint32_t first, std::uint32_t last, std::size_t &loop, std::vector<Item> &items) {
    for (std::uint32_t i = first; i < last;) {
      if (loop == kernel_.loops.size() || kernel_.loops[loop].first != i) {
        items.push_back({false, i++});
        continue;
      }
      auto here = static_cast<std::uint32_t>(loop++);
      items.push_back({true, here});
      list(i, kernel_.loops[here].last, loop, nest_.bodies_[here]);
      i = kernel_.loops[here].last;
    }
  }

  /// Over the numbers of the iterations.
  std::optional<AffineIndex> attribute(const spec::KernelInstruction &call, std::uint32_t attribute,
                                       std::span<const std::uint32_t> around) {
    AffineIndex out{call.attributes[attribute], {}};
    std::vector<std::int64_t> factors(space_->counts().size(), 0);
    for (const spec::Stride &stride : call.strides) {
      if (stride.attribute != attribute)
        continue;
      const spec::Loop &loop = kernel_.loops[around[stride.depth]];
      std::int64_t first = 0, factor = 0;
      if (__builtin_mul_overflow(stride.factor, loop.start, &first) ||
          __builtin_add_overflow(out.offset, first, &out.offset) ||
          __builtin_mul_overflow(stride.factor, loop.step, &factor))
        return std::nullopt;
      if (auto variable = variables_[stride.depth])
        factors[*variable] = factor;
    }
    auto slope = space_->slope(factors);
    return slope ? space_->sum(out, {0, *slope}) : std::nullopt;
  }

  bool add_operand(const spec::Region &region, const Routine &routine, std::size_t index) {
    std::vector<std::int64_t> strides = map_.strides(region.buffer);
    spec::ConcreteRegion first{region.buffer, {}, {}}, low = first, high = first;
    AffineIndex address{0, {}};
    for (std::size_t d = 0; d < region.starts.size(); ++d) {
      auto start = semantics::affine_value(*space_, region.starts[d], attributes_);
      auto extent = semantics::affine_value(*space_, region.extents[d], attributes_);
      if (!start || !extent || !extent->is_constant())
        return false;
      auto bytes = space_->scaled(*start, strides[d]);
      auto sum = bytes ? space_->sum(address, *bytes) : std::nullopt;
      if (!sum)
        return false;
      address = *sum;
      first.starts.push_back(start->offset);
      low.starts.push_back(space_->range(*start).low);
      high.starts.push_back(space_->range(*start).high);
      for (spec::ConcreteRegion *r : {&first, &low, &high})
        r->extents.push_back(extent->offset);
    }
    if (!map_.inside(low) || !map_.inside(high))
      return false;
    addresses_.push_back(address);
    AffineOperand operand{map_.address(first), {}, false};
    std::size_t alignment = operand.address;
    for (const auto &variable : variables_) {
      operand.strides.push_back(variable ? space_->factors(address.slope)[*variable] : 0);
      alignment |= static_cast<std::size_t>(operand.strides.back());
    }
    operand.staged = routine.needs_staging(index, alignment);
    nest_.operands_.push_back(std::move(operand));
    return true;
  }

  /// In some iteration, or nearly: the distance is taken to be anything between its extremes.
  bool touches_another(const Routine &routine, std::size_t one) {
    const AffineOperand *operands = &nest_.operands_[nest_.steps_.back().first_operand];
    for (std::size_t i = 0; i < addresses_.size(); ++i) {
      if (i == one)
        continue;
      auto between = static_cast<std::int64_t>(operands[one].address - operands[i].address);
      std::int64_t low = between, high = between;
      for (std::size_t d = 0; d < variables_.size(); ++d) {
        std::int64_t most = (operands[one].strides[d] - operands[i].strides[d]) *
                            (variables_[d] ? space_->counts()[*variables_[d]] - 1 : 0);
        (most < 0 ? low : high) += most;
      }
      if (routine.touch(one, i, low, high))
        return true;
    }
    return false;
  }

  const spec::Kernel &kernel_;
  const MemoryMap &map_;
  LoopNest nest_;
  // Of the instruction at hand:
  std::vector<std::optional<std::size_t>> variables_; ///< by depth; of loops that repeat
  std::optional<semantics::IndexSpace> space_;
  std::vector<AffineIndex> attributes_, addresses_;
};

std::optional<LoopNest> LoopNest::compile(const spec::Kernel &kernel, const MemoryMap &map,
                                          std::span<const Routine *const> routines,
                                          std::span<const Regions> regions) {
  Compiler compiler(kernel, map);
  std::vector<std::vector<std::uint32_t>> around = spec::enclosing_loops(kernel);
  for (std::uint32_t i = 0; i < kernel.instructions.size(); ++i)
    if (!compiler.add(i, around[i], *routines[i], regions[i]))
      return std::nullopt;
  return compiler.take();
}

std::size_t LoopNest::address(const AffineOperand &operand, const Iteration &iteration) {
  std::int64_t offset = 0;
  for (std::size_t d = 0; d < iteration.size(); ++d)
    offset += operand.strides[d] * iteration[d];
  return operand.address + static_cast<std::size_t>(offset);
}

void LoopNest::run(const Step &step, const Iteration &iteration, const Memory &memory,
                   Worker &worker) const {
  std::size_t count = 0;
  for (const AffineOperand &operand : operands(step))
    worker.operands[count++] = {address(operand, iteration), operand.staged};
  step.routine->run(worker.operands.data(), memory, worker);
}

bool LoopNest::innermost(std::uint32_t loop) const {
  return std::ranges::none_of(bodies_[loop], &Item::loop);
}

/// Addresses are found for the first iteration and moved on: operands of consecutive instructions
/// lie side by side.
void LoopNest::run_innermost(std::uint32_t loop, std::int64_t begin, std::int64_t end,
                             const Iteration &around, const Memory &memory, Worker &worker) const {
  const Step &first = steps_[bodies_[loop].front().index],
             &last = steps_[bodies_[loop].back().index];
  std::span<const AffineOperand> all = std::span(operands_).subspan(
      first.first_operand,
      last.first_operand + last.routine->footprints().size() - first.first_operand);
  worker.operands.resize(std::max(worker.operands.size(), all.size()));
  for (std::size_t i = 0; i < all.size(); ++i)
    worker.operands[i] = {address(all[i], around) +
                              static_cast<std::size_t>(all[i].strides.back() * begin),
                          all[i].staged};
  for (std::int64_t iteration = begin; iteration < end; ++iteration) {
    for (Item item : bodies_[loop]) {
      const Step &step = steps_[item.index];
      step.routine->run(worker.operands.data() + (step.first_operand - first.first_operand), memory,
                        worker);
    }
    for (std::size_t i = 0; i < all.size(); ++i)
      worker.operands[i].address += static_cast<std::size_t>(all[i].strides.back());
  }
}

} // namespace isamorph::sim
