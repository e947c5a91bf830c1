#include "verify/checker/execution.h"

#include "semantics/window.h"
#include "spec/state.h"
#include "spec/unroll.h"
#include "verify/checker/refusal.h"

#include <algorithm>
#include <map>

namespace isamorph::verify {
namespace {

using semantics::AttributeKey;
using semantics::ElementType;
using semantics::Node;
using semantics::OpClass;
using semantics::OpCode;
using semantics::Shape;
using Dims = std::vector<std::int64_t>;

/// All index vectors of the sizes, last index fastest.
std::vector<Dims> all_indices(const Dims &sizes) {
  std::vector<Dims> out = {{}};
  for (std::int64_t size : sizes) {
    std::vector<Dims> longer;
    for (const Dims &index : out)
      for (std::int64_t i = 0; i < size; ++i) {
        longer.push_back(index);
        longer.back().push_back(i);
      }
    out = std::move(longer);
  }
  return out;
}

/// The sizes of some dimensions.
Dims sizes_of(const Shape &shape, const Dims &dims) {
  Dims out;
  for (std::int64_t d : dims)
    out.push_back(shape.dims[static_cast<std::size_t>(d)]);
  return out;
}

/// The row-major position of the element whose index along dims[i] is index[i], for each pair.
std::size_t position(const Shape &shape,
                     std::initializer_list<std::pair<const Dims *, const Dims *>> parts) {
  Dims strides = semantics::row_major_strides(shape.dims);
  std::int64_t out = 0;
  for (auto [dims, index] : parts)
    for (std::size_t i = 0; i < dims->size(); ++i)
      out += (*index)[i] * strides[static_cast<std::size_t>((*dims)[i])];
  return static_cast<std::size_t>(out);
}

Dims attribute(const Node &node, AttributeKey key) {
  auto list = node.attributes.get(key);
  return {list.begin(), list.end()};
}

/// The dimensions of a tensor that are in neither list.
Dims rest(const Shape &shape, const Dims &a, const Dims &b) {
  Dims out;
  for (std::int64_t d = 0; d < static_cast<std::int64_t>(shape.rank()); ++d)
    if (!std::count(a.begin(), a.end(), d) && !std::count(b.begin(), b.end(), d))
      out.push_back(d);
  return out;
}

ValueTensor literals(Values &values, const semantics::Tensor &tensor) {
  ValueTensor out;
  for (std::int64_t i = 0; i < tensor.elements(); ++i)
    out.push_back(values.literal(tensor.shape().type, tensor.bits(i)));
  return out;
}

ValueTensor to_bytes(Values &values, const ValueTensor &tensor, ElementType type) {
  ValueTensor out;
  for (ValueId element : tensor)
    for (int b = 0; b < semantics::byte_size(type); ++b)
      out.push_back(values.byte(element, b));
  return out;
}

ValueTensor from_bytes(Values &values, const ValueTensor &bytes, ElementType type) {
  ValueTensor out;
  auto size = static_cast<std::ptrdiff_t>(semantics::byte_size(type));
  for (auto at = bytes.begin(); at != bytes.end(); at += size)
    out.push_back(values.joined(type, {at, at + size}));
  return out;
}

/// One node of a graph, given its operands' shapes and elements.
class NodeRun {
public:
  NodeRun(Values &values, const semantics::TensorGraph &graph, const Node &node,
          const std::vector<ValueTensor> &all)
      : values_(values), node_(node) {
    for (semantics::NodeId operand : node.operands) {
      shapes_.push_back(graph[operand].shape);
      operands_.push_back(&all[operand.v]);
    }
  }

  ValueTensor result() {
    if (node_.op == OpCode::Constant)
      return literals(values_, *node_.attributes.literal);
    if (node_.op == OpCode::Iota)
      return evaluated({});
    if (node_.op == OpCode::Copy || node_.op == OpCode::Reshape)
      return *operands_[0];
    switch (semantics::info(node_.op).cls) {
    case OpClass::Movement:
      return moved();
    case OpClass::Bitcast:
      return from_bytes(values_, to_bytes(values_, *operands_[0], shapes_[0].type),
                        node_.shape.type);
    case OpClass::Elementwise:
      return elementwise();
    case OpClass::Fold:
      return folded();
    default:
      return placed();
    }
  }

private:
  ValueTensor evaluated(const std::vector<semantics::Tensor> &operands) {
    std::vector<const semantics::Tensor *> borrowed;
    for (const semantics::Tensor &tensor : operands)
      borrowed.push_back(&tensor);
    return literals(values_, semantics::evaluate_op(node_.op, node_.attributes, borrowed,
                                                    node_.shape, values_.profile()));
  }

  ValueTensor moved() {
    ValueTensor out;
    for (const semantics::ElementSource &from :
         semantics::movement_map(node_.op, shapes_, node_.attributes, node_.shape))
      out.push_back(operands_[from.operand]->at(from.index));
    return out;
  }

  ValueTensor elementwise() {
    // An integer of the same type keeps its bits; a float may lose a NaN's payload or a denormal.
    if (node_.op == OpCode::Convert && shapes_[0].type == node_.shape.type &&
        semantics::is_integer(node_.shape.type))
      return *operands_[0];
    ValueTensor out;
    for (std::int64_t i = 0; i < node_.shape.elements(); ++i) {
      std::vector<ValueId> in;
      for (std::size_t k = 0; k < operands_.size(); ++k)
        in.push_back(operands_[k]->at(shapes_[k].rank() == 0 ? 0 : static_cast<std::size_t>(i)));
      out.push_back(values_.operation(node_.op, node_.attributes.get_one(AttributeKey::Direction),
                                      node_.shape.type, std::move(in)));
    }
    return out;
  }

  [[noreturn]] void unknown() const {
    refuse("the checker has no meaning for the operation '" +
           std::string(semantics::info(node_.op).name) + "'");
  }

  /// Pad, dynamic-slice, dynamic-update-slice: where each element comes from is what the evaluator
  /// makes of the elements' numbers. All operands but the first ones are places, which must be
  /// literals.
  ValueTensor placed() {
    bool slice = node_.op == OpCode::DynamicSlice;
    if (!slice && node_.op != OpCode::Pad && node_.op != OpCode::DynamicUpdateSlice)
      unknown();
    std::size_t moved = slice ? 1 : 2;
    ValueTensor from;
    std::vector<semantics::Tensor> numbers;
    for (std::size_t k = 0; k < operands_.size(); ++k) {
      if (k >= moved) {
        auto start = constant(k);
        if (!start)
          refuse("a start index of '" + std::string(semantics::info(node_.op).name) +
                 "' depends on the inputs");
        numbers.push_back(*std::move(start));
        continue;
      }
      numbers.emplace_back(Shape{ElementType::U64, shapes_[k].dims});
      for (std::int64_t e = 0; e < numbers.back().elements(); ++e)
        numbers.back().set_bits(e, from.size() + static_cast<std::size_t>(e));
      from.insert(from.end(), operands_[k]->begin(), operands_[k]->end());
    }
    std::vector<const semantics::Tensor *> borrowed;
    for (const semantics::Tensor &tensor : numbers)
      borrowed.push_back(&tensor);
    semantics::Tensor places =
        semantics::evaluate_op(node_.op, node_.attributes, borrowed,
                               Shape{ElementType::U64, node_.shape.dims}, values_.profile());
    ValueTensor out;
    for (std::int64_t e = 0; e < places.elements(); ++e)
      out.push_back(from.at(places.bits(e)));
    return out;
  }

  ValueTensor folded() {
    std::vector<semantics::Tensor> constants;
    for (std::size_t k = 0; k < operands_.size(); ++k)
      if (auto value = constant(k))
        constants.push_back(*value);
    if (constants.size() == operands_.size())
      return evaluated(constants);
    switch (node_.op) {
    case OpCode::Dot:
      return dot();
    case OpCode::Reduce:
      return reduce();
    case OpCode::ReduceWindow:
      return reduce_window();
    case OpCode::Convolution:
      return convolution();
    default:
      unknown();
    }
  }

  std::optional<semantics::Tensor> constant(std::size_t operand) const {
    semantics::Tensor out(shapes_[operand]);
    for (std::size_t i = 0; i < operands_[operand]->size(); ++i) {
      ValueId element = (*operands_[operand])[i];
      if (!values_.is_literal(element))
        return std::nullopt;
      out.set_bits(static_cast<std::int64_t>(i), values_[element].bits);
    }
    return out;
  }

  /// The elements along `dims`, in their order, with the other dimensions held.
  ValueId line(std::size_t operand, const Dims &dims, const Dims &held, const Dims &held_index,
               const Dims &free, const Dims &free_index) {
    std::vector<ValueId> elements;
    for (const Dims &index : all_indices(sizes_of(shapes_[operand], dims)))
      elements.push_back(operands_[operand]->at(position(
          shapes_[operand], {{&dims, &index}, {&held, &held_index}, {&free, &free_index}})));
    return values_.list(std::move(elements));
  }

  ValueTensor dot() {
    Dims lc = attribute(node_, AttributeKey::LhsContracting),
         rc = attribute(node_, AttributeKey::RhsContracting),
         lb = attribute(node_, AttributeKey::LhsBatch),
         rb = attribute(node_, AttributeKey::RhsBatch);
    Dims left_free = rest(shapes_[0], lc, lb), right_free = rest(shapes_[1], rc, rb);
    ValueTensor out;
    for (const Dims &batch : all_indices(sizes_of(shapes_[0], lb))) {
      std::vector<ValueId> columns;
      for (const Dims &column : all_indices(sizes_of(shapes_[1], right_free)))
        columns.push_back(line(1, rc, rb, batch, right_free, column));
      for (const Dims &row : all_indices(sizes_of(shapes_[0], left_free))) {
        ValueId left = line(0, lc, lb, batch, left_free, row);
        for (ValueId right : columns)
          out.push_back(values_.dot(node_.shape.type, left, right));
      }
    }
    return out;
  }

  ValueTensor reduce() {
    Dims dims = attribute(node_, AttributeKey::Dimensions);
    std::sort(dims.begin(), dims.end());
    Dims free = rest(shapes_[0], dims, {}), none;
    auto op = static_cast<OpCode>(node_.attributes.get_one(AttributeKey::Reducer));
    ValueTensor out;
    for (const Dims &index : all_indices(sizes_of(shapes_[0], free)))
      out.push_back(values_.reduce(op, node_.shape.type, operands_[1]->at(0),
                                   line(0, dims, none, none, free, index)));
    return out;
  }

  /// The elements of these numbers; where there is none, zero.
  ValueId list_of(std::size_t operand, const Dims &numbers) {
    std::vector<ValueId> elements;
    for (std::int64_t e : numbers)
      elements.push_back(e == semantics::kNoElement
                             ? values_.literal(shapes_[operand].type, 0)
                             : operands_[operand]->at(static_cast<std::size_t>(e)));
    return values_.list(std::move(elements));
  }

  /// Places outside the operand are left out of the fold.
  ValueTensor reduce_window() {
    semantics::ReduceWindows windows(node_.attributes, shapes_[0], node_.shape);
    auto op = static_cast<OpCode>(node_.attributes.get_one(AttributeKey::Reducer));
    ValueTensor out;
    Dims under;
    for (std::int64_t e = 0; e < node_.shape.elements(); ++e) {
      windows.gather(e, under);
      out.push_back(values_.reduce(op, node_.shape.type, operands_[1]->at(0), list_of(0, under)));
    }
    return out;
  }

  /// Dots of what is under the window; places outside the operand are multiplied as zeros.
  ValueTensor convolution() {
    ValueTensor out(static_cast<std::size_t>(node_.shape.elements()));
    if (out.empty())
      return out;
    semantics::ConvolutionProducts products(node_.attributes, shapes_[0], shapes_[1], node_.shape);
    Dims left, right;
    for (std::int64_t group = 0; group < products.groups(); ++group)
      for (std::int64_t row = 0; row < products.rows(); ++row) {
        products.left(group, row, left);
        ValueId under = list_of(0, left);
        for (std::int64_t column = 0; column < products.columns(); ++column) {
          products.right(group, column, right);
          out.at(static_cast<std::size_t>(products.result(group, row, column))) =
              values_.dot(node_.shape.type, under, list_of(1, right));
        }
      }
    return out;
  }

  Values &values_;
  const Node &node_;
  std::vector<Shape> shapes_;
  std::vector<const ValueTensor *> operands_;
};

/// The accelerator's memories: values by element number, off-chip memory by byte.
class Memories {
public:
  explicit Memories(const spec::Isa &isa) : isa_(isa), memories_(isa.buffers.size()) {}

  ValueId load(std::uint32_t buffer, std::int64_t element) const {
    auto found = memories_[buffer].find(element);
    if (found == memories_[buffer].end())
      refuse("the kernel reads a place of '" + isa_.buffer(buffer).name +
             "' that was never written");
    return found->second;
  }
  void store(std::uint32_t buffer, std::int64_t element, ValueId value) {
    memories_[buffer][element] = value;
  }

  /// The element numbers of a region, in row-major order.
  std::vector<std::int64_t> elements(const spec::ConcreteRegion &region) const {
    const spec::Buffer &buffer = isa_.buffer(region.buffer);
    std::vector<std::int64_t> out;
    for (const Dims &index : all_indices(region.extents)) {
      std::int64_t place = 0;
      for (std::size_t d = 0; d < index.size(); ++d) // off-chip memory has one dimension, no size
        place = (d == 0 ? 0 : place * buffer.addressed[d]) + region.starts[d] + index[d];
      for (std::int64_t u = 0; u < buffer.unit_elements(); ++u)
        out.push_back(place * buffer.unit_elements() + u);
    }
    return out;
  }

private:
  const spec::Isa &isa_;
  std::vector<std::map<std::int64_t, ValueId>> memories_;
};

spec::ConcreteRegion region_of(const spec::Region &region, const semantics::Bindings &attributes) {
  auto concrete = spec::instantiate(region, attributes);
  if (!concrete)
    refuse("a region of an instruction has no value");
  return *concrete;
}

void step(Values &values, Memories &memories, const spec::KernelInstruction &call,
          const spec::Isa &isa) {
  const auto &[number, operands, where, strides] = call; // all of it: see run()
  if (!strides.empty())
    refuse("an instruction of a loop was not unrolled");
  const spec::Instruction &instruction = isa.instructions[number];
  semantics::Bindings attributes(operands.begin(), operands.end());
  std::vector<ValueTensor> inputs;
  for (const spec::Read &read : instruction.reads) {
    spec::ConcreteRegion region = region_of(read.region, attributes);
    inputs.emplace_back();
    for (std::int64_t element : memories.elements(region))
      inputs.back().push_back(memories.load(region.buffer, element));
  }
  std::vector<ValueTensor> results =
      run(values, spec::instantiate_body(instruction, attributes), inputs);
  for (std::size_t w = 0; w < instruction.writes.size(); ++w) {
    spec::ConcreteRegion region = region_of(instruction.writes[w].region, attributes);
    std::vector<std::int64_t> elements = memories.elements(region);
    for (std::size_t i = 0; i < elements.size(); ++i)
      memories.store(region.buffer, elements[i], results[w].at(i));
  }
}

} // namespace

std::vector<ValueTensor> input_values(Values &values, const semantics::TensorGraph &graph) {
  std::vector<ValueTensor> out;
  for (std::size_t p = 0; p < graph.parameters.size(); ++p) {
    const Shape &shape = graph[graph.parameters[p]].shape;
    out.emplace_back();
    for (std::int64_t e = 0; e < shape.elements(); ++e)
      out.back().push_back(
          values.input(static_cast<std::int64_t>(p), static_cast<std::uint64_t>(e), shape.type));
  }
  return out;
}

std::vector<ValueTensor> run(Values &values, const semantics::TensorGraph &graph,
                             const std::vector<ValueTensor> &inputs) {
  std::vector<ValueTensor> all(graph.nodes.size());
  for (std::size_t p = 0; p < graph.parameters.size(); ++p)
    all[graph.parameters[p].v] = inputs[p];
  for (std::size_t i = 0; i < graph.nodes.size(); ++i)
    if (graph.nodes[i].op != OpCode::Parameter)
      all[i] = NodeRun(values, graph, graph.nodes[i], all).result();
  std::vector<ValueTensor> results;
  for (semantics::NodeId result : graph.results)
    results.push_back(all[result.v]);
  return results;
}

std::vector<ValueTensor> run(Values &values, const spec::Kernel &given, const spec::Isa &with_control,
                             const std::vector<ValueTensor> &inputs) {
  spec::Resolved resolved(with_control, given);
  const spec::Kernel &kernel = resolved.kernel();
  const spec::Isa &isa = resolved.isa();
  // Every member has a meaning here: one that is added must be given one, and does not compile
  // until then.
  [[maybe_unused]] const auto &[kernel_name, memory_size, places_in, constants, places_out, calls,
                                text, loops] = kernel; // calls and loops: by spec::unrolled
  Memories memories(isa);
  auto place = [&](const spec::Placed &at, const ValueTensor &tensor) {
    ValueTensor bytes = to_bytes(values, tensor, at.shape.type);
    for (std::size_t i = 0; i < bytes.size(); ++i)
      memories.store(isa.off_chip, at.address + static_cast<std::int64_t>(i), bytes[i]);
  };
  for (std::size_t i = 0; i < places_in.size(); ++i)
    place(places_in[i], inputs[i]);
  for (const spec::Placed &constant : constants)
    place(constant, literals(values, *constant.value));
  for (const spec::KernelInstruction &call : spec::unrolled(kernel).instructions)
    step(values, memories, call, isa);
  std::vector<ValueTensor> outputs;
  for (const spec::Placed &output : places_out) {
    ValueTensor bytes;
    for (std::int64_t i = 0; i < output.shape.bytes(); ++i)
      bytes.push_back(memories.load(isa.off_chip, output.address + i));
    outputs.push_back(from_bytes(values, bytes, output.shape.type));
  }
  return outputs;
}

} // namespace isamorph::verify
