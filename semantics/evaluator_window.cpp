// Folds under a sliding window: their elements are gathered into matrices, which evaluate_reduce
// and evaluate_dot fold in the orders of the profile.
#include "semantics/element_words.h"
#include "semantics/evaluator_kernels.h"
#include "semantics/window.h"

#include <algorithm>
#include <map>

namespace isamorph::semantics {
namespace {

/// At most so many gathered elements at a time.
constexpr std::int64_t kGathered = 1 << 20;

/// Copies element `from` of a tensor to element `to` of another; kNoElement is zero.
template <class T>
void copy_element(const Tensor &source, std::int64_t from, Tensor &target, std::int64_t to) {
  target.as<T>()[static_cast<std::size_t>(to)] =
      from == kNoElement ? T{0} : source.as<T>()[static_cast<std::size_t>(from)];
}

/// `target[first + i * step] = source[from[i]]`.
void gather(const Tensor &source, std::span<const std::int64_t> from, Tensor &target,
            std::int64_t first, std::int64_t step) {
  with_word(source.shape().type, [&]<class T>(T) {
    for (std::size_t i = 0; i < from.size(); ++i)
      copy_element<T>(source, from[i], target, first + static_cast<std::int64_t>(i) * step);
  });
}

/// `target[to[i]] = source[i]`.
void scatter(const Tensor &source, Tensor &target, std::span<const std::int64_t> to) {
  with_word(source.shape().type, [&]<class T>(T) {
    for (std::size_t i = 0; i < to.size(); ++i)
      copy_element<T>(source, static_cast<std::int64_t>(i), target, to[i]);
  });
}

/// Windows that hold the same number of elements, folded together as the rows of a matrix.
class WindowBatch {
public:
  WindowBatch(const Attributes &attributes, const Tensor &input, const Tensor &init,
              const NumericsProfile &profile, Tensor &out)
      : input_(input), init_(init), profile_(profile), out_(out) {
    reduction_.set(AttributeKey::Dimensions, {1});
    reduction_.set(AttributeKey::Reducer, {attributes.get_one(AttributeKey::Reducer)});
  }

  void add(std::int64_t output, const std::vector<std::int64_t> &elements) {
    terms_ = static_cast<std::int64_t>(elements.size());
    outputs_.push_back(output);
    elements_.insert(elements_.end(), elements.begin(), elements.end());
    if (static_cast<std::int64_t>(elements_.size() + outputs_.size()) >= kGathered)
      fold();
  }

  void fold() {
    auto rows = static_cast<std::int64_t>(outputs_.size());
    ElementType type = input_.shape().type;
    Tensor matrix(Shape{type, {rows, terms_}});
    gather(input_, elements_, matrix, 0, 1);
    scatter(evaluate_reduce(reduction_, matrix, init_, Shape{type, {rows}}, profile_), out_,
            outputs_);
    outputs_.clear();
    elements_.clear();
  }

private:
  const Tensor &input_, &init_;
  const NumericsProfile &profile_;
  Tensor &out_;
  Attributes reduction_;
  std::int64_t terms_ = 0;
  std::vector<std::int64_t> outputs_, elements_;
};

} // namespace

Tensor evaluate_reduce_window(const Attributes &attributes, const Tensor &input, const Tensor &init,
                              const Shape &result, const NumericsProfile &profile) {
  Tensor out(result);
  ReduceWindows windows(attributes, input.shape(), result);
  std::map<std::size_t, WindowBatch> batches;
  std::vector<std::int64_t> elements;
  for (std::int64_t o = 0; o < out.elements(); ++o) {
    interrupt_point();
    windows.gather(o, elements);
    batches.try_emplace(elements.size(), attributes, input, init, profile, out)
        .first->second.add(o, elements);
  }
  for (auto &[terms, batch] : batches)
    batch.fold();
  return out;
}

Tensor evaluate_convolution(const Attributes &attributes, const Tensor &lhs, const Tensor &rhs,
                            const Shape &result, const NumericsProfile &profile) {
  Tensor out(result);
  if (out.elements() == 0)
    return out;
  ConvolutionProducts products(attributes, lhs.shape(), rhs.shape(), result);
  std::int64_t terms = products.terms(), columns = products.columns(),
               block = std::clamp<std::int64_t>(kGathered / std::max<std::int64_t>(terms, 1), 1,
                                                products.rows());
  Attributes contraction;
  contraction.set(AttributeKey::LhsContracting, {1});
  contraction.set(AttributeKey::RhsContracting, {0});
  std::vector<std::int64_t> elements, places;
  for (std::int64_t g = 0; g < products.groups(); ++g) {
    Tensor right(Shape{result.type, {terms, columns}});
    for (std::int64_t c = 0; c < columns; ++c) {
      products.right(g, c, elements);
      gather(rhs, elements, right, c, columns);
    }
    for (std::int64_t begin = 0; begin < products.rows(); begin += block) {
      std::int64_t rows = std::min(block, products.rows() - begin);
      Tensor left(Shape{result.type, {rows, terms}});
      places.clear();
      for (std::int64_t r = 0; r < rows; ++r) {
        interrupt_point();
        products.left(g, begin + r, elements);
        gather(lhs, elements, left, r * terms, 1);
        for (std::int64_t c = 0; c < columns; ++c)
          places.push_back(products.result(g, begin + r, c));
      }
      Shape shape{result.type, {rows, columns}};
      scatter(evaluate_dot(contraction, left, right, shape, profile), out, places);
    }
  }
  return out;
}

} // namespace isamorph::semantics
