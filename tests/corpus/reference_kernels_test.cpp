// Kernels of which other projects published the results: integers agree exactly, floats as far as
// their six printed decimals tell.
#include "semantics/evaluator.h"
#include "sim/simulator.h"
#include "tests/reference_data.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <fstream>
#include <map>
#include <sstream>

using namespace isamorph;
using semantics::ElementType;
using semantics::Tensor;

namespace {

struct Numbers {
  std::vector<double> values;
  std::vector<std::int64_t> dims;
};
using Data = std::vector<std::pair<std::string, Numbers>>; ///< in the order of the file

/// Pairs of lines: `name ndims d0 d1 ... dtype`, then the values.
Data read_pairs(const std::filesystem::path &path) {
  Data out;
  std::ifstream file(path);
  std::string head, body;
  while (std::getline(file, head) && std::getline(file, body)) {
    std::istringstream words(head), numbers(body);
    std::size_t rank = 0;
    out.emplace_back();
    words >> out.back().first >> rank;
    out.back().second.dims.resize(rank);
    for (std::int64_t &dim : out.back().second.dims)
      words >> dim;
    for (double value = 0; numbers >> value;)
      out.back().second.values.push_back(value);
  }
  return out;
}

/// Blocks: `name rows columns`, then the rows.
std::map<std::string, Numbers> read_blocks(const std::filesystem::path &path) {
  std::map<std::string, Numbers> out;
  std::ifstream file(path);
  std::string name;
  for (std::int64_t rows = 0, columns = 0; file >> name >> rows >> columns;) {
    Numbers &numbers = out[name];
    numbers.dims = {rows, columns};
    numbers.values.resize(static_cast<std::size_t>(rows * columns));
    for (double &value : numbers.values)
      file >> value;
  }
  return out;
}

Tensor tensor(const semantics::Shape &shape, const Numbers &numbers) {
  Tensor out(shape);
  REQUIRE(static_cast<std::size_t>(out.elements()) == numbers.values.size());
  for (std::int64_t i = 0; i < out.elements(); ++i)
    out.set_bits(i, semantics::encode(shape.type, numbers.values[static_cast<std::size_t>(i)]));
  return out;
}

double value(const Tensor &tensor, std::int64_t i) {
  return semantics::decode(tensor.shape().type, tensor.bits(i));
}

/// Runs a kernel on a file's inputs, in order, and compares its outputs with the file's, whose
/// first rows the kernel may leave out: registers that are not stored are zeros there.
void check_amx(const std::string &kernel_name, const std::string &folder) {
  std::filesystem::path path = test::reference_data("amx") / folder / "0.txt";
  if (!std::filesystem::exists(path)) {
    WARN("no reference data at " << path);
    return;
  }
  // Inputs are rounded to half a unit of the sixth decimal; each result is at most five products
  // with factors below 4, or sums of these.
  constexpr double tolerance = 5 * 2 * 4 * 0.5e-6;
  spec::Isa isa = spec::load_isa("amx");
  spec::Kernel kernel = spec::parse_kernel(
      semantics::read_source(std::string(ISAMORPH_SOURCE_DIR) + "/corpus/amx/" + kernel_name), isa);
  std::vector<Tensor> inputs;
  std::vector<Numbers> expected;
  for (const auto &[name, numbers] : read_pairs(path))
    if (name.starts_with("out"))
      expected.push_back(numbers);
    else
      inputs.push_back(tensor(kernel.inputs.at(inputs.size()).shape, numbers));
  std::vector<Tensor> actual = sim::Simulator(isa, kernel).run(inputs);
  REQUIRE(actual.size() == expected.size());
  double largest = 0;
  for (std::size_t o = 0; o < actual.size(); ++o) {
    std::int64_t left_out =
        static_cast<std::int64_t>(expected[o].values.size()) - actual[o].elements();
    REQUIRE(left_out >= 0);
    double difference = 0;
    for (std::int64_t i = 0; i < left_out; ++i)
      CHECK(expected[o].values[static_cast<std::size_t>(i)] == 0);
    for (std::int64_t i = 0; i < actual[o].elements(); ++i) {
      double e = expected[o].values[static_cast<std::size_t>(left_out + i)];
      difference = std::max(difference, std::abs(value(actual[o], i) - e));
      largest = std::max(largest, std::abs(e));
    }
    CHECK(difference <= (semantics::is_float(actual[o].shape().type) ? tolerance : 0));
  }
  CHECK(largest > 0);
}

/// C = A*B + D, a block of DIM rows of A, C and D at a time, in words.
std::string block_product(std::int64_t dim, std::int64_t rows) {
  std::int64_t a = 0, b = rows * dim, d = b + dim * dim, c = d + rows * dim;
  return fmt::format(R"(kernel product {{
  memory {}
  input a @ {} : s8[{},{}]
  input b @ {} : s8[{},{}]
  input d @ {} : s8[{},{}]
  output c @ {} : s32[{},{}]
  mvin_spad(rows={}, cols={}, scale=1, hbm_addr={}, sp_addr=0)
  for i in 0..{} {{
    mvin_spad(rows={}, cols={}, scale=1, hbm_addr={}*i + {}, sp_addr={})
    mvin_acc_low(rows={}, cols={}, scale=1, hbm_addr={}*i + {}, acc_addr=0)
    mac32(I={}, J={}, K={}, C=0, A={}, B=0, D=0)
    mvout_acc(rows={}, cols={}, hbm_addr={}*i + {}, acc_addr=0)
  }}
}}
)",
                     c + 4 * rows * dim, a, rows, dim, b, dim, dim, d, rows, dim, c, rows, dim, dim,
                     dim, b, rows / dim, dim, dim, dim * dim, a, dim, dim, dim, dim * dim, d, dim,
                     dim, dim, dim, dim, dim, 4 * dim * dim, c);
}

} // namespace

TEST_CASE("the published results of AMX kernels") {
  check_amx("rnn_inference.asm", "rnn_inference_amx_4");
  check_amx("cnn_inference.asm", "cnn_inference_amx_4");
  check_amx("cnn_inference_mix.asm", "cnn_inference_mix_4");
  check_amx("mem_format_prop.asm", "mem_format_prop_avx_4");
  check_amx("sgemm.asm", "sgemm_avx_4");
}

TEST_CASE("the published results of Gemmini, but for saturation") {
  struct Case {
    const char *folder;
    int saturated; ///< elements: this instruction set wraps where the machine saturates
  };
  for (Case c : {Case{"matmul_16_1", 0}, Case{"matmul_16_4", 0}, Case{"matmul_16_16", 0},
                 Case{"matmul_64_1", 0}, Case{"matmul_64_4", 1}}) {
    std::filesystem::path path = test::reference_data("gemmini") / c.folder / "0.txt";
    INFO(path);
    if (!std::filesystem::exists(path)) {
      WARN("no reference data at " << path);
      continue;
    }
    auto data = read_blocks(path);
    std::int64_t rows = data["A"].dims[0], dim = data["A"].dims[1];
    spec::Isa isa = spec::load_isa(fmt::format("gemmini(DIM={})", dim));
    spec::Kernel kernel =
        spec::parse_kernel(semantics::make_source("product.asm", block_product(dim, rows)), isa);
    std::vector<Tensor> inputs;
    for (const char *name : {"A", "B", "D"})
      inputs.push_back(tensor(kernel.inputs[inputs.size()].shape, data[name]));
    Tensor actual = sim::Simulator(isa, kernel).run(inputs)[0];
    int saturated = 0, wrong = 0;
    for (std::int64_t i = 0; i < actual.elements(); ++i) {
      double whole = value(actual, i), cut = std::clamp(whole, -128.0, 127.0);
      saturated += cut != whole;
      wrong += cut != data["C"].values[static_cast<std::size_t>(i)];
    }
    CHECK(wrong == 0);
    CHECK(saturated == c.saturated);
  }
}
