#include "verify/generic_kernel.h"

#include "spec/unroll.h"
#include "verify/generic_memory.h"
#include "verify/symbolic_parts.h"

#include <algorithm>
#include <cassert>

namespace isamorph::verify {
namespace {

using semantics::AffineIndex;
using semantics::SlopeId;
using semantics::TensorGraph;

/// Calls f(element) for each element of a region whose places are numbers, in row-major order.
template <class F>
void for_each_element(const spec::Buffer &buffer, const spec::ConcreteRegion &region, F f) {
  std::int64_t unit = buffer.unit_elements();
  std::size_t rank = region.starts.size();
  std::vector<std::int64_t> index(rank, 0);
  std::int64_t places = 1;
  for (std::int64_t extent : region.extents)
    places *= extent;
  for (std::int64_t p = 0; p < places; ++p) {
    std::int64_t place = 0;
    for (std::size_t d = 0; d < rank;
         ++d) // the off-chip buffer's one dimension has no fixed size, and needs none
      place = (d ? place * buffer.addressed[d] : 0) + region.starts[d] + index[d];
    for (std::int64_t u = 0; u < unit; ++u)
      f(place * unit + u);
    for (std::size_t d = rank; d-- > 0;) {
      if (++index[d] < region.extents[d])
        break;
      index[d] = 0;
    }
  }
}

/// A tensor that lies in off-chip memory at first.
struct Content {
  const spec::Placed *placed;
  std::optional<std::size_t> input; ///< its number; none: a constant
};

/// What off-chip memory holds before the first instruction.
class InitialMemory {
public:
  InitialMemory(TermGraph &terms, const spec::Kernel &kernel, GenericLoops &loops,
                const InputElement &input)
      : terms_(terms), loops_(loops), input_(input) {
    for (std::size_t i = 0; i < kernel.inputs.size(); ++i)
      contents_.push_back({&kernel.inputs[i], i});
    for (const spec::Placed &constant : kernel.constants)
      contents_.push_back({&constant, std::nullopt});
    std::erase_if(contents_, [](const Content &c) { return c.placed->shape.bytes() == 0; });
    std::ranges::sort(contents_, {}, [](const Content &c) { return c.placed->address; });
  }

  TermId byte(const AffineIndex &position) {
    auto range = loops_.space().range(position);
    auto after = std::ranges::upper_bound(contents_, range.low, {},
                                          [](const Content &c) { return c.placed->address; });
    if (after == contents_.begin())
      loops_.refuse(position.slope);
    const Content &content = *std::prev(after);
    const spec::Placed &placed = *content.placed;
    if (range.high >= placed.address + placed.shape.bytes())
      loops_.refuse(position.slope);
    auto at = loops_.space().divide({position.offset - placed.address, position.slope},
                                    semantics::byte_size(placed.shape.type));
    if (!at || !at->remainder.is_constant())
      loops_.refuse(position.slope);
    return terms_.extract(element(content, at->quotient),
                          static_cast<std::uint8_t>(at->remainder.offset));
  }

private:
  TermId element(const Content &content, const AffineIndex &position) {
    if (content.input)
      return input_(*content.input, position);
    auto bits = constant_at(*content.placed->value, position);
    if (!bits)
      loops_.refuse(position.slope);
    return terms_.literal(content.placed->shape.type, *bits);
  }

  TermGraph &terms_;
  GenericLoops &loops_;
  const InputElement &input_;
  std::vector<Content> contents_; ///< by address
};

class Machine {
public:
  Machine(TermGraph &terms, const spec::Isa &isa, const spec::Kernel &kernel, GenericLoops &loops,
          const InputElement &input, std::int64_t limit)
      : terms_(terms), isa_(isa), kernel_(kernel), loops_(loops),
        initial_(terms, kernel, loops, input), limit_(limit), around_(enclosing_loops(kernel)),
        executions_(loops), buffers_(isa.buffers.size()) {
    for (const spec::Instruction &instruction : isa.instructions)
      body_variables_.push_back(spec::body_variables(instruction));
    for (std::uint32_t i = 0; i < kernel.instructions.size() && !loops.loops().empty(); ++i)
      check_uniform(i);
  }

  void run() {
    std::size_t loop = 0;
    range(0, static_cast<std::uint32_t>(kernel_.instructions.size()), loop);
  }

  std::vector<GenericElement> outputs() {
    if (!loops_.loops().empty()) {
      std::vector<std::pair<std::int64_t, std::int64_t>> bytes;
      for (const spec::Placed &output : kernel_.outputs)
        bytes.emplace_back(output.address, output.address + output.shape.bytes());
      check_disjoint(buffers_[isa_.off_chip], loops_, bytes);
    }
    std::vector<GenericElement> out;
    for (std::size_t o = 0; o < kernel_.outputs.size(); ++o)
      fetch(o, out);
    return out;
  }

private:
  struct Body {
    TensorGraph graph;
    std::int64_t work;
  };
  /// An instruction of one iteration, or of a generic one.
  struct Call {
    const spec::Instruction &instruction;
    semantics::Bindings numbers;         ///< of the attributes, where symbolic variables are 0
    std::vector<AffineIndex> attributes; ///< empty: none depends on a symbolic variable
  };

  /// Positions on the chip, extents and bodies must not depend on a symbolic variable.
  void check_uniform(std::uint32_t index) const {
    const spec::KernelInstruction &call = kernel_.instructions[index];
    const spec::Instruction &instruction = isa_.instructions[call.instruction];
    std::vector<std::uint32_t> fixed = body_variables_[call.instruction];
    auto note = [&](const std::vector<semantics::IntExpr> &expressions) {
      for (const semantics::IntExpr &expression : expressions)
        expression.for_each_variable([&](std::uint32_t v) { fixed.push_back(v); });
    };
    auto note_region = [&](const spec::Region &region) {
      note(region.extents);
      if (region.buffer != isa_.off_chip)
        note(region.starts);
    };
    for (const spec::Read &read : instruction.reads)
      note_region(read.region);
    for (const spec::Write &write : instruction.writes)
      note_region(write.region);
    for (const spec::Stride &stride : call.strides) {
      std::uint32_t loop = around_[index][stride.depth];
      if (loops_.variable(loop) && std::ranges::count(fixed, stride.attribute))
        throw UnrollLoop{loop};
    }
  }

  /// The instructions [first, last), whose loops begin at `loop`, which moves past them.
  void range(std::uint32_t first, std::uint32_t last, std::size_t &loop) {
    for (std::uint32_t i = first; i < last;) {
      if (loop < kernel_.loops.size() && kernel_.loops[loop].first == i) {
        i = kernel_.loops[loop].last;
        iterate(loop);
      } else {
        step(i++);
      }
    }
  }

  void iterate(std::size_t &loop) {
    auto index = static_cast<std::uint32_t>(loop);
    const spec::Loop &here = kernel_.loops[loop];
    bool symbolic = loops_.variable(index).has_value();
    std::int64_t times = symbolic ? 1 : here.iterations();
    if (symbolic)
      executions_.begin(index);
    values_.push_back(here.start);
    for (std::int64_t t = 0; t < times; ++t) {
      values_.back() = here.start + t * here.step;
      loop = index + 1;
      range(here.first, here.last, loop);
    }
    values_.pop_back();
    if (symbolic)
      executions_.end();
  }

  Call call_of(std::uint32_t index) {
    const spec::KernelInstruction &call = kernel_.instructions[index];
    Call out{
        isa_.instructions[call.instruction], {call.attributes.begin(), call.attributes.end()}, {}};
    std::vector<std::vector<std::int64_t>> factors;
    for (const spec::Stride &stride : call.strides) {
      // values_ holds the loops' starts where they are symbolic
      *out.numbers[stride.attribute] += stride.factor * values_[stride.depth];
      std::uint32_t loop = around_[index][stride.depth];
      auto variable = loops_.variable(loop);
      if (!variable)
        continue;
      factors.resize(call.attributes.size(), std::vector<std::int64_t>(loops_.loops().size()));
      factors[stride.attribute][*variable] = stride.factor * kernel_.loops[loop].step;
    }
    for (std::size_t a = 0; a < factors.size(); ++a) {
      auto slope = loops_.space().slope(factors[a]);
      if (!slope)
        throw UnrollLoop{around_[index].back()};
      out.attributes.push_back({*out.numbers[a], *slope});
    }
    return out;
  }

  void step(std::uint32_t index) {
    executions_.next_instruction();
    Call call = call_of(index);
    const Body &prepared = body_of(kernel_.instructions[index].instruction, call);
    if ((work_ += prepared.work) > limit_)
      throw TooMuchWork("symbolic execution of the kernel needs more than " +
                        std::to_string(limit_) + " steps");
    const TensorGraph &body = prepared.graph;
    std::vector<SymbolicTensor> inputs;
    for (std::size_t r = 0; r < call.instruction.reads.size(); ++r) {
      SymbolicTensor tensor{body[body.parameters[r]].shape, {}};
      const spec::Region &region = call.instruction.reads[r].region;
      for_each_position(call, region, [&](const AffineIndex &position) {
        tensor.elements.push_back(load(region.buffer, position));
      });
      inputs.push_back(std::move(tensor));
    }
    std::vector<SymbolicTensor> results = execute(terms_, body, inputs);
    for (std::size_t w = 0; w < call.instruction.writes.size(); ++w) {
      const spec::Region &region = call.instruction.writes[w].region;
      std::size_t next = 0;
      for_each_position(call, region, [&](const AffineIndex &position) {
        executions_.write(buffers_[region.buffer].at(position), position.slope,
                          results[w].elements[next++]);
      });
    }
  }

  /// Calls f(position) for each element of a region, in row-major order.
  template <class F> void for_each_position(const Call &call, const spec::Region &region, F f) {
    auto numbers = spec::instantiate(region, call.numbers);
    assert(numbers);
    SlopeId slope;
    if (region.buffer == isa_.off_chip && !call.attributes.empty()) {
      auto start = affine_value(loops_.space(), region.starts[0], call.attributes);
      if (!start)
        refuse(call, region.starts[0]);
      slope = start->slope;
    }
    for_each_element(isa_.buffer(region.buffer), *numbers, [&](std::int64_t element) {
      f(AffineIndex{element, slope});
    });
  }

  [[noreturn]] void refuse(const Call &call, const semantics::IntExpr &expression) const {
    SlopeId slope;
    expression.for_each_variable([&](std::uint32_t v) {
      if (!call.attributes[v].is_constant())
        slope = call.attributes[v].slope;
    });
    loops_.refuse(slope);
  }

  TermId load(std::uint32_t buffer, const AffineIndex &position) {
    Place &place = buffers_[buffer].at(position);
    if (!place.written && !place.read) {
      if (buffer != isa_.off_chip)
        loops_.refuse(position.slope);
      place.term = initial_.byte(position);
    }
    executions_.read(place, position.slope);
    return place.term;
  }

  /// Instantiated once for all instances that agree on what it depends on.
  const Body &body_of(std::uint32_t instruction, const Call &call) {
    std::vector<std::int64_t> values;
    for (std::uint32_t v : body_variables_[instruction])
      values.push_back(*call.numbers[v]);
    auto &body = bodies_[{instruction, std::move(values)}];
    if (!body) {
      TensorGraph graph = spec::instantiate_body(call.instruction, call.numbers);
      std::int64_t work = work_of(graph);
      body = std::make_unique<Body>(Body{std::move(graph), work});
    }
    return *body;
  }

  /// The bytes of an output, put together to elements.
  void fetch(std::size_t output, std::vector<GenericElement> &out) {
    const spec::Placed &placed = kernel_.outputs[output];
    std::int64_t end = placed.address + placed.shape.bytes();
    auto size = static_cast<std::size_t>(semantics::byte_size(placed.shape.type));
    std::vector<std::pair<AffineIndex, TermId>> bytes;
    const semantics::IndexSpace &space = loops_.space();
    buffers_[isa_.off_chip].for_each([&](SlopeId slope, std::int64_t offset, const Place &place) {
      if (!place.written)
        return;
      auto range = space.range({offset, slope});
      if (range.high < placed.address || range.low >= end)
        return;
      if (range.low < placed.address || range.high >= end)
        loops_.refuse(slope);
      Place copy = place;
      executions_.read(copy, slope);
      bytes.emplace_back(AffineIndex{offset - placed.address, slope}, place.term);
    });
    std::vector<TermId> joined(size);
    for (std::size_t i = 0; i < bytes.size(); i += size) {
      const AffineIndex &first = bytes[i].first;
      auto at = loops_.space().divide(first, static_cast<std::int64_t>(size));
      if (!at || at->remainder != AffineIndex{} || i + size > bytes.size())
        loops_.refuse(first.slope);
      for (std::size_t b = 0; b < size; ++b) {
        if (bytes[i + b].first !=
            AffineIndex{first.offset + static_cast<std::int64_t>(b), first.slope})
          loops_.refuse(first.slope);
        joined[b] = bytes[i + b].second;
      }
      out.push_back({output, at->quotient, terms_.join(placed.shape.type, joined)});
    }
  }

  TermGraph &terms_;
  const spec::Isa &isa_;
  const spec::Kernel &kernel_;
  GenericLoops &loops_;
  InitialMemory initial_;
  std::int64_t limit_, work_ = 0;
  std::vector<std::vector<std::uint32_t>> around_; ///< loops, by instruction
  std::vector<std::int64_t> values_;               ///< of the open loops' variables
  Executions executions_;
  std::vector<Places> buffers_;
  std::vector<std::vector<std::uint32_t>> body_variables_; ///< by instruction of the ISA
  std::map<std::pair<std::uint32_t, std::vector<std::int64_t>>, std::unique_ptr<Body>> bodies_;
};

} // namespace

std::vector<GenericElement> execute_generic(TermGraph &terms, const spec::Isa &isa,
                                            const spec::Kernel &kernel, GenericLoops &loops,
                                            const InputElement &input, std::int64_t limit) {
  Machine machine(terms, isa, kernel, loops, input, limit);
  machine.run();
  return machine.outputs();
}

} // namespace isamorph::verify
