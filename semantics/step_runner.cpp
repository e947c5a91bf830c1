#include "semantics/step_program.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <limits>

namespace isamorph::semantics {
namespace {

/// The NaN of an invalid operation: with a payload that no element of up to 32 bits has.
constexpr std::uint64_t kInvalid = 0x7ff8000000000001;

/// The value's first `bits` significand bits, the hidden one among them.
double leading_bits(double value, int exponent, int bits) {
  return scaled(std::trunc(scaled(value, bits - 1 - exponent)), exponent - bits + 1);
}

/// Terms shifted to the largest of their exponents, rounded there, and summed exactly.
struct AlignedSum {
  double value;
  int exponent;
};
template <class Terms> AlignedSum align(const Terms &terms, const Alignment &alignment) {
  int largest = std::numeric_limits<int>::min();
  for (const auto &term : terms)
    largest = std::max(largest, term.exponent);
  double units = 0;
  for (const auto &term : terms)
    units += round_to_integer(scaled(term.value, alignment.fraction - largest), alignment.rounding);
  return {scaled(units, largest - alignment.fraction), largest};
}

} // namespace

double nan_operand(ElementType type, std::uint64_t bits) {
  return std::bit_cast<double>(quiet_nan(type, bits, ElementType::F64));
}

std::uint64_t nan_result(double nan, ElementType type, const NanForm &form) {
  auto bits = std::bit_cast<std::uint64_t>(nan);
  return bits == kInvalid || !form.propagates() ? form.pattern(type)
                                                : quiet_nan(ElementType::F64, bits, type);
}

StepRunner::StepRunner(const StepProgram &program, ElementType element, ElementType accumulator,
                       NanForm nan)
    : program_(program), nan_(std::move(nan)), element_(element), accumulator_(accumulator) {
  assert(program.takes(element) && accumulator != ElementType::F64);
}

double StepRunner::flushed(double value) const {
  if (program_.inputs == StepProgram::Inputs::FlushPositive)
    return 0.0;
  return program_.inputs == StepProgram::Inputs::Flush ? std::copysign(0.0, value) : value;
}

StepRunner::Factor StepRunner::read(double value) const {
  int least = least_exponent(element_);
  if (value == 0 || !std::isfinite(value))
    return {value, least};
  int exponent = binary_exponent(value);
  if (exponent >= least)
    return {value, exponent};
  return {flushed(value), least};
}

void StepRunner::read_row(std::span<const double> values, const std::vector<int> &slices,
                          std::vector<Factor> &row, std::vector<double> &parts) const {
  row.clear();
  parts.clear();
  for (double value : values) {
    row.push_back(read(value));
    double before = 0;
    int bits = 0;
    for (int slice : slices) {
      bits += slice;
      double leading = leading_bits(row.back().whole, row.back().exponent, bits);
      parts.push_back(leading - before);
      before = leading;
    }
  }
}

double StepRunner::rounded(double odd) const {
  return round_to_type(odd, accumulator_, program_.round);
}

int StepRunner::exponent_of(double accumulator) const {
  int least = least_exponent(accumulator_);
  return accumulator == 0 ? least : std::max(least, binary_exponent(accumulator));
}

StepRunner::Term StepRunner::term(std::size_t index, int phase) const {
  const Factor &a = left_[index];
  if (!products_)
    return {a.whole, a.whole == 0 ? least_exponent(accumulator_) : a.exponent, index};
  const Factor &b = right_[index];
  double product = a.whole * b.whole;
  int exponent = a.exponent + b.exponent;
  if (!std::isfinite(product)) {
    product = phase == 0 ? product : 0.0;
  } else if (!left_parts_.empty() || !right_parts_.empty()) {
    std::size_t left = program_.left_slices.size(), right = program_.right_slices.size(),
                of_left = static_cast<std::size_t>(phase) / std::max<std::size_t>(1, right),
                of_right = static_cast<std::size_t>(phase) % std::max<std::size_t>(1, right);
    product = (left == 0 ? a.whole : left_parts_[index * left + of_left]) *
              (right == 0 ? b.whole : right_parts_[index * right + of_right]);
  }
  if (program_.round_products)
    product = rounded(product);
  else if (program_.bounded_products && std::isfinite(product) &&
           std::fabs(product) >= scaled(1.0, accumulator_ == ElementType::F16 ? 16 : 128))
    product = std::copysign(std::numeric_limits<double>::infinity(), product);
  return {product, product == 0 ? least_exponent(accumulator_) : exponent, index};
}

void StepRunner::gather(std::size_t begin, std::size_t end, int phase) {
  terms_.clear();
  for (std::size_t i = begin; i < end; ++i)
    terms_.push_back(term(program_.descending ? begin + end - 1 - i : i, phase));
}

double StepRunner::chain(double accumulator) const {
  for (const Term &t : terms_) {
    if (std::fabs(accumulator) < scaled(1.0, least_exponent(accumulator_)))
      accumulator = accumulator == 0 ? accumulator : flushed(accumulator);
    double sum = rounded(add_to_odd(accumulator, t.value));
    accumulator = sum == sum ? sum : nan_sum(accumulator, t);
  }
  return accumulator;
}

/// The first operand that propagates, or an invalid operation's.
double StepRunner::nan_sum(double accumulator, const Term &term) const {
  for (NanOperand operand : nan_.propagated) {
    double value = operand == NanOperand::Accumulator ? accumulator
                   : operand == NanOperand::Left      ? left_[term.index].whole
                   : products_                        ? right_[term.index].whole
                                                      : 0.0;
    if (value != value)
      return value;
  }
  return std::bit_cast<double>(kInvalid);
}

/// Partial sums of interleaved terms, each from +0, added in order.
double StepRunner::chains() const {
  auto count = static_cast<std::size_t>(program_.chains);
  double total = 0;
  for (std::size_t c = 0; c < count; ++c) {
    double sum = 0;
    for (std::size_t i = c; i < terms_.size(); i += count)
      sum = rounded(add_to_odd(sum, terms_[i].value));
    total = c == 0 ? sum : rounded(add_to_odd(total, sum));
  }
  return total;
}

double StepRunner::tree(std::size_t begin, std::size_t end) const {
  if (end - begin == 1)
    return terms_[begin].value;
  std::size_t middle = begin + (end - begin + 1) / 2;
  return rounded(add_to_odd(tree(begin, middle), tree(middle, end)));
}

double StepRunner::exact(std::optional<double> accumulator) {
  scratch_.clear();
  if (accumulator)
    scratch_.push_back(*accumulator);
  for (const Term &t : terms_)
    scratch_.push_back(t.value);
  return rounded(sum_to_odd(scratch_));
}

double StepRunner::aligned_within(double accumulator) {
  terms_.push_back({accumulator, exponent_of(accumulator), 0});
  return rounded(align(terms_, program_.alignment).value);
}

double StepRunner::aligned_twice(double accumulator) {
  std::size_t size = terms_.size(), width = (static_cast<std::size_t>(program_.block) +
                                             static_cast<std::size_t>(program_.groups) - 1) /
                                            static_cast<std::size_t>(program_.groups);
  sums_.clear();
  int largest = exponent_of(accumulator);
  for (std::size_t begin = 0; begin < size; begin += width) {
    auto group = std::span(terms_).subspan(begin, std::min(width, size - begin));
    AlignedSum sum = align(group, program_.alignment);
    sums_.push_back({sum.value, sum.exponent, begin});
    largest = std::max(largest, sum.exponent);
  }
  auto shifted = [&](double value, const Alignment &alignment) {
    return scaled(round_to_integer(scaled(value, alignment.fraction - largest), alignment.rounding),
                  largest - alignment.fraction);
  };
  double total = shifted(accumulator, program_.accumulator_alignment);
  for (const Term &sum : sums_)
    total = add_to_odd(total, shifted(sum.value, program_.sum_alignment));
  return rounded(total);
}

double StepRunner::step(double accumulator) {
  using Sum = StepProgram::Sum;
  using Join = StepProgram::Join;
  if (accumulator != 0 && std::fabs(accumulator) < scaled(1.0, least_exponent(accumulator_)))
    accumulator = flushed(accumulator);
  if (program_.sum == Sum::Aligned) {
    double plain = accumulator;
    for (const Term &t : terms_)
      plain += t.value;
    if (!std::isfinite(plain))
      return plain;
  }
  bool within = program_.join == Join::Within;
  double sum = 0;
  switch (program_.sum) {
  case Sum::Chain:
    if (within)
      return chain(accumulator);
    sum = chains();
    break;
  case Sum::Tree:
    sum = rounded(tree(0, terms_.size()));
    break;
  case Sum::Exact:
    if (within)
      return exact(accumulator);
    sum = exact(std::nullopt);
    break;
  case Sum::Aligned:
    if (within)
      return aligned_within(accumulator);
    if (program_.join == Join::Aligned)
      return aligned_twice(accumulator);
    sum = rounded(align(terms_, program_.alignment).value);
    break;
  }
  return rounded(add_to_odd(accumulator, sum));
}

double StepRunner::run(double init, std::span<const double> left, std::span<const double> right) {
  assert(right.empty() || right.size() == left.size());
  products_ = !right.empty();
  read_row(left, program_.left_slices, left_, left_parts_);
  read_row(right, program_.right_slices, right_, right_parts_);
  std::size_t count = left.size();
  auto within_row = [&](std::int64_t size) {
    return size == StepProgram::kWholeRow ? count : static_cast<std::size_t>(size);
  };
  std::size_t block = within_row(program_.block), span = within_row(program_.phase_span);
  int phases = products_ ? program_.phases : 1;
  double accumulator = init;
  for (std::size_t first = 0; first < count; first += span) {
    std::size_t last = std::min(count, first + span);
    for (int phase = 0; phase < phases; ++phase)
      for (std::size_t begin = first; begin < last; begin += block) {
        gather(begin, std::min(last, begin + block), phase);
        accumulator = step(accumulator);
      }
  }
  return accumulator;
}

} // namespace isamorph::semantics
