#include "search/loop_nest.h"

#include <algorithm>
#include <cassert>

namespace isamorph::search {
namespace {

class NestWriter {
public:
  explicit NestWriter(spec::Kernel &kernel) : kernel_(kernel) {}

  void write(const LoopNest &nest) {
    for (const AffineCall &call : nest.calls)
      write(call);
    if (nest.parts.empty() || nest.start >= nest.end)
      return;
    bool once = nest.start + nest.step >= nest.end;
    if (once)
      fixed_[nest.loop] = nest.start;
    else
      depths_[nest.loop] = static_cast<std::uint32_t>(depths_.size());
    auto loop = kernel_.loops.size();
    auto first = static_cast<std::uint32_t>(kernel_.instructions.size());
    if (!once)
      kernel_.loops.push_back({nest.variable, nest.start, nest.end, nest.step, first, first, {}});
    for (const LoopNest &part : nest.parts)
      write(part);
    if (!once)
      kernel_.loops[loop].last = static_cast<std::uint32_t>(kernel_.instructions.size());
    depths_.erase(nest.loop);
    fixed_.erase(nest.loop);
  }

private:
  void write(const AffineCall &call) {
    spec::KernelInstruction out{call.instruction, {}, {}, {}};
    for (std::uint32_t a = 0; a < call.attributes.size(); ++a) {
      std::int64_t value = call.attributes[a].base;
      for (auto [loop, factor] : call.attributes[a].factors) {
        if (auto at = fixed_.find(loop); at != fixed_.end()) {
          value += at->second * factor;
          continue;
        }
        assert(depths_.count(loop) == 1);
        out.strides.push_back({a, depths_.at(loop), factor});
      }
      out.attributes.push_back(value);
    }
    std::sort(out.strides.begin(), out.strides.end(), [](const auto &x, const auto &y) {
      return std::pair(x.attribute, x.depth) < std::pair(y.attribute, y.depth);
    });
    kernel_.instructions.push_back(std::move(out));
  }

  spec::Kernel &kernel_;
  std::map<std::uint32_t, std::uint32_t> depths_; ///< by loop
  std::map<std::uint32_t, std::int64_t> fixed_;   ///< the variables of loops that run once
};

} // namespace

LoopNest shifted(LoopNest nest, std::uint32_t loop, std::int64_t by) {
  for (AffineCall &call : nest.calls)
    for (Affine &attribute : call.attributes)
      if (auto factor = attribute.factors.find(loop); factor != attribute.factors.end())
        attribute.base += factor->second * by;
  for (LoopNest &part : nest.parts)
    part = shifted(std::move(part), loop, by);
  return nest;
}

void append(spec::Kernel &kernel, std::span<const LoopNest> nest) {
  NestWriter writer(kernel);
  for (const LoopNest &part : nest)
    writer.write(part);
}

} // namespace isamorph::search
