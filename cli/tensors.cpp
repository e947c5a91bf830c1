#include "cli/common.h"

#include "semantics/interrupt_point.h"
#include "semantics/output_files.h"
#include "semantics/source.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fmt/format.h>
#include <iostream>
#include <optional>
#include <random>

namespace isamorph::cli {

using semantics::ElementType;
using semantics::InputError;
using semantics::Shape;
using semantics::Tensor;

namespace {

/// Twelve uniform numbers less six: close to normal, and the same bits with every standard library.
double nearly_normal(std::mt19937_64 &engine) {
  double sum = -6;
  for (int i = 0; i < 12; ++i)
    sum += static_cast<double>(engine() >> 11) * 0x1p-53;
  return sum;
}

bool equal_element(ElementType type, std::uint64_t a, std::uint64_t b) {
  return a == b || (semantics::is_nan(type, a) && semantics::is_nan(type, b));
}

/// |a - b| of finite elements. Of integers it is exact before it is rounded: those of 64 bits are
/// no doubles. Without their sign's bit, signed ones are in order.
double distance(ElementType type, std::uint64_t a, std::uint64_t b) {
  if (semantics::is_float(type))
    return std::fabs(semantics::decode(type, a) - semantics::decode(type, b));
  std::uint64_t sign = semantics::is_signed_integer(type)
                           ? std::uint64_t{1} << (8 * semantics::byte_size(type) - 1)
                           : 0;
  auto [low, high] = std::minmax({a ^ sign, b ^ sign});
  return static_cast<double>(high - low);
}

} // namespace

std::string element_position(const Shape &shape, std::int64_t index) {
  std::vector<std::int64_t> indices(shape.rank());
  for (std::size_t d = shape.rank(); d-- > 0;) {
    indices[d] = index % shape.dims[d];
    index /= shape.dims[d];
  }
  return "[" + semantics::join_dims(indices) + "]";
}

Tensor random_tensor(const Shape &shape, std::uint64_t seed) {
  Tensor tensor(shape);
  std::mt19937_64 engine(seed);
  for (std::int64_t i = 0; i < tensor.elements(); ++i) {
    semantics::interrupt_point();
    if (semantics::is_float(shape.type))
      tensor.set_bits(i, semantics::encode(shape.type, nearly_normal(engine) / 2));
    else if (shape.type == ElementType::Pred)
      tensor.set_bits(i, engine() & 1);
    else
      tensor.set_bits(i,
                      semantics::encode_integer(shape.type, static_cast<std::int64_t>(engine())));
  }
  return tensor;
}

namespace {

/// Non-negative numbers of a float type, as bits.
std::vector<std::uint64_t> boundary_floats(ElementType type) {
  std::uint64_t one = semantics::encode(type, 1), normal = semantics::encode(type, 2) - one,
                infinity = semantics::encode(type, std::numeric_limits<double>::infinity());
  return {0,
          1,
          normal - 1,
          normal,
          one - 1,
          one,
          one + 1,
          one + normal / 2,
          one / 2,
          infinity,
          infinity - 1,
          semantics::encode(type, 3),
          semantics::encode(type, std::numeric_limits<double>::quiet_NaN())};
}

std::vector<std::uint64_t> boundary_integers(ElementType type) {
  auto bits = [&](std::int64_t value) { return semantics::encode_integer(type, value); };
  if (type == ElementType::Pred)
    return {0, 1};
  std::uint64_t sign = std::uint64_t{1} << (8 * semantics::byte_size(type) - 1);
  return {0, 1, 2, bits(-1), bits(-2), sign, sign - 1, sign + 1};
}

} // namespace

Tensor boundary_tensor(const Shape &shape, std::uint64_t seed) {
  bool floats = semantics::is_float(shape.type);
  auto values = floats ? boundary_floats(shape.type) : boundary_integers(shape.type);
  std::uint64_t sign = std::uint64_t{1} << (8 * semantics::byte_size(shape.type) - 1);
  Tensor tensor(shape);
  std::mt19937_64 engine(seed);
  for (std::int64_t i = 0; i < tensor.elements(); ++i) {
    semantics::interrupt_point();
    std::uint64_t bits = values[engine() % values.size()];
    bool negative = floats && engine() % 2 != 0 && !semantics::is_nan(shape.type, bits);
    tensor.set_bits(i, negative ? bits | sign : bits);
  }
  return tensor;
}

void add_fill_options(CLI::App &app, FillOptions &options) {
  auto *random =
      app.add_option("--random", options.random, "Random values for inputs without a file")
          ->type_name("SEED")
          ->check(whole_number(kAnySeed));
  app.add_option("--boundary", options.boundary,
                 "Boundary values (denormals, infinities, NaN, ...) for inputs without a file")
      ->type_name("SEED")
      ->check(whole_number(kAnySeed))
      ->excludes(random);
}

std::string describe(const std::vector<ExpectedTensor> &tensors) {
  std::string out;
  for (const ExpectedTensor &t : tensors)
    out += (out.empty() ? "" : ", ") + t.name + " " + t.shape.to_string();
  return out;
}

std::vector<Tensor> read_inputs(const std::vector<std::string> &arguments,
                                const std::vector<ExpectedTensor> &expected,
                                const FillOptions &fill) {
  std::vector<std::optional<Tensor>> tensors(expected.size());
  std::vector<std::string> unnamed;
  for (const std::string &argument : arguments) {
    std::size_t equals = argument.find('=');
    std::string name = argument.substr(0, equals);
    auto known =
        std::find_if(expected.begin(), expected.end(), [&](auto &e) { return e.name == name; });
    bool path = known == expected.end() && std::filesystem::exists(argument);
    if (equals == std::string::npos || path) {
      unnamed.push_back(argument);
      continue;
    }
    if (known == expected.end())
      throw InputError("no input is named '" + name + "'; inputs: " + describe(expected));
    auto &place = tensors[static_cast<std::size_t>(known - expected.begin())];
    if (place)
      throw InputError("input '" + name + "' is given twice");
    place = semantics::read_tensor(argument.substr(equals + 1), known->shape);
  }
  std::size_t next = 0;
  for (const std::string &path : unnamed) {
    while (next < tensors.size() && tensors[next])
      ++next;
    if (next == tensors.size())
      throw InputError(fmt::format("too many inputs: the program takes {} ({})", expected.size(),
                                   describe(expected)));
    tensors[next] = semantics::read_tensor(path, expected[next].shape);
  }
  std::vector<Tensor> out;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (tensors[i])
      out.push_back(std::move(*tensors[i]));
    else if (fill.random)
      out.push_back(random_tensor(expected[i].shape, *fill.random + i));
    else if (fill.boundary)
      out.push_back(boundary_tensor(expected[i].shape, *fill.boundary + i));
    else
      throw InputError(
          fmt::format("input '{}' ({}) is missing; give it with --input, or all with --random SEED",
                      expected[i].name, expected[i].shape.to_string()));
  }
  return out;
}

Comparison compare(const std::vector<Tensor> &results, const std::vector<Tensor> &golden,
                   const std::vector<ExpectedTensor> &names) {
  Comparison out;
  for (std::size_t t = 0; t < results.size(); ++t) {
    const Shape &shape = results[t].shape();
    for (std::int64_t i = 0; i < results[t].elements(); ++i) {
      std::uint64_t a = results[t].bits(i), b = golden[t].bits(i);
      ++out.elements;
      if (equal_element(shape.type, a, b))
        continue;
      ++out.mismatches;
      if (!semantics::is_finite(shape.type, a) || !semantics::is_finite(shape.type, b)) {
        ++out.not_finite;
      } else {
        out.max_difference = std::max(out.max_difference, distance(shape.type, a, b));
        if (semantics::is_float(shape.type))
          out.max_ulp = std::max(out.max_ulp, semantics::ulp_distance(shape.type, a, b));
      }
      if (out.first.empty())
        out.first = fmt::format("{}{}: {}, golden {}", names[t].name, element_position(shape, i),
                                semantics::element_text(shape.type, a),
                                semantics::element_text(shape.type, b));
    }
  }
  return out;
}

void add_result_options(CLI::App &app, ResultOptions &options) {
  app.add_option("--output", options.output,
                 "Where to write the results, one file each (.npy, or raw bytes)")
      ->type_name("FILE")
      ->expected(1, -1);
  app.add_option("--golden", options.golden, "Compare the results with these, one file each")
      ->type_name("FILE")
      ->expected(1, -1);
  app.add_flag("--json", options.json, "Print one JSON object on standard output");
}

namespace {

void print_summary(const std::vector<Tensor> &results, const std::vector<ExpectedTensor> &names) {
  for (std::size_t t = 0; t < results.size(); ++t) {
    std::string values;
    std::int64_t shown = std::min<std::int64_t>(results[t].elements(), 8);
    for (std::int64_t i = 0; i < shown; ++i)
      values +=
          (i ? ", " : "") + semantics::element_text(results[t].shape().type, results[t].bits(i));
    fmt::print("{} {} = {}{}\n", names[t].name, results[t].shape().to_string(), values,
               results[t].elements() > shown ? ", ..." : "");
  }
}

} // namespace

namespace {

/// Of mismatches: how large they are, and how many have no size.
std::string difference_text(const Comparison &comparison) {
  std::string special =
      comparison.not_finite ? fmt::format("{} with NaN or infinity", comparison.not_finite) : "";
  if (comparison.not_finite == comparison.mismatches)
    return special;
  return fmt::format("largest difference: {} ulp, {:.6g} absolute{}{}", comparison.max_ulp,
                     comparison.max_difference, special.empty() ? "" : "; ", special);
}

} // namespace

std::vector<Tensor> read_golden(const ResultOptions &options,
                                const std::vector<ExpectedTensor> &names) {
  auto check_count = [&](const std::vector<std::string> &files, const char *option) {
    if (!files.empty() && files.size() != names.size())
      throw InputError(fmt::format("{} names {} files for {} results ({})", option, files.size(),
                                   names.size(), describe(names)));
  };
  check_count(options.output, "--output");
  check_count(options.golden, "--golden");
  for (const std::string &path : options.output)
    semantics::check_writable(path);
  std::vector<Tensor> golden;
  for (std::size_t i = 0; i < options.golden.size(); ++i)
    golden.push_back(semantics::read_tensor(options.golden[i], names[i].shape));
  return golden;
}

int report_results(const ResultOptions &options, const std::vector<Tensor> &results,
                   const std::vector<Tensor> &golden, const std::vector<ExpectedTensor> &names,
                   const Stopwatch &watch, const Json &more) {
  semantics::OutputFiles files;
  for (std::size_t i = 0; i < options.output.size(); ++i)
    semantics::stage_tensor(files, options.output[i], results[i]);
  files.commit();
  Json json = Json::object();
  int status = kDone;
  if (!options.golden.empty()) {
    Comparison comparison = compare(results, golden, names);
    status = comparison.mismatches ? kDifferent : kDone;
    json["mismatches"] = comparison.mismatches;
    json["elements"] = comparison.elements;
    json["max_ulp"] = comparison.max_ulp;
    json["max_difference"] = comparison.max_difference;
    if (comparison.not_finite)
      json["not_finite"] = comparison.not_finite;
    if (!options.json) {
      fmt::print("{} of {} elements differ from the golden result\n", comparison.mismatches,
                 comparison.elements);
      if (comparison.mismatches)
        fmt::print("first: {}; {}\n", comparison.first, difference_text(comparison));
    }
  } else if (!options.json && options.output.empty()) {
    print_summary(results, names);
  }
  json.update(more);
  json["seconds"] = watch.json();
  if (options.json)
    print_json(json);
  return status;
}

} // namespace isamorph::cli
