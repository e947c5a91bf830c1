#include "verify/checker/induction.h"

#include "spec/state.h"
#include "spec/unroll.h"
#include "verify/checker/carried_values.h"
#include "verify/checker/generic_walk.h"
#include "verify/checker/refusal.h"

#include <algorithm>
#include <functional>

namespace isamorph::verify {
namespace {

using semantics::AffineIndex;
using semantics::IndexSpace;

/// More byte ranges than these are not written down.
constexpr std::size_t kMaxRanges = std::size_t{1} << 24;

/// What is known of a place.
struct Cell {
  std::optional<ValueId> value; ///< none: unknown
  bool written = false;
};

class GenericExecution {
public:
  GenericExecution(Values &values, const spec::Kernel &kernel, const spec::Isa &isa,
                   IndexSpace &space, const LoopVariables &variables, GenericElements &elements)
      : values_(values), kernel_(kernel), isa_(isa), space_(space), elements_(elements),
        walk_(kernel, isa, space, variables), carrier_(values, space, elements),
        cells_(isa.buffers.size()) {
    // Every member has a meaning here: one that is added must be given one, and does not compile
    // until then.
    [[maybe_unused]] const auto &[name, bytes, inputs, constants, outputs, calls, text, all] =
        kernel;
  }

  void run() {
    walk_.all([&](const GenericCall &call) { step(call); }, [&](std::size_t loop) { enter(loop); },
              [&](std::size_t loop) { leave(loop); });
    for (std::uint32_t b = 0; b < cells_.size(); ++b)
      check_places(b);
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
  using Place = std::pair<std::uint32_t, AffineIndex>; ///< of a buffer

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

  /// What the body will write is a symbol in it, before it is written, or unknown.
  void enter(std::size_t loop) {
    written_.emplace_back();
    walk_.body(loop, [&](const GenericCall &call) {
      for (const spec::Write &write : call.instruction.writes)
        for (const AffineIndex &position : positions(call, write.region))
          written_.back().emplace(write.region.buffer, position);
    });
    carried_.emplace_back();
    for (const Place &place : written_.back()) {
      if (walk_.depends(place.second, loop))
        continue;
      Cell &cell = cells_[place.first][place.second];
      if (cell.value && cell.written) {
        CarriedCell value{
            *cell.value, carrier_.symbol(values_[*cell.value].type, place.second.slope), {}};
        carried_.back().emplace(place, value);
        cell.value = value.symbol;
      } else {
        cell = {std::nullopt, true};
      }
    }
  }

  /// What the last iteration leaves is known only where it is handed from one to the next.
  void leave(std::size_t loop) {
    std::vector<CarriedCell> read;
    for (auto &[place, value] : carried_.back())
      if (read_.contains(value.symbol)) {
        value.after = cells_[place.first][place.second].value;
        read.push_back(value);
      }
    std::size_t variable = walk_.variable(loop);
    std::map<ValueId, ValueId> solved = carrier_.solve(variable, read);
    if (!read.empty())
      replace_symbols(solved);
    Substitution in_last = carrier_.in_iteration(variable, space_.counts()[variable] - 1);
    for (const Place &place : written_.back())
      if (!walk_.depends(place.second, loop))
        settle(place, solved, in_last);
    written_.pop_back();
    carried_.pop_back();
  }

  /// Symbols of the innermost open loop in all cells; what is made of others becomes unknown.
  void replace_symbols(const std::map<ValueId, ValueId> &solved) {
    std::set<ValueId> unknown;
    for (const auto &[place, value] : carried_.back())
      if (!solved.contains(value.symbol))
        unknown.insert(value.symbol);
    Substitution replaced = carrier_.replacing(solved, unknown);
    for (Cells &cells : cells_)
      for (auto &[position, cell] : cells)
        if (cell.value)
          cell.value = replaced(*cell.value);
  }

  /// What is in a place after the innermost open loop.
  void settle(const Place &place, const std::map<ValueId, ValueId> &solved, Substitution &in_last) {
    Cell &cell = cells_[place.first][place.second];
    std::optional<ValueId> last = cell.value;
    cell = {std::nullopt, true};
    auto carried = carried_.back().find(place);
    if (carried != carried_.back().end() && solved.contains(carried->second.symbol) && last)
      cell.value = in_last(*last);
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
    if (carrier_.is_symbol(*cell->second.value))
      read_.insert(*cell->second.value);
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
    std::vector<AffineIndex> starts;
    for (std::size_t d = 0; d < region.starts.size(); ++d) {
      auto from = semantics::affine_value(space_, region.starts[d], call.forms),
           extent = semantics::affine_value(space_, region.extents[d], call.forms);
      if (!from || !extent || !extent->is_constant())
        refuse_region(call, region);
      starts.push_back(*from);
    }
    semantics::SlopeId slope = slope_of(call, region, starts);
    std::vector<AffineIndex> out;
    for (std::int64_t element : element_numbers(isa_.buffer(region.buffer), *numbers))
      out.push_back({element, slope});
    return out;
  }

  /// How the number of a region's first element moves with the variables, and so all others.
  semantics::SlopeId slope_of(const GenericCall &call, const spec::Region &region,
                              const std::vector<AffineIndex> &starts) {
    const spec::Buffer &buffer = isa_.buffer(region.buffer);
    if (region.buffer == isa_.off_chip)
      return starts.at(0).slope;
    AffineIndex element;
    std::int64_t stride = buffer.unit_elements();
    for (std::size_t d = starts.size(); d-- > 0; stride *= buffer.addressed[d]) {
      auto part = space_.scaled(starts[d], stride);
      auto whole = part ? space_.sum(element, *part) : std::nullopt;
      if (!whole)
        refuse_region(call, region);
      element = *whole;
    }
    return element.slope;
  }

  [[noreturn]] static void refuse_region(const GenericCall &call, const spec::Region &region) {
    std::string text;
    for (std::size_t d = 0; d < region.starts.size(); ++d)
      text +=
          (d ? ", " : "") + region.starts[d].to_string() + " : " + region.extents[d].to_string();
    refuse("$.claim.induction: the region " + text + " of '" + call.instruction.name +
           "' is another one in each iteration");
  }

  /// Different positions of a buffer, one of them written, must never be the same element; and all
  /// bytes of outputs must be written.
  void check_places(std::uint32_t buffer) const {
    const std::string where = " of '" + isa_.buffer(buffer).name + "' is ";
    std::vector<std::pair<std::int64_t, std::int64_t>> written;
    each_run(buffer, true, [&](const AffineIndex &first, std::int64_t length) {
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
        refuse("$.claim.induction: element " + std::to_string(written[i].first) + where +
               "written in two iterations");
    auto first_after = [&](std::int64_t byte) {
      return std::partition_point(written.begin(), written.end(),
                                  [&](const auto &range) { return range.second <= byte; });
    };
    each_run(buffer, false, [&](const AffineIndex &first, std::int64_t length) {
      auto range = space_.range(first);
      auto next = first_after(range.low);
      if (next != written.end() && next->first < range.high + length)
        refuse("$.claim.induction: element " + std::to_string(next->first) + where +
               "read in one iteration and written in another");
    });
    if (buffer != isa_.off_chip)
      return;
    for (const spec::Placed &output : kernel_.outputs) {
      std::int64_t byte = output.address, end = byte + output.shape.bytes();
      for (auto next = first_after(byte); byte < end; byte = (next++)->second)
        if (next == written.end() || next->first > byte)
          refuse("$.claim.induction: byte " + std::to_string(byte) + " of output '" + output.name +
                 "' is not written");
    }
  }

  /// Calls f(first, length) for consecutive elements of a buffer that are all written, or not.
  template <class F> void each_run(std::uint32_t buffer, bool written, F f) const {
    std::optional<AffineIndex> first;
    std::int64_t length = 0;
    for (const auto &[position, cell] : ordered(buffer)) {
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

  /// The elements of a buffer by slope, then offset.
  std::vector<std::pair<AffineIndex, const Cell *>> ordered(std::uint32_t buffer) const {
    std::vector<std::pair<AffineIndex, const Cell *>> out;
    for (const auto &[position, cell] : cells_[buffer])
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
  GenericWalk walk_;
  CarriedValues carrier_;
  std::vector<Cells> cells_; ///< by buffer
  /// By open symbolic loop: all that its body writes.
  std::vector<std::set<Place>> written_;
  std::vector<std::map<Place, CarriedCell>> carried_; ///< by open symbolic loop
  std::set<ValueId> read_;                            ///< symbols that were read
};

} // namespace

std::vector<GenericResult> run_generic(Values &values, const semantics::TensorGraph &graph,
                                       const spec::Kernel &given, const spec::Isa &with_control,
                                       const std::vector<std::uint32_t> &loops) {
  spec::Resolved resolved(with_control, given);
  const spec::Kernel &kernel = resolved.kernel();
  const spec::Isa &isa = resolved.isa();
  if (kernel.loops.size() != given.loops.size())
    refuse("iterations differ in control state, so that there is no generic one");
  LoopVariables variables(kernel, loops);
  IndexSpace space(variables.counts);
  GenericElements elements(values, graph);
  GenericExecution execution(values, kernel, isa, space, variables, elements);
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
