#include "semantics/evaluator_kernels.h"
#include "semantics/fold_layout.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>

namespace isamorph::semantics {
namespace {

// So many folds run side by side, each in its own order: independent additions hide each other's
// latency.
constexpr std::size_t kLanes = 16;
template <class C> using Lanes = std::array<C, kLanes>;

/// What happens to a value of the host type C when it is put into an accumulator of storage type A.
template <class A, bool Flush> struct RoundTo {
  template <class C> C operator()(C x) const {
    if constexpr (std::is_same_v<A, C>) {
      return Flush ? flush_denormal(x) : x;
    } else {
      A stored = store<A>(x);
      if constexpr (Flush)
        stored = flush_denormal(stored);
      return load<C>(stored);
    }
  }
};
struct Exact {
  template <class C> C operator()(C x) const { return x; }
};

/// Folds `count` terms a lane in the order of a descriptor. `term(r, lanes)` gives the terms of
/// number r.
template <class C, class Combine, class Round, class Term> class Folder {
public:
  Folder(const OrderDescriptor &order, Combine combine, Round round, Term term)
      : order_(order), combine_(combine), round_(round), term_(term) {}

  Lanes<C> fold(const Lanes<C> &init, std::size_t count) const {
    auto width = static_cast<std::size_t>(order_.width);
    if (order_.kind == OrderDescriptor::Kind::Pairwise) {
      if (count == 0)
        return init;
      return step(init, tree(0, count));
    }
    if (order_.kind == OrderDescriptor::Kind::Sequential || count <= width)
      return sequence(init, 0, count);
    Lanes<C> sum = init;
    auto end = static_cast<std::size_t>(order_.first_block(static_cast<std::int64_t>(count)));
    for (std::size_t begin = 0; begin < count; begin = end, end = std::min(count, end + width))
      sum = step(sum, sequence(init, begin, end));
    return sum;
  }

private:
  Lanes<C> step(const Lanes<C> &a, const Lanes<C> &b) const {
    Lanes<C> out;
    for (std::size_t l = 0; l < kLanes; ++l)
      out[l] = round_(combine_(a[l], b[l]));
    return out;
  }
  Lanes<C> sequence(const Lanes<C> &init, std::size_t begin, std::size_t end) const {
    Lanes<C> sum = init;
    for (std::size_t r = begin; r < end; ++r) {
      Lanes<C> terms;
      term_(r, terms);
      for (std::size_t l = 0; l < kLanes; ++l)
        sum[l] = round_(combine_(sum[l], terms[l]));
    }
    return sum;
  }
  Lanes<C> tree(std::size_t begin, std::size_t end) const {
    if (end - begin == 1) {
      Lanes<C> terms;
      term_(begin, terms);
      return terms;
    }
    std::size_t middle = begin + (end - begin + 1) / 2;
    return step(tree(begin, middle), tree(middle, end));
  }

  const OrderDescriptor &order_;
  Combine combine_;
  Round round_;
  Term term_;
};

/// Calls `f(A, C, flush)` for float elements S: A the accumulator's storage type, C the host type
/// that holds its values.
template <class S, class F> void with_accumulator(ElementType accumulator, bool flush, F &&f) {
  auto with_flush = [&]<class A, class C>(A a, C c) {
    if (flush)
      f(a, c, std::true_type{});
    else
      f(a, c, std::false_type{});
  };
  if constexpr (std::is_same_v<S, double>) {
    with_flush(double{}, double{});
  } else {
    if (accumulator == ElementType::F64)
      with_flush(double{}, double{});
    else if (accumulator == ElementType::F32)
      with_flush(float{}, float{});
    else if constexpr (!std::is_same_v<S, float>)
      with_flush(S{}, float{});
  }
}

template <bool Flush, class C, class S> C read(S x) {
  if constexpr (Flush)
    x = flush_denormal(x);
  return load<C>(x);
}
template <bool Flush, class S, class C> S write(C x) {
  S element = store<S>(x);
  if constexpr (Flush)
    element = flush_denormal(element);
  return element;
}

/// Whether a fold loses denormals, and whether the products that x86 flushes are among them.
bool flushes_fold(const NumericsProfile &profile, OpCode fold, ElementType type) {
  return denormal_use(profile, fold, type).results != TinyResults::Keep;
}
bool flushes_after(const NumericsProfile &profile, OpCode fold, ElementType type) {
  return denormal_use(profile, fold, type).results == TinyResults::FlushAfter;
}

template <class S, class C, class Combine, class Round, class Read, class Write>
void reduce_rows(const ReduceLayout &layout, const OrderDescriptor &order, const S *in, C init,
                 S *out, Combine combine, Round round, Read read_element, Write write_element) {
  std::array<const S *, kLanes> row{};
  auto term = [&](std::size_t r, Lanes<C> &terms) {
    for (std::size_t l = 0; l < kLanes; ++l)
      terms[l] = read_element(row[l][layout.terms[r]]);
  };
  Folder<C, Combine, Round, decltype(term) &> folder(order, combine, round, term);
  Lanes<C> first;
  first.fill(init);
  for (std::size_t begin = 0; begin < layout.rows.size(); begin += kLanes) {
    interrupt_point();
    std::size_t used = std::min(kLanes, layout.rows.size() - begin);
    for (std::size_t l = 0; l < kLanes; ++l)
      row[l] = in + layout.rows[begin + (l < used ? l : 0)];
    Lanes<C> sums = folder.fold(first, layout.terms.size());
    for (std::size_t l = 0; l < used; ++l)
      out[begin + l] = write_element(sums[l]);
  }
}

/// NaN results of a fold that no unit computes.
void settle_fold_nans(const NanForm &form, Tensor &out) {
  ElementType type = out.shape().type;
  if (!is_float(type) || form == NanForm{})
    return;
  for (std::int64_t i = 0; i < out.elements(); ++i)
    if (is_nan(type, out.bits(i)))
      out.set_bits(i, form.pattern(type));
}

template <class S>
void reduce_floats(OpCode reducer, const ReduceLayout &layout, const NumericsProfile &profile,
                   const Tensor &input, const Tensor &init, Tensor &result) {
  ElementType accumulator = accumulator_type(profile.reduce, input.shape().type);
  ElementType type = input.shape().type;
  with_accumulator<S>(
      accumulator, flushes_fold(profile, OpCode::Reduce, type),
      [&]<class A, class C, bool Flush>(A, C, std::bool_constant<Flush>) {
        auto run = [&](auto combine) {
          reduce_rows<S, C>(layout, profile.reduce.order, input.as<S>().data(),
                            read<Flush, C>(init.as<S>()[0]), result.as<S>().data(), combine,
                            RoundTo<A, Flush>{}, read<Flush, C, S>, write<Flush, S, C>);
        };
        if (reducer == OpCode::Add)
          run(FloatAdd{});
        else if (reducer == OpCode::Multiply && flushes_after(profile, OpCode::Reduce, type))
          run(FlushedMultiply{});
        else if (reducer == OpCode::Multiply)
          run(FloatMultiply{});
        else if (reducer == OpCode::Maximum)
          run(FloatMaximum{});
        else if (reducer == OpCode::Minimum)
          run(FloatMinimum{});
        else
          throw std::logic_error("a bitwise reduction of floats");
      });
}

/// Integers and pred (as 0 and 1, whose arithmetic is that of truth values). Any order gives the
/// same bits.
template <class S, class T>
void reduce_integers(OpCode reducer, const ReduceLayout &layout, const Tensor &input,
                     const Tensor &init, Tensor &result) {
  constexpr bool truth = std::is_same_v<S, PredBits>;
  OrderDescriptor order;
  auto run = [&](auto combine) {
    reduce_rows<S, T>(layout, order, input.as<S>().data(), load<T>(init.as<S>()[0]),
                      result.as<S>().data(), combine, Exact{}, load<T, S>,
                      [](T x) { return S{x}; });
  };
  bool disjunction =
      reducer == OpCode::Or || (truth && (reducer == OpCode::Add || reducer == OpCode::Maximum));
  if (disjunction)
    run(BitOr{});
  else if (reducer == OpCode::And || truth)
    run(BitAnd{});
  else if (reducer == OpCode::Add)
    run(WrapAdd{});
  else if (reducer == OpCode::Multiply)
    run(WrapMultiply{});
  else if (reducer == OpCode::Maximum)
    run(IntegerMaximum{});
  else
    run(IntegerMinimum{});
}

/// The same product with the sides exchanged. Products commute, so that no bit changes.
DotLayout exchanged(DotLayout l) {
  return {std::move(l.right_batch),
          std::move(l.left_batch),
          std::move(l.right_columns),
          std::move(l.left_rows),
          std::move(l.right_terms),
          std::move(l.left_terms),
          l.result_column,
          l.result_row};
}

/// Both sides in the host type C, the right one in panels of kLanes columns (filled up with zeros),
/// each term by term.
template <class S, class C, class Combine, class Multiply, class Round, class Read, class Write>
void dot_matrices(const DotLayout &layout, const OrderDescriptor &order, const S *left,
                  const S *right, S *out, Combine combine, Multiply multiply, Round round,
                  Read read_element, Write write_element) {
  std::size_t rows = layout.left_rows.size(), columns = layout.right_columns.size(),
              terms = layout.left_terms.size(), panels = (columns + kLanes - 1) / kLanes;
  std::vector<C> packed(panels * terms * kLanes), row(terms);
  for (std::size_t batch = 0; batch < layout.left_batch.size(); ++batch) {
    const S *a = left + layout.left_batch[batch], *b = right + layout.right_batch[batch];
    S *c = out + batch * rows * columns;
    for (std::size_t j = 0; j < columns; ++j) {
      C *panel = packed.data() + (j / kLanes) * terms * kLanes + j % kLanes;
      for (std::size_t k = 0; k < terms; ++k)
        panel[k * kLanes] = read_element(b[layout.right_columns[j] + layout.right_terms[k]]);
    }
    const C *panel = nullptr;
    auto term = [&](std::size_t k, Lanes<C> &products) {
      for (std::size_t l = 0; l < kLanes; ++l)
        products[l] = round(multiply(row[k], panel[k * kLanes + l]));
    };
    Folder<C, Combine, Round, decltype(term) &> folder(order, combine, round, term);
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t k = 0; k < terms; ++k)
        row[k] = read_element(a[layout.left_rows[i] + layout.left_terms[k]]);
      for (std::size_t p = 0; p < panels; ++p) {
        interrupt_point();
        panel = packed.data() + p * terms * kLanes;
        Lanes<C> sums = folder.fold(Lanes<C>{}, terms);
        for (std::size_t l = 0, j = p * kLanes; l < kLanes && j < columns; ++l, ++j)
          c[i * layout.result_row + j * layout.result_column] = write_element(sums[l]);
      }
    }
  }
}

} // namespace

Tensor evaluate_dot(const Attributes &attributes, const Tensor &lhs, const Tensor &rhs,
                    const Shape &result, const NumericsProfile &profile) {
  Tensor out(result);
  if (out.elements() == 0)
    return out;
  DotLayout layout = dot_layout(attributes, lhs.shape(), rhs.shape());
  if (unit_for(profile.dot, result.type)) {
    dot_by_unit(layout, profile, result.type, lhs.bytes().data(), rhs.bytes().data(),
                out.bytes().data(), 0, layout.left_rows.size());
    return out;
  }
  bool exchange =
      layout.right_columns.size() < layout.left_rows.size() && layout.right_columns.size() < kLanes;
  if (exchange)
    layout = exchanged(std::move(layout));
  const Tensor &left = exchange ? rhs : lhs, &right = exchange ? lhs : rhs;
  visit_storage(result.type, [&]<class S>(S) {
    const S *a = left.as<S>().data(), *b = right.as<S>().data();
    S *c = out.as<S>().data();
    if constexpr (is_float_storage<S>) {
      with_accumulator<S>(accumulator_type(profile.dot, result.type),
                          flushes_fold(profile, OpCode::Dot, result.type),
                          [&]<class A, class C, bool Flush>(A, C, std::bool_constant<Flush>) {
                            auto run = [&](auto multiply) {
                              dot_matrices<S, C>(layout, profile.dot.order, a, b, c, FloatAdd{},
                                                 multiply, RoundTo<A, Flush>{}, read<Flush, C, S>,
                                                 write<Flush, S, C>);
                            };
                            if (flushes_after(profile, OpCode::Dot, result.type))
                              run(FlushedMultiply{});
                            else
                              run(FloatMultiply{});
                          });
    } else if constexpr (std::is_same_v<S, PredBits>) {
      dot_matrices<S, std::uint8_t>(layout, {}, a, b, c, BitOr{}, BitAnd{}, Exact{},
                                    load<std::uint8_t, S>,
                                    [](std::uint8_t x) { return PredBits{x}; });
    } else {
      using Wide = std::conditional_t<sizeof(S) == 8, std::uint64_t, std::uint32_t>;
      dot_matrices<S, Wide>(layout, {}, a, b, c, WrapAdd{}, WrapMultiply{}, Exact{}, load<Wide, S>,
                            [](Wide x) { return static_cast<S>(x); });
    }
  });
  settle_fold_nans(profile.dot.nan, out);
  return out;
}

Tensor evaluate_reduce(const Attributes &attributes, const Tensor &input, const Tensor &init,
                       const Shape &result, const NumericsProfile &profile) {
  Tensor out(result);
  ReduceLayout layout = reduce_layout(attributes, input.shape());
  auto reducer = static_cast<OpCode>(attributes.get_one(AttributeKey::Reducer));
  if (reducer == OpCode::Add && unit_for(profile.reduce, result.type)) {
    reduce_by_unit(layout, profile, input, init, out);
    return out;
  }
  visit_storage(result.type, [&]<class S>(S) {
    if constexpr (is_float_storage<S>)
      reduce_floats<S>(reducer, layout, profile, input, init, out);
    else if constexpr (std::is_same_v<S, PredBits>)
      reduce_integers<S, std::uint8_t>(reducer, layout, input, init, out);
    else
      reduce_integers<S, S>(reducer, layout, input, init, out);
  });
  settle_fold_nans(profile.reduce.nan, out);
  return out;
}

} // namespace isamorph::semantics
