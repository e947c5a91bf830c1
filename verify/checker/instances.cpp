#include "verify/checker/instances.h"

#include <algorithm>

namespace isamorph::verify {

using Kind = Value::Kind;

Instances::Instances(const Values &values) : values_(values), met_(values.size(), {0, 0}) {
  std::map<Value, ValueId> numbers;
  for (ValueId id = 0; id < values.size(); ++id) { // operands come first
    Value kind = values[id];
    kind.operands = parts(id);
    for (ValueId &part : kind.operands)
      part = kinds_[part];
    if (kind.kind == Kind::Input)
      kind.bits = 0;
    kinds_.push_back(numbers.emplace(std::move(kind), id).first->second);
  }
}

/// The operands, those that may be exchanged in order of their kinds.
std::vector<ValueId> Instances::parts(ValueId id) const {
  const Value &value = values_[id];
  std::vector<ValueId> out = value.operands;
  bool exchange = value.kind == Kind::Dot || (value.kind == Kind::Op && out.size() == 2 &&
                                              semantics::info(value.op).commutative);
  if (exchange && kinds_[out[1]] < kinds_[out[0]])
    std::swap(out[0], out[1]);
  return out;
}

Instances::Pattern Instances::pattern(ValueId a, ValueId b) {
  constexpr std::uint64_t reference = std::uint64_t{1} << 32; // no number of a kind
  ++patterns_;
  Pattern out;
  std::uint64_t met = 0;
  std::vector<ValueId> open = {b, a};
  while (!open.empty()) {
    ValueId id = open.back();
    open.pop_back();
    if (met_[id].first == patterns_) {
      out.push_back(reference + met_[id].second);
      continue;
    }
    met_[id] = {patterns_, met++};
    out.push_back(kinds_[id]);
    std::vector<ValueId> next = parts(id);
    open.insert(open.end(), next.rbegin(), next.rend());
  }
  return out;
}

} // namespace isamorph::verify
