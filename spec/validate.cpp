#include "semantics/interrupt_point.h"
#include "spec/constants.h"
#include "spec/folded_rules.h"
#include "spec/kernel.h"
#include "spec/kernel_text.h"
#include "spec/loop_rules.h"
#include "spec/state.h"
#include "spec/unroll.h"

#include <algorithm>
#include <set>

namespace isamorph::spec {
namespace {

using semantics::Location;

class Validator {
public:
  Validator(const Kernel &kernel, const Isa &isa)
      : kernel_(kernel), isa_(isa), folded_(isa), written_(isa.buffers.size()) {
    if (has_control(isa))
      control_.emplace(isa);
  }

  void run() {
    here_ = kernel_.source ? Location{kernel_.source, 0} : Location{};
    if (kernel_.off_chip_bytes < 0)
      fail("off-chip memory has " + std::to_string(kernel_.off_chip_bytes) + " bytes");
    if (kernel_.off_chip_bytes > kMaxOffChipBytes)
      fail("off-chip memory of " + std::to_string(kernel_.off_chip_bytes) +
           " bytes is larger than 2^40 bytes");
    tensors();
    check_loops(kernel_, isa_);
    auto check_one = [&](const Instance &instance) { check(instance); };
    try {
      if (control_ || kernel_.loops.empty()) { // control is another one after each instance
        for_each_instance(kernel_, check_one);
      } else {
        LoopRules rules(kernel_, isa_, written_);
        for_each_distinct_instance(kernel_, rules.dependences(), [&](const Instance &instance) {
          rules.reach(instance.index);
          check(instance);
        });
      }
    } catch (const semantics::Interrupted &) {
      throw semantics::Interrupted("interrupted while the kernel was validated, after " +
                                   std::to_string(number_) + " instructions");
    }
    instance_ = nullptr;
    for (const Placed &output : kernel_.outputs)
      if (auto byte = written_[isa_.off_chip].first_missing(output.address,
                                                            output.address + output.shape.bytes()))
        fail_at(output, "output '" + output.name + "': byte " + std::to_string(*byte) +
                            " is never written");
  }

private:
  [[noreturn]] void fail(std::string message) const {
    if (instance_)
      message += iteration_text(kernel_, *instance_);
    if (instance_ && control_)
      message += " at instruction " + std::to_string(number_);
    if (here_.source)
      semantics::fail(here_, message);
    throw semantics::InputError(message);
  }
  [[noreturn]] void fail_at(const Placed &tensor, const std::string &message) {
    if (tensor.location.source)
      here_ = tensor.location;
    fail(message);
  }

  static std::string range(const Placed &tensor) {
    return "[" + std::to_string(tensor.address) + ", " +
           std::to_string(tensor.address + tensor.shape.bytes()) + ")";
  }

  void tensors() {
    std::vector<std::pair<const Placed *, const char *>> all;
    for (const Placed &tensor : kernel_.inputs)
      all.emplace_back(&tensor, "input");
    for (const Placed &tensor : kernel_.constants)
      all.emplace_back(&tensor, "constant");
    for (const Placed &tensor : kernel_.outputs)
      all.emplace_back(&tensor, "output");
    std::set<std::string> names;
    for (auto [tensor, kind] : all) {
      std::string what = std::string(kind) + " '" + tensor->name + "'";
      std::int64_t bytes = tensor->shape.bytes();
      if (!names.insert(tensor->name).second)
        fail_at(*tensor, what + ": the name is used twice");
      if (tensor->address < 0 || tensor->address > kernel_.off_chip_bytes ||
          bytes > kernel_.off_chip_bytes - tensor->address)
        fail_at(*tensor, what + ": address " + std::to_string(tensor->address) + " + " +
                             std::to_string(bytes) + " bytes leave off-chip memory of " +
                             std::to_string(kernel_.off_chip_bytes) + " bytes");
    }
    overlaps(all);
    for (const Placed &tensor : kernel_.constants)
      if (!tensor.value || tensor.value->shape() != tensor.shape)
        fail_at(tensor, "constant '" + tensor.name + "' has no value of its shape");
    for (const auto *group : {&kernel_.inputs, &kernel_.constants})
      for (const Placed &tensor : *group)
        written_[isa_.off_chip].add(tensor.address, tensor.address + tensor.shape.bytes());
  }

  /// Reported at the later declaration of the two.
  void overlaps(const std::vector<std::pair<const Placed *, const char *>> &all) {
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < all.size(); ++i)
      if (all[i].first->shape.bytes() > 0)
        order.push_back(i);
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return all[a].first->address < all[b].first->address;
    });
    for (std::size_t i = 1; i < order.size(); ++i) {
      auto [first, second] = std::minmax(order[i - 1], order[i]);
      const Placed &earlier = *all[order[i - 1]].first, &next = *all[order[i]].first;
      if (earlier.address + earlier.shape.bytes() <= next.address)
        continue;
      const Placed &a = *all[first].first, &b = *all[second].first;
      fail_at(b, std::string(all[second].second) + " '" + b.name + "' " + range(b) + " overlaps " +
                     all[first].second + " '" + a.name + "' " + range(a));
    }
  }

  void check(const Instance &instance) {
    const KernelInstruction &instruction = instance.call;
    if (instruction.location.source)
      here_ = instruction.location;
    instance_ = &instance;
    ++number_;
    if (!control_) {
      values_.assign(instruction.attributes.begin(), instruction.attributes.end());
      const Instruction &definition = isa_.instructions[instruction.instruction];
      if (values_.size() != definition.attribute_count() || !holds(folded_.of(instruction)))
        check(definition); // which says why, or can do more
      return;
    }
    Control::Step step = control_->select(instruction);
    values_ = step.values;
    check(control_->arms().isa.instructions[step.arm]);
    try {
      control_->advance(step);
    } catch (const semantics::InputError &error) {
      fail(error.what());
    }
  }

  /// Whether an instruction may run with the attributes at hand; notes what it writes if it may.
  bool holds(const FoldedRules &rules) {
    if (rules.steps)
      return false;
    for (const IntExpr &constraint : rules.constraints)
      if (auto value = quick_value(constraint); !value || *value == 0)
        return false;
    for (const Region &region : rules.reads) {
      bool written = true;
      auto note = [&](std::int64_t begin, std::int64_t end) {
        written = written && !written_[region.buffer].first_missing(begin, end);
      };
      if (!lies_inside(region) || (all_runs(note), !written))
        return false;
    }
    for (const Region &region : rules.writes) {
      auto note = [&](std::int64_t begin, std::int64_t end) {
        written_[region.buffer].add(begin, end);
      };
      if (!lies_inside(region))
        return false;
      all_runs(note);
    }
    return true;
  }

  std::optional<std::int64_t> quick_value(const IntExpr &expression) const {
    if (expression.is_constant())
      return expression.value();
    if (expression.op() == semantics::IntOp::Variable)
      return values_[expression.variable_index()];
    return expression.evaluate(values_);
  }

  /// Makes it the region at hand if it does.
  bool lies_inside(const Region &region) {
    use(region);
    for (std::size_t d = 0; d < sizes_.size(); ++d) {
      auto start = quick_value(region.starts[d]), extent = quick_value(region.extents[d]);
      if (!start || !extent || *extent < 0 || *start < 0 || *extent > sizes_[d] ||
          *start > sizes_[d] - *extent)
        return false;
      starts_[d] = *start;
      extents_[d] = *extent;
    }
    return true;
  }

  /// An instruction with the attributes (and state) at hand.
  void check(const Instruction &definition) {
    definition_ = &definition;
    for (std::size_t i = 0; i < definition.constraints.size(); ++i) {
      auto holds = definition.constraints[i].evaluate(values_);
      if (!holds)
        fail(definition.name + ": constraint '" + definition.constraint_texts[i] +
             "' has no value: " + used(definition.constraints[i]));
      if (*holds == 0)
        fail(definition.name + ": constraint '" + definition.constraint_texts[i] +
             "' does not hold: " + used(definition.constraints[i]));
    }
    for (const Read &read : definition.reads)
      each_run(read.region, [&](std::int64_t begin, std::int64_t end) {
        require_written(read.region, begin, end);
      });
    for (const Write &write : definition.writes)
      each_run(write.region, [&](std::int64_t begin, std::int64_t end) {
        written_[write.region.buffer].add(begin, end);
      });
  }

  /// "n = 70, state loaded = 0" for the attributes and the state that an expression uses.
  std::string used(const IntExpr &expression) const {
    std::set<std::uint32_t> variables;
    expression.for_each_variable([&](std::uint32_t variable) { variables.insert(variable); });
    std::string out;
    for (std::uint32_t variable : variables)
      out += (out.empty() ? "" : ", ") +
             std::string(variable < definition_->attribute_count() ? "" : "state ") +
             definition_->symbols.integers.names[variable] + " = " +
             std::to_string(*values_[variable]);
    return out;
  }

  /// Calls `f(begin, end)` for the runs of consecutive places (row-major) of a region, after
  /// checking that it lies inside.
  template <class Function> void each_run(const Region &region, Function f) {
    shift_ = 0;
    if (!region.steps)
      return each_run_of_one(region, f);
    std::int64_t count = value_of(region.steps->count), distance = value_of(region.steps->distance);
    if (count < 1)
      fail(definition_->name + ": a region is repeated at least once, but '" +
           region.steps->count.to_string() + "' is " + std::to_string(count));
    for (std::int64_t i = 0; i < count; ++i) {
      if (__builtin_mul_overflow(i, distance, &shift_))
        fail(definition_->name + ": '" + region.steps->distance.to_string() +
             "' is too large: " + std::to_string(distance));
      each_run_of_one(region, f);
    }
  }

  std::int64_t value_of(const IntExpr &expression) const {
    auto value = expression.evaluate(values_);
    if (!value)
      fail(definition_->name + ": '" + expression.to_string() +
           "' has no value: it overflows with " + used(expression));
    return *value;
  }

  template <class Function> void each_run_of_one(const Region &region, Function &f) {
    use(region);
    for (std::size_t d = 0; d < sizes_.size(); ++d)
      check_dimension(region, isa_.buffer(region.buffer), d);
    all_runs(f);
  }

  /// Its sizes; starts and extents are still to be found.
  void use(const Region &region) {
    const Buffer &buffer = isa_.buffer(region.buffer);
    std::size_t rank = region.starts.size();
    starts_.resize(rank);
    extents_.resize(rank);
    sizes_.resize(rank);
    for (std::size_t d = 0; d < rank; ++d)
      sizes_[d] = buffer.off_chip ? kernel_.off_chip_bytes : buffer.addressed[d];
  }

  /// Of the region at hand.
  template <class Function> void all_runs(Function &f) {
    if (std::ranges::count(extents_, 0) > 0)
      return;
    std::size_t rank = sizes_.size();
    // The innermost dimensions that are covered whole make one run with the next one outwards.
    std::size_t inner = rank;
    std::int64_t run = 1, stride = 1;
    while (inner > 0 && (inner == rank || extents_[inner] == sizes_[inner])) {
      --inner;
      run = extents_[inner] * stride;
      stride *= sizes_[inner];
    }
    runs(0, inner, 0, run, f);
  }

  template <class Function>
  void runs(std::size_t d, std::size_t inner, std::int64_t base, std::int64_t run, Function &f) {
    if (d < inner) {
      for (std::int64_t i = 0; i < extents_[d]; ++i)
        runs(d + 1, inner, base * sizes_[d] + starts_[d] + i, run, f);
      return;
    }
    for (; d < sizes_.size(); ++d)
      base = base * sizes_[d] + starts_[d];
    f(base, base + run);
  }

  void check_dimension(const Region &region, const Buffer &buffer, std::size_t d) {
    std::int64_t start = value_of(region.starts[d]), extent = value_of(region.extents[d]);
    const std::string &name = definition_->name;
    if (__builtin_add_overflow(start, shift_, &start))
      fail(name + ": '" + region.starts[d].to_string() + "' and its steps leave 64 bits");
    if (extent < 0)
      fail(name + ": '" + region.extents[d].to_string() +
           "' is negative: " + std::to_string(extent));
    if (start < 0 || start > sizes_[d] || extent > sizes_[d] - start) {
      std::string what = name + ": " + region.starts[d].to_string() + " " + std::to_string(start) +
                         " + " + std::to_string(extent);
      fail(buffer.off_chip
               ? what + " bytes leave off-chip memory of " + std::to_string(sizes_[d]) + " bytes"
               : what + (buffer.addressed.size() == 1 ? " rows leave " : " places leave ") +
                     buffer.name +
                     (buffer.addressed.size() == 1
                          ? " of "
                          : ", whose dimension " + std::to_string(d) + " has ") +
                     std::to_string(sizes_[d]) +
                     (buffer.addressed.size() == 1 ? " rows" : " places"));
    }
    starts_[d] = start;
    extents_[d] = extent;
  }

  void require_written(const Region &region, std::int64_t begin, std::int64_t end) {
    auto missing = written_[region.buffer].first_missing(begin, end);
    if (!missing)
      return;
    const Buffer &buffer = isa_.buffer(region.buffer);
    std::string text = definition_->name + ": reads " + buffer.name;
    for (std::size_t d = 0; d < starts_.size(); ++d)
      text += (d ? ", " : "[") + std::to_string(starts_[d]) + ":" + std::to_string(extents_[d]);
    text += starts_.empty() ? "" : "]";
    fail(text + (starts_.empty() ? ", which" : ", of which " + place(buffer, *missing)) +
         " was never written");
  }

  std::string place(const Buffer &buffer, std::int64_t index) const {
    if (buffer.off_chip)
      return "byte " + std::to_string(index);
    if (buffer.addressed.size() == 1)
      return "row " + std::to_string(index);
    std::string out;
    for (std::size_t d = buffer.addressed.size(); d-- > 0; index /= buffer.addressed[d])
      out = std::to_string(index % buffer.addressed[d]) + (out.empty() ? "" : ", ") + out;
    return "place [" + out + "]";
  }

  const Kernel &kernel_;
  const Isa &isa_;
  FoldedRulesCache folded_;
  std::vector<IntervalSet> written_; ///< by buffer: bytes of off-chip memory, places of others
  Location here_;
  const Instruction *definition_ = nullptr;
  std::optional<Control> control_;     ///< of ISAs that have any
  std::int64_t number_ = 0;            ///< of instances that were checked
  std::int64_t shift_ = 0;             ///< of the region at hand from its start, by its steps
  const Instance *instance_ = nullptr; ///< while instructions are checked
  semantics::Bindings values_;
  std::vector<std::int64_t> starts_, extents_, sizes_; ///< of the region at hand
};

} // namespace

void validate(const Kernel &kernel, const Isa &isa) { Validator(kernel, isa).run(); }

} // namespace isamorph::spec
