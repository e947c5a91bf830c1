// Kernels for Gemmini's RoCC commands, against products that its own tools made: integers exactly.
#include "sim/simulator.h"
#include "tests/reference_data.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <map>

using namespace isamorph;
using semantics::ElementType;
using semantics::Tensor;

namespace {

/// Blocks "A rows columns" and then their numbers.
std::map<std::string, Tensor> read_blocks(const std::filesystem::path &path) {
  std::map<std::string, Tensor> out;
  std::ifstream file(path);
  std::string name;
  std::int64_t rows = 0, columns = 0;
  while (file >> name >> rows >> columns) {
    Tensor tensor({ElementType::S8, {rows, columns}});
    for (std::int64_t i = 0; i < tensor.elements(); ++i) {
      int value = 0;
      REQUIRE(file >> value);
      REQUIRE((value >= -128 && value <= 127));
      tensor.set_bits(i, static_cast<std::uint8_t>(value));
    }
    out.emplace(name, std::move(tensor));
  }
  return out;
}

spec::Isa gemmini(std::int64_t dim) {
  return spec::load_isa("gemmini_rocc(DIM=" + std::to_string(dim) + ")");
}

/// clamp(A*B + D) for A and D of `tiles` tiles one below the other, in either dataflow: B is moved
/// in once, and each turn preloads and computes.
std::string product(std::int64_t dim, std::int64_t tiles, bool weight_stationary) {
  std::int64_t tile = dim * dim, all = tiles * tile;
  auto text = [](std::int64_t n) { return std::to_string(n); };
  std::string d = text(dim), t = text(tile);
  auto input = [&](const std::string &name, std::int64_t at, std::int64_t rows) {
    return "  input " + name + " @ " + text(at) + " : s8[" + text(rows) + "," + d + "]\n";
  };
  std::string out = "kernel product {\n  memory " + text(3 * all + tile) + "\n";
  out += input("A", 0, tiles * dim) + input("B", all, dim) + input("D", all + tile, tiles * dim);
  out += "  output C @ " + text(2 * all + tile) + " : s8[" + text(tiles * dim) + "," + d + "]\n";
  out += "  dataflow_config(mode=" + std::string(weight_stationary ? "1" : "0") + ")\n";
  out += "  mvin_spad(tiles=1, stride=" + d + ", hbm_addr=" + text(all) + ", sp_addr=0)\n";
  out += "  for t in 0.." + text(tiles) + " {\n";
  out += "    mvin_spad(tiles=1, stride=" + d + ", hbm_addr=" + t + "*t, sp_addr=" + d + ")\n";
  out += "    mvin_spad(tiles=1, stride=" + d + ", hbm_addr=" + t + "*t + " + text(all + tile) +
         ", sp_addr=" + text(2 * dim) + ")\n";
  std::string held = weight_stationary ? "0" : text(2 * dim),
              given = weight_stationary ? text(2 * dim) : "0";
  out += "    matmul_preload(rs1=" + held + ", rs2=" + text(3 * dim) + ")\n";
  out += "    compute_preloaded(rs1=" + d + ", rs2=" + given + ")\n";
  out += "    mvout_spad(rows=" + d + ", stride=" + d + ", hbm_addr=" + t + "*t + " +
         text(2 * all + tile) + ", sp_addr=" + text(3 * dim) + ")\n  }\n";
  return out + "}\n";
}

Tensor run(const std::string &text, const spec::Isa &isa, std::span<const Tensor> inputs) {
  spec::Kernel kernel = spec::parse_kernel(semantics::make_source("<kernel>", text), isa);
  return sim::Simulator(isa, kernel).run(inputs).at(0);
}

std::int64_t saturated(const Tensor &tensor) {
  std::int64_t count = 0;
  for (std::int64_t i = 0; i < tensor.elements(); ++i)
    count += tensor.bits(i) == 0x7f || tensor.bits(i) == 0x80;
  return count;
}

Tensor numbers(std::int64_t rows, std::int64_t columns, std::int64_t seed, std::int64_t range) {
  Tensor out({ElementType::S8, {rows, columns}});
  for (std::int64_t i = 0; i < out.elements(); ++i)
    out.set_bits(i, static_cast<std::uint8_t>((i * i * 7 + i * seed + seed) % range - range / 2));
  return out;
}

std::int64_t at(const Tensor &tensor, std::int64_t row, std::int64_t column) {
  return static_cast<std::int8_t>(tensor.bits(row * tensor.shape().dims[1] + column));
}

std::int64_t clamped(std::int64_t value) { return std::clamp<std::int64_t>(value, -128, 127); }

/// c = clamp(a b + d).
void check_product(const Tensor &c, const Tensor &a, const Tensor &b, const Tensor &d) {
  for (std::int64_t i = 0; i < c.shape().dims[0]; ++i)
    for (std::int64_t j = 0; j < c.shape().dims[1]; ++j) {
      std::int64_t sum = at(d, i, j);
      for (std::int64_t k = 0; k < b.shape().dims[0]; ++k)
        sum += at(a, i, k) * at(b, k, j);
      REQUIRE(at(c, i, j) == clamped(sum));
    }
}

} // namespace

TEST_CASE("Gemmini's published products, in both dataflows") {
  std::filesystem::path folder = test::reference_data("gemmini");
  if (!std::filesystem::exists(folder)) {
    WARN("skipped: no reference data at " << folder);
    return;
  }
  std::int64_t clipped = 0, compared = 0;
  for (auto [dim, tiles] : {std::pair(16, 1), {16, 4}, {16, 16}, {64, 1}, {64, 4}}) {
    std::filesystem::path file =
        folder / ("matmul_" + std::to_string(dim) + "_" + std::to_string(tiles)) / "0.txt";
    INFO(file);
    REQUIRE(std::filesystem::exists(file));
    auto blocks = read_blocks(file);
    std::vector<Tensor> inputs = {blocks.at("A"), blocks.at("B"), blocks.at("D")};
    const Tensor &expected = blocks.at("C");
    for (bool weight_stationary : {false, true})
      CHECK(run(product(dim, tiles, weight_stationary), gemmini(dim), inputs) == expected);
    clipped += saturated(expected);
    compared += expected.elements();
  }
  WARN(compared << " integers compared, " << clipped << " of them saturated");
  CHECK(clipped > 0);
}

TEST_CASE("sums that saturate are clipped after all of the sum") {
  Tensor a = numbers(32, 16, 11, 256), b = numbers(16, 16, 5, 256), d = numbers(32, 16, 3, 256);
  std::vector<Tensor> inputs = {a, b, d};
  for (bool weight_stationary : {false, true}) {
    Tensor c = run(product(16, 2, weight_stationary), gemmini(16), inputs);
    CHECK(saturated(c) > 100);
    check_product(c, a, b, d);
  }
}

/// One tile of a product of 16 x 32 by 32 x 16: two computes, of which the second accumulates.
TEST_CASE("tiles within larger matrices, and a compute that goes on with the sum in the array") {
  const spec::Isa isa = gemmini(16);
  Tensor a = numbers(16, 32, 11, 9), b = numbers(32, 16, 5, 9), d = numbers(16, 16, 3, 200);
  std::string text = R"(kernel k {
  memory 2048
  input A @ 0 : s8[16,32]
  input B @ 512 : s8[32,16]
  input D @ 1024 : s8[16,16]
  output C @ 1280 : s8[16,16]
  mvin_spad(tiles=2, stride=32, hbm_addr=0, sp_addr=0)
  mvin_spad(tiles=1, stride=16, hbm_addr=512, sp_addr=32)
  mvin_spad(tiles=1, stride=16, hbm_addr=768, sp_addr=48)
  mvin_spad(tiles=1, stride=16, hbm_addr=1024, sp_addr=64)
  matmul_preload(rs1=64, rs2=80)
  compute_preloaded(rs1=0, rs2=32)
  matmul_preload(rs1=48, rs2=80)
  compute_accumulated(rs1=16, rs2=0)
  mvout_spad(rows=16, stride=16, hbm_addr=1280, sp_addr=80)
}
)";
  std::vector<Tensor> inputs = {a, b, d};
  Tensor c = run(text, isa, inputs);
  check_product(c, a, b, d);
}

TEST_CASE("a bias of one row, and a tile that is stored into the middle of a matrix") {
  const spec::Isa isa = gemmini(16);
  Tensor a = numbers(16, 16, 11, 9), b = numbers(16, 16, 5, 9), row = numbers(1, 16, 3, 200);
  std::string text = R"(kernel k {
  memory 4096
  input A @ 0 : s8[16,16]
  input B @ 256 : s8[16,16]
  input R @ 512 : s8[1,16]
  input Z @ 1024 : s8[16,48]
  output C @ 2048 : s8[16,48]
  mvin_spad(tiles=1, stride=16, hbm_addr=0, sp_addr=0)
  mvin_spad(tiles=1, stride=16, hbm_addr=256, sp_addr=16)
  bias_load_repeat(is_full_width=0, hbm_addr=512)
  matmul_preload(rs1=16, rs2=32)
  compute_accumulated(rs1=0, rs2=0)
  mvin_spad(tiles=3, stride=48, hbm_addr=1024, sp_addr=48)
  for t in 0..3 {
    mvout_spad(rows=16, stride=48, hbm_addr=2048 + 16*t, sp_addr=48 + 16*t)
  }
  mvout_spad(rows=16, stride=48, hbm_addr=2064, sp_addr=32)
}
)";
  Tensor z = numbers(16, 48, 17, 250);
  std::vector<Tensor> inputs = {a, b, row, z};
  Tensor c = run(text, isa, inputs);
  for (std::int64_t i = 0; i < 16; ++i)
    for (std::int64_t j = 0; j < 48; ++j) {
      std::int64_t expected = at(z, i, j);
      if (j >= 16 && j < 32) {
        expected = at(row, 0, j - 16);
        for (std::int64_t k = 0; k < 16; ++k)
          expected += at(a, i, k) * at(b, k, j - 16);
        expected = clamped(expected);
      }
      REQUIRE(at(c, i, j) == expected);
    }
}

TEST_CASE("commands that Gemmini's state forbids are refused") {
  const spec::Isa isa = gemmini(16);
  auto refusal = [&](const std::string &from, const std::string &to) {
    std::string text = product(16, 1, false);
    std::size_t found = text.find(from);
    REQUIRE(found != std::string::npos);
    text.erase(found, text.find('\n', found) + 1 - found);
    text.insert(found, to);
    try {
      spec::parse_kernel(semantics::make_source("<kernel>", text), isa);
    } catch (const semantics::InputError &error) {
      return error.message();
    }
    return std::string("accepted");
  };
  CHECK(
      refusal("    matmul_preload", "")
          .find("compute_preloaded: constraint 'preload == 1' does not hold: state preload = 0") ==
      0);
  CHECK(refusal("    compute_preloaded", "").find("mvout_spad: reads sp[48:16]") == 0);
  CHECK(refusal("    compute_preloaded", "    compute_accumulated(rs1=16, rs2=0)\n")
            .find("compute_accumulated: reads bias, which was never written") == 0);
  CHECK(refusal("    compute_preloaded", "    compute_accumulated32(rs1=16)\n")
            .find("compute_accumulated32: constraint 'dataflow == 1' does not hold") == 0);
  CHECK(refusal("    compute_preloaded", "    matmul_preload(0, 0)\n")
            .find("matmul_preload: constraint 'preload == 0' does not hold") == 0);
  CHECK(refusal("    matmul_preload", "    matmul_preload(0, 16384)\n")
            .find("state 'reg_rs2' would become 16384") != std::string::npos);
  CHECK(refusal("    matmul_preload", "    matmul_preload(-1, 0)\n")
            .find("compute_preloaded: reg_rs1 -1 + 16 rows leave sp") == 0);
}
