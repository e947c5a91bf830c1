#include "verify/generic_carry.h"

#include "verify/term_values.h"

namespace isamorph::verify {
namespace {

using semantics::AffineIndex;

/// Inputs of this parameter are symbols.
constexpr std::uint32_t kSymbols = ~std::uint32_t{0};

std::vector<TermId> left_by(std::span<const CarriedValue> values) {
  std::vector<TermId> out;
  for (const CarriedValue &value : values)
    out.push_back(value.after);
  return out;
}

} // namespace

TermId Carrier::element(std::size_t parameter, const AffineIndex &position) {
  TermId out = input_(parameter, position);
  auto [known, fresh] = positions_.try_emplace(out, std::pair(parameter, position));
  if (!fresh && known->second && known->second->second != position)
    known->second.reset();
  return out;
}

TermId Carrier::symbol(ElementType type, semantics::SlopeId slope) {
  symbols_.push_back(slope);
  return terms_.input(kSymbols, static_cast<std::uint32_t>(symbols_.size() - 1), type);
}

std::vector<TermId> Carrier::solve(std::uint32_t loop, std::span<const CarriedValue> values) {
  std::vector<CarriedValue> open(values.begin(), values.end()), solved;
  std::vector<TermId> solutions;
  while (!open.empty()) {
    std::vector<TermId> after = replaced(left_by(open), solved, solutions), clean;
    std::vector<char> bound = rest_on(after, values);
    std::vector<CarriedValue> still;
    for (std::size_t i = 0; i < open.size(); ++i) {
      (bound[i] ? still : solved).push_back(open[i]);
      if (!bound[i])
        clean.push_back(after[i]);
    }
    std::vector<TermId> found = moved(loop, clean, -1, false), first = moved(loop, found, 0, true);
    for (std::size_t i = 0; i < found.size(); ++i)
      if (first[i] != solved[solutions.size() + i].before)
        throw UnrollLoops{{loop}};
    if (clean.empty())
      throw UnrollLoops{{loop}};
    solutions.insert(solutions.end(), found.begin(), found.end());
    open = std::move(still);
  }
  std::map<TermId, TermId> by_symbol;
  for (std::size_t i = 0; i < solved.size(); ++i)
    by_symbol.emplace(solved[i].symbol, solutions[i]);
  std::vector<TermId> out;
  for (const CarriedValue &value : values)
    out.push_back(by_symbol.at(value.symbol));
  return out;
}

std::vector<TermId> Carrier::replaced(std::span<const TermId> terms,
                                      std::span<const CarriedValue> values,
                                      std::span<const TermId> solutions) {
  std::map<TermId, TermId> by_symbol;
  for (std::size_t i = 0; i < values.size(); ++i)
    by_symbol.emplace(values[i].symbol, solutions[i]);
  return substituted(terms_, terms, [&](TermId input) {
    auto found = by_symbol.find(input);
    return found == by_symbol.end() ? input : found->second;
  });
}

std::vector<TermId> Carrier::in_last(std::uint32_t loop, std::span<const CarriedValue> values,
                                     std::span<const TermId> solutions) {
  if (values.empty())
    return {};
  std::int64_t last = loops_.space().counts()[*loops_.variable(loop)] - 1;
  return moved(loop, replaced(left_by(values), values, solutions), last, true);
}

std::vector<TermId> Carrier::moved(std::uint32_t loop, std::span<const TermId> terms,
                                   std::int64_t iterations, bool fix) {
  std::size_t variable = *loops_.variable(loop);
  return substituted(terms_, terms, [&](TermId input) {
    if (terms_[input].a == kSymbols) { // of a loop around this one
      if (loops_.space().factors(symbols_[terms_[input].b])[variable] != 0)
        throw UnrollLoops{{loop}};
      return input;
    }
    auto known = positions_.find(input);
    if (known == positions_.end() || !known->second)
      throw UnrollLoops{{loop}};
    auto [parameter, position] = *known->second;
    std::vector<std::int64_t> factors = loops_.space().factors(position.slope);
    position.offset += iterations * factors[variable];
    if (fix)
      factors[variable] = 0;
    auto slope = loops_.space().slope(factors);
    if (!slope || loops_.space().range({position.offset, *slope}).low < 0)
      throw UnrollLoops{{loop}};
    return element(parameter, {position.offset, *slope});
  });
}

std::vector<char> Carrier::rest_on(std::span<const TermId> terms,
                                   std::span<const CarriedValue> values) const {
  std::vector<char> bound(terms_.size(), 0), out;
  for (const CarriedValue &value : values)
    bound[value.symbol.v] = 1;
  for (TermId id : cone_of(terms_, terms))
    for_each_part(terms_, id, [&](TermId part) { bound[id.v] |= bound[part.v]; });
  for (TermId term : terms)
    out.push_back(bound[term.v]);
  return out;
}

} // namespace isamorph::verify
