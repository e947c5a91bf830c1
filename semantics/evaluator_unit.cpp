// Dots and sums by the step program of a unit (semantics/step_program.h).
#include "semantics/evaluator_kernels.h"
#include "semantics/fold_layout.h"

#include <cstring>
#include <stdexcept>

namespace isamorph::semantics {
namespace {

/// An element's bits, and back: elements are little-endian in memory.
template <class S> std::uint64_t element_bits(S x) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, &x, sizeof x);
  return bits;
}
template <class S> S element_of(std::uint64_t bits) {
  S x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

/// Reads and writes elements around a unit.
template <class S> class UnitElements {
public:
  UnitElements(const NumericsProfile &profile, OpCode fold, ElementType type,
               ElementType accumulator)
      : nan_(fold == OpCode::Dot ? profile.dot.nan : profile.reduce.nan), type_(type),
        flush_(denormal_use(profile, fold, type).results != TinyResults::Keep),
        flush_narrowing_(profile.flush_narrowing &&
                         byte_size(accumulator) > static_cast<int>(sizeof(S))),
        least_(std::ldexp(1.0, least_exponent(accumulator))) {}
  double read(S x) const {
    double value = load<double>(flush_ ? flush_denormal(x) : x);
    return value == value ? value : nan_operand(type_, element_bits(x));
  }
  S write(double x) const {
    if (x != x)
      return element_of<S>(nan_result(x, type_, nan_));
    if (flush_narrowing_ && std::fabs(x) < least_)
      x = std::copysign(0.0, x);
    S element = store<S>(x);
    return flush_ ? flush_denormal(element) : element;
  }

private:
  const NanForm &nan_;
  ElementType type_;
  bool flush_, flush_narrowing_;
  double least_; ///< the smallest normal number of the accumulator
};

template <class S>
void reduce_elements(const ReduceLayout &layout, const StepProgram &unit, ElementType accumulator,
                     const NumericsProfile &profile, const Tensor &input, const Tensor &init,
                     Tensor &result) {
  StepRunner runner(unit, input.shape().type, accumulator, profile.reduce.nan);
  UnitElements<S> elements(profile, OpCode::Reduce, input.shape().type, accumulator);
  double first = elements.read(init.as<S>()[0]);
  auto in = input.as<S>(), out = result.as<S>();
  std::vector<double> row(layout.terms.size());
  for (std::size_t r = 0; r < layout.rows.size(); ++r) {
    for (std::size_t i = 0; i < row.size(); ++i)
      row[i] = elements.read(in[layout.rows[r] + layout.terms[i]]);
    out[r] = elements.write(runner.run(first, row, {}));
  }
}

/// The left side stays the left factor: a unit may treat them differently.
template <class S>
void dot_elements(const DotLayout &layout, const StepProgram &unit, ElementType type,
                  const NumericsProfile &profile, const S *left, const S *right, S *out,
                  std::size_t begin, std::size_t end) {
  ElementType accumulator = accumulator_type(profile.dot, type);
  StepRunner runner(unit, type, accumulator, profile.dot.nan);
  UnitElements<S> elements(profile, OpCode::Dot, type, accumulator);
  std::size_t rows = layout.left_rows.size(), columns = layout.right_columns.size(),
              terms = layout.left_terms.size();
  std::vector<double> row(terms), packed(columns * terms);
  for (std::size_t batch = 0; batch < layout.left_batch.size(); ++batch) {
    const S *a = left + layout.left_batch[batch], *b = right + layout.right_batch[batch];
    for (std::size_t j = 0; j < columns; ++j)
      for (std::size_t k = 0; k < terms; ++k)
        packed[j * terms + k] = elements.read(b[layout.right_columns[j] + layout.right_terms[k]]);
    for (std::size_t i = begin; i < end; ++i) {
      S *results = out + (batch * rows + i) * columns;
      for (std::size_t k = 0; k < terms; ++k)
        row[k] = elements.read(a[layout.left_rows[i] + layout.left_terms[k]]);
      for (std::size_t j = 0; j < columns; ++j) {
        interrupt_point();
        results[j] =
            elements.write(runner.run(0, row, std::span(packed).subspan(j * terms, terms)));
      }
    }
  }
}

} // namespace

void reduce_by_unit(const ReduceLayout &layout, const NumericsProfile &profile, const Tensor &input,
                    const Tensor &init, Tensor &result) {
  ElementType type = input.shape().type;
  visit_storage(type, [&]<class S>(S) {
    if constexpr (is_float_storage<S>)
      reduce_elements<S>(layout, *unit_for(profile.reduce, type),
                         accumulator_type(profile.reduce, type), profile, input, init, result);
  });
}

void dot_by_unit(const DotLayout &layout, const NumericsProfile &profile, ElementType type,
                 const std::byte *lhs, const std::byte *rhs, std::byte *result, std::size_t begin,
                 std::size_t end) {
  visit_storage(type, [&]<class S>(S) {
    if constexpr (is_float_storage<S>)
      dot_elements<S>(layout, *unit_for(profile.dot, type), type, profile,
                      reinterpret_cast<const S *>(lhs), reinterpret_cast<const S *>(rhs),
                      reinterpret_cast<S *>(result), begin, end);
  });
}

std::uint64_t sum_by_unit(const FoldNumerics &fold, ElementType type,
                          const NumericsProfile &profile, std::uint64_t init,
                          std::span<const std::uint64_t> left,
                          std::span<const std::uint64_t> right) {
  const StepProgram *unit = unit_for(fold, type);
  if (!unit)
    throw std::logic_error("the fold has no unit for " + std::string(name(type)));
  ElementType accumulator = accumulator_type(fold, type);
  std::uint64_t out = 0;
  visit_storage(type, [&]<class S>(S) {
    if constexpr (is_float_storage<S>) {
      // Products are of dots; a summand alone is of a reduction.
      UnitElements<S> elements(profile, right.empty() ? OpCode::Reduce : OpCode::Dot, type,
                               accumulator);
      auto read = [&](std::uint64_t bits) { return elements.read(element_of<S>(bits)); };
      std::vector<double> a, b;
      for (std::uint64_t bits : left)
        a.push_back(read(bits));
      for (std::uint64_t bits : right)
        b.push_back(read(bits));
      StepRunner runner(*unit, type, accumulator, fold.nan);
      out = element_bits(elements.write(runner.run(read(init), a, b)));
    }
  });
  return out;
}

} // namespace isamorph::semantics
