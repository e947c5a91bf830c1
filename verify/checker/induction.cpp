#include "verify/checker/induction.h"

#include "spec/unroll.h"
#include "verify/checker/generic_program.h"
#include "verify/checker/refusal.h"

#include <algorithm>
#include <functional>

namespace isamorph::verify {
namespace {

using semantics::AffineIndex;
using semantics::IndexSpace;

/// More byte ranges than these are not written down.
constexpr std::size_t kMaxRanges = std::size_t{1} << 24;

[[noreturn]] void refuse_loop(const spec::Kernel &kernel, std::uint32_t loop,
                              const std::string &why) {
  refuse("$.claim.induction: the loop over '" + kernel.loops[loop].variable + "' " + why);
}

std::vector<std::int64_t> iterations(const spec::Kernel &kernel,
                                     const std::vector<std::uint32_t> &loops) {
  std::vector<std::int64_t> out;
  for (std::uint32_t l : loops) {
    out.push_back(kernel.loops[l].iterations());
    if (out.back() < 2)
      refuse_loop(kernel, l, "runs once");
  }
  return out;
}

/// An instruction in a generic iteration.
struct GenericCall {
  const spec::Instruction &instruction;
  semantics::Bindings numbers;    ///< of attributes, in the first iteration of symbolic loops
  std::vector<AffineIndex> forms; ///< of attributes
};

/// Walks the instructions; symbolic loops once.
class Walk {
public:
  Walk(const spec::Kernel &kernel, const spec::Isa &isa, IndexSpace &space,
       const std::vector<std::uint32_t> &loops)
      : kernel_(kernel), isa_(isa), space_(space), loops_(loops),
        around_(spec::enclosing_loops(kernel)) {}

  bool symbolic(std::size_t loop) const {
    return std::binary_search(loops_.begin(), loops_.end(), static_cast<std::uint32_t>(loop));
  }
  bool depends(const AffineIndex &position, std::size_t loop) const {
    auto at = std::lower_bound(loops_.begin(), loops_.end(), static_cast<std::uint32_t>(loop));
    return space_.factors(position.slope)[static_cast<std::size_t>(at - loops_.begin())] != 0;
  }

  using Visit = std::function<void(const GenericCall &)>;
  /// Called with a symbolic loop before and after its body.
  using Around = std::function<void(std::size_t loop)>;

  /// All instructions, in order.
  void all(const Visit &visit, const Around &enter, const Around &leave) {
    std::size_t loop = 0;
    range(0, kernel_.instructions.size(), loop, {&visit, &enter, &leave});
  }
  /// Those of the body of a loop that is being walked.
  void body(std::size_t loop, const Visit &visit) {
    const Around nothing = [](std::size_t) {};
    std::size_t inner = loop + 1;
    range(kernel_.loops[loop].first, kernel_.loops[loop].last, inner, {&visit, &nothing, &nothing});
  }

private:
  struct Calls {
    const Visit *visit;
    const Around *enter, *leave;
  };

  void range(std::size_t first, std::size_t last, std::size_t &loop, const Calls &calls) {
    while (first < last) {
      if (loop < kernel_.loops.size() && kernel_.loops[loop].first == first) {
        first = kernel_.loops[loop].last;
        iterate(loop, calls);
      } else {
        (*calls.visit)(call(first++));
      }
    }
  }

  void iterate(std::size_t &loop, const Calls &calls) {
    const auto &[name, start, end, step, first, last, location] = kernel_.loops[loop];
    const std::size_t here = loop;
    bool once = symbolic(here);
    variables_.push_back(start);
    if (once)
      (*calls.enter)(here);
    for (std::int64_t left = once ? 1 : kernel_.loops[here].iterations(); left > 0; --left) {
      loop = here + 1;
      range(first, last, loop, calls);
      variables_.back() += left > 1 ? step : 0;
    }
    if (once)
      (*calls.leave)(here);
    variables_.pop_back();
  }

  GenericCall call(std::size_t index) {
    const auto &[number, attributes, where, strides] = kernel_.instructions[index];
    GenericCall out{isa_.instructions[number], {attributes.begin(), attributes.end()}, {}};
    std::vector<std::vector<std::int64_t>> factors(attributes.size(),
                                                   std::vector<std::int64_t>(loops_.size(), 0));
    for (const spec::Stride &stride : strides) {
      *out.numbers[stride.attribute] += stride.factor * variables_[stride.depth];
      std::uint32_t loop = around_[index][stride.depth];
      if (symbolic(loop))
        factors[stride.attribute][static_cast<std::size_t>(
            std::lower_bound(loops_.begin(), loops_.end(), loop) - loops_.begin())] =
            stride.factor * kernel_.loops[loop].step;
    }
    for (std::size_t a = 0; a < attributes.size(); ++a) {
      auto slope = space_.slope(factors[a]);
      if (!slope)
        refuse("an attribute of '" + out.instruction.name + "' is too large");
      out.forms.push_back({*out.numbers[a], *slope});
    }
    return out;
  }

  const spec::Kernel &kernel_;
  const spec::Isa &isa_;
  IndexSpace &space_;
  const std::vector<std::uint32_t> &loops_;
  std::vector<std::vector<std::uint32_t>> around_;
  std::vector<std::int64_t> variables_; ///< of the open loops; symbolic ones at their start
};

/// What is known of a place.
struct Cell {
  std::optional<ValueId> value; ///< none: unknown
  bool written = false;
};

class GenericExecution {
public:
  GenericExecution(Values &values, const spec::Kernel &kernel, const spec::Isa &isa,
                   IndexSpace &space, const std::vector<std::uint32_t> &loops,
                   GenericElements &elements)
      : values_(values), kernel_(kernel), isa_(isa), space_(space), elements_(elements),
        walk_(kernel, isa, space, loops), cells_(isa.buffers.size()) {
    // Every member has a meaning here: one that is added must be given one, and does not compile
    // until then.
    [[maybe_unused]] const auto &[name, bytes, inputs, constants, outputs, calls, text, all] =
        kernel;
  }

  void run() {
    walk_.all([&](const GenericCall &call) { step(call); }, [&](std::size_t loop) { enter(loop); },
              [&](std::size_t loop) { forget(loop); });
    check_bytes();
  }

  /// The elements of an output at positions that cover it over the box.
  std::map<AffineIndex, ValueId> output(std::size_t number) {
    const spec::Placed &placed = kernel_.outputs[number];
    std::int64_t size = semantics::byte_size(placed.shape.type);
    std::map<AffineIndex, std::vector<ValueId>> bytes;
    for (const auto &[position, cell] : cells_[isa_.off_chip]) {
      if (!cell.written || !inside(position, placed))
        continue;
      if (!cell.value)
        refuse("output '" + placed.name +
               "' holds what only one iteration of a loop of "
               "$.claim.induction leaves there");
      auto at = space_.divide({position.offset - placed.address, position.slope}, size);
      if (!at || !at->remainder.is_constant())
        refuse("an element of output '" + placed.name + "' is written in parts");
      auto &element = bytes[at->quotient];
      if (at->remainder.offset != static_cast<std::int64_t>(element.size()))
        refuse("an element of output '" + placed.name + "' is written in parts");
      element.push_back(*cell.value);
    }
    std::map<AffineIndex, ValueId> out;
    for (const auto &[position, parts] : bytes) {
      if (static_cast<std::int64_t>(parts.size()) != size)
        refuse("an element of output '" + placed.name + "' is written in parts");
      out[position] = values_.joined(placed.shape.type, parts);
    }
    return out;
  }

private:
  using Cells = std::map<AffineIndex, Cell>;

  /// Whether a place lies in a tensor in all iterations; it must not do so in some only.
  bool inside(const AffineIndex &position, const spec::Placed &placed) const {
    auto range = space_.range(position);
    std::int64_t end = placed.address + placed.shape.bytes();
    if (range.high < placed.address || range.low >= end)
      return false;
    if (range.low < placed.address || range.high >= end)
      refuse("$.claim.induction: an address leaves '" + placed.name + "' in some iterations");
    return true;
  }

  /// What the body will write is unknown in it, before it is written.
  void enter(std::size_t loop) {
    written_.emplace_back();
    walk_.body(loop, [&](const GenericCall &call) {
      for (const spec::Write &write : call.instruction.writes)
        for (const AffineIndex &position : positions(call, write.region))
          written_.back().emplace(write.region.buffer, position);
    });
    poison(loop);
  }

  void forget(std::size_t loop) {
    poison(loop);
    written_.pop_back();
  }

  void poison(std::size_t loop) {
    for (const auto &[buffer, position] : written_.back())
      if (!walk_.depends(position, loop))
        cells_[buffer][position] = {std::nullopt, true};
  }

  void step(const GenericCall &call) {
    semantics::TensorGraph body = spec::instantiate_body(call.instruction, call.numbers);
    for (std::uint32_t v : spec::body_variables(call.instruction))
      if (!call.forms[v].is_constant())
        refuse("$.claim.induction: the body of '" + call.instruction.name +
               "' depends on the iteration");
    std::vector<ValueTensor> inputs;
    for (const spec::Read &read : call.instruction.reads) {
      inputs.emplace_back();
      for (const AffineIndex &position : positions(call, read.region))
        inputs.back().push_back(load(read.region.buffer, position));
    }
    std::vector<ValueTensor> results = verify::run(values_, body, inputs);
    for (std::size_t w = 0; w < call.instruction.writes.size(); ++w) {
      const spec::Region &region = call.instruction.writes[w].region;
      std::vector<AffineIndex> at = positions(call, region);
      for (std::size_t i = 0; i < at.size(); ++i)
        cells_[region.buffer][at[i]] = {results[w].at(i), true};
    }
  }

  ValueId load(std::uint32_t buffer, const AffineIndex &position) {
    auto [cell, fresh] = cells_[buffer].try_emplace(position);
    if (fresh && buffer == isa_.off_chip)
      cell->second.value = initial(position);
    if (!cell->second.value)
      refuse("$.claim.induction: a place of '" + isa_.buffer(buffer).name +
             "' is read that another iteration may have written");
    return *cell->second.value;
  }

  /// A byte of an input or a constant.
  ValueId initial(const AffineIndex &position) {
    auto byte_of = [&](const spec::Placed &placed, auto element) {
      auto at = space_.divide({position.offset - placed.address, position.slope},
                              semantics::byte_size(placed.shape.type));
      if (!at || !at->remainder.is_constant())
        refuse("$.claim.induction: an address is not at the same byte of elements of '" +
               placed.name + "' in all iterations");
      return values_.byte(element(at->quotient), at->remainder.offset);
    };
    for (std::size_t i = 0; i < kernel_.inputs.size(); ++i)
      if (inside(position, kernel_.inputs[i]))
        return byte_of(kernel_.inputs[i],
                       [&](const AffineIndex &at) { return elements_.input(i, at); });
    for (const spec::Placed &constant : kernel_.constants)
      if (inside(position, constant))
        return byte_of(constant, [&](const AffineIndex &at) {
          return constant_element(values_, *constant.value, at);
        });
    refuse("$.claim.induction: off-chip memory is read at an address that holds no input and that "
           "the iteration did not write");
  }

  /// Of the elements of a region, in row-major order.
  std::vector<AffineIndex> positions(const GenericCall &call, const spec::Region &region) {
    auto numbers = spec::instantiate(region, call.numbers);
    if (!numbers)
      refuse("a region of '" + call.instruction.name + "' has no value");
    AffineIndex start;
    for (std::size_t d = 0; d < region.starts.size(); ++d) {
      auto from = semantics::affine_value(space_, region.starts[d], call.forms),
           extent = semantics::affine_value(space_, region.extents[d], call.forms);
      bool moves = region.buffer == isa_.off_chip;
      if (!from || !extent || !extent->is_constant() || (!moves && !from->is_constant()))
        refuse("$.claim.induction: the region " + region.starts[d].to_string() + " : " +
               region.extents[d].to_string() + " of '" + call.instruction.name +
               "' is another one in each iteration");
      start = *from;
    }
    std::vector<AffineIndex> out;
    for (std::int64_t element : element_numbers(isa_.buffer(region.buffer), *numbers))
      out.push_back({element, region.buffer == isa_.off_chip ? start.slope : semantics::SlopeId{}});
    return out;
  }

  /// Different positions of off-chip memory, one of them written, must never be the same byte; and
  /// all bytes of outputs must be written.
  void check_bytes() const {
    std::vector<std::pair<std::int64_t, std::int64_t>> written;
    each_run(true, [&](const AffineIndex &first, std::int64_t length) {
      std::vector<std::int64_t> begins = {first.offset};
      for (std::size_t v = 0; v < space_.counts().size(); ++v) {
        std::int64_t factor = space_.factors(first.slope)[v];
        std::size_t before = begins.size();
        for (std::int64_t i = 1; i < space_.counts()[v] && factor != 0; ++i) {
          for (std::size_t b = 0; b < before; ++b)
            begins.push_back(begins[b] + i * factor);
          if (begins.size() + written.size() > kMaxRanges)
            refuse("$.claim.induction: the places that are written are too many to write down");
        }
      }
      for (std::int64_t begin : begins)
        written.emplace_back(begin, begin + length);
    });
    std::sort(written.begin(), written.end());
    for (std::size_t i = 1; i < written.size(); ++i)
      if (written[i].first < written[i - 1].second)
        refuse("$.claim.induction: byte " + std::to_string(written[i].first) +
               " of off-chip memory is written in two iterations");
    auto first_after = [&](std::int64_t byte) {
      return std::partition_point(written.begin(), written.end(),
                                  [&](const auto &range) { return range.second <= byte; });
    };
    each_run(false, [&](const AffineIndex &first, std::int64_t length) {
      auto range = space_.range(first);
      auto next = first_after(range.low);
      if (next != written.end() && next->first < range.high + length)
        refuse("$.claim.induction: byte " + std::to_string(next->first) +
               " of off-chip memory is read in one iteration and written in another");
    });
    for (const spec::Placed &output : kernel_.outputs) {
      std::int64_t byte = output.address, end = byte + output.shape.bytes();
      for (auto next = first_after(byte); byte < end; byte = (next++)->second)
        if (next == written.end() || next->first > byte)
          refuse("$.claim.induction: byte " + std::to_string(byte) + " of output '" + output.name +
                 "' is not written");
    }
  }

  /// Calls f(first, length) for consecutive places off the chip that are all written, or not.
  template <class F> void each_run(bool written, F f) const {
    std::optional<AffineIndex> first;
    std::int64_t length = 0;
    for (const auto &[position, cell] : ordered()) {
      if (cell->written != written)
        continue;
      if (first && position.slope == first->slope && position.offset == first->offset + length) {
        ++length;
        continue;
      }
      if (first)
        f(*first, length);
      first = position;
      length = 1;
    }
    if (first)
      f(*first, length);
  }

  /// The places off the chip by slope, then offset.
  std::vector<std::pair<AffineIndex, const Cell *>> ordered() const {
    std::vector<std::pair<AffineIndex, const Cell *>> out;
    for (const auto &[position, cell] : cells_[isa_.off_chip])
      out.emplace_back(position, &cell);
    std::sort(out.begin(), out.end(), [](const auto &a, const auto &b) {
      return std::pair(a.first.slope, a.first.offset) < std::pair(b.first.slope, b.first.offset);
    });
    return out;
  }

  Values &values_;
  const spec::Kernel &kernel_;
  const spec::Isa &isa_;
  IndexSpace &space_;
  GenericElements &elements_;
  Walk walk_;
  std::vector<Cells> cells_; ///< by buffer
  /// By open symbolic loop: all that its body writes.
  std::vector<std::set<std::pair<std::uint32_t, AffineIndex>>> written_;
};

} // namespace

std::vector<GenericResult> run_generic(Values &values, const semantics::TensorGraph &graph,
                                       const spec::Kernel &kernel, const spec::Isa &isa,
                                       const std::vector<std::uint32_t> &loops) {
  IndexSpace space(iterations(kernel, loops));
  GenericElements elements(values, graph);
  GenericExecution execution(values, kernel, isa, space, loops, elements);
  execution.run();
  std::vector<GenericResult> out;
  for (std::size_t o = 0; o < kernel.outputs.size(); ++o) {
    std::map<AffineIndex, ValueId> actual = execution.output(o);
    std::set<AffineIndex> positions;
    for (const auto &[position, value] : actual)
      positions.insert(position);
    std::map<AffineIndex, ValueId> expected =
        generic_result(values, graph, graph.results[o], positions, space, elements);
    for (const auto &[position, value] : actual)
      out.push_back({o, expected.at(position), value});
  }
  return out;
}

} // namespace isamorph::verify
