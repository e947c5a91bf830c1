#include "verify/symbolic.h"

#include "semantics/window.h"
#include "spec/state.h"
#include "verify/generic_kernel.h"
#include "verify/symbolic_parts.h"

#include <algorithm>
#include <array>

namespace isamorph::verify {
namespace {

using semantics::AttributeKey;
using semantics::Node;
using semantics::OpClass;
using semantics::Shape;
using semantics::TensorGraph;
using Dims = std::vector<std::int64_t>;

/// The value of a tensor all of whose elements are literals.
std::optional<semantics::Tensor> constant(const TermGraph &terms, const SymbolicTensor &tensor) {
  semantics::Tensor out(tensor.shape);
  for (std::size_t i = 0; i < tensor.elements.size(); ++i) {
    const Term &t = terms[tensor.elements[i]];
    if (t.kind != TermKind::Literal)
      return std::nullopt;
    out.set_bits(static_cast<std::int64_t>(i), t.bits);
  }
  return out;
}

VectorId gather(TermGraph &terms, const SymbolicTensor &tensor, std::int64_t base,
                std::span<const std::int64_t> steps, std::vector<TermId> &scratch) {
  scratch.clear();
  for (std::int64_t step : steps)
    scratch.push_back(tensor.elements[static_cast<std::size_t>(base + step)]);
  return terms.vector(scratch);
}

SymbolicTensor dot(TermGraph &terms, const Node &node, const SymbolicTensor &lhs,
                   const SymbolicTensor &rhs) {
  auto get = [&](AttributeKey key) { return node.attributes.get(key); };
  auto lc = get(AttributeKey::LhsContracting), rc = get(AttributeKey::RhsContracting),
       lb = get(AttributeKey::LhsBatch), rb = get(AttributeKey::RhsBatch);
  auto left_batch = offsets(lhs.shape, lb), right_batch = offsets(rhs.shape, rb);
  auto left_free = offsets(lhs.shape, others(lhs.shape.rank(), lc, lb)),
       right_free = offsets(rhs.shape, others(rhs.shape.rank(), rc, rb));
  auto left_steps = offsets(lhs.shape, lc), right_steps = offsets(rhs.shape, rc);
  SymbolicTensor out{node.shape, {}};
  out.elements.reserve(static_cast<std::size_t>(node.shape.elements()));
  std::vector<TermId> scratch;
  std::vector<VectorId> columns(right_free.size());
  for (std::size_t g = 0; g < left_batch.size(); ++g) {
    for (std::size_t j = 0; j < right_free.size(); ++j)
      columns[j] = gather(terms, rhs, right_batch[g] + right_free[j], right_steps, scratch);
    for (std::int64_t row : left_free) {
      VectorId a = gather(terms, lhs, left_batch[g] + row, left_steps, scratch);
      for (VectorId b : columns)
        out.elements.push_back(terms.dot(node.shape.type, a, b));
    }
  }
  return out;
}

SymbolicTensor reduce(TermGraph &terms, const Node &node, const SymbolicTensor &operand,
                      const SymbolicTensor &init) {
  auto dims = node.attributes.get(AttributeKey::Dimensions);
  Dims sorted(dims.begin(), dims.end());
  std::sort(sorted.begin(), sorted.end());
  auto free = offsets(operand.shape, others(operand.shape.rank(), dims, {})),
       steps = offsets(operand.shape, sorted);
  auto op = static_cast<OpCode>(node.attributes.get_one(AttributeKey::Reducer));
  SymbolicTensor out{node.shape, {}};
  std::vector<TermId> scratch;
  for (std::int64_t base : free)
    out.elements.push_back(terms.reduce(op, node.shape.type, init.elements[0],
                                        gather(terms, operand, base, steps, scratch)));
  return out;
}

SymbolicTensor reduce_window(TermGraph &terms, const Node &node, const SymbolicTensor &operand,
                             const SymbolicTensor &init) {
  semantics::ReduceWindows windows(node.attributes, operand.shape, node.shape);
  auto op = static_cast<OpCode>(node.attributes.get_one(AttributeKey::Reducer));
  SymbolicTensor out{node.shape, {}};
  std::vector<std::int64_t> elements;
  std::vector<TermId> scratch;
  for (std::int64_t o = 0; o < node.shape.elements(); ++o) {
    windows.gather(o, elements);
    out.elements.push_back(terms.reduce(op, node.shape.type, init.elements[0],
                                        gather(terms, operand, 0, elements, scratch)));
  }
  return out;
}

/// Products of gathered vectors; padding and holes are zero terms, as in the evaluator.
SymbolicTensor convolution(TermGraph &terms, const Node &node, const SymbolicTensor &lhs,
                           const SymbolicTensor &rhs) {
  SymbolicTensor out{node.shape, {}};
  out.elements.resize(static_cast<std::size_t>(node.shape.elements()));
  if (out.elements.empty())
    return out;
  semantics::ConvolutionProducts products(node.attributes, lhs.shape, rhs.shape, node.shape);
  TermId zero = terms.literal(node.shape.type, 0);
  std::vector<std::int64_t> elements;
  std::vector<TermId> scratch;
  std::vector<VectorId> columns(static_cast<std::size_t>(products.columns()));
  for (std::int64_t g = 0; g < products.groups(); ++g) {
    for (std::size_t c = 0; c < columns.size(); ++c) {
      products.right(g, static_cast<std::int64_t>(c), elements);
      columns[c] = gather(terms, rhs, 0, elements, scratch);
    }
    for (std::int64_t r = 0; r < products.rows(); ++r) {
      products.left(g, r, elements);
      scratch.clear();
      for (std::int64_t e : elements)
        scratch.push_back(e == semantics::kNoElement ? zero
                                                     : lhs.elements[static_cast<std::size_t>(e)]);
      VectorId row = terms.vector(scratch);
      for (std::size_t c = 0; c < columns.size(); ++c) {
        std::int64_t place = products.result(g, r, static_cast<std::int64_t>(c));
        out.elements[static_cast<std::size_t>(place)] = terms.dot(node.shape.type, row, columns[c]);
      }
    }
  }
  return out;
}

SymbolicTensor elementwise(TermGraph &terms, const Node &node,
                           std::span<const SymbolicTensor *const> operands) {
  SymbolicTensor out{node.shape, {}};
  auto count = static_cast<std::size_t>(node.shape.elements());
  out.elements.reserve(count);
  auto detail = static_cast<std::uint8_t>(node.attributes.get_one(AttributeKey::Direction));
  bool same = keeps_bits(node, operands[0]->shape.type);
  std::array<TermId, 3> in{};
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t k = 0; k < operands.size(); ++k)
      in[k] = operands[k]->elements[operands[k]->shape.rank() == 0 ? 0 : i];
    out.elements.push_back(
        same ? in[0]
             : terms.operation(node.op, detail, node.shape.type, {in.data(), operands.size()}));
  }
  return out;
}

SymbolicTensor move(const Node &node, std::span<const SymbolicTensor *const> operands) {
  std::vector<Shape> shapes;
  for (const SymbolicTensor *operand : operands)
    shapes.push_back(operand->shape);
  SymbolicTensor out{node.shape, {}};
  if (node.op == OpCode::Copy || node.op == OpCode::Reshape) {
    out.elements = operands[0]->elements;
    return out;
  }
  std::vector<semantics::ElementSource> map =
      semantics::movement_map(node.op, shapes, node.attributes, node.shape);
  out.elements.reserve(map.size());
  for (const semantics::ElementSource &source : map)
    out.elements.push_back(operands[source.operand]->elements[source.index]);
  return out;
}

/// The first operands whose elements pad, dynamic-slice and dynamic-update-slice move; those that
/// follow are start indices.
std::size_t moved_operands(OpCode op) { return op == OpCode::DynamicSlice ? 1 : 2; }

/// pad, dynamic-slice and dynamic-update-slice: the evaluator moves the elements' numbers, which
/// tells whence each element of the result comes. Throws TooMuchWork where a start index depends on
/// the inputs: each element might come from anywhere.
SymbolicTensor move_by_number(TermGraph &terms, const Node &node,
                              std::span<const SymbolicTensor *const> operands) {
  std::vector<semantics::Tensor> numbers;
  std::vector<TermId> moved;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const SymbolicTensor &operand = *operands[i];
    if (i < moved_operands(node.op)) {
      semantics::Tensor number(Shape{ElementType::U64, operand.shape.dims});
      for (std::int64_t e = 0; e < number.elements(); ++e)
        number.set_bits(e, moved.size() + static_cast<std::size_t>(e));
      numbers.push_back(std::move(number));
      moved.insert(moved.end(), operand.elements.begin(), operand.elements.end());
    } else if (auto start = constant(terms, operand)) {
      numbers.push_back(std::move(*start));
    } else {
      std::string why =
          semantics::InputError(node.location, "a start index of '" +
                                                   std::string(semantics::info(node.op).name) +
                                                   "' depends on the inputs; symbolic execution "
                                                   "needs constant ones")
              .what();
      throw TooMuchWork(why.substr(0, why.find('\n')));
    }
  }
  std::vector<const semantics::Tensor *> in;
  for (const semantics::Tensor &tensor : numbers)
    in.push_back(&tensor);
  semantics::Tensor places = semantics::evaluate_op(
      node.op, node.attributes, in, Shape{ElementType::U64, node.shape.dims}, terms.profile());
  SymbolicTensor out{node.shape, {}};
  for (std::uint64_t place : places.as<std::uint64_t>())
    out.elements.push_back(moved[place]);
  return out;
}

SymbolicTensor fold(TermGraph &terms, const Node &node, const SymbolicTensor &first,
                    const SymbolicTensor &second) {
  auto a = constant(terms, first), b = constant(terms, second);
  if (a && b) { // folds of constants are constants
    std::array<const semantics::Tensor *, 2> values = {&*a, &*b};
    return literal(terms, semantics::evaluate_op(node.op, node.attributes, values, node.shape,
                                                 terms.profile()));
  }
  switch (node.op) {
  case OpCode::Dot:
    return dot(terms, node, first, second);
  case OpCode::Reduce:
    return reduce(terms, node, first, second);
  case OpCode::ReduceWindow:
    return reduce_window(terms, node, first, second);
  default:
    return convolution(terms, node, first, second);
  }
}

SymbolicTensor execute_node(TermGraph &terms, const Node &node,
                            std::span<const SymbolicTensor *const> operands) {
  if (node.op == OpCode::Constant)
    return literal(terms, *node.attributes.literal);
  if (node.op == OpCode::Iota)
    return literal(
        terms, semantics::evaluate_op(node.op, node.attributes, {}, node.shape, terms.profile()));
  OpClass cls = semantics::info(node.op).cls;
  if (cls == OpClass::Movement)
    return move(node, operands);
  if (cls == OpClass::Bitcast)
    return from_bytes(terms, node.shape, bytes_of(terms, *operands[0]));
  if (cls == OpClass::Elementwise)
    return elementwise(terms, node, operands);
  if (cls == OpClass::Fold)
    return fold(terms, node, *operands[0], *operands[1]);
  if (node.op == OpCode::Pad || node.op == OpCode::DynamicSlice ||
      node.op == OpCode::DynamicUpdateSlice)
    return move_by_number(terms, node, operands);
  semantics::fail(node.location, "operation '" + std::string(semantics::info(node.op).name) +
                                     "' has no symbolic semantics yet");
}

} // namespace

std::vector<TermId> bytes_of(TermGraph &terms, const SymbolicTensor &tensor) {
  auto size = static_cast<std::uint8_t>(semantics::byte_size(tensor.shape.type));
  std::vector<TermId> out;
  out.reserve(tensor.elements.size() * size);
  for (TermId element : tensor.elements)
    for (std::uint8_t b = 0; b < size; ++b)
      out.push_back(terms.extract(element, b));
  return out;
}

SymbolicTensor from_bytes(TermGraph &terms, const Shape &shape, std::span<const TermId> bytes) {
  auto size = static_cast<std::size_t>(semantics::byte_size(shape.type));
  SymbolicTensor out{shape, {}};
  out.elements.reserve(bytes.size() / size);
  for (std::size_t i = 0; i < bytes.size(); i += size)
    out.elements.push_back(terms.join(shape.type, bytes.subspan(i, size)));
  return out;
}

SymbolicTensor literal(TermGraph &terms, const semantics::Tensor &tensor) {
  SymbolicTensor out{tensor.shape(), {}};
  out.elements.reserve(static_cast<std::size_t>(tensor.elements()));
  for (std::int64_t i = 0; i < tensor.elements(); ++i)
    out.elements.push_back(terms.literal(tensor.shape().type, tensor.bits(i)));
  return out;
}

bool keeps_bits(const Node &node, ElementType operand) {
  return node.op == OpCode::Convert && operand == node.shape.type &&
         semantics::is_integer(node.shape.type);
}

std::vector<std::int64_t> others(std::size_t rank, std::span<const std::int64_t> a,
                                 std::span<const std::int64_t> b) {
  Dims out;
  for (std::int64_t d = 0; d < static_cast<std::int64_t>(rank); ++d)
    if (std::find(a.begin(), a.end(), d) == a.end() && std::find(b.begin(), b.end(), d) == b.end())
      out.push_back(d);
  return out;
}

std::vector<std::int64_t> offsets(const Shape &shape, std::span<const std::int64_t> dims) {
  std::vector<std::int64_t> strides = semantics::row_major_strides(shape.dims), out = {0};
  for (std::int64_t d : dims) {
    std::vector<std::int64_t> next;
    for (std::int64_t base : out)
      for (std::int64_t i = 0; i < shape.dims[static_cast<std::size_t>(d)]; ++i)
        next.push_back(base + i * strides[static_cast<std::size_t>(d)]);
    out = std::move(next);
  }
  return out;
}

std::int64_t work_of(const TensorGraph &graph) {
  std::int64_t work = 0;
  for (const Node &node : graph.nodes) {
    work += node.shape.elements();
    for (semantics::NodeId operand : node.operands)
      work += graph[operand].shape.elements();
    if (node.op != OpCode::Dot)
      continue;
    std::int64_t length = 1;
    for (std::int64_t d : node.attributes.get(AttributeKey::LhsContracting))
      length *= graph[node.operands[0]].shape.dims[static_cast<std::size_t>(d)];
    work += node.shape.elements() * length;
  }
  return work;
}

std::vector<SymbolicTensor> symbolic_inputs(TermGraph &terms, std::span<const Shape> shapes) {
  std::vector<SymbolicTensor> out;
  for (std::uint32_t p = 0; p < shapes.size(); ++p) {
    out.push_back({shapes[p], {}});
    for (std::int64_t e = 0; e < shapes[p].elements(); ++e)
      out.back().elements.push_back(terms.input(p, static_cast<std::uint32_t>(e), shapes[p].type));
  }
  return out;
}

std::vector<SymbolicTensor> execute_nodes(TermGraph &terms, const TensorGraph &graph,
                                          std::span<const SymbolicTensor> inputs) {
  std::vector<SymbolicTensor> values(graph.nodes.size());
  for (std::size_t p = 0; p < graph.parameters.size(); ++p)
    values[graph.parameters[p].v] = inputs[p];
  std::vector<const SymbolicTensor *> operands;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node &node = graph.nodes[i];
    if (node.op == OpCode::Parameter)
      continue;
    operands.clear();
    for (semantics::NodeId operand : node.operands)
      operands.push_back(&values[operand.v]);
    values[i] = execute_node(terms, node, operands);
  }
  return values;
}

std::vector<SymbolicTensor> execute(TermGraph &terms, const TensorGraph &graph,
                                    std::span<const SymbolicTensor> inputs) {
  std::vector<SymbolicTensor> values = execute_nodes(terms, graph, inputs), results;
  for (semantics::NodeId r : graph.results)
    results.push_back(values[r.v]);
  return results;
}

std::vector<SymbolicTensor> execute(TermGraph &terms, const spec::Isa &isa,
                                    const spec::Kernel &given,
                                    std::span<const SymbolicTensor> inputs, std::int64_t limit) {
  spec::Resolved resolved(isa, given);
  const spec::Kernel &kernel = resolved.kernel();
  GenericLoops none(kernel, {});
  auto input = [&](std::size_t tensor, const semantics::AffineIndex &position) {
    return inputs[tensor].elements[static_cast<std::size_t>(position.offset)];
  };
  std::vector<SymbolicTensor> outputs;
  for (const spec::Placed &output : kernel.outputs)
    outputs.push_back(
        {output.shape, std::vector<TermId>(static_cast<std::size_t>(output.shape.elements()))});
  for (const GenericElement &e : execute_generic(terms, resolved.isa(), kernel, none, input, limit))
    outputs[e.output].elements[static_cast<std::size_t>(e.position.offset)] = e.term;
  return outputs;
}

} // namespace isamorph::verify
