// A tile of a program computes the elements of the program's result that lie in its box.
#include "search/tile_graph.h"
#include "semantics/evaluator.h"
#include "semantics/hlo.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <random>

using namespace isamorph;
using namespace isamorph::search;
using semantics::Shape;
using semantics::Tensor;

namespace {

semantics::TensorGraph program(const std::string &body) {
  return semantics::parse_hlo(semantics::make_source(
      "<test>", "HloModule m\nadd {\n a = s32[] parameter(0)\n b = s32[] parameter(1)\n ROOT s = "
                "s32[] add(a, b)\n}\nENTRY main {\n" +
                    body + "}\n"));
}

Tensor random_tensor(const Shape &shape, std::mt19937_64 &engine) {
  Tensor tensor(shape);
  for (std::byte &byte : tensor.bytes())
    byte = static_cast<std::byte>(engine());
  return tensor;
}

/// The slice of a tensor in a box, for given numbers of the axes' slices.
Tensor slice(const Tensor &tensor, const Box &box, const std::vector<std::int64_t> &at) {
  Shape shape{tensor.shape().type, {}};
  for (const BoxDimension &d : box)
    shape.dims.push_back(d.size);
  Tensor out(shape);
  std::vector<std::int64_t> from = semantics::row_major_strides(tensor.shape().dims),
                            to = semantics::row_major_strides(shape.dims);
  for (std::int64_t i = 0; i < out.elements(); ++i) {
    std::int64_t index = 0;
    for (std::size_t d = 0; d < box.size(); ++d) {
      std::int64_t start = box[d].axis ? at[*box[d].axis] * box[d].size : 0;
      index += (start + i / to[d] % shape.dims[d]) * from[d];
    }
    out.set_bits(i, tensor.bits(index));
  }
  return out;
}

/// The same elements, without the dimensions that a tile leaves out.
Tensor without_dropped(const Tensor &tensor, const Box &box, std::span<const TileAxis> axes) {
  Shape shape{tensor.shape().type, {}};
  for (std::size_t d : kept_dimensions(box, axes))
    shape.dims.push_back(tensor.shape().dims[d]);
  Tensor out(shape);
  std::copy(tensor.bytes().begin(), tensor.bytes().end(), out.bytes().begin());
  return out;
}

/// Cuts every dimension of the result in two and checks all tiles. `drop`: of the first dimension,
/// two single elements are taken instead, and tiles do not have it.
void check_tiles(const std::string &body, bool drop = false) {
  INFO(body);
  semantics::TensorGraph graph = program(body);
  const Shape &shape = graph[graph.results[0]].shape;
  std::vector<TileAxis> axes;
  Box box;
  for (std::size_t d = 0; d < shape.rank(); ++d) {
    box.push_back({shape.dims[d] / 2, static_cast<std::uint32_t>(d)});
    axes.push_back({"t", shape.dims[d] / 2, 2});
  }
  if (drop) {
    box[0].size = axes[0].size = 1;
    axes[0].dropped = true;
  }
  TileResult wanted{graph.results[0], box};
  auto made = cut(graph, axes, std::span(&wanted, 1));
  REQUIRE(std::holds_alternative<TileGraph>(made));
  const TileGraph &tile = std::get<TileGraph>(made);
  REQUIRE(tile.graph.parameters.size() == tile.inputs.size());

  std::mt19937_64 engine(1);
  std::vector<Tensor> inputs;
  for (semantics::NodeId p : graph.parameters)
    inputs.push_back(random_tensor(graph[p].shape, engine));
  const semantics::NumericsProfile &profile = semantics::numerics_profile("xla_cpu");
  Tensor expected = semantics::evaluate(graph, inputs, profile)[0];
  for (std::int64_t i = 0; i < 1 << axes.size(); ++i) {
    std::vector<std::int64_t> at;
    for (std::size_t a = 0; a < axes.size(); ++a)
      at.push_back(i >> a & 1);
    std::vector<Tensor> parts;
    for (const TileInput &input : tile.inputs) {
      auto number = static_cast<std::size_t>(
          std::find(graph.parameters.begin(), graph.parameters.end(), input.source) -
          graph.parameters.begin());
      parts.push_back(without_dropped(slice(inputs[number], input.box, at), input.box, axes));
    }
    CHECK(semantics::evaluate(tile.graph, parts, profile)[0] ==
          without_dropped(slice(expected, box, at), box, axes));
  }
}

std::string refusal(const std::string &body, Box box, CutOptions options = {}) {
  semantics::TensorGraph graph = program(body);
  std::vector<TileAxis> axes = {{"t", 2, 2}, {"u", 2, 2}};
  TileResult wanted{graph.results[0], std::move(box)};
  auto made = cut(graph, axes, std::span(&wanted, 1), options);
  REQUIRE(std::holds_alternative<std::string>(made));
  return std::get<std::string>(made);
}

} // namespace

TEST_CASE("tiles may leave out a dimension") {
  for (const char *body :
       {" a = s32[4,4,6] parameter(0)\n b = s32[4,6,8] parameter(1)\n ROOT c = s32[4,4,8] dot(a, "
        "b), lhs_contracting_dims={2}, rhs_contracting_dims={1}, lhs_batch_dims={0}, "
        "rhs_batch_dims={0}\n",
        " a = s32[6,4,4] parameter(0)\n b = s32[8,6,4] parameter(1)\n ROOT c = s32[4,4,8] dot(a, "
        "b), lhs_contracting_dims={0}, rhs_contracting_dims={1}, lhs_batch_dims={1}, "
        "rhs_batch_dims={2}\n",
        " a = s32[6,4] parameter(0)\n b = s32[4,4] parameter(1)\n t = s32[4,6] transpose(a), "
        "dimensions={1,0}\n p = s32[4,2,6] broadcast(t), dimensions={0,2}\n q = s32[4,2,6] "
        "broadcast(t), dimensions={0,2}\n ROOT c = s32[4,2,6] multiply(p, q)\n",
        " a = s32[2,6,4,5] parameter(0)\n z = s32[] constant(0)\n r = s32[6,4] reduce(a, z), "
        "dimensions={0,3}, to_apply=add\n t = s32[4,6] transpose(r), dimensions={1,0}\n ROOT c = "
        "s32[4,6] negate(t)\n",
        " a = s32[4,1,12] parameter(0)\n ROOT c = s32[4,12] reshape(a)\n"})
    check_tiles(body, true);
}

TEST_CASE("tiles of every operation that can be cut compute their boxes") {
  check_tiles(" a = s32[4,6] parameter(0)\n b = s32[6,8] parameter(1)\n ROOT c = s32[4,8] dot(a, "
              "b), lhs_contracting_dims={1}, rhs_contracting_dims={0}\n");
  check_tiles(" a = s32[6,4] parameter(0)\n b = s32[8,6] parameter(1)\n ROOT c = s32[4,8] dot(a, "
              "b), lhs_contracting_dims={0}, rhs_contracting_dims={1}\n");
  check_tiles(" a = s32[2,4,6] parameter(0)\n b = s32[2,6,8] parameter(1)\n ROOT c = s32[2,4,8] "
              "dot(a, b), lhs_batch_dims={0}, rhs_batch_dims={0}, lhs_contracting_dims={2}, "
              "rhs_contracting_dims={1}\n");
  check_tiles(" a = s32[4,6] parameter(0)\n t = s32[6,4] transpose(a), dimensions={1,0}\n ROOT c = "
              "s32[6,4] add(t, t)\n");
  check_tiles(" a = s32[4,6,2] parameter(0)\n z = s32[] constant(0)\n ROOT r = s32[4,2] reduce(a, "
              "z), dimensions={1}, to_apply=add\n");
  check_tiles(" a = s32[4] parameter(0)\n b = s32[4,6] broadcast(a), dimensions={0}\n c = s32[] "
              "constant(7)\n f = s32[4,6] broadcast(c), dimensions={}\n ROOT s = s32[4,6] "
              "multiply(b, f)\n");
  check_tiles(
      " a = s32[4,6] parameter(0)\n l = s32[] constant(-5)\n h = s32[] constant(5)\n ROOT r "
      "= s32[4,6] clamp(l, a, h)\n");
  check_tiles(" a = s32[4,6] parameter(0)\n b = s32[4,6] parameter(1)\n p = pred[4,6] compare(a, "
              "b), direction=LT\n ROOT r = s32[4,6] select(p, a, b)\n");
  check_tiles(" a = s32[4,6,1] parameter(0)\n b = s32[4,6] reshape(a)\n ROOT r = s8[4,6] "
              "convert(b)\n");
  check_tiles(" a = s32[24] parameter(0)\n b = s32[4,6] parameter(1)\n r = s32[24] reshape(b)\n "
              "ROOT s = s32[24] add(a, a)\n");
}

TEST_CASE("what mixes the elements along a dimension is not cut along it") {
  Box rows = {{2, 0}, {4, std::nullopt}}, columns = {{4, std::nullopt}, {2, 1}};
  std::string a = " a = s32[4,4] parameter(0)\n";
  CHECK(refusal(a + " ROOT r = s32[4,4] reverse(a), dimensions={0}\n", rows) ==
        "dimension 0 of 'r' cannot be cut: it is reversed");
  CHECK(refusal(a + " ROOT i = s32[4,4] iota(), iota_dimension=1\n", columns) ==
        "dimension 1 of 'i' cannot be cut: its elements are their positions");
  CHECK(refusal(a + " b = s32[2,4] slice(a), slice={[0:2], [0:4]}\n c = s32[2,4] slice(a), "
                    "slice={[2:4], [0:4]}\n ROOT r = s32[4,4] concatenate(c, b), dimensions={0}\n",
                rows) == "dimension 0 of 'r' cannot be cut: it is put together of several values");
  CHECK(refusal(" a = s32[16] parameter(0)\n ROOT r = s32[4,4] reshape(a)\n", columns) ==
        "dimension 1 of 'r' cannot be cut: it is no dimension of s32[16]");
  CHECK(refusal(" a = s32[8,4] parameter(0)\n ROOT r = s32[4,4] slice(a), slice={[2:6], [0:4]}\n",
                rows) == "dimension 0 of 'r' cannot be cut: it is a slice");
  CHECK(refusal(" ROOT c = s32[4,4] constant({{1,2,3,4},{5,6,7,8},{1,2,3,4},{5,6,7,8}})\n", rows) ==
        "dimension 0 of 'c' cannot be cut: its elements differ");
}

TEST_CASE("the summands of a cut contraction add up") {
  semantics::TensorGraph graph =
      program(" a = s32[4,6] parameter(0)\n b = s32[6,8] parameter(1)\n ROOT c = s32[4,8] dot(a, "
              "b), lhs_contracting_dims={1}, rhs_contracting_dims={0}\n");
  std::vector<TileAxis> axes = {{"k", 2, 3}};
  TileResult wanted{graph.results[0], whole(graph[graph.results[0]].shape)};
  CutOptions options;
  options.contraction = CutContraction{graph.results[0], 0};
  auto made = cut(graph, axes, std::span(&wanted, 1), options);
  REQUIRE(std::holds_alternative<TileGraph>(made));
  const TileGraph &tile = std::get<TileGraph>(made);
  std::mt19937_64 engine(2);
  std::vector<Tensor> inputs = {random_tensor({semantics::ElementType::S32, {4, 6}}, engine),
                                random_tensor({semantics::ElementType::S32, {6, 8}}, engine)};
  const semantics::NumericsProfile &profile = semantics::numerics_profile("xla_cpu");
  Tensor expected = semantics::evaluate(graph, inputs, profile)[0];
  for (std::int64_t e = 0; e < expected.elements(); ++e) {
    std::uint64_t sum = 0;
    for (std::int64_t k = 0; k < 3; ++k) {
      std::vector<Tensor> parts = {slice(inputs[0], tile.inputs[0].box, {k}),
                                   slice(inputs[1], tile.inputs[1].box, {k})};
      sum += semantics::evaluate(tile.graph, parts, profile)[0].bits(e);
    }
    CHECK((sum & 0xffffffff) == expected.bits(e));
  }
}

TEST_CASE("boxes that are one run of bytes") {
  Shape matrix{semantics::ElementType::S32, {4, 6}};
  CHECK(contiguous(matrix, {{2, 0}, {6, std::nullopt}}));
  CHECK(contiguous(matrix, {{1, 0}, {3, 1}}));
  CHECK_FALSE(contiguous(matrix, {{2, 0}, {3, 1}}));
  CHECK(slice_distances(matrix, {{2, 0}, {3, 1}}, 3) == std::vector<std::int64_t>{48, 12, 0});
}
