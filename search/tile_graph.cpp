#include "search/tile_graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace isamorph::search {

using semantics::AttributeKey;
using semantics::Attributes;
using semantics::Node;
using semantics::NodeId;
using semantics::OpClass;
using semantics::OpCode;
using semantics::Shape;
using semantics::TensorGraph;

namespace {

struct CannotCut {
  std::string reason;
};

[[noreturn]] void refuse(const Node &node, std::size_t dimension, const std::string &why) {
  throw CannotCut{fmt::format("dimension {} of '{}' cannot be cut: {}", dimension, node.name, why)};
}

bool is_whole(const Box &box) {
  return std::none_of(box.begin(), box.end(), [](const BoxDimension &d) { return d.axis; });
}

/// All elements of a constant are the same bits.
bool uniform(const semantics::Tensor &value) {
  for (std::int64_t i = 1; i < value.elements(); ++i)
    if (value.bits(i) != value.bits(0))
      return false;
  return true;
}

class Cutter {
public:
  Cutter(const TensorGraph &graph, std::span<const TileAxis> axes, const CutOptions &options)
      : graph_(graph), axes_(axes), options_(options) {}

  TileGraph run(std::span<const TileResult> results) {
    out_.graph.name = graph_.name;
    for (const TileResult &result : results)
      out_.graph.results.push_back(need(result.node, result.box));
    return std::move(out_);
  }

private:
  NodeId need(NodeId id, const Box &box) {
    if (auto known = made_.find({id, box}); known != made_.end())
      return known->second;
    const Node &node = graph_[id];
    NodeId made =
        node.op == OpCode::Parameter || options_.stop == id ? input(id, box) : operation(id, box);
    made_[{id, box}] = made;
    return made;
  }

  NodeId input(NodeId id, const Box &box) {
    Attributes attributes;
    attributes.set(AttributeKey::ParameterNumber, {static_cast<std::int64_t>(out_.inputs.size())});
    NodeId made = out_.graph.add(OpCode::Parameter, {}, attributes,
                                 shape_of(box, graph_[id].shape.type), fresh_name(graph_[id].name));
    out_.inputs.push_back({id, box});
    return made;
  }

  NodeId operation(NodeId id, const Box &box) {
    const Node &node = graph_[id];
    Attributes attributes = node.attributes;
    std::vector<Box> boxes = operand_boxes(id, box, attributes);
    drop_dimensions(node, box, boxes, attributes);
    std::vector<NodeId> operands;
    for (std::size_t i = 0; i < boxes.size(); ++i)
      operands.push_back(need(node.operands[i], boxes[i]));
    return out_.graph.add(node.op, std::move(operands), std::move(attributes),
                          shape_of(box, node.shape.type), fresh_name(node.name), node.location);
  }

  Shape shape_of(const Box &box, semantics::ElementType type) const {
    Shape shape{type, {}};
    for (std::size_t d : kept_dimensions(box, axes_))
      shape.dims.push_back(box[d].size);
    return shape;
  }

  /// Dimensions of a box by what they are called in the tile; those that it leaves out vanish.
  std::vector<std::int64_t> renumbered(std::span<const std::int64_t> dimensions,
                                       const Box &box) const {
    std::vector<std::size_t> kept = kept_dimensions(box, axes_);
    std::vector<std::int64_t> out;
    for (std::int64_t d : dimensions)
      if (auto found = std::find(kept.begin(), kept.end(), static_cast<std::size_t>(d));
          found != kept.end())
        out.push_back(found - kept.begin());
    return out;
  }

  /// Attributes that name dimensions, once dropped axes are gone.
  void drop_dimensions(const Node &node, const Box &box, const std::vector<Box> &boxes,
                       Attributes &attributes) const {
    if (kept_dimensions(box, axes_).size() == box.size())
      return;
    auto rename = [&](AttributeKey key, const Box &in) {
      attributes.set(key, renumbered(attributes.get(key), in));
    };
    auto keep = [&](const Box &by) { // entries of a list with one for each dimension of a box
      std::vector<std::int64_t> out;
      for (std::size_t d : kept_dimensions(by, axes_))
        out.push_back(attributes.get(AttributeKey::Dimensions)[d]);
      attributes.set(AttributeKey::Dimensions, std::move(out));
    };
    switch (node.op) {
    case OpCode::Transpose:
    case OpCode::Broadcast:
      keep(node.op == OpCode::Transpose ? box : boxes[0]);
      return rename(AttributeKey::Dimensions, node.op == OpCode::Transpose ? boxes[0] : box);
    case OpCode::Reduce:
      return rename(AttributeKey::Dimensions, boxes[0]);
    case OpCode::Dot:
      rename(AttributeKey::LhsContracting, boxes[0]);
      rename(AttributeKey::RhsContracting, boxes[1]);
      rename(AttributeKey::LhsBatch, boxes[0]);
      return rename(AttributeKey::RhsBatch, boxes[1]);
    case OpCode::Slice:
    case OpCode::Pad:
    case OpCode::Concatenate:
    case OpCode::Reverse:
      refuse(node, first_cut(box), "the tile would leave it out");
    default:
      return;
    }
  }

  const Shape &operand_shape(const Node &node, std::size_t i) const {
    return graph_[node.operands[i]].shape;
  }

  /// What a box of a node needs of its operands; changes attributes that hold sizes.
  std::vector<Box> operand_boxes(NodeId id, const Box &box, Attributes &attributes) {
    const Node &node = graph_[id];
    std::vector<Box> boxes;
    for (NodeId operand : node.operands)
      boxes.push_back(whole(graph_[operand].shape));
    bool splits = options_.contraction && options_.contraction->dot == id;
    if (is_whole(box) && !splits)
      return boxes;
    switch (node.op) {
    case OpCode::Constant:
      cut_constant(node, box, attributes);
      break;
    case OpCode::Iota:
      refuse_cut(node, box, attributes.get(AttributeKey::IotaDimension),
                 "its elements are their positions");
      break;
    case OpCode::BitcastConvert:
    case OpCode::Reshape:
      boxes[0] = through_reshape(node, box);
      break;
    case OpCode::Transpose:
      for (std::size_t d = 0; d < box.size(); ++d)
        boxes[0][at(attributes.get(AttributeKey::Dimensions), d)] = box[d];
      break;
    case OpCode::Broadcast:
      through_broadcast(node, box, boxes[0]);
      break;
    case OpCode::Slice:
      through_slice(node, box, boxes[0], attributes);
      break;
    case OpCode::Concatenate:
      refuse_cut(node, box, attributes.get(AttributeKey::Dimensions),
                 "it is put together of several values");
      for (Box &operand : boxes)
        copy_cuts(box, operand);
      break;
    case OpCode::Reverse:
      refuse_cut(node, box, attributes.get(AttributeKey::Dimensions), "it is reversed");
      boxes[0] = box;
      break;
    case OpCode::Pad:
      through_pad(node, box, boxes[0]);
      break;
    case OpCode::Dot:
      through_dot(id, box, boxes);
      break;
    case OpCode::Reduce:
      through_reduce(node, box, boxes[0]);
      break;
    default:
      if (semantics::info(node.op).cls != OpClass::Elementwise && node.op != OpCode::Copy)
        refuse(node, first_cut(box), fmt::format("{} is not cut", semantics::info(node.op).name));
      for (std::size_t i = 0; i < boxes.size(); ++i)
        if (boxes[i].size() == box.size()) // a scalar operand stays whole
          boxes[i] = box;
    }
    return boxes;
  }

  static std::size_t at(std::span<const std::int64_t> list, std::size_t i) {
    return static_cast<std::size_t>(list[i]);
  }
  static std::size_t first_cut(const Box &box) {
    return static_cast<std::size_t>(
        std::find_if(box.begin(), box.end(), [](const BoxDimension &d) { return d.axis; }) -
        box.begin());
  }

  void refuse_cut(const Node &node, const Box &box, std::span<const std::int64_t> dimensions,
                  const char *why) const {
    for (std::int64_t d : dimensions)
      if (box[static_cast<std::size_t>(d)].axis)
        refuse(node, static_cast<std::size_t>(d), why);
  }

  static void copy_cuts(const Box &from, Box &to) {
    for (std::size_t d = 0; d < from.size(); ++d)
      if (from[d].axis)
        to[d] = from[d];
  }

  void cut_constant(const Node &node, const Box &box, Attributes &attributes) const {
    const semantics::Tensor &value = *attributes.literal;
    if (!uniform(value))
      refuse(node, first_cut(box), "its elements differ");
    semantics::Tensor tile(shape_of(box, node.shape.type));
    for (std::int64_t i = 0; i < tile.elements(); ++i)
      tile.set_bits(i, value.bits(0));
    attributes.literal = std::make_shared<semantics::Tensor>(std::move(tile));
  }

  /// A cut dimension must be one of the operand's too: of the same size, with as many elements
  /// before it.
  Box through_reshape(const Node &node, const Box &box) const {
    const Shape &from = operand_shape(node, 0);
    Box out = whole(from);
    std::int64_t before = 1;
    for (std::size_t d = 0; d < box.size(); ++d) {
      if (box[d].axis) {
        std::int64_t same = 1;
        std::size_t e = 0;
        while (e < out.size() && (same != before || from.dims[e] != node.shape.dims[d]))
          same *= from.dims[e++];
        if (e == out.size())
          refuse(node, d, fmt::format("it is no dimension of {}", from.to_string()));
        out[e] = box[d];
      }
      before *= node.shape.dims[d];
    }
    return out;
  }

  void through_broadcast(const Node &node, const Box &box, Box &operand) const {
    auto dimensions = node.attributes.get(AttributeKey::Dimensions);
    for (std::size_t q = 0; q < operand.size(); ++q)
      if (const BoxDimension &d = box[at(dimensions, q)];
          d.axis && operand_shape(node, 0).dims[q] == node.shape.dims[at(dimensions, q)])
        operand[q] = d;
  }

  void through_slice(const Node &node, const Box &box, Box &operand, Attributes &attributes) const {
    std::vector<std::int64_t> limits;
    for (std::size_t d = 0; d < box.size(); ++d) {
      limits.push_back(attributes.get(AttributeKey::SliceLimits)[d]);
      if (!box[d].axis)
        continue;
      if (operand[d].size != node.shape.dims[d])
        refuse(node, d, "it is a slice");
      operand[d] = box[d];
      limits[d] = box[d].size;
    }
    attributes.set(AttributeKey::SliceLimits, limits);
  }

  void through_pad(const Node &node, const Box &box, Box &operand) const {
    for (std::size_t d = 0; d < box.size(); ++d)
      if (box[d].axis && operand[d].size != node.shape.dims[d])
        refuse(node, d, "it is padded");
    copy_cuts(box, operand);
  }

  void through_dot(NodeId id, const Box &box, std::vector<Box> &boxes) const {
    const Node &node = graph_[id];
    const Attributes &a = node.attributes;
    auto lhs_batch = a.get(AttributeKey::LhsBatch), rhs_batch = a.get(AttributeKey::RhsBatch);
    std::size_t d = 0;
    for (std::size_t b = 0; b < lhs_batch.size(); ++b, ++d)
      boxes[0][at(lhs_batch, b)] = boxes[1][at(rhs_batch, b)] = box[d];
    auto free = [&](Box &side, std::span<const std::int64_t> batch,
                    std::span<const std::int64_t> contracting) {
      for (std::size_t e = 0; e < side.size(); ++e)
        if (std::count(batch.begin(), batch.end(), static_cast<std::int64_t>(e)) == 0 &&
            std::count(contracting.begin(), contracting.end(), static_cast<std::int64_t>(e)) == 0)
          side[e] = box[d++];
    };
    auto lhs = a.get(AttributeKey::LhsContracting), rhs = a.get(AttributeKey::RhsContracting);
    free(boxes[0], lhs_batch, lhs);
    free(boxes[1], rhs_batch, rhs);
    if (!options_.contraction || options_.contraction->dot != id)
      return;
    std::uint32_t axis = options_.contraction->axis;
    boxes[0][at(lhs, 0)] = boxes[1][at(rhs, 0)] = {axes_[axis].size, axis};
  }

  void through_reduce(const Node &node, const Box &box, Box &operand) const {
    auto reduced = node.attributes.get(AttributeKey::Dimensions);
    std::size_t d = 0;
    for (std::size_t e = 0; e < operand.size(); ++e)
      if (std::count(reduced.begin(), reduced.end(), static_cast<std::int64_t>(e)) == 0)
        operand[e] = box[d++];
  }

  std::string fresh_name(const std::string &name) {
    int &uses = names_[name];
    return ++uses == 1 ? name : fmt::format("{}.tile{}", name, uses);
  }

  const TensorGraph &graph_;
  std::span<const TileAxis> axes_;
  const CutOptions &options_;
  TileGraph out_;
  std::map<std::pair<NodeId, Box>, NodeId> made_;
  std::map<std::string, int> names_;
};

} // namespace

std::vector<TileAxis> slices(const std::string &name, std::int64_t whole, std::int64_t size,
                             bool shifted) {
  std::vector<TileAxis> out;
  if (whole >= size)
    out.push_back({name, size, whole / size, 0});
  if (whole % size != 0 && shifted && whole > size)
    out.push_back({name, size, 1, whole - size});
  else if (whole % size != 0)
    out.push_back({name, whole % size, 1, whole / size * size});
  return out;
}

std::vector<std::size_t> kept_dimensions(const Box &box, std::span<const TileAxis> axes) {
  std::vector<std::size_t> out;
  for (std::size_t d = 0; d < box.size(); ++d)
    if (!box[d].axis || !axes[*box[d].axis].dropped)
      out.push_back(d);
  return out;
}

Box whole(const Shape &shape) {
  Box box;
  for (std::int64_t size : shape.dims)
    box.push_back({size, std::nullopt});
  return box;
}

std::variant<TileGraph, std::string> cut(const TensorGraph &graph, std::span<const TileAxis> axes,
                                         std::span<const TileResult> results,
                                         const CutOptions &options) {
  try {
    return Cutter(graph, axes, options).run(results);
  } catch (const CannotCut &why) {
    return why.reason;
  }
}

std::vector<std::int64_t> slice_distances(const Shape &shape, const Box &box, std::size_t axes) {
  std::vector<std::int64_t> out(axes, 0), strides = semantics::row_major_strides(shape.dims);
  for (std::size_t d = 0; d < box.size(); ++d)
    if (box[d].axis)
      out[*box[d].axis] += box[d].size * strides[d] * semantics::byte_size(shape.type);
  return out;
}

std::int64_t first_slice(const Shape &shape, const Box &box, std::span<const TileAxis> axes) {
  std::int64_t out = 0;
  std::vector<std::int64_t> strides = semantics::row_major_strides(shape.dims);
  for (std::size_t d = 0; d < box.size(); ++d)
    if (box[d].axis)
      out += axes[*box[d].axis].offset * strides[d] * semantics::byte_size(shape.type);
  return out;
}

bool contiguous(const Shape &shape, const Box &box) {
  bool run = false; // a dimension of more than one element was met
  for (std::size_t d = 0; d < box.size(); ++d) {
    if (run && box[d].size != shape.dims[d])
      return false;
    run |= box[d].size > 1;
  }
  return true;
}

} // namespace isamorph::search
