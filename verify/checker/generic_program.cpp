#include "verify/checker/generic_program.h"

#include "verify/checker/refusal.h"

#include <algorithm>

namespace isamorph::verify {
namespace {

using semantics::AffineIndex;
using semantics::AttributeKey;
using semantics::Node;
using semantics::NodeId;
using semantics::OpClass;
using semantics::OpCode;
using semantics::Shape;
using Dims = std::vector<std::int64_t>;
using Position = std::pair<NodeId, AffineIndex>;

/// Elements of inputs with numbers from here on are not at one place.
constexpr std::uint64_t kFirstGeneric = std::uint64_t{1} << 63;

[[noreturn]] void not_affine(const Node &node) {
  refuse("the operation '" + std::string(semantics::info(node.op).name) +
         "' takes no affine positions to affine ones over $.claim.induction");
}

template <class T> const T &need(const std::optional<T> &value, const Node &node) {
  if (!value)
    not_affine(node);
  return *value;
}

class Program {
public:
  Program(Values &values, const semantics::TensorGraph &graph, semantics::IndexSpace &space,
          GenericElements &elements)
      : values_(values), graph_(graph), space_(space), elements_(elements),
        found_(graph.nodes.size()) {}

  const std::map<AffineIndex, ValueId> &run(NodeId result, const std::set<AffineIndex> &positions) {
    std::vector<std::set<AffineIndex>> wanted(graph_.nodes.size());
    wanted[result.v] = positions;
    for (std::uint32_t n = result.v + 1; n-- > 0;)
      for (const AffineIndex &position : wanted[n])
        for (const auto &[operand, from] : sources(n, position))
          wanted[operand.v].insert(from);
    for (std::uint32_t n = 0; n <= result.v; ++n)
      for (const AffineIndex &position : wanted[n])
        found_[n].emplace(position, value(n, position));
    return found_[result.v];
  }

private:
  const Shape &operand_shape(const Node &node, std::size_t k) const {
    return graph_[node.operands[k]].shape;
  }

  /// The elements that an element is computed of, in the order in which value() takes them.
  std::vector<Position> sources(std::uint32_t number, const AffineIndex &position) {
    const Node &node = graph_.nodes[number];
    std::vector<Position> out;
    switch (semantics::info(node.op).cls) {
    case OpClass::Source:
      return out;
    case OpClass::Elementwise:
      for (std::size_t k = 0; k < node.operands.size(); ++k)
        out.emplace_back(node.operands[k],
                         operand_shape(node, k).rank() == 0 ? AffineIndex{} : position);
      return out;
    case OpClass::Bitcast:
      return bytes_from(node, position).elements;
    case OpClass::Fold:
      return folded(node, position);
    default:
      break;
    }
    if (semantics::info(node.op).cls != OpClass::Movement && node.op != OpCode::Pad)
      not_affine(node);
    std::vector<Shape> shapes;
    for (NodeId operand : node.operands)
      shapes.push_back(graph_[operand].shape);
    auto from = need(
        semantics::movement_source(space_, node.op, shapes, node.attributes, node.shape, position),
        node);
    return {{node.operands[from.operand], from.element}};
  }

  struct Bytes {
    std::vector<Position> elements;
    std::int64_t first; ///< of the bytes of the first element
  };
  Bytes bytes_from(const Node &node, const AffineIndex &position) {
    std::int64_t from = semantics::byte_size(operand_shape(node, 0).type),
                 to = semantics::byte_size(node.shape.type);
    auto byte = need(space_.scaled(position, to), node);
    auto at = need(space_.divide(byte, from), node);
    if (!at.remainder.is_constant())
      not_affine(node);
    Bytes out{{}, at.remainder.offset};
    for (std::int64_t end = out.first + to, b = 0; b < end; b += from) {
      out.elements.emplace_back(node.operands[0], at.quotient);
      ++at.quotient.offset;
    }
    return out;
  }

  /// Moves along one dimension of a position.
  AffineIndex along(const Shape &shape, const AffineIndex &from, const Dims &dims,
                    const Dims &index) const {
    Dims strides = semantics::row_major_strides(shape.dims);
    AffineIndex out = from;
    for (std::size_t i = 0; i < dims.size(); ++i)
      out.offset += index[i] * strides[static_cast<std::size_t>(dims[i])];
    return out;
  }

  /// The elements of an operand along `dims`, row-major in their order, from where the others are
  /// `index`, in order of the dimensions in `held`.
  void line(const Node &node, std::size_t operand, const Dims &dims, const Dims &held,
            const std::vector<AffineIndex> &index, std::vector<Position> &out) {
    const Shape &shape = operand_shape(node, operand);
    std::vector<AffineIndex> at(shape.rank());
    for (std::size_t i = 0; i < held.size(); ++i)
      at[static_cast<std::size_t>(held[i])] = index[i];
    AffineIndex base = need(space_.position(at, shape.dims), node);
    Dims step(dims.size(), 0);
    std::int64_t count = 1;
    for (std::int64_t d : dims)
      count *= shape.dims[static_cast<std::size_t>(d)];
    for (std::int64_t i = 0; i < count; ++i) {
      out.emplace_back(node.operands[operand], along(shape, base, dims, step));
      for (std::size_t d = dims.size(); d-- > 0;) {
        if (++step[d] < shape.dims[static_cast<std::size_t>(dims[d])])
          break;
        step[d] = 0;
      }
    }
  }

  static Dims rest(const Shape &shape, const Dims &a, const Dims &b) {
    Dims out;
    for (std::int64_t d = 0; d < static_cast<std::int64_t>(shape.rank()); ++d)
      if (!std::count(a.begin(), a.end(), d) && !std::count(b.begin(), b.end(), d))
        out.push_back(d);
    return out;
  }

  static Dims attribute(const Node &node, AttributeKey key) {
    auto list = node.attributes.get(key);
    return {list.begin(), list.end()};
  }

  std::vector<Position> folded(const Node &node, const AffineIndex &position) {
    std::vector<AffineIndex> at = need(space_.indices(position, node.shape.dims), node);
    std::vector<Position> out;
    if (node.op == OpCode::Reduce) {
      Dims dims = attribute(node, AttributeKey::Dimensions);
      std::sort(dims.begin(), dims.end());
      out.emplace_back(node.operands[1], AffineIndex{});
      line(node, 0, dims, rest(operand_shape(node, 0), dims, {}), at, out);
      return out;
    }
    if (node.op != OpCode::Dot)
      not_affine(node);
    Dims batch = attribute(node, AttributeKey::LhsBatch),
         sum = attribute(node, AttributeKey::LhsContracting), held = batch,
         free = rest(operand_shape(node, 0), batch, sum);
    held.insert(held.end(), free.begin(), free.end());
    line(node, 0, sum, held, {at.begin(), at.begin() + static_cast<std::ptrdiff_t>(held.size())},
         out);
    at.erase(at.begin() + static_cast<std::ptrdiff_t>(batch.size()),
             at.begin() + static_cast<std::ptrdiff_t>(held.size()));
    held = attribute(node, AttributeKey::RhsBatch);
    sum = attribute(node, AttributeKey::RhsContracting);
    free = rest(operand_shape(node, 1), held, sum);
    held.insert(held.end(), free.begin(), free.end());
    line(node, 1, sum, held, at, out);
    return out;
  }

  ValueId value(std::uint32_t number, const AffineIndex &position) {
    const Node &node = graph_.nodes[number];
    if (node.op == OpCode::Parameter)
      return elements_.input(
          static_cast<std::size_t>(
              std::find(graph_.parameters.begin(), graph_.parameters.end(), NodeId{number}) -
              graph_.parameters.begin()),
          position);
    if (node.op == OpCode::Constant)
      return constant_element(values_, *node.attributes.literal, position);
    if (node.op == OpCode::Iota)
      return constant_element(
          values_,
          semantics::evaluate_op(node.op, node.attributes, {}, node.shape, values_.profile()),
          position);
    std::vector<ValueId> in;
    for (const auto &[operand, from] : sources(number, position))
      in.push_back(found_[operand.v].at(from));
    switch (semantics::info(node.op).cls) {
    case OpClass::Elementwise:
      // An integer of the same type keeps its bits; a float may lose a NaN's payload or a denormal.
      if (node.op == OpCode::Convert && operand_shape(node, 0).type == node.shape.type &&
          semantics::is_integer(node.shape.type))
        return in[0];
      return values_.operation(node.op, node.attributes.get_one(AttributeKey::Direction),
                               node.shape.type, std::move(in));
    case OpClass::Bitcast:
      return recast(node, position, in);
    case OpClass::Fold:
      return fold(node, in);
    default:
      return in[0];
    }
  }

  ValueId recast(const Node &node, const AffineIndex &position, const std::vector<ValueId> &in) {
    std::int64_t from = semantics::byte_size(operand_shape(node, 0).type);
    std::vector<ValueId> bytes;
    std::int64_t b = bytes_from(node, position).first;
    for (int i = 0; i < semantics::byte_size(node.shape.type); ++i, ++b)
      bytes.push_back(values_.byte(in[static_cast<std::size_t>(b / from)], b % from));
    return values_.joined(node.shape.type, bytes);
  }

  ValueId fold(const Node &node, const std::vector<ValueId> &in) {
    if (std::all_of(in.begin(), in.end(), [&](ValueId v) { return values_.is_literal(v); }))
      return fold_of_literals(node, in);
    if (node.op == OpCode::Reduce)
      return values_.reduce(static_cast<OpCode>(node.attributes.get_one(AttributeKey::Reducer)),
                            node.shape.type, in[0], values_.list({in.begin() + 1, in.end()}));
    auto half = in.begin() + static_cast<std::ptrdiff_t>(in.size() / 2);
    return values_.dot(node.shape.type, values_.list({in.begin(), half}),
                       values_.list({half, in.end()}));
  }

  /// What the evaluator gives for the summands alone.
  ValueId fold_of_literals(const Node &node, const std::vector<ValueId> &in) {
    auto row = [&](std::size_t first, std::size_t last) {
      semantics::Tensor out(
          Shape{values_[in[first]].type, {static_cast<std::int64_t>(last - first)}});
      for (std::size_t i = first; i < last; ++i)
        out.set_bits(static_cast<std::int64_t>(i - first), values_[in[i]].bits);
      return out;
    };
    semantics::Attributes attributes;
    std::vector<semantics::Tensor> operands;
    if (node.op == OpCode::Reduce) {
      attributes.set(AttributeKey::Dimensions, {0});
      attributes.set(AttributeKey::Reducer, {node.attributes.get_one(AttributeKey::Reducer)});
      operands.push_back(row(1, in.size()));
      operands.push_back(semantics::Tensor(Shape{values_[in[0]].type, {}}));
      operands.back().set_bits(0, values_[in[0]].bits);
    } else {
      attributes.set(AttributeKey::LhsContracting, {0});
      attributes.set(AttributeKey::RhsContracting, {0});
      operands = {row(0, in.size() / 2), row(in.size() / 2, in.size())};
    }
    std::vector<const semantics::Tensor *> both = {&operands[0], &operands[1]};
    return values_.literal(node.shape.type,
                           semantics::evaluate_op(node.op, attributes, both,
                                                  Shape{node.shape.type, {}}, values_.profile())
                               .bits(0));
  }

  Values &values_;
  const semantics::TensorGraph &graph_;
  semantics::IndexSpace &space_;
  GenericElements &elements_;
  std::vector<std::map<AffineIndex, ValueId>> found_; ///< by node
};

} // namespace

ValueId GenericElements::input(std::size_t parameter, const AffineIndex &position) {
  semantics::ElementType type = graph_[graph_.parameters[parameter]].shape.type;
  auto p = static_cast<std::int64_t>(parameter);
  if (position.is_constant())
    return values_.input(p, static_cast<std::uint64_t>(position.offset), type);
  auto [number, fresh] =
      numbers_.try_emplace({parameter, position}, kFirstGeneric + positions_.size());
  if (fresh)
    positions_.push_back(position);
  return values_.input(p, number->second, type);
}

std::pair<std::size_t, AffineIndex> GenericElements::position(const Value &input) const {
  auto parameter = static_cast<std::size_t>(input.detail);
  if (input.bits < kFirstGeneric)
    return {parameter, {static_cast<std::int64_t>(input.bits), {}}};
  return {parameter, positions_.at(input.bits - kFirstGeneric)};
}

bool GenericElements::inside(std::size_t parameter,
                             const semantics::IndexSpace::Range &range) const {
  return range.low >= 0 && range.high < graph_[graph_.parameters[parameter]].shape.elements();
}

ValueId constant_element(Values &values, const semantics::Tensor &constant,
                         const AffineIndex &position) {
  for (std::int64_t i = 1; i < constant.elements() && !position.is_constant(); ++i)
    if (constant.bits(i) != constant.bits(0))
      refuse("a constant is not the same in all iterations of $.claim.induction");
  return values.literal(constant.shape().type,
                        constant.bits(position.is_constant() ? position.offset : 0));
}

std::map<AffineIndex, ValueId> generic_result(Values &values, const semantics::TensorGraph &graph,
                                              NodeId result, const std::set<AffineIndex> &positions,
                                              semantics::IndexSpace &space,
                                              GenericElements &elements) {
  return Program(values, graph, space, elements).run(result, positions);
}

} // namespace isamorph::verify
