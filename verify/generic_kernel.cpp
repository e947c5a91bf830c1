#include "verify/generic_kernel.h"

#include "spec/nesting.h"
#include "spec/unroll.h"
#include "verify/generic_carry.h"
#include "verify/generic_memory.h"
#include "verify/region_elements.h"
#include "verify/symbolic_parts.h"

#include <algorithm>
#include <cassert>
#include <set>

namespace isamorph::verify {
namespace {

using semantics::AffineIndex;
using semantics::SlopeId;
using semantics::TensorGraph;

/// A tensor that lies in off-chip memory at first.
struct Content {
  const spec::Placed *placed;
  std::optional<std::size_t> input; ///< its number; none: a constant
};

/// What off-chip memory holds before the first instruction.
class InitialMemory {
public:
  InitialMemory(TermGraph &terms, const spec::Kernel &kernel, GenericLoops &loops, Carrier &inputs)
      : terms_(terms), loops_(loops), inputs_(inputs) {
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
      return inputs_.element(*content.input, position);
    auto bits = constant_at(*content.placed->value, position);
    if (!bits)
      loops_.refuse(position.slope);
    return terms_.literal(content.placed->shape.type, *bits);
  }

  TermGraph &terms_;
  GenericLoops &loops_;
  Carrier &inputs_;
  std::vector<Content> contents_; ///< by address
};

class Machine {
public:
  Machine(TermGraph &terms, const spec::Isa &isa, const spec::Kernel &kernel, GenericLoops &loops,
          const InputElement &input, std::int64_t limit)
      : terms_(terms), isa_(isa), kernel_(kernel), loops_(loops), carrier_(terms, loops, input),
        initial_(terms, kernel, loops, carrier_), limit_(limit), nesting_(kernel),
        around_(enclosing_loops(kernel)), executions_(loops), buffers_(isa.buffers.size()) {
    for (const spec::Instruction &instruction : isa.instructions)
      body_variables_.push_back(spec::body_variables(instruction));
    for (std::uint32_t i = 0; i < kernel.instructions.size() && !loops.loops().empty(); ++i)
      check_uniform(i);
  }

  void run() { walk(nesting_.outside()); }

  std::vector<GenericElement> outputs() {
    if (!loops_.loops().empty()) {
      std::vector<std::pair<std::int64_t, std::int64_t>> bytes;
      for (const spec::Placed &output : kernel_.outputs)
        bytes.emplace_back(output.address, output.address + output.shape.bytes());
      for (std::size_t b = 0; b < buffers_.size(); ++b)
        check_disjoint(buffers_[b], loops_,
                       b == isa_.off_chip ? std::span(bytes) : std::span(bytes).first(0));
    }
    std::vector<GenericElement> out;
    for (std::size_t o = 0; o < kernel_.outputs.size(); ++o)
      fetch(o, out);
    return out;
  }

private:
  using Position = std::pair<std::uint32_t, AffineIndex>; ///< in a buffer
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

  /// Extents and bodies must not depend on a symbolic variable.
  void check_uniform(std::uint32_t index) const {
    const spec::KernelInstruction &call = kernel_.instructions[index];
    const spec::Instruction &instruction = isa_.instructions[call.instruction];
    std::vector<std::uint32_t> fixed = body_variables_[call.instruction];
    auto note = [&](const std::vector<semantics::IntExpr> &expressions) {
      for (const semantics::IntExpr &expression : expressions)
        expression.for_each_variable([&](std::uint32_t v) { fixed.push_back(v); });
    };
    for (const spec::Read &read : instruction.reads)
      note(read.region.extents);
    for (const spec::Write &write : instruction.writes)
      note(write.region.extents);
    for (const spec::Stride &stride : call.strides) {
      std::uint32_t loop = around_[index][stride.depth];
      if (loops_.variable(loop) && std::ranges::count(fixed, stride.attribute))
        throw UnrollLoops{{loop}};
    }
  }

  void walk(std::span<const spec::Nesting::Item> body) {
    for (const spec::Nesting::Item &item : body)
      item.loop ? iterate(item.index) : step(item.index);
  }

  void iterate(std::uint32_t loop) {
    const spec::Loop &here = kernel_.loops[loop];
    values_.push_back(here.start);
    if (loops_.variable(loop)) {
      iterate_once(loop);
    } else {
      for (std::int64_t t = 0; t < here.iterations(); ++t) {
        values_.back() = here.start + t * here.step;
        walk(nesting_.body(loop));
      }
    }
    values_.pop_back();
  }

  /// The generic iteration of a symbolic loop.
  void iterate_once(std::uint32_t loop) {
    std::vector<Position> places = carried_places(loop);
    std::vector<CarriedValue> values;
    for (const auto &[buffer, position] : places) {
      TermId before = load(buffer, position);
      values.push_back({before, carrier_.symbol(terms_[before].type, position.slope), {}});
    }
    std::uint32_t execution = executions_.begin(loop);
    executions_.next_instruction();
    for (std::size_t i = 0; i < places.size(); ++i)
      put(places[i], values[i].symbol);
    walk(nesting_.body(loop));
    for (std::size_t i = 0; i < places.size(); ++i)
      values[i].after = load(places[i].first, places[i].second);
    std::vector<TermId> solutions = carrier_.solve(loop, values);
    if (!values.empty())
      replace_symbols(execution, values, solutions);
    executions_.end();
    executions_.next_instruction();
    std::vector<TermId> last = carrier_.in_last(loop, values, solutions);
    for (std::size_t i = 0; i < places.size(); ++i)
      put(places[i], last[i]);
  }

  void put(const Position &place, TermId term) {
    executions_.write(buffers_[place.first].at(place.second), place.second.slope, term);
  }

  /// What a loop's body reads as it was when the body began, and then overwrites, at the same place
  /// in each iteration: if it was written before the loop.
  std::vector<Position> carried_places(std::uint32_t loop) {
    std::set<Position> read, written, both;
    scan(nesting_.body(loop), [&](std::uint32_t buffer, const AffineIndex &position, bool writes) {
      if (loops_.depends(position.slope, loop))
        return;
      Position place{buffer, position};
      if (!writes && !written.contains(place))
        read.insert(place);
      if (writes && written.insert(place).second && read.contains(place))
        both.insert(place);
    });
    std::erase_if(both, [&](const Position &place) {
      return buffers_[place.first].at(place.second).written == 0;
    });
    return {both.begin(), both.end()};
  }

  /// Calls f(buffer, position, whether it is written) for all that instructions read and write.
  template <class F> void scan(std::span<const spec::Nesting::Item> body, const F &f) {
    for (const spec::Nesting::Item &item : body) {
      if (!item.loop) {
        scan(call_of(item.index), f);
        continue;
      }
      const spec::Loop &here = kernel_.loops[item.index];
      values_.push_back(here.start);
      for (std::int64_t t = loops_.variable(item.index) ? 1 : here.iterations(); t > 0; --t) {
        scan(nesting_.body(item.index), f);
        values_.back() += t > 1 ? here.step : 0;
      }
      values_.pop_back();
    }
  }
  template <class F> void scan(const Call &call, const F &f) {
    auto all = [&](const spec::Region &region, bool writes) {
      for_each_position(call, region, [&](const AffineIndex &at) {
        count(scanned_, 1);
        f(region.buffer, at, writes);
      });
    };
    for (const spec::Read &read : call.instruction.reads)
      all(read.region, false);
    for (const spec::Write &write : call.instruction.writes)
      all(write.region, true);
  }

  /// In all that was written since an execution began.
  void replace_symbols(std::uint32_t execution, std::span<const CarriedValue> values,
                       std::span<const TermId> solutions) {
    std::vector<Place *> places;
    std::vector<TermId> terms;
    for (Places &buffer : buffers_)
      buffer.for_each([&](SlopeId, std::int64_t, Place &place) {
        if (place.written && place.execution >= execution) {
          places.push_back(&place);
          terms.push_back(place.term);
        }
      });
    terms = carrier_.replaced(terms, values, solutions);
    for (std::size_t i = 0; i < places.size(); ++i)
      places[i]->term = terms[i];
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
      factors.resize(call.attributes.size(),
                     std::vector<std::int64_t>(loops_.space().counts().size()));
      factors[stride.attribute][*variable] = stride.factor * kernel_.loops[loop].step;
    }
    for (std::size_t a = 0; a < factors.size(); ++a) {
      auto slope = loops_.space().slope(factors[a]);
      if (!slope)
        throw UnrollLoops{{around_[index].back()}};
      out.attributes.push_back({*out.numbers[a], *slope});
    }
    return out;
  }

  void count(std::int64_t &all, std::int64_t work) const {
    if ((all += work) > limit_)
      throw TooMuchWork("symbolic execution of the kernel needs more than " +
                        std::to_string(limit_) + " steps");
  }

  void step(std::uint32_t index) {
    executions_.next_instruction();
    Call call = call_of(index);
    const Body &prepared = body_of(kernel_.instructions[index].instruction, call);
    count(work_, prepared.work);
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
    SlopeId slope = call.attributes.empty() ? SlopeId{} : slope_of(call, region);
    for_each_element(isa_.buffer(region.buffer), *numbers, [&](std::int64_t element) {
      f(AffineIndex{element, slope});
    });
  }

  /// How the elements of a region move with the variables.
  SlopeId slope_of(const Call &call, const spec::Region &region) {
    std::vector<AffineIndex> starts;
    for (const semantics::IntExpr &expression : region.starts) {
      auto start = affine_value(loops_.space(), expression, call.attributes);
      if (!start)
        refuse(call, region);
      starts.push_back(*start);
    }
    if (region.buffer == isa_.off_chip) // its one dimension has no fixed size
      return starts[0].slope;
    const spec::Buffer &buffer = isa_.buffer(region.buffer);
    auto place = loops_.space().position(starts, buffer.addressed);
    auto element = place ? loops_.space().scaled(*place, buffer.unit_elements()) : std::nullopt;
    if (!element)
      refuse(call, region);
    return element->slope;
  }

  [[noreturn]] void refuse(const Call &call, const spec::Region &region) const {
    SlopeId slope;
    for (const semantics::IntExpr &expression : region.starts)
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
        loops_.refuse(position.slope,
                      buffers_[buffer].overlapping(position, loops_).value_or(SlopeId{}));
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
  Carrier carrier_;
  InitialMemory initial_;
  std::int64_t limit_, work_ = 0, scanned_ = 0;
  spec::Nesting nesting_;
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
