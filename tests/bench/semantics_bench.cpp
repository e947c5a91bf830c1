// Reading a graph and the reference evaluator.

#include "semantics/evaluator.h"
#include "semantics/hlo.h"

#include <array>
#include <benchmark/benchmark.h>
#include <random>

using namespace isamorph::semantics;

namespace {

SourceRef attention_text() { return read_source(ISAMORPH_SOURCE_DIR "/corpus/qkv/attention.hlo"); }

Tensor random_tensor(const Shape &shape, std::uint32_t seed) {
  std::mt19937 engine(seed);
  Tensor tensor(shape);
  for (std::int64_t i = 0; i < tensor.elements(); ++i)
    tensor.set_bits(i, encode(shape.type, (engine() % 2001) / 1000.0 - 1));
  return tensor;
}

void parse_attention(benchmark::State &state) {
  SourceRef text = attention_text();
  for (auto _ : state)
    benchmark::DoNotOptimize(parse_hlo(text));
}
BENCHMARK(parse_attention);

void evaluate_attention(benchmark::State &state) {
  TensorGraph graph = parse_hlo(attention_text());
  std::vector<Tensor> inputs;
  for (std::uint32_t i = 0; i < graph.parameters.size(); ++i)
    inputs.push_back(random_tensor(graph[graph.parameters[i]].shape, i));
  for (auto _ : state)
    benchmark::DoNotOptimize(evaluate(graph, inputs, numerics_profile("xla_cpu")));
}
BENCHMARK(evaluate_attention);

/// One operation on 64x64 operands of a type.
void operation(benchmark::State &state, OpCode op, ElementType type) {
  Shape shape{type, {64, 64}}, result = shape;
  Tensor a = random_tensor(shape, 1), b = random_tensor(shape, 2), zero(Shape{type, {}});
  std::vector<const Tensor *> operands{&a};
  Attributes attributes;
  if (op == OpCode::Dot) {
    attributes.set(AttributeKey::LhsContracting, {1});
    attributes.set(AttributeKey::RhsContracting, {0});
    operands.push_back(&b);
  } else if (op == OpCode::Reduce) {
    attributes.set(AttributeKey::Dimensions, {1});
    attributes.set(AttributeKey::Reducer, {static_cast<std::int64_t>(OpCode::Add)});
    operands.push_back(&zero);
    result.dims = {64};
  } else if (op == OpCode::Transpose) {
    attributes.set(AttributeKey::Dimensions, {1, 0});
  } else if (info(op).max_arity == 2) {
    operands.push_back(&b);
  }
  for (auto _ : state)
    benchmark::DoNotOptimize(
        evaluate_op(op, attributes, operands, result, numerics_profile("xla_cpu")));
}
BENCHMARK_CAPTURE(operation, dot_bf16, OpCode::Dot, ElementType::BF16);
BENCHMARK_CAPTURE(operation, dot_f32, OpCode::Dot, ElementType::F32);
BENCHMARK_CAPTURE(operation, dot_s8, OpCode::Dot, ElementType::S8);
BENCHMARK_CAPTURE(operation, reduce_bf16, OpCode::Reduce, ElementType::BF16);
BENCHMARK_CAPTURE(operation, exponential_bf16, OpCode::Exponential, ElementType::BF16);
BENCHMARK_CAPTURE(operation, divide_bf16, OpCode::Divide, ElementType::BF16);
BENCHMARK_CAPTURE(operation, transpose_bf16, OpCode::Transpose, ElementType::BF16);

/// What the table of a 16-bit function costs.
void all_exponentials_one_by_one(benchmark::State &state) {
  std::array<ElementType, 1> type{ElementType::BF16};
  for (auto _ : state)
    for (std::uint64_t i = 0; i < 65536; ++i) {
      std::array<std::uint64_t, 1> bits{i};
      benchmark::DoNotOptimize(evaluate_scalar(OpCode::Exponential, {}, type, bits,
                                               ElementType::BF16, numerics_profile("xla_cpu")));
    }
}
BENCHMARK(all_exponentials_one_by_one);

} // namespace
