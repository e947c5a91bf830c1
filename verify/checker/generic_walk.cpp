#include "verify/checker/generic_walk.h"

#include "spec/unroll.h"
#include "verify/checker/refusal.h"

namespace isamorph::verify {

LoopVariables::LoopVariables(const spec::Kernel &kernel, const std::vector<std::uint32_t> &loops) {
  for (std::uint32_t l : loops) {
    const spec::Loop &loop = kernel.loops[l];
    if (loop.iterations() < 2)
      refuse("$.claim.induction: the loop over '" + loop.variable + "' runs once");
    std::size_t v = 0;
    while (v < counts.size() && !may_share(kernel, v, l))
      ++v;
    if (v == counts.size())
      counts.push_back(loop.iterations());
    of[l] = v;
  }
}

bool LoopVariables::may_share(const spec::Kernel &kernel, std::size_t variable,
                              std::uint32_t loop) const {
  const spec::Loop &b = kernel.loops[loop];
  for (const auto &[other, v] : of) {
    const spec::Loop &a = kernel.loops[other];
    if (v == variable && (a.variable != b.variable || a.iterations() != b.iterations() ||
                          (a.first < b.last && b.first < a.last)))
      return false;
  }
  return true;
}

GenericWalk::GenericWalk(const spec::Kernel &kernel, const spec::Isa &isa,
                         semantics::IndexSpace &space, const LoopVariables &variables)
    : kernel_(kernel), isa_(isa), space_(space), variables_(variables), nesting_(kernel),
      around_(spec::enclosing_loops(kernel)) {}

void GenericWalk::all(const Visit &visit, const Around &enter, const Around &leave) {
  range(nesting_.outside(), {&visit, &enter, &leave});
}

void GenericWalk::body(std::size_t loop, const Visit &visit) {
  const Around nothing = [](std::size_t) {};
  range(nesting_.body(static_cast<std::uint32_t>(loop)), {&visit, &nothing, &nothing});
}

void GenericWalk::range(std::span<const spec::Nesting::Item> items, const Calls &calls) {
  for (const spec::Nesting::Item &item : items)
    if (item.loop)
      iterate(item.index, calls);
    else
      (*calls.visit)(call(item.index));
}

void GenericWalk::iterate(std::uint32_t number, const Calls &calls) {
  const auto &[name, start, end, step, first, last, location] = kernel_.loops[number];
  bool once = symbolic(number);
  values_.push_back(start);
  if (once)
    (*calls.enter)(number);
  for (std::int64_t left = once ? 1 : kernel_.loops[number].iterations(); left > 0; --left) {
    range(nesting_.body(number), calls);
    values_.back() += left > 1 ? step : 0;
  }
  if (once)
    (*calls.leave)(number);
  values_.pop_back();
}

GenericCall GenericWalk::call(std::size_t index) {
  const auto &[number, attributes, where, strides] = kernel_.instructions[index];
  GenericCall out{isa_.instructions[number], {attributes.begin(), attributes.end()}, {}};
  std::vector<std::vector<std::int64_t>> factors(
      attributes.size(), std::vector<std::int64_t>(variables_.counts.size(), 0));
  for (const spec::Stride &stride : strides) {
    *out.numbers[stride.attribute] += stride.factor * values_[stride.depth];
    std::uint32_t loop = around_[index][stride.depth];
    if (symbolic(loop))
      factors[stride.attribute][variables_.of.at(loop)] = stride.factor * kernel_.loops[loop].step;
  }
  for (std::size_t a = 0; a < attributes.size(); ++a) {
    auto slope = space_.slope(factors[a]);
    if (!slope)
      refuse("an attribute of '" + out.instruction.name + "' is too large");
    out.forms.push_back({*out.numbers[a], *slope});
  }
  return out;
}

} // namespace isamorph::verify
