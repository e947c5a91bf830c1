#include "verify/typing.h"

#include <algorithm>
#include <stdexcept>

namespace isamorph::verify {
namespace {

using semantics::AttributeKey;
using semantics::ElementType;
using semantics::GraphTemplate;
using semantics::IntExpr;
using semantics::IntOp;
using semantics::OpCode;
using semantics::ShapeTemplate;
using semantics::TemplateNode;
using Sizes = std::vector<IntExpr>;
using Numbers = std::vector<std::size_t>;

/// Not well-typed, whatever the values.
struct Wrong : std::runtime_error {
  using std::runtime_error::runtime_error;
};
/// Not stated as conditions.
struct Undecided : std::runtime_error {
  using std::runtime_error::runtime_error;
};

void need(bool holds, const std::string &what) {
  if (!holds)
    throw Wrong(what);
}

IntExpr make(IntOp op, IntExpr a, IntExpr b) {
  return IntExpr::make(op, {std::move(a), std::move(b)});
}
IntExpr plus(IntExpr a, IntExpr b) { return make(IntOp::Add, std::move(a), std::move(b)); }
IntExpr minus(IntExpr a, IntExpr b) { return make(IntOp::Subtract, std::move(a), std::move(b)); }
IntExpr times(IntExpr a, IntExpr b) { return make(IntOp::Multiply, std::move(a), std::move(b)); }

IntExpr product(const Sizes &sizes) {
  IntExpr out = 1;
  for (const IntExpr &size : sizes)
    out = out == IntExpr(1) ? size : times(out, size);
  return out;
}

bool contains(const Numbers &list, std::size_t value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

class NodeTyping {
public:
  NodeTyping(const GraphTemplate &graph, const TemplateNode &node, Typing &out)
      : graph_(graph), node_(node), out_(out) {}

  void check() {
    const auto *code = std::get_if<OpCode>(&node_.op);
    if (!code)
      throw Undecided("a symbolic operation");
    op_ = *code;
    const semantics::OpInfo &row = semantics::info(op_);
    int count = static_cast<int>(node_.operands.size());
    need(count >= row.min_arity && (row.max_arity < 0 || count <= row.max_arity),
         "the number of operands");
    for (std::size_t d = 0; d < node_.shape.dims.size(); ++d)
      require("size of dimension " + std::to_string(d), 0, node_.shape.dims[d], IntOp::LessEqual);
    if (row.cls == semantics::OpClass::Elementwise)
      elementwise();
    else
      other();
  }

private:
  const ShapeTemplate &in(std::size_t operand) const {
    return graph_.nodes[node_.operands[operand]].shape;
  }
  ElementType type(const ShapeTemplate &shape) const {
    const auto *fixed = std::get_if<ElementType>(&shape.type);
    if (!fixed || shape.prefix)
      throw Undecided("a symbolic element type or rank");
    return *fixed;
  }

  std::span<const IntExpr> list(AttributeKey key) const {
    for (const auto &[k, values] : node_.attributes)
      if (k == key)
        return values;
    return {};
  }
  std::int64_t number(const IntExpr &value, const char *what) const {
    if (!value.is_constant())
      throw Undecided(std::string(what) + " depends on attributes");
    return value.value();
  }
  /// Distinct dimension numbers of a tensor of `rank` dimensions.
  Numbers dimensions(AttributeKey key, std::size_t rank) const {
    Numbers out;
    for (const IntExpr &value : list(key)) {
      std::int64_t d = number(value, "a dimension number");
      need(d >= 0 && static_cast<std::size_t>(d) < rank,
           "dimension " + std::to_string(d) + " of a tensor of rank " + std::to_string(rank));
      need(!contains(out, static_cast<std::size_t>(d)),
           "dimension " + std::to_string(d) + " stands twice");
      out.push_back(static_cast<std::size_t>(d));
    }
    return out;
  }

  void require(const std::string &what, IntExpr left, IntExpr right,
               IntOp relation = IntOp::Equal) {
    out_.requirements.push_back(
        {node_.location,
         "%" + node_.name + " = " + std::string(semantics::info(op_).name) + ": " + what,
         std::move(left), std::move(right), relation});
  }
  void same_sizes(const Sizes &declared, const Sizes &computed, const std::string &what = "") {
    need(declared.size() == computed.size(), "the rank is " + std::to_string(computed.size()) +
                                                 ", not " + std::to_string(declared.size()) + what);
    for (std::size_t d = 0; d < declared.size(); ++d)
      require("size of dimension " + std::to_string(d) + what, declared[d], computed[d]);
  }
  void result(const Sizes &computed) { same_sizes(node_.shape.dims, computed); }
  void same_type(std::size_t operand) const {
    need(type(in(operand)) == type(node_.shape),
         "element types differ: " + std::string(semantics::name(type(in(operand)))) + " and " +
             std::string(semantics::name(type(node_.shape))));
  }
  void scalar(std::size_t operand, const char *what) const {
    need(in(operand).dims.empty(), std::string(what) + " is no scalar");
  }

  /// Element types as infer_shape checks them, on scalars; then sizes.
  void elementwise() {
    std::vector<semantics::Shape> scalars;
    for (std::size_t i = 0; i < node_.operands.size(); ++i)
      scalars.push_back({type(in(i)), {}});
    semantics::Attributes attributes;
    for (const auto &[key, values] : node_.attributes)
      for (const IntExpr &value : values)
        attributes.set(key, {number(value, "an attribute")});
    try {
      semantics::infer_shape(op_, scalars, attributes, {type(node_.shape), {}});
    } catch (const std::invalid_argument &error) {
      throw Wrong(error.what());
    }
    for (std::size_t i = 0; i < node_.operands.size(); ++i) {
      bool scalar_allowed = (op_ == OpCode::Select && i == 0) || (op_ == OpCode::Clamp && i != 1);
      if (!(scalar_allowed && in(i).dims.empty()))
        same_sizes(node_.shape.dims, in(i).dims, " of operand " + std::to_string(i));
    }
  }

  void other() {
    if (op_ != OpCode::BitcastConvert && semantics::info(op_).min_arity > 0)
      same_type(0);
    switch (op_) {
    case OpCode::Parameter:
      return;
    case OpCode::Constant:
      if (node_.literal) {
        need(node_.literal->shape().type == type(node_.shape), "the value's element type");
        Sizes sizes(node_.literal->shape().dims.begin(), node_.literal->shape().dims.end());
        result(sizes);
      }
      return;
    case OpCode::Iota:
      need(type(node_.shape) != ElementType::Pred, "is defined for numbers, not for pred");
      need(dimensions(AttributeKey::IotaDimension, node_.shape.dims.size()).size() == 1,
           "needs iota_dimension=");
      return;
    case OpCode::Copy:
      return result(in(0).dims);
    case OpCode::Reverse:
      dimensions(AttributeKey::Dimensions, in(0).dims.size());
      return result(in(0).dims);
    case OpCode::Reshape:
      return require("the number of elements", product(node_.shape.dims), product(in(0).dims));
    case OpCode::BitcastConvert:
      return bitcast();
    case OpCode::Transpose:
      return transpose();
    case OpCode::Broadcast:
      return broadcast();
    case OpCode::Slice:
      return slice();
    case OpCode::Concatenate:
      return concatenate();
    case OpCode::Pad:
      return pad();
    case OpCode::Dot:
      return dot();
    case OpCode::Reduce:
      return reduce();
    case OpCode::ReduceWindow:
      return reduce_window();
    case OpCode::Convolution:
      return convolution();
    case OpCode::DynamicSlice:
    case OpCode::DynamicUpdateSlice:
      return dynamic();
    default:
      throw Undecided("the sizes of this operation");
    }
  }

  void bitcast() {
    int from = semantics::byte_size(type(in(0))), to = semantics::byte_size(type(node_.shape));
    Sizes narrow = from > to ? node_.shape.dims : in(0).dims,
          wide = from > to ? in(0).dims : node_.shape.dims;
    if (from != to) {
      need(!narrow.empty(), "the last dimension must be the bytes of an element");
      require("the narrow tensor's last dimension", narrow.back(),
              std::max(from, to) / std::min(from, to));
      narrow.pop_back();
    }
    from > to ? same_sizes(narrow, wide) : same_sizes(wide, narrow);
  }

  void transpose() {
    Numbers p = dimensions(AttributeKey::Dimensions, in(0).dims.size());
    need(p.size() == in(0).dims.size(), "dimensions= must name every dimension");
    Sizes out;
    for (std::size_t d : p)
      out.push_back(in(0).dims[d]);
    result(out);
  }

  void broadcast() {
    Numbers dims = dimensions(AttributeKey::Dimensions, node_.shape.dims.size());
    need(dims.size() == in(0).dims.size(),
         "dimensions= must name one dimension for each of the operand");
    for (std::size_t d = 0; d < dims.size(); ++d)
      require("size of dimension " + std::to_string(dims[d]), node_.shape.dims[dims[d]],
              in(0).dims[d]);
  }

  void slice() {
    auto starts = list(AttributeKey::SliceStarts), limits = list(AttributeKey::SliceLimits),
         strides = list(AttributeKey::SliceStrides);
    std::size_t rank = in(0).dims.size();
    need(starts.size() == rank && limits.size() == rank && strides.size() == rank,
         "needs one [start:limit] for each dimension");
    Sizes out;
    for (std::size_t d = 0; d < rank; ++d) {
      std::string where = " of dimension " + std::to_string(d);
      std::int64_t stride = number(strides[d], "a stride");
      need(stride >= 1, "a stride below 1");
      require("the start" + where, 0, starts[d], IntOp::LessEqual);
      require("start and limit" + where, starts[d], limits[d], IntOp::LessEqual);
      require("the limit" + where, limits[d], in(0).dims[d], IntOp::LessEqual);
      IntExpr length = minus(limits[d], starts[d]);
      out.push_back(stride == 1 ? length : make(IntOp::Divide, plus(length, stride - 1), stride));
    }
    result(out);
  }

  void concatenate() {
    Numbers d = dimensions(AttributeKey::Dimensions, in(0).dims.size());
    need(d.size() == 1, "needs one dimension");
    Sizes out = in(0).dims;
    for (std::size_t i = 1; i < node_.operands.size(); ++i) {
      same_type(i);
      Sizes sizes = in(i).dims;
      need(sizes.size() == out.size(), "ranks differ");
      out[d[0]] = plus(out[d[0]], sizes[d[0]]);
      sizes[d[0]] = node_.shape.dims.size() == sizes.size() ? node_.shape.dims[d[0]] : sizes[d[0]];
      same_sizes(node_.shape.dims, sizes, " of operand " + std::to_string(i));
    }
    result(out);
  }

  void pad() {
    same_type(1);
    scalar(1, "the padding value");
    auto low = list(AttributeKey::PaddingLow), high = list(AttributeKey::PaddingHigh),
         interior = list(AttributeKey::PaddingInterior);
    std::size_t rank = in(0).dims.size();
    need(low.size() == rank && high.size() == rank && interior.size() == rank,
         "needs low_high for each dimension");
    Sizes out;
    for (std::size_t d = 0; d < rank; ++d) {
      const IntExpr &n = in(0).dims[d];
      require("interior padding of dimension " + std::to_string(d), 0, interior[d],
              IntOp::LessEqual);
      IntExpr between = times(make(IntOp::Max, minus(n, 1), 0), interior[d]);
      out.push_back(make(IntOp::Max, 0, plus(plus(low[d], high[d]), plus(n, between))));
    }
    result(out);
  }

  void dot() {
    same_type(1);
    Numbers lc = dimensions(AttributeKey::LhsContracting, in(0).dims.size()),
            rc = dimensions(AttributeKey::RhsContracting, in(1).dims.size());
    Numbers lb = dimensions(AttributeKey::LhsBatch, in(0).dims.size()),
            rb = dimensions(AttributeKey::RhsBatch, in(1).dims.size());
    need(lc.size() == rc.size() && lb.size() == rb.size(),
         "contracting or batch dimensions do not pair");
    Sizes out;
    for (std::size_t i = 0; i < lb.size(); ++i) {
      require("batch sizes", in(0).dims[lb[i]], in(1).dims[rb[i]]);
      out.push_back(in(0).dims[lb[i]]);
    }
    for (std::size_t i = 0; i < lc.size(); ++i)
      require("contracting sizes", in(0).dims[lc[i]], in(1).dims[rc[i]]);
    auto append_free = [&](const Sizes &sizes, const Numbers &batch, const Numbers &contracting) {
      for (std::size_t d = 0; d < sizes.size(); ++d) {
        need(!contains(batch, d) || !contains(contracting, d),
             "a dimension is both batch and contracting");
        if (!contains(batch, d) && !contains(contracting, d))
          out.push_back(sizes[d]);
      }
    };
    append_free(in(0).dims, lb, lc);
    append_free(in(1).dims, rb, rc);
    result(out);
  }

  void reduce() {
    same_type(1);
    scalar(1, "the initial value");
    Numbers dims = dimensions(AttributeKey::Dimensions, in(0).dims.size());
    Sizes out;
    for (std::size_t d = 0; d < in(0).dims.size(); ++d)
      if (!contains(dims, d))
        out.push_back(in(0).dims[d]);
    result(out);
  }

  /// One of a window's lists; where it is absent, `otherwise` for each of its `rank` dimensions.
  Sizes window_list(AttributeKey key, std::size_t rank, std::int64_t otherwise) const {
    auto values = list(key);
    need(values.empty() || values.size() == rank, "a list of the window has another rank");
    return values.empty() ? Sizes(rank, otherwise) : Sizes(values.begin(), values.end());
  }

  /// How many windows of these sizes stand over bases of these lengths.
  Sizes window_counts(const Sizes &lengths, const Sizes &sizes) {
    std::size_t rank = lengths.size();
    Sizes strides = window_list(AttributeKey::WindowStride, rank, 1),
          low = window_list(AttributeKey::WindowPadLow, rank, 0),
          high = window_list(AttributeKey::WindowPadHigh, rank, 0),
          holes = window_list(AttributeKey::WindowLhsDilate, rank, 1),
          dilations = window_list(AttributeKey::WindowRhsDilate, rank, 1), out;
    for (std::size_t d = 0; d < rank; ++d) {
      std::int64_t stride = number(strides[d], "a stride"), hole = number(holes[d], "a dilation"),
                   dilation = number(dilations[d], "a dilation");
      need(stride >= 1 && hole >= 1 && dilation >= 1, "a stride or dilation below 1");
      require("the window's size in dimension " + std::to_string(d), 1, sizes[d], IntOp::LessEqual);
      IntExpr dilated = make(IntOp::Max, 0, plus(times(minus(lengths[d], 1), hole), 1));
      IntExpr padded = plus(dilated, plus(low[d], high[d])),
              extent = plus(times(minus(sizes[d], 1), dilation), 1),
              room = make(IntOp::Max, 0, plus(minus(padded, extent), stride));
      out.push_back(stride == 1 ? room : make(IntOp::Divide, room, stride));
    }
    return out;
  }

  void reduce_window() {
    same_type(1);
    scalar(1, "the initial value");
    std::size_t rank = in(0).dims.size();
    auto sizes = list(AttributeKey::WindowSize);
    need(sizes.size() == rank, "needs a window size for each dimension");
    for (const IntExpr &reversed : list(AttributeKey::WindowReversal))
      need(number(reversed, "rhs_reversal") == 0, "a window cannot be reversed");
    result(window_counts(in(0).dims, Sizes(sizes.begin(), sizes.end())));
  }

  /// Layout lists hold the positions of b, f, spatial... / i, o, spatial... / b, f, spatial...
  void convolution() {
    same_type(1);
    std::size_t rank = in(0).dims.size();
    Numbers l = dimensions(AttributeKey::LhsLayout, rank),
            r = dimensions(AttributeKey::RhsLayout, rank),
            o = dimensions(AttributeKey::OutputLayout, rank);
    auto written = list(AttributeKey::WindowSize);
    need(rank >= 2 && in(1).dims.size() == rank && l.size() == rank && r.size() == rank &&
             o.size() == rank && written.size() == rank - 2,
         "ranks, dim_labels and window do not fit each other");
    auto groups = [&](AttributeKey key) {
      auto values = list(key);
      return values.empty() ? 1 : number(values[0], "a number of groups");
    };
    std::int64_t features = groups(AttributeKey::FeatureGroups),
                 batches = groups(AttributeKey::BatchGroups);
    need(features >= 1 && batches >= 1 && (features == 1 || batches == 1),
         "has groups of features or of batches, not both");
    auto multiple = [&](const char *what, const IntExpr &size, std::int64_t of) {
      if (of != 1)
        require(what, make(IntOp::Modulo, size, of), 0);
    };
    require("input features", in(0).dims[l[1]], times(in(1).dims[r[0]], features));
    multiple("output features by groups", in(1).dims[r[1]], features * batches);
    multiple("batch by groups", in(0).dims[l[0]], batches);
    Sizes lengths, sizes, out(rank);
    for (std::size_t d = 2; d < rank; ++d) {
      lengths.push_back(in(0).dims[l[d]]);
      sizes.push_back(in(1).dims[r[d]]);
      require("window size against the kernel's", written[d - 2], sizes.back());
    }
    for (const IntExpr &reversed : window_list(AttributeKey::WindowReversal, rank - 2, 0)) {
      std::int64_t flag = number(reversed, "rhs_reversal");
      need(flag == 0 || flag == 1, "rhs_reversal is 0 or 1");
    }
    Sizes counts = window_counts(lengths, sizes);
    const IntExpr &batch = in(0).dims[l[0]];
    out[o[0]] = batches == 1 ? batch : make(IntOp::Divide, batch, batches);
    out[o[1]] = in(1).dims[r[1]];
    for (std::size_t d = 2; d < rank; ++d)
      out[o[d]] = counts[d - 2];
    result(out);
  }

  void dynamic() {
    bool update = op_ == OpCode::DynamicUpdateSlice;
    std::size_t rank = in(0).dims.size(), first = update ? 2 : 1;
    need(node_.operands.size() == first + rank, "needs a start index for each dimension");
    for (std::size_t i = first; i < node_.operands.size(); ++i)
      need(in(i).dims.empty() && semantics::is_integer(type(in(i))),
           "a start index is no scalar integer");
    auto sizes = list(AttributeKey::SliceSizes);
    Sizes part = update ? in(1).dims : Sizes(sizes.begin(), sizes.end());
    need(part.size() == rank, "the rank of the part differs");
    if (update)
      same_type(1);
    for (std::size_t d = 0; d < rank; ++d) {
      require("the part's size in dimension " + std::to_string(d), 0, part[d], IntOp::LessEqual);
      require("the part's size in dimension " + std::to_string(d), part[d], in(0).dims[d],
              IntOp::LessEqual);
    }
    result(update ? in(0).dims : part);
  }

  const GraphTemplate &graph_;
  const TemplateNode &node_;
  Typing &out_;
  OpCode op_ = OpCode::Copy;
};

} // namespace

Typing typing_of(const GraphTemplate &graph) {
  Typing out;
  for (const TemplateNode &node : graph.nodes) {
    auto report = [&](const char *what, bool wrong) {
      out.findings.push_back({node.location, "%" + node.name + ": " + what, wrong});
    };
    try {
      NodeTyping(graph, node, out).check();
    } catch (const Wrong &error) {
      report(error.what(), true);
    } catch (const Undecided &error) {
      report(error.what(), false);
    }
  }
  return out;
}

} // namespace isamorph::verify
