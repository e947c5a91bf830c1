#include "spec/region_steps.h"

#include <algorithm>

namespace isamorph::spec {
namespace {

using semantics::IntOp;

/// A body in the making, whose nodes are those of another one with some put in between.
class BodyEditor {
public:
  explicit BodyEditor(const semantics::GraphTemplate &from) : from_(from) { out_.name = from.name; }

  /// A parameter of this name and shape; its node.
  std::uint32_t parameter(const std::string &name, semantics::ShapeTemplate shape) {
    semantics::TemplateNode node = from_.nodes[from_.parameters[0]];
    node.name = name;
    node.shape = std::move(shape);
    node.attributes = {{semantics::AttributeKey::ParameterNumber,
                        {IntExpr(static_cast<std::int64_t>(out_.parameters.size()))}}};
    out_.parameters.push_back(add(std::move(node)));
    return out_.parameters.back();
  }

  std::uint32_t
  operation(semantics::OpCode op, std::vector<std::uint32_t> operands,
            semantics::ShapeTemplate shape,
            std::vector<std::pair<semantics::AttributeKey, std::vector<IntExpr>>> attributes = {}) {
    semantics::TemplateNode node;
    node.op = op;
    node.operands = std::move(operands);
    node.shape = std::move(shape);
    node.attributes = std::move(attributes);
    node.name = "region." + std::to_string(out_.nodes.size());
    return add(std::move(node));
  }

  /// The nodes that are no parameters. `parameters[p]` stands for parameter number p.
  void copy_rest(const std::vector<std::uint32_t> &parameters) {
    placed_.assign(from_.nodes.size(), 0);
    for (std::size_t p = 0; p < parameters.size(); ++p)
      placed_[from_.parameters[p]] = parameters[p];
    for (std::size_t n = 0; n < from_.nodes.size(); ++n) {
      if (std::find(from_.parameters.begin(), from_.parameters.end(), n) != from_.parameters.end())
        continue;
      semantics::TemplateNode node = from_.nodes[n];
      for (std::uint32_t &operand : node.operands)
        operand = placed_[operand];
      placed_[n] = add(std::move(node));
    }
  }

  std::uint32_t result(std::size_t number) const { return placed_[from_.results[number]]; }
  void add_result(std::uint32_t node) { out_.results.push_back(node); }
  semantics::GraphTemplate take() { return std::move(out_); }

private:
  std::uint32_t add(semantics::TemplateNode node) {
    out_.nodes.push_back(std::move(node));
    return static_cast<std::uint32_t>(out_.nodes.size() - 1);
  }

  const semantics::GraphTemplate &from_;
  semantics::GraphTemplate out_;
  std::vector<std::uint32_t> placed_;
};

/// An arm with its regions with steps made plain ones: `count` of them each, for constant counts;
/// or one each where the extent is the distance.
class StepRemover {
public:
  StepRemover(const Instruction &arm, const StepCounts *counts) : arm_(arm), counts_(counts) {}

  Instruction result() {
    Instruction out = arm_;
    out.reads.clear();
    out.writes.clear();
    if (arm_.reads.empty() && arm_.writes.empty())
      return out;
    BodyEditor body(arm_.body);
    std::vector<std::uint32_t> parameters;
    for (const Read &read : arm_.reads)
      parameters.push_back(add_read(read, out, body));
    body.copy_rest(parameters);
    for (std::size_t w = 0; w < arm_.writes.size(); ++w)
      add_write(w, out, body);
    out.body = body.take();
    return out;
  }

private:
  struct Piece {
    Region region;
    semantics::ShapeTemplate shape, layer; ///< of the piece, and of it within the whole
    std::int64_t number;
  };

  /// `whole` is the shape of the tensor of a region with steps.
  std::vector<Piece> pieces(const Region &region, const semantics::ShapeTemplate &whole) {
    std::vector<Piece> out;
    Region plain = region;
    plain.steps.reset();
    semantics::ShapeTemplate shape = whole, layer = whole;
    shape.dims.erase(shape.dims.begin());
    if (!counts_) {
      plain.extents[0] = IntExpr::make(IntOp::Multiply, {region.steps->count, region.extents[0]});
      shape.dims[0] = plain.extents[0];
      return {{plain, shape, layer, 0}};
    }
    layer.dims[0] = 1;
    std::int64_t count = (*counts_)[next_++];
    for (std::int64_t i = 0; i < count; ++i) {
      plain.starts[0] =
          IntExpr::make(IntOp::Add, {region.starts[0],
                                     IntExpr::make(IntOp::Multiply, {i, region.steps->distance})});
      out.push_back({plain, shape, layer, i});
    }
    return out;
  }

  std::uint32_t add_read(const Read &read, Instruction &out, BodyEditor &body) {
    if (!read.region.steps) {
      out.reads.push_back(read);
      return body.parameter(read.name, read.shape);
    }
    std::vector<std::uint32_t> layers;
    for (const Piece &piece : pieces(read.region, read.shape)) {
      std::string name = read.name + "." + std::to_string(piece.number);
      out.reads.push_back({name, piece.region, piece.shape});
      layers.push_back(body.operation(semantics::OpCode::Reshape,
                                      {body.parameter(name, piece.shape)}, piece.layer));
    }
    if (layers.size() == 1)
      return layers[0];
    return body.operation(semantics::OpCode::Concatenate, layers, read.shape,
                          {{semantics::AttributeKey::Dimensions, {0}}});
  }

  void add_write(std::size_t index, Instruction &out, BodyEditor &body) {
    const Write &write = arm_.writes[index];
    std::uint32_t whole = body.result(index);
    if (!write.region.steps) {
      out.writes.push_back(write);
      body.add_result(whole);
      return;
    }
    const semantics::ShapeTemplate &shape = arm_.body.nodes[arm_.body.results[index]].shape;
    for (const Piece &piece : pieces(write.region, shape)) {
      std::uint32_t layer = counts_ ? layer_of(whole, piece, body) : whole;
      out.writes.push_back({write.value, piece.region});
      body.add_result(body.operation(semantics::OpCode::Reshape, {layer}, piece.shape));
    }
  }

  static std::uint32_t layer_of(std::uint32_t whole, const Piece &piece, BodyEditor &body) {
    std::vector<IntExpr> starts, limits, strides;
    for (const IntExpr &size : piece.layer.dims) {
      bool first = starts.empty();
      starts.emplace_back(first ? piece.number : 0);
      limits.push_back(first ? IntExpr(piece.number + 1) : size);
      strides.emplace_back(1);
    }
    return body.operation(semantics::OpCode::Slice, {whole}, piece.layer,
                          {{semantics::AttributeKey::SliceStarts, starts},
                           {semantics::AttributeKey::SliceLimits, limits},
                           {semantics::AttributeKey::SliceStrides, strides}});
  }

  const Instruction &arm_;
  const StepCounts *counts_; ///< null: the extents are the distances
  std::size_t next_ = 0;
};

} // namespace

bool has_steps(const Instruction &way) {
  return std::any_of(way.reads.begin(), way.reads.end(),
                     [](const Read &read) { return read.region.steps.has_value(); }) ||
         std::any_of(way.writes.begin(), way.writes.end(),
                     [](const Write &write) { return write.region.steps.has_value(); });
}

Instruction dense_regions(const Instruction &arm) { return StepRemover(arm, nullptr).result(); }

Instruction plain_regions(const Instruction &arm, const StepCounts &counts) {
  return StepRemover(arm, &counts).result();
}

} // namespace isamorph::spec
