#include "verify/checker/bitvector_circuit.h"

#include <algorithm>
#include <cassert>

namespace isamorph::verify {

using semantics::BitWord;
using Gate = Circuit::Gate;

namespace {

constexpr int kWordBits = 128;

bool commutative(Gate gate) {
  return gate == Gate::Add || gate == Gate::Multiply || gate == Gate::And || gate == Gate::Or ||
         gate == Gate::Xor || gate == Gate::Equal;
}

/// What a gate computes. Operands have at most 128 bits.
BitWord result(const Circuit::Node &node, const std::vector<BitWord> &x) {
  switch (node.gate) {
  case Gate::Extract:
    return extract(x[0], node.low + node.width - 1, node.low);
  case Gate::Concat:
    return concat(x[0], x[1]);
  case Gate::Add:
    return x[0] + x[1];
  case Gate::Subtract:
    return x[0] - x[1];
  case Gate::Multiply:
    return x[0] * x[1];
  case Gate::And:
    return x[0] & x[1];
  case Gate::Or:
    return x[0] | x[1];
  case Gate::Xor:
    return x[0] ^ x[1];
  case Gate::Not:
    return ~x[0];
  case Gate::ShiftLeft:
    return shift_left(x[0], x[1]);
  case Gate::ShiftRight:
    return shift_right(x[0], x[1]);
  case Gate::Quotient:
    return quotient(x[0], x[1]);
  case Gate::Remainder:
    return remainder(x[0], x[1]);
  case Gate::Equal:
    return equal(x[0], x[1]);
  case Gate::Less:
    return less(x[0], x[1]);
  case Gate::Choose:
    return choose(x[0], x[1], x[2]);
  case Gate::Variable:
  case Gate::Constant:
    break;
  }
  return node.value;
}

std::string binary(const BitWord &x) {
  std::string out = "#b";
  for (int i = x.width - 1; i >= 0; --i)
    out += (x.value >> i & 1) ? '1' : '0';
  return out;
}

std::string sort(int bits) { return "(_ BitVec " + std::to_string(bits) + ")"; }

} // namespace

Wire Circuit::add(Node node) {
  Key key(node.gate, node.width, node.low, node.variable,
          static_cast<std::uint64_t>(node.value.value >> 64),
          static_cast<std::uint64_t>(node.value.value), node.operands);
  auto [entry, is_new] = ids_.emplace(std::move(key), static_cast<std::uint32_t>(nodes_.size()));
  if (is_new)
    nodes_.push_back(std::move(node));
  return {this, entry->second};
}

Wire Circuit::variable(std::string name, int bits) {
  Node node;
  node.gate = Gate::Variable;
  node.width = bits;
  node.variable = static_cast<std::uint32_t>(names_.size());
  names_.push_back(std::move(name));
  return add(std::move(node));
}

Wire Circuit::constant(const BitWord &value) {
  Node node;
  node.width = value.width;
  node.value = value;
  return add(std::move(node));
}

Wire Circuit::make(Gate gate, int bits, std::vector<std::uint32_t> operands, int low) {
  Node node{gate, std::move(operands), bits, low, {}, 0};
  std::vector<std::uint32_t> &in = node.operands;
  if (commutative(gate) && in[1] < in[0])
    std::swap(in[0], in[1]);
  bool known = bits <= kWordBits && std::all_of(in.begin(), in.end(), [&](std::uint32_t id) {
                 return nodes_[id].gate == Gate::Constant;
               });
  if (known) {
    std::vector<BitWord> values;
    for (std::uint32_t id : in)
      values.push_back(nodes_[id].value);
    return constant(result(node, values));
  }
  if (auto shifted = by_power_of_two(gate, bits, in))
    return *shifted;
  if (gate == Gate::Equal && in[0] == in[1])
    return constant({1, 1});
  if (gate == Gate::Choose && nodes_[in[0]].gate == Gate::Constant)
    return {this, nodes_[in[0]].value.value ? in[1] : in[2]};
  if (gate == Gate::Choose && in[1] == in[2])
    return {this, in[1]};
  if (gate == Gate::And || gate == Gate::Or) {
    if (in[0] == in[1])
      return {this, in[0]};
    for (int i : {0, 1}) // all zeros or all ones: nothing changes, or nothing matters
      if (const Node &x = nodes_[in[i]]; x.gate == Gate::Constant) {
        if (x.value.value == (gate == Gate::And ? 0 : BitWord::mask(bits)))
          return {this, in[i]};
        if (x.value.value == (gate == Gate::Or ? 0 : BitWord::mask(bits)))
          return {this, in[1 - i]};
      }
  }
  if (gate == Gate::Xor && in[0] == in[1] && bits <= kWordBits)
    return constant({bits, 0});
  if (gate == Gate::Not && nodes_[in[0]].gate == Gate::Not)
    return {this, nodes_[in[0]].operands[0]};
  if (gate == Gate::Extract)
    return part(in[0], bits, low);
  return add(std::move(node));
}

/// A product, quotient or remainder of bits by 2^k: the same bits elsewhere, beside zeros.
std::optional<Wire> Circuit::by_power_of_two(Gate gate, int bits,
                                             const std::vector<std::uint32_t> &in) {
  if (gate != Gate::Multiply && gate != Gate::Quotient && gate != Gate::Remainder)
    return std::nullopt;
  bool first = gate == Gate::Multiply && nodes_[in[0]].gate == Gate::Constant;
  const Node &by = nodes_[in[first ? 0 : 1]];
  if (by.gate != Gate::Constant || by.value.value == 0 ||
      (by.value.value & (by.value.value - 1)) != 0)
    return std::nullopt;
  std::uint32_t x = in[first ? 1 : 0];
  int k = 0;
  while (by.value.value >> k != 1)
    ++k;
  auto zeros = [&](int count) { return constant({count, 0}); };
  auto beside = [&](const Wire &high, const Wire &low) {
    return make(Gate::Concat, bits, {high.id, low.id});
  };
  if (gate == Gate::Remainder)
    return k == 0 ? zeros(bits) : beside(zeros(bits - k), make(Gate::Extract, k, {x}, 0));
  if (k == 0)
    return Wire{this, x};
  return gate == Gate::Multiply ? beside(make(Gate::Extract, bits - k, {x}, 0), zeros(k))
                                : beside(zeros(k), make(Gate::Extract, bits - k, {x}, k));
}

/// Bits of bits, and of one half of a concatenation, are taken where they come from.
Wire Circuit::part(std::uint32_t id, int bits, int low) {
  const Node &from = nodes_[id];
  if (low == 0 && bits == from.width)
    return {this, id};
  if (from.gate == Gate::Extract)
    return make(Gate::Extract, bits, {from.operands[0]}, from.low + low);
  if (from.gate == Gate::Concat) {
    int split = nodes_[from.operands[1]].width;
    if (low >= split)
      return make(Gate::Extract, bits, {from.operands[0]}, low - split);
    if (low + bits <= split)
      return make(Gate::Extract, bits, {from.operands[1]}, low);
  }
  return add({Gate::Extract, {id}, bits, low, {}, 0});
}

BitWord Circuit::evaluate(Wire wire, const std::vector<BitWord> &variables) const {
  std::vector<BitWord> values;
  for (std::uint32_t id = 0; id <= wire.id; ++id) {
    const Node &node = nodes_[id];
    if (node.gate == Gate::Variable) {
      values.push_back(variables[node.variable]);
      continue;
    }
    std::vector<BitWord> operands;
    for (std::uint32_t operand : node.operands)
      operands.push_back(values[operand]);
    values.push_back(result(node, operands));
  }
  return values[wire.id];
}

std::string Circuit::reference(std::uint32_t id) const {
  const Node &node = nodes_[id];
  if (node.gate == Gate::Variable)
    return names_[node.variable];
  return node.gate == Gate::Constant ? binary(node.value) : "t" + std::to_string(id);
}

std::string Circuit::expression(std::uint32_t id) const {
  const Node &node = nodes_[id];
  auto with = [&](const std::string &function) {
    std::string out = "(" + function;
    for (std::uint32_t operand : node.operands)
      out += " " + reference(operand);
    return out + ")";
  };
  auto truth = [&](const std::string &function) { return "(ite " + with(function) + " #b1 #b0)"; };
  switch (node.gate) {
  case Gate::Extract:
    return with("(_ extract " + std::to_string(node.low + node.width - 1) + " " +
                std::to_string(node.low) + ")");
  case Gate::Concat:
    return with("concat");
  case Gate::Add:
    return with("bvadd");
  case Gate::Subtract:
    return with("bvsub");
  case Gate::Multiply:
    return with("bvmul");
  case Gate::And:
    return with("bvand");
  case Gate::Or:
    return with("bvor");
  case Gate::Xor:
    return with("bvxor");
  case Gate::Not:
    return with("bvnot");
  case Gate::ShiftLeft:
    return with("bvshl");
  case Gate::ShiftRight:
    return with("bvlshr");
  case Gate::Quotient:
    return with("bvudiv");
  case Gate::Remainder:
    return with("bvurem");
  case Gate::Equal:
    return truth("=");
  case Gate::Less:
    return truth("bvult");
  case Gate::Choose:
    return "(ite (= " + reference(node.operands[0]) + " #b1) " + reference(node.operands[1]) + " " +
           reference(node.operands[2]) + ")";
  case Gate::Variable:
  case Gate::Constant:
    break;
  }
  return reference(id);
}

std::string Circuit::smtlib(const std::vector<Wire> &assertions) const {
  std::vector<char> needed(nodes_.size(), 0);
  for (Wire wire : assertions)
    needed[wire.id] = 1;
  for (std::size_t id = nodes_.size(); id-- > 0;)
    if (needed[id])
      for (std::uint32_t operand : nodes_[id].operands)
        needed[operand] = 1;
  std::string out;
  for (std::uint32_t id = 0; id < nodes_.size(); ++id) {
    const Node &node = nodes_[id];
    if (node.gate == Gate::Variable)
      out += "(declare-const " + reference(id) + " " + sort(node.width) + ")\n";
    else if (needed[id] && node.gate != Gate::Constant)
      out +=
          "(define-fun " + reference(id) + " () " + sort(node.width) + " " + expression(id) + ")\n";
  }
  for (Wire wire : assertions)
    out += "(assert (= " + reference(wire.id) + " #b1))\n";
  return out;
}

int width(const Wire &x) { return x.circuit->node(x).width; }
Wire literal(const Wire &x, int bits, std::uint64_t value) {
  return x.circuit->constant({bits, value});
}
Wire extract(const Wire &x, int high, int low) {
  return x.circuit->make(Gate::Extract, high - low + 1, {x.id}, low);
}
Wire concat(const Wire &high, const Wire &low) {
  return high.circuit->make(Gate::Concat, width(high) + width(low), {high.id, low.id});
}

namespace {

Wire make_binary(Gate gate, const Wire &x, const Wire &y) {
  assert(width(x) == width(y));
  return x.circuit->make(gate, width(x), {x.id, y.id});
}

} // namespace

Wire operator+(const Wire &x, const Wire &y) { return make_binary(Gate::Add, x, y); }
Wire operator-(const Wire &x, const Wire &y) { return make_binary(Gate::Subtract, x, y); }
Wire operator*(const Wire &x, const Wire &y) { return make_binary(Gate::Multiply, x, y); }
Wire operator&(const Wire &x, const Wire &y) { return make_binary(Gate::And, x, y); }
Wire operator|(const Wire &x, const Wire &y) { return make_binary(Gate::Or, x, y); }
Wire operator^(const Wire &x, const Wire &y) { return make_binary(Gate::Xor, x, y); }
Wire operator~(const Wire &x) { return x.circuit->make(Gate::Not, width(x), {x.id}); }
Wire shift_left(const Wire &x, const Wire &amount) {
  return make_binary(Gate::ShiftLeft, x, amount);
}
Wire shift_right(const Wire &x, const Wire &amount) {
  return make_binary(Gate::ShiftRight, x, amount);
}
Wire quotient(const Wire &x, const Wire &y) { return make_binary(Gate::Quotient, x, y); }
Wire remainder(const Wire &x, const Wire &y) { return make_binary(Gate::Remainder, x, y); }
Wire equal(const Wire &x, const Wire &y) {
  assert(width(x) == width(y));
  return x.circuit->make(Gate::Equal, 1, {x.id, y.id});
}
Wire less(const Wire &x, const Wire &y) {
  assert(width(x) == width(y));
  return x.circuit->make(Gate::Less, 1, {x.id, y.id});
}
Wire choose(const Wire &condition, const Wire &x, const Wire &y) {
  assert(width(condition) == 1 && width(x) == width(y));
  return x.circuit->make(Gate::Choose, width(x), {condition.id, x.id, y.id});
}

} // namespace isamorph::verify
