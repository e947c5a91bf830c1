// reduce-window, convolution, pad and the dynamic slices against their definitions, element by
// element, on random shapes and attributes.
#include "evaluation.h"

#include "semantics/hlo.h"

#include <array>
#include <rapidcheck.h>

using namespace isamorph::semantics;
using namespace isamorph::semantics::test;

namespace {

using Dims = std::vector<std::int64_t>;
constexpr std::int64_t kRank = 2; ///< spatial dimensions

std::int64_t between(std::int64_t low, std::int64_t high) {
  return *rc::gen::inRange<std::int64_t>(low, high + 1);
}

std::int64_t flat(const Dims &index, const Dims &dims) {
  std::int64_t out = 0;
  for (std::size_t d = 0; d < dims.size(); ++d)
    out = out * dims[d] + index[d];
  return out;
}

/// A tensor of small numbers, half of them not whole.
Tensor random_tensor(const Shape &shape) {
  Tensor out(shape);
  for (std::int64_t i = 0; i < out.elements(); ++i)
    out.set_bits(i, encode(shape.type, static_cast<double>(between(-9, 9)) *
                                           (is_float(shape.type) ? 0.37 : 1)));
  return out;
}

/// One dimension of a window, and how many windows there are.
struct Window {
  std::int64_t size, stride, low, high, lhs, rhs, reversal;
  std::int64_t count(std::int64_t length) const {
    std::int64_t padded = (length == 0 ? 0 : (length - 1) * lhs + 1) + low + high,
                 extent = (size - 1) * rhs + 1;
    return padded < extent ? 0 : (padded - extent) / stride + 1;
  }
};
Window random_window(std::int64_t size) {
  return {size,          between(1, 3), between(-1, 2), between(-1, 2),
          between(1, 2), between(1, 2), between(0, 1)};
}

void set_window(Attributes &a, const std::array<Window, kRank> &w) {
  auto list = [&](std::int64_t Window::*field) { return Dims{w[0].*field, w[1].*field}; };
  a.set(AttributeKey::WindowSize, list(&Window::size));
  a.set(AttributeKey::WindowStride, list(&Window::stride));
  a.set(AttributeKey::WindowPadLow, list(&Window::low));
  a.set(AttributeKey::WindowPadHigh, list(&Window::high));
  a.set(AttributeKey::WindowLhsDilate, list(&Window::lhs));
  a.set(AttributeKey::WindowRhsDilate, list(&Window::rhs));
  a.set(AttributeKey::WindowReversal, list(&Window::reversal));
}

/// The base inflated and padded, as a map from place to element; -1 where there is none.
std::vector<std::int64_t> padded_base(const Window &w, std::int64_t length) {
  std::vector<std::int64_t> dilated;
  for (std::int64_t i = 0; i < length; ++i) {
    if (i)
      dilated.resize(dilated.size() + static_cast<std::size_t>(w.lhs - 1), -1);
    dilated.push_back(i);
  }
  std::vector<std::int64_t> out(static_cast<std::size_t>(std::max<std::int64_t>(0, w.low)), -1);
  for (std::size_t i = 0; i < dilated.size(); ++i)
    if (static_cast<std::int64_t>(i) >= -w.low &&
        static_cast<std::int64_t>(i) <
            static_cast<std::int64_t>(dilated.size()) + std::min<std::int64_t>(0, w.high))
      out.push_back(dilated[i]);
  out.resize(out.size() + static_cast<std::size_t>(std::max<std::int64_t>(0, w.high)), -1);
  return out;
}

} // namespace

TEST_CASE("reduce-window folds what lies under each window") {
  REQUIRE(rc::check([] {
    auto type = *rc::gen::element(ElementType::F32, ElementType::BF16, ElementType::S8,
                                  ElementType::U64, ElementType::Pred);
    OpCode reducer =
        *rc::gen::element(OpCode::Add, OpCode::Multiply, OpCode::Maximum, OpCode::Minimum);
    Shape in{type, {between(0, 5), between(1, 5)}}, out = in;
    std::array<Window, kRank> w = {random_window(between(1, 3)), random_window(between(1, 3))};
    for (Window &dimension : w)
      dimension.reversal = 0;
    Attributes a;
    set_window(a, w);
    a.set(AttributeKey::Reducer, {static_cast<std::int64_t>(reducer)});
    for (std::size_t d = 0; d < 2; ++d)
      out.dims[d] = w[d].count(in.dims[d]);
    Tensor x = random_tensor(in), init = random_tensor(Shape{type, {}});
    Tensor result = apply(OpCode::ReduceWindow, a, {x, init}, out);
    auto rows = padded_base(w[0], in.dims[0]), columns = padded_base(w[1], in.dims[1]);
    for (std::int64_t i = 0; i < out.dims[0]; ++i)
      for (std::int64_t j = 0; j < out.dims[1]; ++j) {
        std::uint64_t value = init.bits(0);
        for (std::int64_t p = 0; p < w[0].size; ++p)
          for (std::int64_t q = 0; q < w[1].size; ++q) {
            std::int64_t r = rows.at(static_cast<std::size_t>(i * w[0].stride + p * w[0].rhs)),
                         c = columns.at(static_cast<std::size_t>(j * w[1].stride + q * w[1].rhs));
            if (r >= 0 && c >= 0)
              value = scalar(reducer, type, {value, x.bits(r * in.dims[1] + c)});
          }
        RC_ASSERT(result.bits(i * out.dims[1] + j) == value);
      }
  }));
}

TEST_CASE("a convolution is the ordered sum of products under each window") {
  REQUIRE(rc::check([] {
    auto type = *rc::gen::element(ElementType::F32, ElementType::BF16, ElementType::F64,
                                  ElementType::S8, ElementType::U64);
    std::int64_t feature_groups = between(1, 3),
                 batch_groups = feature_groups > 1 ? 1 : between(1, 3),
                 groups = feature_groups * batch_groups, batch = between(1, 2),
                 features = between(1, 3), outputs = groups * between(1, 2);
    std::array<Window, kRank> w = {random_window(between(1, 3)), random_window(between(1, 3))};
    // Sizes by label: b f 0 1, i o 0 1, b f 0 1; then dim_labels in any order.
    Dims left = {batch * batch_groups, features * feature_groups, between(1, 4), between(1, 4)},
         right = {features, outputs, w[0].size, w[1].size},
         to = {batch, outputs, w[0].count(left[2]), w[1].count(left[3])};
    auto layout =
        *rc::gen::element(Dims{0, 1, 2, 3}, Dims{0, 3, 1, 2}, Dims{3, 2, 1, 0}, Dims{1, 2, 3, 0});
    auto arranged = [&](const Dims &sizes) {
      Dims out(4);
      for (std::size_t i = 0; i < 4; ++i)
        out[static_cast<std::size_t>(layout[i])] = sizes[i];
      return out;
    };
    Attributes a;
    set_window(a, w);
    a.set(AttributeKey::LhsLayout, layout);
    a.set(AttributeKey::RhsLayout, layout);
    a.set(AttributeKey::OutputLayout, layout);
    a.set(AttributeKey::FeatureGroups, {feature_groups});
    a.set(AttributeKey::BatchGroups, {batch_groups});
    Tensor x = random_tensor({type, arranged(left)}), k = random_tensor({type, arranged(right)});
    Tensor result = apply(OpCode::Convolution, a, {x, k}, {type, arranged(to)});
    ElementType sum_type = is_float(type) && type != ElementType::F64 ? ElementType::F32 : type;
    auto rows = padded_base(w[0], left[2]), columns = padded_base(w[1], left[3]);
    auto at = [&](const Tensor &t, const Dims &index) {
      return convert(type, t.bits(flat(arranged(index), t.shape().dims)), sum_type);
    };
    for (std::int64_t b = 0; b < to[0]; ++b)
      for (std::int64_t o = 0; o < outputs; ++o)
        for (std::int64_t i = 0; i < to[2]; ++i)
          for (std::int64_t j = 0; j < to[3]; ++j) {
            std::int64_t group = o / (outputs / groups);
            std::uint64_t sum = 0;
            for (std::int64_t p = 0; p < w[0].size; ++p)
              for (std::int64_t q = 0; q < w[1].size; ++q)
                for (std::int64_t f = 0; f < features; ++f) {
                  std::int64_t r = rows.at(
                                   static_cast<std::size_t>(i * w[0].stride + p * w[0].rhs)),
                               c = columns.at(
                                   static_cast<std::size_t>(j * w[1].stride + q * w[1].rhs));
                  std::int64_t from = batch_groups > 1 ? group * batch + b : b,
                               feature = batch_groups > 1 ? f : group * features + f;
                  std::uint64_t element = r < 0 || c < 0 ? 0 : at(x, {from, feature, r, c});
                  std::uint64_t weight = at(k, {f, o, w[0].reversal ? w[0].size - 1 - p : p,
                                                w[1].reversal ? w[1].size - 1 - q : q});
                  sum = scalar(OpCode::Add, sum_type,
                               {sum, scalar(OpCode::Multiply, sum_type, {element, weight})});
                }
            RC_ASSERT(result.bits(flat(arranged({b, o, i, j}), result.shape().dims)) ==
                      convert(sum_type, sum, type));
          }
  }));
}

TEST_CASE("padding of a convolution multiplies its weight, and of a reduce-window is left out") {
  auto text = [](const std::string &line) {
    return parse_hlo(make_source("padding.hlo", "add { a = f32[] parameter(0) b = f32[] "
                                                "parameter(1) ROOT c = f32[] add(a, b) } ENTRY e "
                                                "{ x = f32[1,1,3] parameter(0) k = f32[1,1,3] "
                                                "parameter(1) z = f32[] constant(10) ROOT y = " +
                                                    line + " }"));
  };
  std::vector<Tensor> in = {tensor(ElementType::F32, {1, 1, 3}, {1, 2, 3}),
                            tensor(ElementType::F32, {1, 1, 3}, {kInf, 1, 1})};
  auto sums = values(evaluate(text("f32[1,1,3] convolution(x, k), window={size=3 pad=1_1}, "
                                   "dim_labels=bf0_oi0->bf0"),
                              in, xla_cpu())[0]);
  CHECK(std::isnan(sums[0]));
  CHECK(sums[1] == kInf);
  CHECK(values(evaluate(text("f32[1,1,3] reduce-window(x, z), window={size=1x1x2 pad=0_0x0_0x1_0}, "
                             "to_apply=add"),
                        in, xla_cpu())[0]) == std::vector<double>{11, 13, 15});
}

TEST_CASE("a convolution of no features or no windows") {
  Attributes a;
  a.set(AttributeKey::LhsLayout, {0, 1});
  a.set(AttributeKey::RhsLayout, {0, 1});
  a.set(AttributeKey::OutputLayout, {0, 1});
  auto f32 = [](Dims dims) { return Tensor(Shape{ElementType::F32, std::move(dims)}); };
  CHECK(values(apply(OpCode::Convolution, a, {f32({2, 0}), f32({0, 1})},
                     Shape{ElementType::F32, {2, 1}})) == std::vector<double>{0, 0});
  CHECK(apply(OpCode::Convolution, a, {f32({0, 2}), f32({2, 3})}, Shape{ElementType::F32, {0, 3}})
            .elements() == 0);
  a.set(AttributeKey::FeatureGroups, {2});
  a.set(AttributeKey::BatchGroups, {2});
  std::array<Shape, 2> shapes = {Shape{ElementType::F32, {2, 2}}, Shape{ElementType::F32, {1, 2}}};
  CHECK_THROWS_AS(infer_shape(OpCode::Convolution, shapes, a, Shape{ElementType::F32, {1, 2}}),
                  std::invalid_argument);
}

TEST_CASE("pad puts elements where low, high and interior padding say") {
  REQUIRE(rc::check([] {
    auto type =
        *rc::gen::element(ElementType::Pred, ElementType::S16, ElementType::BF16, ElementType::F64);
    Shape in{type, {}}, out{type, {}};
    Dims low, high, interior;
    std::int64_t rank = between(0, 3);
    for (std::int64_t d = 0; d < rank; ++d) {
      low.push_back(between(-4, 3));
      high.push_back(between(-4, 3));
      interior.push_back(between(0, 2));
      in.dims.push_back(between(0, 4));
      out.dims.push_back(std::max<std::int64_t>(
          0, in.dims.back() + std::max<std::int64_t>(0, in.dims.back() - 1) * interior.back() +
                 low.back() + high.back()));
    }
    Attributes a;
    a.set(AttributeKey::PaddingLow, low);
    a.set(AttributeKey::PaddingHigh, high);
    a.set(AttributeKey::PaddingInterior, interior);
    Tensor x = random_tensor(in), value = random_tensor(Shape{type, {}});
    Tensor expected(out);
    for (std::int64_t i = 0; i < expected.elements(); ++i)
      expected.set_bits(i, value.bits(0));
    for (std::int64_t i = 0; i < x.elements(); ++i) {
      std::int64_t rest = i;
      Dims index(static_cast<std::size_t>(rank));
      bool inside = true;
      for (std::size_t d = index.size(); d-- > 0; rest /= in.dims[d]) {
        index[d] = low[d] + (rest % in.dims[d]) * (interior[d] + 1);
        inside &= index[d] >= 0 && index[d] < out.dims[d];
      }
      if (inside)
        expected.set_bits(flat(index, out.dims), x.bits(i));
    }
    RC_ASSERT(apply(OpCode::Pad, a, {x, value}, out) == expected);
  }));
}

TEST_CASE("dynamic slices clamp any start index of any type") {
  REQUIRE(rc::check([] {
    auto index_type = *rc::gen::element(ElementType::S8, ElementType::U8, ElementType::S32,
                                        ElementType::S64, ElementType::U64);
    std::int64_t length = between(1, 9), size = between(0, length);
    Tensor x = random_tensor(Shape{ElementType::S16, {length}}),
           update = random_tensor(Shape{ElementType::S16, {size}}), start(Shape{index_type, {}});
    auto bits = *rc::gen::element<std::uint64_t>(0, 1, 2, 5, 9, 127, 128, 255, ~std::uint64_t{0},
                                                 std::uint64_t{1} << 63, std::uint64_t{1} << 31);
    start.set_bits(0, bits);
    std::uint64_t stored = start.bits(0);
    std::int64_t first = 0;
    if (index_type == ElementType::U8 || index_type == ElementType::U64)
      first =
          static_cast<std::int64_t>(std::min(stored, static_cast<std::uint64_t>(length - size)));
    else
      first = std::clamp<std::int64_t>(static_cast<std::int64_t>(decode(index_type, stored)), 0,
                                       length - size);
    Attributes a;
    a.set(AttributeKey::SliceSizes, {size});
    Tensor slice = apply(OpCode::DynamicSlice, a, {x, start}, Shape{ElementType::S16, {size}}),
           updated = apply(OpCode::DynamicUpdateSlice, {}, {x, update, start}, x.shape());
    for (std::int64_t i = 0; i < size; ++i)
      RC_ASSERT(slice.bits(i) == x.bits(first + i));
    for (std::int64_t i = 0; i < length; ++i)
      RC_ASSERT(updated.bits(i) ==
                (i >= first && i < first + size ? update.bits(i - first) : x.bits(i)));
  }));
}

TEST_CASE("the padding of a scalar has no numbers") {
  for (const char *attribute : {"", ", padding="}) {
    TensorGraph graph = parse_hlo(make_source(
        "p.hlo", std::string("ENTRY e { x = f32[] parameter(0) y = f32[] parameter(1)\n ROOT z = "
                             "f32[] pad(x, y)") +
                     attribute + "\n }"));
    CHECK(equal(parse_hlo(make_source("again.hlo", print_hlo(graph))), graph));
  }
  CHECK_THROWS_AS(parse_hlo(make_source("p.hlo", "ENTRY e { x = f32[2] parameter(0) y = f32[] "
                                                 "parameter(1)\n ROOT z = f32[2] pad(x, y), "
                                                 "padding=\n }")),
                  InputError);
}

TEST_CASE("what XLA prints for windows reads back, whatever is left out") {
  for (const char *line :
       {"f32[1,4,4,2] convolution(x, k), window={size=3x3 pad=1_1x1_1}, dim_labels=b01f_01io->b01f",
        "f32[1,7,2,2] convolution(x, k), window={size=3x3 stride=1x2 pad=1_1x0_1 lhs_dilate=2x1 "
        "rhs_reversal=0x1}, dim_labels=b01f_01io->b01f, operand_precision={default,default}",
        "f32[1,2,1,2] convolution(x, k), window={size=3x3 pad=-1_1x-1_0 rhs_dilate=1x1}, "
        "dim_labels=b01f_01io->b01f, feature_group_count=1, batch_group_count=1",
        "f32[1,2,2,3] reduce-window(x, z), window={size=1x3x3x1 stride=1x1x1x2 pad=0_0x0_0x0_0x1_1 "
        "lhs_dilate=1x1x1x2}, to_apply=add",
        "f32[1,4,4,2] reduce-window(x, z), window={size=1x1x1x1}, to_apply=add"}) {
    INFO(line);
    TensorGraph graph = parse_hlo(make_source(
        "windows.hlo", std::string("add { a = f32[] parameter(0) b = f32[] parameter(1) ROOT c = "
                                   "f32[] add(a, b) } ENTRY e { x = f32[1,4,4,2] parameter(0) k = "
                                   "f32[3,3,2,2] parameter(1) z = f32[] constant(0) ROOT y = ") +
                           line + " }"));
    std::string text = print_hlo(graph);
    CHECK(text.find("pad=0_0x0_0x0_0x0_0") == std::string::npos); // a default is left out
    CHECK(equal(parse_hlo(make_source("again.hlo", text)), graph));
    CHECK(print_hlo(parse_hlo(make_source("again.hlo", text))) == text);
  }
}
