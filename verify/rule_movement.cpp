// Which element of which operand an index of a result meets, as integer arithmetic.
#include "verify/rule_parts.h"

namespace isamorph::verify {

using semantics::AttributeKey;
using semantics::ElementType;
using semantics::GraphTemplate;
using semantics::OpCode;
using semantics::ShapeTemplate;
using semantics::TemplateNode;

namespace {

std::string sum(const std::string &a, const std::string &b) {
  return a == "0" ? b : b == "0" ? a : "(+ " + a + " " + b + ")";
}

std::string difference(const std::string &a, const std::string &b) {
  return b == "0" ? a : "(- " + a + " " + b + ")";
}

std::string product(const std::string &a, const std::string &b) {
  return a == "1" ? b : b == "1" ? a : "(* " + a + " " + b + ")";
}

/// low <= index < low + extent
std::string within(const std::string &index, const std::string &low, const std::string &extent) {
  return "(and (<= " + low + " " + index + ") (< " + index + " " + sum(low, extent) + "))";
}

} // namespace

/// The one element that is read, for operations that only move; nullopt for the others.
std::optional<RuleEncoder::Source>
RuleEncoder::moved(const GraphTemplate &side, const TemplateNode &node, const Index &index) {
  if (is_symbol(node))
    return std::nullopt;
  auto from = [&](Index in) { return Source{node.operands[0], std::move(in)}; };
  switch (code_of(node)) {
  case OpCode::Copy:
    return from(index);
  case OpCode::Reshape:
    return reshape(side, node, index);
  case OpCode::Transpose: {
    auto p = dimensions(node, AttributeKey::Dimensions);
    no_prefix(node.shape, "transpose");
    Index in(index.size());
    if (p.size() != index.size())
      throw OutsideFragment("transpose with a wrong permutation");
    for (std::size_t d = 0; d < p.size(); ++d) {
      if (p[d] >= in.size() || !in[p[d]].empty())
        throw OutsideFragment("transpose with a wrong permutation");
      in[p[d]] = index[d];
    }
    return from(in);
  }
  case OpCode::Broadcast: {
    auto dims = dimensions(node, AttributeKey::Dimensions);
    if (!dims.empty())
      no_prefix(node.shape, "broadcast");
    Index in;
    for (std::size_t d : dims) {
      if (d >= index.size())
        throw OutsideFragment("broadcast with wrong dimensions");
      in.push_back(index[d]);
    }
    if (in.size() != components(side.nodes[node.operands[0]].shape))
      throw OutsideFragment("broadcast with wrong dimensions");
    return from(in);
  }
  case OpCode::Reverse: {
    no_prefix(node.shape, "reverse");
    Index in = index;
    for (std::size_t d : dimensions(node, AttributeKey::Dimensions)) {
      if (d >= in.size())
        throw OutsideFragment("reverse with wrong dimensions");
      in[d] = "(- " + size(node.shape, d) + " 1 " + index[d] + ")";
    }
    return from(in);
  }
  case OpCode::Slice: {
    no_prefix(node.shape, "slice");
    auto starts = attribute(node, AttributeKey::SliceStarts),
         strides = attribute(node, AttributeKey::SliceStrides);
    if (starts.size() != index.size() || strides.size() != index.size())
      throw OutsideFragment("slice of another rank");
    Index in;
    for (std::size_t d = 0; d < index.size(); ++d)
      in.push_back(sum(smt(starts[d]), product(index[d], smt(strides[d]))));
    return from(in);
  }
  case OpCode::DynamicSlice: {
    no_prefix(node.shape, "dynamic-slice");
    const ShapeTemplate &whole = side.nodes[node.operands[0]].shape;
    Index in;
    for (std::size_t d = 0; d < index.size(); ++d)
      in.push_back(
          sum(start(side, node.operands.at(d + 1), size(whole, d), size(node.shape, d)), index[d]));
    return from(in);
  }
  default:
    return std::nullopt;
  }
}

/// A start index of dynamic-slice and dynamic-update-slice: clamped so that all elements lie
/// inside.
std::string RuleEncoder::start(const GraphTemplate &side, std::uint32_t node,
                               const std::string &extent, const std::string &size) {
  const ShapeTemplate &shape = side.nodes[node].shape;
  const auto *type = std::get_if<ElementType>(&shape.type);
  if (!type || !semantics::is_integer(*type) || *type == ElementType::U64)
    throw OutsideFragment("start indices of this type");
  Encoding outer = encoding_;
  if (scalars()) {
    encoding_.theory = ElementTheory::Integer;
    encoding_.scalars = false;
  }
  std::string value = element(side, node, {});
  encoding_ = std::move(outer);
  std::string last = difference(extent, size);
  return "(ite (< " + value + " 0) 0 (ite (< " + last + " " + value + ") " + last + " " + value +
         "))";
}

/// Whether two shapes have the same sizes but for ones.
bool RuleEncoder::only_ones_differ(const ShapeTemplate &a, const ShapeTemplate &b) const {
  auto sizes = [&](const ShapeTemplate &shape) {
    std::vector<std::string> out;
    for (std::size_t c = 0; c < components(shape); ++c)
      if (size(shape, c) != "1")
        out.push_back(size(shape, c));
    return out;
  };
  return sizes(a) == sizes(b);
}

RuleEncoder::Source RuleEncoder::reshape(const GraphTemplate &side, const TemplateNode &node,
                                         const Index &index) const {
  std::string flat = "0";
  for (std::size_t c = 0; c < index.size(); ++c)
    flat = c == 0 ? index[0] : sum(product(flat, size(node.shape, c)), index[c]);
  const ShapeTemplate &in = side.nodes[node.operands[0]].shape;
  Index out(components(in));
  if (only_ones_differ(in, node.shape)) {
    std::size_t next = 0;
    for (std::size_t c = 0; c < out.size(); ++c) {
      while (size(in, c) != "1" && size(node.shape, next) == "1")
        ++next;
      out[c] = size(in, c) == "1" ? "0" : index[next++];
    }
    return {node.operands[0], out};
  }
  std::string rest = flat;
  for (std::size_t c = out.size(); c-- > 0;) {
    std::string extent = size(in, c);
    if (c == 0) {
      out[0] = rest;
    } else if (extent == "1") {
      out[c] = "0";
    } else {
      out[c] = "(mod " + rest + " " + extent + ")";
      rest = "(div " + rest + " " + extent + ")";
    }
  }
  return {node.operands[0], out};
}

std::string RuleEncoder::bitcast(const GraphTemplate &side, const TemplateNode &node,
                                 const Index &index) {
  const ShapeTemplate &in = side.nodes[node.operands[0]].shape;
  int from = width(in), to = width(node.shape);
  if (from == to)
    return element(side, node.operands[0], index);
  if (from > to) {
    Index outer(index.begin(), index.end() - 1);
    std::string whole = element(side, node.operands[0], outer), out;
    int parts = from / to;
    for (int b = parts - 1; b >= 0; --b) {
      std::string part = "((_ extract " + std::to_string(8 * to * (b + 1) - 1) + " " +
                         std::to_string(8 * to * b) + ") " + whole + ")";
      out = out.empty() ? part
                        : "(ite (= " + index.back() + " " + std::to_string(b) + ") " + part + " " +
                              out + ")";
    }
    return out;
  }
  std::string out;
  for (int b = 0; b < to / from; ++b) {
    Index inner = index;
    inner.push_back(std::to_string(b));
    std::string part = element(side, node.operands[0], inner);
    out = out.empty() ? part : "(concat " + part + " " + out + ")";
  }
  return out;
}

std::vector<std::pair<std::string, RuleEncoder::Source>>
RuleEncoder::cases(const GraphTemplate &side, const TemplateNode &node, const Index &index) {
  std::vector<std::pair<std::string, Source>> out;
  std::string name(semantics::info(code_of(node)).name);
  no_prefix(node.shape, name.c_str());
  const ShapeTemplate &first = side.nodes[node.operands[0]].shape;
  Index in = index;
  std::string all = "(and true";
  if (code_of(node) == OpCode::Concatenate) {
    auto d = dimensions(node, AttributeKey::Dimensions);
    if (d.size() != 1 || d[0] >= index.size())
      throw OutsideFragment("concatenate with wrong dimensions");
    for (std::uint32_t operand : node.operands) {
      std::string extent = size(side.nodes[operand].shape, d[0]);
      out.emplace_back("(< " + in[d[0]] + " " + extent + ")", Source{operand, in});
      in[d[0]] = difference(in[d[0]], extent);
    }
    out.back().first = "true";
    return out;
  }
  if (code_of(node) == OpCode::DynamicUpdateSlice) {
    const ShapeTemplate &update = side.nodes[node.operands[1]].shape;
    for (std::size_t d = 0; d < index.size(); ++d) {
      std::string low = start(side, node.operands.at(d + 2), size(first, d), size(update, d));
      all += " " + within(index[d], low, size(update, d));
      in[d] = difference(index[d], low);
    }
    return {{all + ")", {node.operands[1], in}}, {"true", {node.operands[0], index}}};
  }
  auto low = attribute(node, AttributeKey::PaddingLow),
       interior = attribute(node, AttributeKey::PaddingInterior);
  for (std::size_t d = 0; d < index.size(); ++d) {
    in[d] = difference(index[d], smt(low[d]));
    if (!interior[d].is_constant() || interior[d].value() != 0) {
      std::string step = "(+ " + smt(interior[d]) + " 1)";
      all += " (= (mod " + in[d] + " " + step + ") 0)";
      in[d] = "(div " + in[d] + " " + step + ")";
    }
    all += " " + within(in[d], "0", size(first, d));
  }
  return {{all + ")", {node.operands[0], in}}, {"true", {node.operands[1], {}}}};
}

/// Whether a text depends on a summation variable.
bool RuleEncoder::bound(const std::string &text) const {
  return std::any_of(bound_.begin(), bound_.end(),
                     [&](const std::string &name) { return text.find(name) != std::string::npos; });
}

/// A case distinction: of the proof, or of the term where it depends on a summation variable.
std::string RuleEncoder::choose(const std::string &condition, const Text &yes, const Text &no) {
  if (!bound(condition))
    return decide(condition) ? yes() : no();
  if (scalars())
    throw OutsideFragment("cases along the summands of a fold");
  std::string a = yes(), b = no();
  return "(ite " + condition + " " + a + " " + b + ")";
}

bool RuleEncoder::decide(const std::string &condition) {
  auto known = decisions_.find(condition);
  if (known != decisions_.end())
    return known->second;
  bool answer = decision_order_.size() < script_.size() ? script_[decision_order_.size()] : true;
  decisions_[condition] = answer;
  decision_order_.push_back(condition);
  return answer;
}

} // namespace isamorph::verify
