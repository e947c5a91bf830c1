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
  if (!symbol && (op == OpCode::Select || op == OpCode::Clamp))
    throw OutsideFragment("operation " + std::string(semantics::info(op).name));
  if (!symbol && op == OpCode::Compare)
    need(same_type(in(0), in(1)) &&
             node.shape.type == decltype(node.shape.type)(semantics::ElementType::Pred),
         "comparison types");
  bool changes_type =
      !symbol && (op == OpCode::Convert || op == OpCode::BitcastConvert || op == OpCode::Compare);
  for (std::size_t i = 0; i < node.operands.size() && !changes_type; ++i)
    need(same_type(in(i), node.shape), "element types differ");
  if (symbol || semantics::info(op).cls == semantics::OpClass::Elementwise || op == OpCode::Copy) {
    for (std::size_t i = 0; i < node.operands.size(); ++i)
      same_dims(in(i), node.shape);
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
      if (!strides[d].is_constant() || strides[d].value() != 1)
        throw OutsideFragment("slice strides other than 1");
      out.push_back("(and (<= 0 " + smt(starts[d]) + ") (<= " + smt(starts[d]) + " " +
                    smt(limits[d]) + ") (<= " + smt(limits[d]) + " " + size(in(0), d) + "))");
      equal(size(node.shape, d), "(- " + smt(limits[d]) + " " + smt(starts[d]) + ")");
    }
    return;
  }
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
         rc = dimensions(node, AttributeKey::RhsContracting);
    need(lc.size() == 1 && rc.size() == 1 && lc[0] < components(in(0)) && rc[0] < components(in(1)),
         "dot dimensions");
    equal(size(in(0), lc[0]), size(in(1), rc[0]));
    std::vector<std::string> free;
    for (std::size_t c = 0; c < components(in(0)); ++c)
      if (c != lc[0])
        free.push_back(size(in(0), c));
    for (std::size_t c = 0; c < components(in(1)); ++c)
      if (c != rc[0])
        free.push_back(size(in(1), c));
    need(free.size() == rank, "dot ranks");
    for (std::size_t c = 0; c < rank; ++c)
      equal(size(node.shape, c), free[c]);
    return;
  }
  case OpCode::Reduce: {
    auto dims = dimensions(node, AttributeKey::Dimensions);
    std::size_t next = 0;
    need(components(in(1)) == 0, "an initial value that is no scalar");
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

} // namespace isamorph::verify
