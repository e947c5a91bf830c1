// Random programs: what is printed reads back to the same graph, and layouts say where bytes lie.
#include "semantics/evaluator.h"
#include "semantics/hlo.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <numeric>
#include <rapidcheck.h>

using namespace isamorph::semantics;

namespace {

using Dims = std::vector<std::int64_t>;

TensorGraph parse(const std::string &text) { return parse_hlo(make_source("random.hlo", text)); }

template <class T> T below(T bound) { return *rc::gen::inRange<T>(0, bound); }

template <class T> const T &one_of(const std::vector<T> &from) { return from[below(from.size())]; }

Dims random_permutation(std::size_t rank) {
  Dims p(rank);
  std::iota(p.begin(), p.end(), 0);
  for (std::size_t i = rank; i > 1; --i)
    std::swap(p[i - 1], p[below(i)]);
  return p;
}

/// A graph that grows by one random operation at a time; every operation fits its operands.
class RandomGraph {
public:
  TensorGraph make() {
    for (std::size_t i = 0, count = 1 + below<std::size_t>(3); i < count; ++i)
      parameter(static_cast<std::int64_t>(i));
    for (std::size_t i = 0, count = 1 + below<std::size_t>(12); i < count; ++i)
      grow();
    graph_.results = {last()};
    if (below(3) == 0)
      graph_.results.push_back(any());
    return graph_.without_dead_nodes();
  }

private:
  NodeId last() const { return {static_cast<std::uint32_t>(graph_.nodes.size()) - 1}; }
  NodeId any() const { return {below(static_cast<std::uint32_t>(graph_.nodes.size()))}; }

  void parameter(std::int64_t number) {
    Shape shape{one_of<ElementType>({ElementType::F32, ElementType::BF16, ElementType::S32}), {}};
    for (std::size_t d = 0, rank = below<std::size_t>(4); d < rank; ++d)
      shape.dims.push_back(1 + below<std::int64_t>(4));
    Attributes attributes;
    attributes.set(AttributeKey::ParameterNumber, {number});
    graph_.add(OpCode::Parameter, {}, attributes, shape);
  }

  void grow() {
    NodeId x = any();
    const Shape shape = graph_[x].shape;
    Attributes a;
    switch (below(11)) {
    case 0:
      graph_.add(OpCode::Add, {x, x}, {}, shape);
      break;
    case 1: {
      Dims p = random_permutation(shape.rank());
      Shape out{shape.type, {}};
      for (std::int64_t d : p)
        out.dims.push_back(shape.dims[static_cast<std::size_t>(d)]);
      a.set(AttributeKey::Dimensions, p);
      graph_.add(OpCode::Transpose, {x}, a, out);
      break;
    }
    case 2:
      graph_.add(OpCode::Reshape, {x}, {}, {shape.type, {shape.elements()}});
      break;
    case 3:
      broadcast(x, shape);
      break;
    case 4:
      reduce(x, shape);
      break;
    case 5:
      a.set(AttributeKey::Direction, {below<std::int64_t>(6)});
      graph_.add(OpCode::Compare, {x, x}, a, {ElementType::Pred, shape.dims});
      graph_.add(OpCode::Select, {last(), x, x}, {}, shape);
      break;
    case 6:
      constant();
      break;
    case 7:
      pad(x, shape);
      break;
    case 8:
      window(x, shape);
      break;
    case 9:
      dynamic(x, shape);
      break;
    default:
      graph_.add(OpCode::Convert, {x}, {},
                 {one_of<ElementType>({ElementType::F32, ElementType::S8}), shape.dims});
    }
  }

  void broadcast(NodeId x, const Shape &shape) {
    Dims dims(shape.rank());
    std::iota(dims.begin(), dims.end(), 1);
    Shape out = shape;
    out.dims.insert(out.dims.begin(), 2);
    Attributes a;
    a.set(AttributeKey::Dimensions, dims);
    if (shape.rank() < 5)
      graph_.add(OpCode::Broadcast, {x}, a, out);
  }

  void reduce(NodeId x, const Shape &shape) {
    if (shape.rank() == 0 || shape.type == ElementType::Pred)
      return;
    auto zero = std::make_shared<Tensor>(Shape{shape.type, {}});
    Attributes constant_value, a;
    constant_value.literal = zero;
    NodeId start = graph_.add(OpCode::Constant, {}, constant_value, zero->shape());
    std::size_t d = below(shape.rank());
    Shape out = shape;
    out.dims.erase(out.dims.begin() + static_cast<std::ptrdiff_t>(d));
    a.set(AttributeKey::Dimensions, {static_cast<std::int64_t>(d)});
    OpCode op = one_of<OpCode>({OpCode::Add, OpCode::Multiply, OpCode::Maximum, OpCode::Minimum});
    a.set(AttributeKey::Reducer, {static_cast<std::int64_t>(op)});
    graph_.add(OpCode::Reduce, {x, start}, a, out);
  }

  NodeId zero(ElementType type) {
    Attributes a;
    a.literal = std::make_shared<Tensor>(Shape{type, {}});
    return graph_.add(OpCode::Constant, {}, a, a.literal->shape());
  }
  Dims numbers(std::size_t count, std::int64_t low, std::int64_t high) {
    Dims out(count);
    for (std::int64_t &n : out)
      n = *rc::gen::inRange<std::int64_t>(low, high + 1);
    return out;
  }

  void pad(NodeId x, const Shape &shape) {
    Attributes a;
    Dims low = numbers(shape.rank(), -1, 1), high = numbers(shape.rank(), -1, 1),
         interior = numbers(shape.rank(), 0, 1);
    Shape out = shape;
    for (std::size_t d = 0; d < shape.rank(); ++d)
      out.dims[d] = std::max<std::int64_t>(
          0, shape.dims[d] + std::max<std::int64_t>(0, shape.dims[d] - 1) * interior[d] + low[d] +
                 high[d]);
    a.set(AttributeKey::PaddingLow, low);
    a.set(AttributeKey::PaddingHigh, high);
    a.set(AttributeKey::PaddingInterior, interior);
    graph_.add(OpCode::Pad, {x, zero(shape.type)}, a, out);
  }

  void window(NodeId x, const Shape &shape) {
    if (shape.type == ElementType::Pred)
      return;
    Attributes a;
    Dims size = numbers(shape.rank(), 1, 2), stride = numbers(shape.rank(), 1, 2),
         low = numbers(shape.rank(), -1, 1), dilation = numbers(shape.rank(), 1, 2);
    Shape out = shape;
    for (std::size_t d = 0; d < shape.rank(); ++d) {
      std::int64_t extent = (size[d] - 1) * dilation[d] + 1, padded = shape.dims[d] + low[d];
      out.dims[d] = padded < extent ? 0 : (padded - extent) / stride[d] + 1;
    }
    a.set(AttributeKey::WindowSize, size);
    a.set(AttributeKey::WindowStride, stride);
    a.set(AttributeKey::WindowPadLow, low);
    a.set(AttributeKey::WindowPadHigh, Dims(shape.rank(), 0));
    a.set(AttributeKey::WindowRhsDilate, dilation);
    a.set(AttributeKey::Reducer, {static_cast<std::int64_t>(OpCode::Maximum)});
    graph_.add(OpCode::ReduceWindow, {x, zero(shape.type)}, a, out);
  }

  void dynamic(NodeId x, const Shape &shape) {
    std::vector<NodeId> operands = {x};
    Attributes a;
    NodeId start = zero(ElementType::S32);
    operands.insert(operands.end(), shape.rank(), start);
    Shape out = shape;
    for (std::int64_t &size : out.dims)
      size = *rc::gen::inRange<std::int64_t>(0, size + 1);
    a.set(AttributeKey::SliceSizes, out.dims);
    graph_.add(OpCode::DynamicSlice, operands, a, out);
    operands.insert(operands.begin() + 1, last());
    graph_.add(OpCode::DynamicUpdateSlice, operands, {}, shape);
  }

  /// Any bits but those of NaNs, whose payload has no text.
  void constant() {
    Shape shape{one_of<ElementType>(
                    {ElementType::F32, ElementType::BF16, ElementType::S8, ElementType::U8}),
                {1 + below<std::int64_t>(3), 1 + below<std::int64_t>(3)}};
    auto tensor = std::make_shared<Tensor>(shape);
    for (std::int64_t i = 0; i < shape.elements(); ++i) {
      auto bits = *rc::gen::arbitrary<std::uint32_t>() >> (32 - 8 * byte_size(shape.type));
      tensor->set_bits(i, is_nan(shape.type, bits) ? 0 : bits);
    }
    Attributes a;
    a.literal = tensor;
    graph_.add(OpCode::Constant, {}, a, shape);
  }

  TensorGraph graph_;
};

std::string list(const Dims &dims) {
  std::string out;
  for (std::size_t i = 0; i < dims.size(); ++i)
    out += (i ? "," : "") + std::to_string(dims[i]);
  return out;
}

} // namespace

TEST_CASE("random graphs are printed and read back to the same graph") {
  CHECK(rc::check([] {
    TensorGraph graph = RandomGraph().make();
    std::string text = print_hlo(graph);
    TensorGraph again = parse(text);
    RC_LOG(text);
    RC_ASSERT(equal(again, graph));
    RC_ASSERT(print_hlo(again) == text);
  }));
}

TEST_CASE("graphs that differ in an operation, attribute, shape, operand or result are not equal") {
  auto make = [](const std::string &root) {
    return parse(
        "ENTRY e { x = f32[4,4] parameter(0) y = f32[4,4] parameter(1) ROOT z = f32[4,4] " + root +
        " }");
  };
  TensorGraph graph = make("transpose(x), dimensions={1,0}");
  CHECK(equal(graph, make("transpose(x), dimensions={1,0}")));
  CHECK_FALSE(equal(graph, make("transpose(x), dimensions={0,1}")));
  CHECK_FALSE(equal(graph, make("transpose(y), dimensions={1,0}")));
  CHECK_FALSE(equal(graph, make("negate(x)")));
  CHECK_FALSE(equal(make("add(x, y)"), make("add(y, x)")));
  CHECK_FALSE(equal(parse("ENTRY e { ROOT x = f32[4] parameter(0) }"),
                    parse("ENTRY e { ROOT x = f32[5] parameter(0) }")));
  CHECK_FALSE(equal(parse("ENTRY e { ROOT x = f32[] constant(0) }"),
                    parse("ENTRY e { ROOT x = f32[] constant(-0) }")));
}

TEST_CASE("names that the reader makes differ from those of the program") {
  TensorGraph graph = parse("ENTRY e { transpose.1 = f32[2,3]{0,1} parameter(0) ROOT transpose.2 = "
                            "f32[2,3] negate(transpose.1) }");
  CHECK(equal(parse(print_hlo(graph)), graph));
}

TEST_CASE("a module may be called anything that a computation may") {
  for (const char *name : {"%main.9", "%9", "%-x"}) {
    TensorGraph graph = parse(std::string("ENTRY ") + name + " { ROOT x = f32[] parameter(0) }");
    CHECK(equal(parse(print_hlo(graph)), graph));
  }
}

TEST_CASE("a boundary tensor lies as its layout and its tiles say") {
  CHECK(rc::check([] {
    std::size_t rank = 2 + below<std::size_t>(2);
    Dims minor_to_major = random_permutation(rank),
         tile = {1 + below<std::int64_t>(3), 1 + below<std::int64_t>(3)};
    // Sizes in physical order, most major first; the last two are multiples of the tile.
    Dims physical(rank), logical(rank);
    for (std::size_t i = 0; i < rank; ++i) {
      physical[i] = 1 + below<std::int64_t>(3);
      if (i + 2 >= rank)
        physical[i] *= tile[i + 2 - rank];
      logical[static_cast<std::size_t>(minor_to_major[rank - 1 - i])] = physical[i];
    }
    std::string shape = "s32[" + list(logical) + "]",
                layout = "{" + list(minor_to_major) + ":T(" + list(tile) + ")}";
    TensorGraph write =
        parse("ENTRY e { x = " + shape + " parameter(0) ROOT y = " + shape + layout + " copy(x) }");
    Tensor in(Shape{ElementType::S32, logical});
    for (std::int64_t i = 0; i < in.elements(); ++i)
      in.set_bits(i, static_cast<std::uint64_t>(i));
    Tensor memory = evaluate(write, std::vector<Tensor>{in}, numerics_profile("xla_cpu"))[0];

    // By hand: where each element of the logical tensor lies.
    std::int64_t columns = physical[rank - 1], across = columns / tile[1];
    for (std::int64_t i = 0; i < in.elements(); ++i) {
      Dims index(rank);
      std::int64_t rest = i;
      for (std::size_t d = rank; d-- > 0; rest /= logical[d])
        index[d] = rest % logical[d];
      auto at = [&](std::size_t p) {
        return index[static_cast<std::size_t>(minor_to_major[rank - 1 - p])];
      };
      std::int64_t row = at(rank - 2), column = at(rank - 1);
      std::int64_t place = rank == 3 ? at(0) : 0;
      place = place * physical[rank - 2] * columns;
      place += ((row / tile[0]) * across + column / tile[1]) * tile[0] * tile[1];
      place += (row % tile[0]) * tile[1] + column % tile[1];
      RC_ASSERT(memory.bits(place) == static_cast<std::uint64_t>(i));
    }
    // And a parameter that lies so is read as the same tensor.
    TensorGraph read =
        parse("ENTRY e { x = " + shape + layout + " parameter(0) ROOT y = " + shape + " copy(x) }");
    Tensor bytes(read[read.parameters[0]].shape);
    RC_ASSERT(bytes.elements() == memory.elements());
    std::copy(memory.bytes().begin(), memory.bytes().end(), bytes.bytes().begin());
    RC_ASSERT(evaluate(read, std::vector<Tensor>{bytes}, numerics_profile("xla_cpu"))[0] == in);
  }));
}
