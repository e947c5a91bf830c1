// When the sides of a rule are well-typed, as formulas over sizes.
#include "verify/rule_parts.h"

namespace isamorph::verify {

using semantics::AttributeKey;
using semantics::GraphTemplate;
using semantics::OpCode;
using semantics::ShapeTemplate;
using semantics::TemplateNode;

std::vector<std::string> RuleEncoder::typing(const GraphTemplate &side) const {
  std::vector<std::string> out;
  for (const TemplateNode &node : side.nodes) {
    for (std::size_t c = 0; c < components(node.shape); ++c)
      out.push_back("(<= 0 " + size(node.shape, c) + ")");
    type_node(side, node, out);
  }
  return out;
}

namespace {

/// The rank rules of a node, which hold or fail whatever the sizes.
void need(bool holds, const char *what) {
  if (!holds)
    throw IllTyped(std::string("ill-typed: ") + what);
}

} // namespace

/// What infer_shape checks, as formulas over the sizes.
void RuleEncoder::type_node(const GraphTemplate &side, const TemplateNode &node,
                            std::vector<std::string> &out) const {
  auto in = [&](std::size_t i) -> const ShapeTemplate & {
    return side.nodes[node.operands[i]].shape;
  };
  auto equal = [&](const std::string &a, const std::string &b) {
    if (a != b)
      out.push_back("(= " + a + " " + b + ")");
  };
  auto same_dims = [&](const ShapeTemplate &a, const ShapeTemplate &b) {
    need(components(a) == components(b) && a.prefix == b.prefix, "ranks differ");
    for (std::size_t c = 0; c < components(a); ++c)
      equal(size(a, c), size(b, c));
  };
  OpCode op = code_of(node);
  bool symbol = is_symbol(node);
  auto is_pred = [](const ShapeTemplate &shape) {
    return shape.type == decltype(shape.type)(semantics::ElementType::Pred);
  };
  if (!symbol && op == OpCode::Compare) {
    auto direction = attribute(node, AttributeKey::Direction);
    need(same_type(in(0), in(1)) && is_pred(node.shape), "comparison types");
    need(direction.size() == 1 && direction[0].is_constant(), "comparison direction");
  }
  if (!symbol && op == OpCode::Select)
    need(is_pred(in(0)), "the condition of select is no pred");
  bool changes_type =
      !symbol && (op == OpCode::Convert || op == OpCode::BitcastConvert || op == OpCode::Compare);
  // Start indices have a type of their own, and so has the condition of select.
  std::size_t first = !symbol && op == OpCode::Select ? 1 : 0, count = node.operands.size();
  if (!symbol && (op == OpCode::DynamicSlice || op == OpCode::DynamicUpdateSlice))
    count = op == OpCode::DynamicSlice ? 1 : 2;
  for (std::size_t i = first; i < count && !changes_type; ++i)
    need(same_type(in(i), node.shape), "element types differ");
  if (symbol || semantics::info(op).cls == semantics::OpClass::Elementwise || op == OpCode::Copy) {
    for (std::size_t i = 0; i < node.operands.size(); ++i) {
      bool spread =
          !symbol && ((op == OpCode::Select && i == 0) || (op == OpCode::Clamp && i != 1));
      if (!spread || components(in(i)) != 0)
        same_dims(in(i), node.shape);
    }
    return;
  }
  std::size_t rank = components(node.shape);
  switch (op) {
  case OpCode::Reshape:
    equal(elements(in(0)), elements(node.shape));
    return;
  case OpCode::BitcastConvert: {
    int from = width(in(0)), to = width(node.shape);
    const ShapeTemplate &wide = from >= to ? in(0) : node.shape,
                        &narrow = from >= to ? node.shape : in(0);
    std::size_t extra = from == to ? 0 : 1;
    need(components(narrow) == components(wide) + extra && narrow.prefix == wide.prefix,
         "bitcast-convert ranks");
    for (std::size_t c = 0; c < components(wide); ++c)
      equal(size(wide, c), size(narrow, c));
    if (extra)
      equal(size(narrow, components(narrow) - 1),
            std::to_string(std::max(from, to) / std::min(from, to)));
    return;
  }
  case OpCode::Transpose: {
    auto p = dimensions(node, AttributeKey::Dimensions);
    need(p.size() == rank && components(in(0)) == rank, "transpose ranks");
    for (std::size_t d = 0; d < rank; ++d) {
      need(p[d] < rank && std::count(p.begin(), p.end(), p[d]) == 1, "transpose dimensions");
      equal(size(node.shape, d), size(in(0), p[d]));
    }
    return;
  }
  case OpCode::Broadcast: {
    auto dims = dimensions(node, AttributeKey::Dimensions);
    need(dims.size() == components(in(0)), "broadcast ranks");
    for (std::size_t d = 0; d < dims.size(); ++d) {
      need(dims[d] < rank && std::count(dims.begin(), dims.end(), dims[d]) == 1,
           "broadcast dimensions");
      equal(size(node.shape, dims[d]), size(in(0), d));
    }
    return;
  }
  case OpCode::Slice: {
    auto starts = attribute(node, AttributeKey::SliceStarts),
         limits = attribute(node, AttributeKey::SliceLimits),
         strides = attribute(node, AttributeKey::SliceStrides);
    need(starts.size() == rank && limits.size() == rank && strides.size() == rank &&
             components(in(0)) == rank,
         "slice ranks");
    for (std::size_t d = 0; d < rank; ++d) {
      std::string length = "(- " + smt(limits[d]) + " " + smt(starts[d]) + ")";
      out.push_back("(and (<= 0 " + smt(starts[d]) + ") (<= " + smt(starts[d]) + " " +
                    smt(limits[d]) + ") (<= " + smt(limits[d]) + " " + size(in(0), d) + "))");
      std::string stride = smt(strides[d]);
      if (stride != "1") {
        out.push_back("(<= 1 " + stride + ")");
        length = "(div (+ " + length + " (- " + stride + " 1)) " + stride + ")";
      }
      equal(size(node.shape, d), length);
    }
    return;
  }
  case OpCode::Reverse: {
    auto dims = dimensions(node, AttributeKey::Dimensions);
    same_dims(in(0), node.shape);
    for (std::size_t d : dims)
      need(d < rank && std::count(dims.begin(), dims.end(), d) == 1, "reverse dimensions");
    return;
  }
  case OpCode::Convolution:
    return type_convolution(side, node, out);
  case OpCode::Pad:
  case OpCode::DynamicSlice:
  case OpCode::DynamicUpdateSlice:
    return type_windowed(side, node, out);
  case OpCode::Concatenate: {
    auto d = dimensions(node, AttributeKey::Dimensions);
    need(d.size() == 1 && d[0] < rank, "concatenate dimensions");
    std::string sum = "(+ 0";
    for (std::size_t i = 0; i < node.operands.size(); ++i) {
      need(components(in(i)) == rank, "concatenate ranks");
      for (std::size_t c = 0; c < rank; ++c)
        if (c != d[0])
          equal(size(in(i), c), size(node.shape, c));
      sum += " " + size(in(i), d[0]);
    }
    equal(size(node.shape, d[0]), sum + ")");
    return;
  }
  case OpCode::Dot: {
    auto lc = dimensions(node, AttributeKey::LhsContracting),
         rc = dimensions(node, AttributeKey::RhsContracting),
         lb = dimensions(node, AttributeKey::LhsBatch),
         rb = dimensions(node, AttributeKey::RhsBatch);
    need(lc.size() == rc.size() && lb.size() == rb.size(), "dot dimensions");
    std::vector<std::string> expected;
    auto pairs = [&](const std::vector<std::size_t> &l, const std::vector<std::size_t> &r) {
      for (std::size_t i = 0; i < l.size(); ++i) {
        need(l[i] < components(in(0)) && r[i] < components(in(1)), "dot dimensions");
        equal(size(in(0), l[i]), size(in(1), r[i]));
      }
    };
    auto free = [&](const ShapeTemplate &shape, const std::vector<std::size_t> &batch,
                    const std::vector<std::size_t> &contracting) {
      for (std::size_t c = 0; c < components(shape); ++c) {
        auto times = std::count(batch.begin(), batch.end(), c) +
                     std::count(contracting.begin(), contracting.end(), c);
        need(times <= 1, "dot dimensions");
        if (times == 0)
          expected.push_back(size(shape, c));
      }
    };
    pairs(lb, rb);
    pairs(lc, rc);
    for (std::size_t d : lb)
      expected.push_back(size(in(0), d));
    free(in(0), lb, lc);
    free(in(1), rb, rc);
    need(expected.size() == rank, "dot ranks");
    for (std::size_t c = 0; c < rank; ++c)
      equal(size(node.shape, c), expected[c]);
    return;
  }
  case OpCode::Reduce: {
    auto dims = dimensions(node, AttributeKey::Dimensions);
    std::size_t next = 0;
    need(components(in(1)) == 0, "an initial value that is no scalar");
    for (std::size_t d : dims)
      need(d < components(in(0)) && std::count(dims.begin(), dims.end(), d) == 1,
           "reduce dimensions");
    for (std::size_t c = 0; c < components(in(0)); ++c)
      if (!contains(dims, c)) {
        need(next < rank, "reduce ranks");
        equal(size(node.shape, next++), size(in(0), c));
      }
    need(next == rank, "reduce ranks");
    return;
  }
  default:
    return;
  }
}

/// Convolutions whose window is one element, without strides, padding, dilation and groups.
void RuleEncoder::type_convolution(const GraphTemplate &side, const TemplateNode &node,
                                   std::vector<std::string> &out) const {
  const ShapeTemplate &lhs = side.nodes[node.operands[0]].shape,
                      &rhs = side.nodes[node.operands[1]].shape;
  auto l = dimensions(node, AttributeKey::LhsLayout), r = dimensions(node, AttributeKey::RhsLayout),
       o = dimensions(node, AttributeKey::OutputLayout);
  std::size_t rank = components(node.shape);
  need(rank >= 2 && components(lhs) == rank && components(rhs) == rank, "convolution ranks");
  for (const auto &layout : {l, r, o}) {
    need(layout.size() == rank, "dim_labels");
    for (std::size_t d : layout)
      need(d < rank && std::count(layout.begin(), layout.end(), d) == 1, "dim_labels");
  }
  need(attribute(node, AttributeKey::WindowSize).size() == rank - 2, "window ranks");
  for (const auto &[key, values] : node.attributes) {
    bool layout = key == AttributeKey::LhsLayout || key == AttributeKey::RhsLayout ||
                  key == AttributeKey::OutputLayout;
    bool zero = key == AttributeKey::WindowPadLow || key == AttributeKey::WindowPadHigh ||
                key == AttributeKey::WindowReversal;
    for (const semantics::IntExpr &value : values)
      if (!layout && (!value.is_constant() || value.value() != (zero ? 0 : 1)))
        throw OutsideFragment("convolution by a window of more than one element");
  }
  auto equal = [&](const std::string &a, const std::string &b) {
    out.push_back("(= " + a + " " + b + ")");
  };
  equal(size(lhs, l[1]), size(rhs, r[0]));
  equal(size(node.shape, o[0]), size(lhs, l[0]));
  equal(size(node.shape, o[1]), size(rhs, r[1]));
  for (std::size_t i = 2; i < rank; ++i) {
    equal(size(node.shape, o[i]), size(lhs, l[i]));
    equal(size(rhs, r[i]), "1");
  }
}

/// pad, dynamic-slice and dynamic-update-slice.
void RuleEncoder::type_windowed(const GraphTemplate &side, const TemplateNode &node,
                                std::vector<std::string> &out) const {
  auto in = [&](std::size_t i) -> const ShapeTemplate & {
    return side.nodes[node.operands[i]].shape;
  };
  std::size_t rank = components(node.shape);
  need(components(in(0)) == rank, "ranks differ");
  auto fact = [&](const std::string &relation, const std::string &a, const std::string &b) {
    out.push_back(call(relation, {a, b}));
  };
  if (code_of(node) == OpCode::Pad) {
    auto low = attribute(node, AttributeKey::PaddingLow),
         high = attribute(node, AttributeKey::PaddingHigh),
         interior = attribute(node, AttributeKey::PaddingInterior);
    need(low.size() == rank && high.size() == rank && interior.size() == rank, "padding ranks");
    need(components(in(1)) == 0, "a padding value that is no scalar");
    for (std::size_t d = 0; d < rank; ++d) {
      std::string n = size(in(0), d), t = smt(interior[d]);
      std::string gaps = t == "0" ? "0" : "(ite (< 0 " + n + ") (* (- " + n + " 1) " + t + ") 0)";
      std::string total = call("+", {smt(low[d]), smt(high[d]), n, gaps});
      fact("<=", "0", t);
      fact("=", size(node.shape, d), "(ite (< " + total + " 0) 0 " + total + ")");
    }
    return;
  }
  bool update = code_of(node) == OpCode::DynamicUpdateSlice;
  std::size_t first_start = update ? 2 : 1;
  need(node.operands.size() == first_start + rank, "one start index for each dimension");
  for (std::size_t i = first_start; i < node.operands.size(); ++i)
    need(components(in(i)) == 0, "a start index that is no scalar");
  auto sizes = attribute(node, AttributeKey::SliceSizes);
  need(update ? components(in(1)) == rank : sizes.size() == rank, "slice ranks");
  for (std::size_t d = 0; d < rank; ++d) {
    fact("<=", update ? size(in(1), d) : smt(sizes[d]), size(in(0), d));
    fact("=", size(node.shape, d), update ? size(in(0), d) : smt(sizes[d]));
  }
}

} // namespace isamorph::verify
