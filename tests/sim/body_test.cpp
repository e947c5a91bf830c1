// Compiled bodies against the evaluator, bit for bit, for each vector target that the machine has.
#include "sim/body.h"

#include "semantics/evaluator.h"
#include "sim/memory.h"
#include "tests/verify/random_graph.h"

#include <catch2/catch.hpp>
#include <rapidcheck.h>

using namespace isamorph;
using semantics::AttributeKey;
using semantics::Attributes;
using semantics::ElementType;
using semantics::NodeId;
using semantics::NumericsProfile;
using semantics::OpCode;
using semantics::Shape;
using semantics::Tensor;
using semantics::TensorGraph;
using sim::VectorTarget;

namespace {

std::vector<VectorTarget> targets() {
  std::vector<VectorTarget> out;
  for (auto target :
       {VectorTarget::Portable, VectorTarget::Avx2, VectorTarget::Avx512, VectorTarget::Avx512Vnni})
    if (target <= sim::host_vector_target())
      out.push_back(target);
  return out;
}

/// The shipped profiles, and the orders, accumulators and treatments of denormals they lack.
const std::vector<NumericsProfile> &profiles() {
  static const std::vector<NumericsProfile> all = [] {
    std::vector<NumericsProfile> out = semantics::shipped_numerics();
    for (const NumericsProfile &p : semantics::parse_numerics(semantics::make_source("test", R"(
        numerics blocks { compute f32 dot accumulate f32, order blocks 5 reduce accumulate f32, order blocks 3 denormals keep }
        numerics pairs { compute f32 dot accumulate f32, order pairwise reduce accumulate element, order pairwise denormals keep }
        numerics flushing { compute f32 dot accumulate f32, order sequential reduce accumulate element, order blocks 32 denormals flush }
        numerics machine { compute f32 dot accumulate f32, order blocks 5 centred reduce accumulate f32, order blocks 7 centred denormals flush_after }
        numerics narrow { compute element dot accumulate element, order sequential reduce accumulate element, order sequential denormals keep }
        numerics directed { compute f32 dot accumulate f32, order sequential, nan f32 0xffc00000 elementwise round up, overflow ieee convert round to_odd }
        numerics handing_on { compute f32 elementwise nan bf16 0x7fff propagate right left reduce accumulate f32, nan f32 0x7fffffff functions xla_cpu }
        numerics wide { compute f64 dot accumulate f64, order sequential reduce accumulate f64, order sequential denormals keep }
      )")))
      out.push_back(p);
    return out;
  }();
  return all;
}

std::vector<Tensor> run_body(const sim::Body &body, const TensorGraph &graph,
                             const std::vector<Tensor> &inputs) {
  std::vector<const std::byte *> reads;
  for (const Tensor &input : inputs)
    reads.push_back(input.bytes().data());
  std::vector<Tensor> results;
  for (NodeId result : graph.results)
    results.emplace_back(graph[result].shape);
  std::vector<std::byte *> writes;
  for (Tensor &result : results)
    writes.push_back(result.bytes().data());
  sim::AlignedBytes scratch(body.scratch_bytes());
  std::fill_n(scratch.data(), body.scratch_bytes(), std::byte{0xa5});
  body.run(reads, writes, scratch.data());
  return results;
}

/// Any bits, or plain numbers where sums would otherwise be NaN.
Tensor random_input(const Shape &shape, std::mt19937_64 &engine, bool any_bits) {
  Tensor out(shape);
  for (std::int64_t i = 0; i < out.elements(); ++i) {
    std::uint64_t bits = engine();
    if (shape.type == ElementType::Pred)
      bits &= 1;
    else if (!any_bits && semantics::is_float(shape.type))
      bits = semantics::encode(shape.type, static_cast<double>(bits % 2001) / 1000 - 1);
    out.set_bits(i, bits);
  }
  return out;
}

void check_all_targets(const TensorGraph &graph, const std::vector<Tensor> &inputs,
                       const NumericsProfile &profile) {
  auto expected = semantics::evaluate(graph, inputs, profile);
  for (VectorTarget target : targets()) {
    sim::Body body(graph, profile, target);
    RC_ASSERT(run_body(body, graph, inputs) == expected);
  }
}

NodeId parameter(TensorGraph &graph, Shape shape) {
  Attributes attributes;
  attributes.set(AttributeKey::ParameterNumber,
                 {static_cast<std::int64_t>(graph.parameters.size())});
  return graph.add(OpCode::Parameter, {}, attributes, shape);
}

/// Of any type, and half of the time of a type whose sums depend on their order.
ElementType any_type(std::mt19937_64 &engine) {
  constexpr std::array rounding{ElementType::F32, ElementType::BF16, ElementType::F16};
  return engine() % 2 ? rounding[engine() % rounding.size()]
                      : static_cast<ElementType>(engine() % semantics::kElementTypeCount);
}
std::int64_t size_up_to(std::int64_t most, std::mt19937_64 &engine) {
  return static_cast<std::int64_t>(engine() % static_cast<std::uint64_t>(most + 1));
}

template <class F> void with_each_profile(F f) {
  std::mt19937_64 engine(*rc::gen::arbitrary<std::uint64_t>());
  for (const NumericsProfile &profile : profiles()) {
    RC_LOG() << profile.name << std::endl;
    f(profile, engine);
  }
}

/// The graph of one dot: [rows,terms] times [terms,columns].
TensorGraph product(ElementType type, std::int64_t rows, std::int64_t terms, std::int64_t columns) {
  TensorGraph graph;
  NodeId a = parameter(graph, {type, {rows, terms}}),
         b = parameter(graph, {type, {terms, columns}});
  Attributes attributes;
  attributes.set(AttributeKey::LhsContracting, {1});
  attributes.set(AttributeKey::RhsContracting, {0});
  graph.results = {graph.add(OpCode::Dot, {a, b}, attributes, {type, {rows, columns}})};
  return graph;
}

} // namespace

TEST_CASE("random graphs have the evaluator's bits, results and intermediate values alike") {
  REQUIRE(rc::check([] {
    with_each_profile([](const NumericsProfile &profile, std::mt19937_64 &engine) {
      verify::test::RandomGraph random(engine(), {any_type(engine), any_type(engine)});
      TensorGraph graph = random.make(12);
      std::vector<Tensor> inputs;
      for (NodeId p : graph.parameters)
        inputs.push_back(random.input(graph[p].shape, engine() % 2));
      check_all_targets(graph, inputs, profile);
    });
  }));
}

TEST_CASE("dots of any layout, type and profile") {
  REQUIRE(rc::check([] {
    with_each_profile([](const NumericsProfile &profile, std::mt19937_64 &engine) {
      ElementType type = any_type(engine);
      std::int64_t batch = size_up_to(2, engine), rows = size_up_to(20, engine),
                   columns = size_up_to(40, engine), terms = size_up_to(40, engine);
      bool batched = engine() % 2, left_first = engine() % 2, right_first = engine() % 2;
      auto dims = [&](std::int64_t a, std::int64_t b, bool swap) {
        std::vector<std::int64_t> out = swap ? std::vector{b, a} : std::vector{a, b};
        if (batched)
          out.insert(out.begin(), batch);
        return out;
      };
      std::int64_t offset = batched;
      TensorGraph graph;
      NodeId lhs = parameter(graph, {type, dims(rows, terms, left_first)}),
             rhs = parameter(graph, {type, dims(terms, columns, right_first)});
      Attributes attributes;
      attributes.set(AttributeKey::LhsContracting, {offset + !left_first});
      attributes.set(AttributeKey::RhsContracting, {offset + right_first});
      if (batched) {
        attributes.set(AttributeKey::LhsBatch, {0});
        attributes.set(AttributeKey::RhsBatch, {0});
      }
      graph.results = {
          graph.add(OpCode::Dot, {lhs, rhs}, attributes, {type, dims(rows, columns, false)})};
      bool any_bits = engine() % 3 == 0;
      check_all_targets(graph,
                        {random_input(graph[lhs].shape, engine, any_bits),
                         random_input(graph[rhs].shape, engine, any_bits)},
                        profile);
    });
  }));
}

TEST_CASE("products of integers that were widened, renamed and added to, any bits") {
  using enum ElementType;
  constexpr std::array types{S8, U8, S16, U16, S32, U32, S64, U64};
  REQUIRE(rc::check([&] {
    std::mt19937_64 engine(*rc::gen::arbitrary<std::uint64_t>());
    auto one_of = [&](const auto &choices) { return choices[engine() % choices.size()]; };
    ElementType result = one_of(types);
    std::int64_t rows = size_up_to(36, engine), columns = size_up_to(36, engine),
                 terms = size_up_to(36, engine);
    bool right_first = engine() % 2;
    TensorGraph graph;
    auto operand = [&](std::vector<std::int64_t> dims) {
      ElementType from = engine() % 2 ? S8 : one_of(types);
      NodeId id = parameter(graph, {from, {dims[0] * dims[1]}});
      if (from != result)
        id = graph.add(OpCode::Convert, {id}, {}, {result, {dims[0] * dims[1]}});
      return graph.add(OpCode::Reshape, {id}, {}, {result, dims});
    };
    NodeId lhs = operand({rows, terms}),
           rhs = operand(right_first ? std::vector{columns, terms} : std::vector{terms, columns});
    Attributes attributes;
    attributes.set(AttributeKey::LhsContracting, {1});
    attributes.set(AttributeKey::RhsContracting, {right_first ? 1 : 0});
    NodeId dot = graph.add(OpCode::Dot, {lhs, rhs}, attributes, {result, {rows, columns}});
    Shape flat{result, {rows * columns}};
    NodeId renamed = graph.add(OpCode::Reshape, {dot}, {}, flat);
    std::vector<NodeId> terms_of_sum{renamed, engine() % 8 ? parameter(graph, flat) : renamed};
    if (engine() % 2)
      std::swap(terms_of_sum[0], terms_of_sum[1]);
    NodeId sum = graph.add(OpCode::Add, terms_of_sum, {}, flat);
    graph.results = {engine() % 4 ? sum : renamed};
    if (engine() % 4 == 0)
      graph.results.push_back(one_of(std::array{dot, renamed, sum, lhs}));
    std::vector<Tensor> inputs;
    bool extreme = engine() % 4 == 0;
    for (NodeId p : graph.parameters) {
      inputs.push_back(random_input(graph[p].shape, engine, true));
      for (std::int64_t i = 0; extreme && i < inputs.back().elements(); ++i)
        inputs.back().set_bits(i, std::uint64_t{1}
                                      << (8 * semantics::byte_size(graph[p].shape.type) - 1));
    }
    check_all_targets(graph, inputs, semantics::numerics_profile("xla_cpu"));
  }));
}

TEST_CASE("reductions of any dimensions, type, operation and profile") {
  REQUIRE(rc::check([] {
    with_each_profile([](const NumericsProfile &profile, std::mt19937_64 &engine) {
      ElementType type = any_type(engine);
      TensorGraph graph;
      NodeId in = parameter(
                 graph,
                 {type, {size_up_to(20, engine), size_up_to(40, engine), size_up_to(3, engine)}}),
             init = parameter(graph, {type, {}});
      std::vector<std::int64_t> over, kept;
      for (std::int64_t d = 0; d < 3; ++d)
        if (engine() % 2)
          over.push_back(d);
        else
          kept.push_back(graph[in].shape.dims[static_cast<std::size_t>(d)]);
      constexpr std::array operations{OpCode::Add, OpCode::Multiply, OpCode::Maximum};
      Attributes attributes;
      attributes.set(AttributeKey::Dimensions, over);
      attributes.set(AttributeKey::Reducer,
                     {static_cast<std::int64_t>(operations[engine() % 4 % operations.size()])});
      graph.results = {graph.add(OpCode::Reduce, {in, init}, attributes, {type, kept})};
      Tensor first = random_input(graph[init].shape, engine, true);
      if (engine() % 2)
        first.set_bits(0, semantics::encode(type, -0.0));
      bool any_bits = engine() % 4 == 0;
      check_all_targets(graph, {random_input(graph[in].shape, engine, any_bits), first}, profile);
    });
  }));
}

TEST_CASE("a sum of no terms is its initial value as the evaluator reads it, denormal or not") {
  for (const NumericsProfile &profile : profiles())
    for (ElementType type : {ElementType::BF16, ElementType::F32}) {
      INFO(profile.name << ", " << semantics::name(type));
      TensorGraph graph;
      NodeId in = parameter(graph, {type, {4, 0}}), init = parameter(graph, {type, {}});
      Attributes attributes;
      attributes.set(AttributeKey::Dimensions, {1});
      attributes.set(AttributeKey::Reducer, {static_cast<std::int64_t>(OpCode::Add)});
      graph.results = {graph.add(OpCode::Reduce, {in, init}, attributes, {type, {4}})};
      Tensor least(graph[init].shape);
      least.set_bits(0, 1);
      std::vector<Tensor> inputs{Tensor(graph[in].shape), least};
      auto expected = semantics::evaluate(graph, inputs, profile);
      for (VectorTarget target : targets())
        CHECK(run_body(sim::Body(graph, profile, target), graph, inputs) == expected);
    }
}

TEST_CASE("arithmetic and conversions on any bits, for any number of elements") {
  REQUIRE(rc::check([] {
    with_each_profile([](const NumericsProfile &profile, std::mt19937_64 &engine) {
      constexpr std::array operations{OpCode::Add,        OpCode::Subtract, OpCode::Multiply,
                                      OpCode::Divide,     OpCode::Maximum,  OpCode::Remainder,
                                      OpCode::Negate,     OpCode::Convert,  OpCode::Convert,
                                      OpCode::Exponential};
      OpCode op = operations[engine() % operations.size()];
      ElementType type = any_type(engine), to = op == OpCode::Convert ? any_type(engine) : type;
      if (type == ElementType::Pred || (op == OpCode::Exponential && !semantics::is_float(type)))
        return;
      Shape shape{type, {size_up_to(70, engine)}};
      TensorGraph graph;
      std::vector<NodeId> operands{parameter(graph, shape)};
      if (semantics::info(op).min_arity == 2)
        operands.push_back(parameter(graph, shape));
      graph.results = {graph.add(op, operands, {}, {to, shape.dims})};
      std::vector<Tensor> inputs;
      for (std::size_t i = 0; i < operands.size(); ++i)
        inputs.push_back(random_input(shape, engine, true));
      check_all_targets(graph, inputs, profile);
    });
  }));
}

TEST_CASE("a table of a 16-bit function takes over without changing a bit") {
  TensorGraph graph;
  NodeId x = parameter(graph, {ElementType::BF16, {16384}});
  graph.results = {graph.add(OpCode::Exponential, {x}, {}, {ElementType::BF16, {16384}})};
  const NumericsProfile &profile = semantics::numerics_profile("xla_cpu");
  std::mt19937_64 engine(5);
  std::vector<Tensor> inputs{random_input(graph[x].shape, engine, true)};
  auto expected = semantics::evaluate(graph, inputs, profile);
  sim::Body body(graph, profile);
  for (int i = 0; i < 8; ++i)
    REQUIRE(run_body(body, graph, inputs) == expected);
}

TEST_CASE("a large product is divided among threads without changing a bit") {
  TensorGraph graph = product(ElementType::BF16, 130, 140, 150);
  const NumericsProfile &profile = semantics::numerics_profile("xla_cpu");
  std::mt19937_64 engine(6);
  std::vector<Tensor> inputs;
  for (NodeId p : graph.parameters)
    inputs.push_back(random_input(graph[p].shape, engine, false));
  sim::Body body(graph, profile);
  REQUIRE(run_body(body, graph, inputs) == semantics::evaluate(graph, inputs, profile));
}

TEST_CASE("a profile that says more than the kernels understand runs on the evaluator") {
  TensorGraph graph = product(ElementType::F32, 1, 1, 1);
  Tensor small(Shape{ElementType::F32, {1, 1}});
  small.set_bits(0, semantics::encode(ElementType::F32, 0x1p-70));
  std::vector<double> products;
  for (const NumericsProfile &profile : profiles())
    if (profile.name == "flushing" || profile.name == "xla_cpu" ||
        profile.name == "f32_sequential") {
      Tensor result = run_body(sim::Body(graph, profile), graph, {small, small}).at(0);
      products.push_back(semantics::decode(ElementType::F32, result.bits(0)));
    }
  CHECK(products == std::vector<double>{0, 0x1p-140, 0});
}

TEST_CASE("numbers at the edge of the normal range: what the machine flushes, the evaluator does") {
  constexpr std::array operations{OpCode::Add,    OpCode::Subtract, OpCode::Multiply,
                                  OpCode::Divide, OpCode::Dot,      OpCode::Reduce};
  REQUIRE(rc::check([&] {
    with_each_profile([&](const NumericsProfile &profile, std::mt19937_64 &engine) {
      OpCode op = operations[engine() % operations.size()];
      constexpr std::array types{ElementType::F32, ElementType::BF16, ElementType::F16};
      ElementType type = types[engine() % types.size()];
      int least = semantics::least_exponent(type), digits = semantics::precision(type);
      // Products and quotients of such numbers lie where sums of them do.
      int exponent = op == OpCode::Multiply || op == OpCode::Dot ? least / 2 : least;
      auto numbers = [&](const Shape &shape, int at) {
        Tensor out(shape);
        for (std::int64_t i = 0; i < out.elements(); ++i) {
          double ulps = static_cast<double>(engine() >> 11) * 0x1p-53;
          double x = engine() % 2 ? 2 - std::ldexp(ulps * 8, 1 - digits) : 0.5 + ulps;
          x = std::ldexp(x, at - static_cast<int>(engine() % 3));
          out.set_bits(i, semantics::encode(type, engine() % 2 ? x : -x));
        }
        return out;
      };
      std::int64_t rows = 3, columns = op == OpCode::Reduce ? 35 : 20;
      TensorGraph graph;
      if (op == OpCode::Dot) {
        graph = product(type, rows, size_up_to(5, engine), columns);
      } else if (op == OpCode::Reduce) {
        Attributes attributes;
        attributes.set(AttributeKey::Dimensions, {1});
        attributes.set(AttributeKey::Reducer, {static_cast<std::int64_t>(OpCode::Add)});
        NodeId in = parameter(graph, {type, {rows, columns}}), init = parameter(graph, {type, {}});
        graph.results = {graph.add(op, {in, init}, attributes, {type, {rows}})};
      } else {
        NodeId a = parameter(graph, {type, {columns}}), b = parameter(graph, {type, {columns}});
        graph.results = {graph.add(op, {a, b}, {}, {type, {columns}})};
      }
      std::vector<Tensor> inputs;
      for (NodeId p : graph.parameters)
        inputs.push_back(
            numbers(graph[p].shape, op == OpCode::Divide && inputs.size() ? 0 : exponent));
      check_all_targets(graph, inputs, profile);
    });
  }));
}
