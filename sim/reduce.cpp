#include "sim/reduce.h"

#include "semantics/interrupt_point.h"
#include "sim/denormals.h"
#include "sim/vector.h"

#include <algorithm>

namespace isamorph::sim {

using semantics::AttributeKey;
using semantics::ElementType;
using semantics::OpCode;

std::optional<ReduceAdd> ReduceAdd::compile(const semantics::Attributes &attributes,
                                            const semantics::Shape &input,
                                            const semantics::NumericsProfile &profile,
                                            VectorTarget target) {
  ElementType type = input.type;
  if (attributes.get_one(AttributeKey::Reducer) != static_cast<std::int64_t>(OpCode::Add) ||
      (type != ElementType::BF16 && type != ElementType::F32) ||
      !has_plain_fold(profile, profile.reduce, type))
    return std::nullopt;
  ElementType accumulator = semantics::accumulator_type(profile.reduce, type);
  auto flushes = machine_flushes(profile, OpCode::Reduce, type);
  if (!flushes || (accumulator != type && accumulator != ElementType::F32))
    return std::nullopt;
  ReduceAdd reduce;
  reduce.type_ = type;
  reduce.rounds_steps_ = accumulator == type;
  reduce.flushes_ = *flushes;
  reduce.target_ = target;
  reduce.layout_ = semantics::reduce_layout(attributes, input);
  if (reduce.layout_.terms.empty() && reduce.flushes_)
    return std::nullopt; // the machine flushes what it adds, and it adds nothing here
  auto cut = blocks(profile.reduce.order, reduce.layout_.terms.size());
  if (!cut)
    return std::nullopt;
  reduce.blocks_ = *cut;
  return reduce;
}

std::size_t ReduceAdd::scratch_bytes() const {
  return layout_.terms.size() * kLanes * sizeof(float);
}

namespace {

/// Sixteen rows from `init`, their terms packed side by side; A is the type to which each step is
/// rounded.
template <class A> struct RowSums {
  const float *packed;
  std::size_t terms;
  Blocks blocks;
  float init;

  ISAMORPH_INLINE Lanes<float> sequence(std::size_t first, std::size_t last) const {
    Lanes<float> sum = same_lanes(init);
    for (std::size_t r = first; r < last; ++r)
      sum = rounded_lanes<A>(sum + load_lanes<float>(packed + r * kLanes));
    return sum;
  }
  ISAMORPH_INLINE Lanes<float> total() const {
    if (blocks.width == 0)
      return sequence(0, terms);
    Lanes<float> sum = sequence(0, 0);
    std::size_t last = blocks.first;
    for (std::size_t first = 0; first < terms;
         first = last, last = std::min(terms, last + blocks.width))
      sum = rounded_lanes<A>(sum + sequence(first, last));
    return sum;
  }
};

} // namespace

template <class S, class A>
void ReduceAdd::run_as(const S *input, S init, S *out, float *packed) const {
  std::size_t count = layout_.rows.size(), terms = layout_.terms.size();
  for (std::size_t row = 0; row < count; row += kLanes) {
    semantics::interrupt_point();
    std::size_t used = std::min(kLanes, count - row);
    for (std::size_t l = 0; l < kLanes; ++l) {
      const S *from = input + layout_.rows[row + (l < used ? l : 0)];
      for (std::size_t r = 0; r < terms; ++r)
        packed[r * kLanes + l] = semantics::load<float>(from[layout_.terms[r]]);
    }
    RowSums<A> sums{packed, terms, blocks_, semantics::load<float>(init)};
    FlushScope scope(flushes_);
    run_on(
        target_, [&](auto) __attribute__((always_inline)) {
          store_some<S, float>(out + row, sums.total(), used);
        });
  }
}

void ReduceAdd::run(const std::byte *input, const std::byte *init, std::byte *out,
                    std::byte *scratch) const {
  auto *packed = reinterpret_cast<float *>(scratch);
  auto run_with = [&]<class S, class A>(S, A) {
    run_as<S, A>(reinterpret_cast<const S *>(input), *reinterpret_cast<const S *>(init),
                 reinterpret_cast<S *>(out), packed);
  };
  if (type_ == ElementType::F32)
    run_with(float{}, float{});
  else if (rounds_steps_)
    run_with(semantics::BF16Bits{}, semantics::BF16Bits{});
  else
    run_with(semantics::BF16Bits{}, float{});
}

} // namespace isamorph::sim
