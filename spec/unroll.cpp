#include "spec/unroll.h"

#include "semantics/interrupt_point.h"
#include "spec/nesting.h"

#include <algorithm>
#include <limits>

namespace isamorph::spec {
namespace {

using semantics::Location;
__extension__ using Wide = __int128;

/// Above this, sums of products of 64-bit numbers are not looked at any more.
constexpr Wide kHuge = Wide{1} << 100;

std::int64_t wrapping(std::int64_t base, std::int64_t factor, std::int64_t value) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(base) +
                                   static_cast<std::uint64_t>(factor) *
                                       static_cast<std::uint64_t>(value));
}

class Walker {
public:
  /// `depends`: see for_each_distinct_instance; null: all instances.
  Walker(const Kernel &kernel, const std::function<void(const Instance &)> &visit,
         const LoopFlags *depends = nullptr)
      : kernel_(kernel), nesting_(kernel), visit_(visit), depends_(depends) {
    if (depends)
      muted_.assign(kernel.instructions.size(), 0);
    for (const KernelInstruction &call : kernel.instructions)
      if (!call.strides.empty() && scratch_.empty())
        scratch_ = kernel.instructions;
    for (KernelInstruction &call : scratch_)
      call.strides.clear();
  }

  void run() { forwards(nesting_.outside()); }
  void run_backwards() { backwards(nesting_.outside()); }

private:
  void forwards(std::span<const Nesting::Item> body) {
    for (const Nesting::Item &item : body)
      item.loop ? iterate(item.index) : instance(item.index);
  }

  void iterate(std::uint32_t loop) {
    const Loop &here = kernel_.loops[loop];
    std::int64_t times = here.iterations();
    iteration_.push_back(here.start);
    bool entered = false;
    for (std::int64_t t = 0; t < times && !muted(here); ++t) {
      iteration_.back() = wrapping(here.start, t, here.step);
      forwards(nesting_.body(loop));
      if (t == 0)
        mute(loop, 1);
      entered = true;
    }
    if (entered)
      mute(loop, -1);
    iteration_.pop_back();
  }

  void backwards(std::span<const Nesting::Item> body) {
    for (std::size_t i = body.size(); i-- > 0;)
      body[i].loop ? iterate_backwards(body[i].index) : instance(body[i].index);
  }

  void iterate_backwards(std::uint32_t loop) {
    const Loop &here = kernel_.loops[loop];
    iteration_.push_back(here.start);
    for (std::int64_t t = here.iterations(); t-- > 0;) {
      iteration_.back() = wrapping(here.start, t, here.step);
      backwards(nesting_.body(loop));
    }
    iteration_.pop_back();
  }

  /// The instructions of a loop that do not depend on it are left out after its first iteration.
  void mute(std::size_t loop, int by) {
    for (std::uint32_t i = kernel_.loops[loop].first; depends_ && i < kernel_.loops[loop].last; ++i)
      if (!(*depends_)[i][loop])
        muted_[i] += by;
  }

  bool muted(const Loop &loop) const {
    return depends_ && std::all_of(muted_.begin() + loop.first, muted_.begin() + loop.last,
                                   [](int times) { return times > 0; });
  }

  void instance(std::uint32_t index) {
    if (depends_ && muted_[index])
      return;
    semantics::interrupt_point();
    const KernelInstruction &call = kernel_.instructions[index];
    if (call.strides.empty())
      return visit_({index, call, iteration_});
    KernelInstruction &now = scratch_[index];
    now.attributes = call.attributes;
    for (const Stride &stride : call.strides)
      now.attributes[stride.attribute] =
          wrapping(now.attributes[stride.attribute], stride.factor, iteration_[stride.depth]);
    visit_({index, now, iteration_});
  }

  const Kernel &kernel_;
  Nesting nesting_;
  const std::function<void(const Instance &)> &visit_;
  const LoopFlags *depends_; ///< of an outermost loop: as it is after that loop's first instance
  std::vector<int> muted_;   ///< by instruction: by how many loops around it
  std::vector<KernelInstruction> scratch_; ///< of kernels with strides: what an instance shows
  std::vector<std::int64_t> iteration_;
};

/// Throws at a loop or instruction of a kernel whose loops are not as they should be.
class LoopChecker {
public:
  LoopChecker(const Kernel &kernel, const Isa &isa) : kernel_(kernel), isa_(isa) {}

  void run() const {
    for (std::size_t l = 0; l < kernel_.loops.size(); ++l)
      bounds(kernel_.loops[l], l ? &kernel_.loops[l - 1] : nullptr);
    std::vector<std::vector<std::uint32_t>> around = enclosing_loops(kernel_);
    for (std::size_t i = 0; i < around.size(); ++i)
      strides(kernel_.instructions[i], around[i]);
    count(around);
  }

private:
  [[noreturn]] static void fail(const Location &where, const std::string &message) {
    if (where.source)
      semantics::fail(where, message);
    throw semantics::InputError(message);
  }

  void bounds(const Loop &loop, const Loop *before) const {
    std::string what = "loop over '" + loop.variable + "' ";
    if (loop.step < 1)
      fail(loop.location,
           what + "has the step " + std::to_string(loop.step) + ", which is not positive");
    if (loop.start >= loop.end)
      fail(loop.location, what + "has no iteration: " + std::to_string(loop.start) + ".." +
                              std::to_string(loop.end));
    if (loop.first >= loop.last || loop.last > kernel_.instructions.size())
      fail(loop.location, what + "has no instructions");
    if (before && loop.first < before->first)
      fail(loop.location, what + "stands before an earlier one");
  }

  /// Also nesting, which shows at the instructions.
  void strides(const KernelInstruction &call, const std::vector<std::uint32_t> &around) const {
    if (around.size() > kMaxLoopDepth)
      fail(kernel_.loops[around.back()].location,
           "more than " + std::to_string(kMaxLoopDepth) + " loops around one instruction");
    for (std::size_t d = 0; d < around.size(); ++d)
      for (std::size_t e = 0; e < d; ++e)
        nested(kernel_.loops[around[e]], kernel_.loops[around[d]]);
    for (std::size_t s = 0; s < call.strides.size(); ++s) {
      const Stride &stride = call.strides[s];
      bool sorted = s == 0 || std::pair(call.strides[s - 1].attribute, call.strides[s - 1].depth) <
                                  std::pair(stride.attribute, stride.depth);
      if (stride.depth >= around.size() || stride.attribute >= call.attributes.size() || !sorted ||
          stride.factor == 0)
        fail(call.location, "an attribute depends on a loop that is not around it");
    }
    for (std::uint32_t a = 0; a < call.attributes.size(); ++a)
      fits(call, a, around);
  }

  static void nested(const Loop &outer, const Loop &inner) {
    if (inner.last > outer.last)
      fail(inner.location, "loops over '" + outer.variable + "' and '" + inner.variable +
                               "' overlap without being nested");
    if (inner.variable == outer.variable)
      fail(inner.location, "loop variable '" + inner.variable + "' is that of a loop around it");
  }

  /// The extremes of an affine attribute over the box of all iterations.
  void fits(const KernelInstruction &call, std::uint32_t attribute,
            const std::vector<std::uint32_t> &around) const {
    Wide low = call.attributes[attribute], high = low;
    for (const Stride &stride : call.strides) {
      if (stride.attribute != attribute)
        continue;
      const Loop &loop = kernel_.loops[around[stride.depth]];
      Wide last = Wide{loop.start} + Wide{loop.iterations() - 1} * loop.step;
      Wide a = Wide{stride.factor} * loop.start, b = Wide{stride.factor} * last;
      low += std::min(a, b);
      high += std::max(a, b);
      if (low < -kHuge || high > kHuge)
        break;
    }
    if (low < std::numeric_limits<std::int64_t>::min() ||
        high > std::numeric_limits<std::int64_t>::max()) {
      const Instruction &definition = isa_.instructions[call.instruction];
      fail(call.location, definition.name + ": attribute '" +
                              definition.symbols.integers.names[attribute] +
                              "' leaves 64 bits within its loops");
    }
  }

  void count(const std::vector<std::vector<std::uint32_t>> &around) const {
    std::int64_t total = 0;
    for (const std::vector<std::uint32_t> &loops : around) {
      Wide times = 1;
      for (std::uint32_t l : loops)
        if ((times *= kernel_.loops[l].iterations()) > kMaxInstances)
          too_many(kernel_.loops[l]);
      if ((total += static_cast<std::int64_t>(times)) > kMaxInstances)
        too_many(kernel_.loops[loops.empty() ? 0 : loops.back()]);
    }
  }

  void too_many(const Loop &loop) const {
    fail(loop.location,
         "too many iterations: the instructions of a kernel with loops run at most " +
             std::to_string(kMaxInstances) + " times");
  }

  const Kernel &kernel_;
  const Isa &isa_;
};

} // namespace

std::int64_t Loop::iterations() const {
  auto distance = static_cast<std::uint64_t>(end) - static_cast<std::uint64_t>(start) - 1;
  std::uint64_t count = distance / static_cast<std::uint64_t>(step) + 1;
  return static_cast<std::int64_t>(
      std::min<std::uint64_t>(count, std::numeric_limits<std::int64_t>::max()));
}

void for_each_instance(const Kernel &kernel, const std::function<void(const Instance &)> &visit) {
  Walker(kernel, visit).run();
}

void for_each_instance_backwards(const Kernel &kernel,
                                 const std::function<void(const Instance &)> &visit) {
  Walker(kernel, visit).run_backwards();
}

void for_each_distinct_instance(const Kernel &kernel, const LoopFlags &depends,
                                const std::function<void(const Instance &)> &visit) {
  Walker(kernel, visit, &depends).run();
}

void check_loops(const Kernel &kernel, const Isa &isa) {
  if (!kernel.loops.empty())
    LoopChecker(kernel, isa).run();
  else
    for (const KernelInstruction &call : kernel.instructions)
      if (!call.strides.empty())
        throw semantics::InputError("an attribute depends on a loop that is not around it");
}

std::vector<std::vector<std::uint32_t>> enclosing_loops(const Kernel &kernel) {
  std::vector<std::vector<std::uint32_t>> out(kernel.instructions.size());
  std::vector<std::uint32_t> open;
  std::uint32_t next = 0;
  for (std::uint32_t i = 0; i < out.size(); ++i) {
    std::erase_if(open, [&](std::uint32_t l) { return kernel.loops[l].last <= i; });
    for (; next < kernel.loops.size() && kernel.loops[next].first == i; ++next)
      open.push_back(next);
    out[i] = open;
  }
  return out;
}

std::size_t shared_loops(std::span<const std::vector<std::uint32_t>> around, std::size_t index) {
  if (index == 0)
    return 0;
  const auto &before = around[index - 1], &here = around[index];
  return static_cast<std::size_t>(
      std::mismatch(before.begin(), before.end(), here.begin(), here.end()).first - before.begin());
}

std::int64_t instance_count(const Kernel &kernel, std::uint32_t index) {
  std::int64_t times = 1;
  for (const Loop &loop : kernel.loops)
    if (loop.first <= index && index < loop.last)
      times *= loop.iterations();
  return times;
}

std::int64_t instance_count(const Kernel &kernel) {
  std::int64_t total = 0;
  for (std::uint32_t i = 0; i < kernel.instructions.size(); ++i)
    total += instance_count(kernel, i);
  return total;
}

Kernel unrolled(const Kernel &kernel) {
  if (!kernel.loops.empty() && instance_count(kernel) > kMaxUnrolled) {
    std::string what =
        "the loops are too long to be written out: " + std::to_string(instance_count(kernel)) +
        " instructions, more than " + std::to_string(kMaxUnrolled);
    if (kernel.loops.front().location.source)
      semantics::fail(kernel.loops.front().location, what);
    throw semantics::InputError(what);
  }
  Kernel out = kernel;
  out.instructions.clear();
  out.loops.clear();
  for_each_instance(kernel, [&](const Instance &i) {
    out.instructions.push_back(i.call);
    out.instructions.back().strides.clear();
  });
  return out;
}

std::vector<std::string> variables_of(const Kernel &kernel, std::span<const std::uint32_t> loops) {
  std::vector<std::string> out;
  for (std::uint32_t l : loops)
    if (std::ranges::find(out, kernel.loops[l].variable) == out.end())
      out.push_back(kernel.loops[l].variable);
  return out;
}

std::string iteration_text(const Kernel &kernel, const Instance &instance) {
  std::string out;
  std::size_t depth = 0;
  for (const Loop &loop : kernel.loops)
    if (loop.first <= instance.index && instance.index < loop.last)
      out += (out.empty() ? " (" : ", ") + loop.variable + "=" +
             std::to_string(instance.iteration[depth++]);
  return out.empty() ? out : out + ")";
}

std::vector<std::uint32_t> body_variables(const Instruction &instruction) {
  std::vector<char> used(instruction.symbols.integers.names.size(), 0);
  auto note = [&](const semantics::IntExpr &expression) {
    expression.for_each_variable([&](std::uint32_t v) { used[v] = 1; });
  };
  for (const semantics::TemplateNode &node : instruction.body.nodes) {
    for (const auto &[key, values] : node.attributes)
      for (const semantics::IntExpr &value : values)
        note(value);
    for (const semantics::IntExpr &size : node.shape.dims)
      note(size);
    if (node.literal_value)
      note(*node.literal_value);
  }
  std::vector<std::uint32_t> variables;
  for (std::uint32_t v = 0; v < used.size(); ++v)
    if (used[v])
      variables.push_back(v);
  return variables;
}

} // namespace isamorph::spec
