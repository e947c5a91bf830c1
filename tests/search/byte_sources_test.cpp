#include "search/byte_sources.h"
#include "semantics/evaluator.h"
#include "semantics/hlo.h"

#include <catch2/catch.hpp>

using namespace isamorph;
using namespace isamorph::search;

namespace {

semantics::TensorGraph graph_of(const std::string &body) {
  return semantics::parse_hlo(
      semantics::make_source("test.hlo", "HloModule t\nENTRY t {\n" + body + "}\n"));
}

/// What the bytes of the first result are by their sources, for parameters whose bytes all differ.
std::vector<std::byte> by_sources(const semantics::TensorGraph &graph,
                                  const std::vector<semantics::Tensor> &inputs) {
  std::vector<std::byte> out;
  const ByteSources sources = moved_bytes(graph)[0];
  for (ByteSource from : sources)
    out.push_back(inputs[from.tensor].bytes()[from.offset]);
  return out;
}

constexpr const char *kMoves = R"(
  a = s16[4,6] parameter(0)
  b = u8[8] parameter(1)
  t = s16[6,4] transpose(a), dimensions={1,0}
  s = s16[3,2] slice(t), slice={[0:6:2], [1:3]}
  r = s16[3,2] reverse(s), dimensions={0}
  f = s16[6] reshape(r)
  c = s8[6,2] bitcast-convert(f)
  p = s8[8] bitcast-convert(b)
  q = s8[4,2] reshape(p)
  w = s8[2] slice(p), slice={[6:8]}
  v = s8[2,2] broadcast(w), dimensions={1}
  ROOT o = s8[12,2] concatenate(c, q, v), dimensions={0}
)";

} // namespace

TEST_CASE("bytes come from where evaluation takes them") {
  semantics::TensorGraph graph = graph_of(kMoves);
  std::vector<semantics::Tensor> inputs;
  std::uint8_t next = 0;
  for (semantics::NodeId p : graph.parameters) {
    std::vector<std::byte> bytes;
    for (std::int64_t i = 0; i < graph[p].shape.bytes(); ++i)
      bytes.push_back(static_cast<std::byte>(next++));
    inputs.emplace_back(graph[p].shape, std::move(bytes));
  }
  auto expected = semantics::evaluate(graph, inputs, semantics::numerics_profile("xla_cpu"))[0];
  std::vector<std::byte> actual = by_sources(graph, inputs);
  REQUIRE(actual.size() == expected.bytes().size());
  CHECK(std::equal(actual.begin(), actual.end(), expected.bytes().begin()));
}

TEST_CASE("origins of e-classes, forwards and backwards") {
  semantics::TensorGraph graph = graph_of(kMoves);
  TensorEGraph egraph(semantics::numerics_profile("xla_cpu"));
  std::vector<ClassId> classes = egraph.add_graph(graph);
  ClassId image = egraph.add_bytes(classes[0]);
  egraph.rebuild();
  std::vector<ClassId> tensors = {classes[graph.parameters[0].v], classes[graph.parameters[1].v]};
  ByteOrigins origins(egraph, tensors);
  REQUIRE(origins.of(classes[graph.results[0].v]));
  CHECK(*origins.of(classes[graph.results[0].v]) == moved_bytes(graph)[0]);
  CHECK(contiguous(*origins.of(image)) == ByteSource{0, 0});
  CHECK_FALSE(contiguous(*origins.of(classes[2])));

  // From the transpose: its operand is known, what was cut away from elsewhere is not.
  std::vector<ClassId> transposed = {classes[2]};
  ByteOrigins back(egraph, transposed);
  REQUIRE(back.of(classes[0]));
  CHECK((*back.of(classes[0]))[2] == ByteSource{0, 8}); // a[0,1] is t[1,0]
  CHECK((*back.of(image))[3] == ByteSource{0, 9});
  CHECK_FALSE(back.of(classes[1]));
  CHECK_FALSE(back.of(classes[graph.results[0].v]));
}

TEST_CASE("contiguous bytes are of one tensor and in order") {
  CHECK(contiguous({{1, 4}, {1, 5}, {1, 6}}) == ByteSource{1, 4});
  CHECK_FALSE(contiguous({{1, 4}, {0, 5}}));
  CHECK_FALSE(contiguous({{1, 5}, {1, 4}}));
  CHECK_FALSE(contiguous({}));
}
