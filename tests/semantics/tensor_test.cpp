#include "semantics/tensor.h"

#include "semantics/source.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <rapidcheck.h>
#include <unistd.h>

using namespace isamorph::semantics;

namespace {

constexpr std::array kAllTypes = {
    ElementType::Pred, ElementType::S8,  ElementType::U8,  ElementType::S16, ElementType::U16,
    ElementType::S32,  ElementType::U32, ElementType::S64, ElementType::U64, ElementType::F16,
    ElementType::BF16, ElementType::F32, ElementType::F64};

/// A file that goes away with the object.
class TemporaryFile {
public:
  explicit TemporaryFile(const std::string &suffix) {
    static std::atomic<int> counter = 0;
    path_ =
        (std::filesystem::temp_directory_path() / ("isamorph_tensor_" + std::to_string(::getpid()) +
                                                   "_" + std::to_string(counter++) + suffix))
            .string();
  }
  ~TemporaryFile() { std::filesystem::remove(path_); }
  TemporaryFile(const TemporaryFile &) = delete;
  TemporaryFile &operator=(const TemporaryFile &) = delete;
  const std::string &path() const { return path_; }
  void write(const std::string &content) const {
    std::ofstream(path_, std::ios::binary) << content;
  }
  std::string read() const {
    std::ifstream in(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

private:
  std::string path_;
};

std::string npy(const std::string &dictionary, const std::string &data) {
  std::string header("\x93NUMPY\x01\x00", 8);
  header += static_cast<char>(dictionary.size() & 0xff);
  header += static_cast<char>(dictionary.size() >> 8);
  return header + dictionary + data;
}

std::string error_of(const std::string &content, const Shape &shape) {
  TemporaryFile file(".bin");
  file.write(content);
  try {
    read_tensor(file.path(), shape);
  } catch (const InputError &error) {
    return error.message();
  }
  return "no error";
}

const Shape kPair{ElementType::BF16, {2}};
const std::string kGood = "{'descr': '<V2', 'fortran_order': False, 'shape': (2,), }";

} // namespace

TEST_CASE("every 16-bit float decodes and encodes to itself") {
  for (ElementType type : {ElementType::F16, ElementType::BF16})
    for (std::uint64_t bits = 0; bits < 65536; ++bits) {
      std::uint64_t again = encode(type, decode(type, bits));
      if (is_nan(type, bits) ? !is_nan(type, again) : again != bits)
        FAIL(name(type) << " " << bits << " became " << again);
    }
}

TEST_CASE("doubles round to the nearest 16-bit float, ties to even") {
  for (ElementType type : {ElementType::F16, ElementType::BF16}) {
    std::uint64_t infinity = encode(type, std::numeric_limits<double>::infinity());
    for (std::uint64_t bits = 0; bits + 1 < infinity; ++bits) {
      double low = decode(type, bits), high = decode(type, bits + 1), middle = (low + high) / 2;
      std::uint64_t even = bits + (bits & 1);
      bool right = encode(type, middle) == even && encode(type, -middle) == (even | 0x8000) &&
                   encode(type, std::nextafter(middle, low)) == bits &&
                   encode(type, std::nextafter(middle, high)) == bits + 1;
      if (!right)
        FAIL(name(type) << " between " << bits << " and " << bits + 1);
    }
    double largest = decode(type, infinity - 1), step = largest - decode(type, infinity - 2);
    CHECK(encode(type, largest + step / 2) == infinity);
    CHECK(encode(type, std::nextafter(largest + step / 2, 0)) == infinity - 1);
    CHECK(encode(type, std::numeric_limits<double>::max()) == infinity);
    CHECK(encode(type, std::numeric_limits<double>::denorm_min()) == 0);
    CHECK(encode(type, -std::numeric_limits<double>::denorm_min()) == 0x8000);
  }
}

TEST_CASE("integers saturate, and encode_integer is exact") {
  CHECK(encode(ElementType::S8, -200) == 0x80);
  CHECK(encode(ElementType::U8, 255.9) == 255);
  CHECK(encode(ElementType::U64, 1e30) == ~std::uint64_t{0});
  CHECK(encode(ElementType::S64, 0x1p63) == 0x7fffffffffffffff);
  CHECK(encode(ElementType::S32, std::nan("")) == 0);
  CHECK(encode(ElementType::Pred, 0.25) == 1);
  CHECK(encode_integer(ElementType::S64, std::numeric_limits<std::int64_t>::min()) ==
        std::uint64_t{1} << 63);
  CHECK(encode_integer(ElementType::U8, -1) == 255);
  CHECK(encode_integer(ElementType::F32, (1 << 24) + 1) == encode(ElementType::F32, 1 << 24));
  // Above a tie by one: a detour through a double would lose the one.
  std::int64_t above = (std::int64_t{1} << 61) + (std::int64_t{1} << 53) + 1;
  CHECK(encode_integer(ElementType::BF16, above) == encode(ElementType::BF16, 0x1.02p61));
  CHECK(encode_integer(ElementType::BF16, -above) == encode(ElementType::BF16, -0x1.02p61));
}

TEST_CASE("element text reads back to the same bits") {
  for (ElementType type : {ElementType::F16, ElementType::BF16})
    for (std::uint64_t bits = 0; bits < 65536; ++bits)
      if (!is_nan(type, bits) && parse_element(type, element_text(type, bits)) != bits)
        FAIL(name(type) << " " << bits << " is written " << element_text(type, bits));
  REQUIRE(rc::check([](std::uint64_t random) {
    for (ElementType type : kAllTypes) {
      std::uint64_t bits = type == ElementType::Pred
                               ? random & 1
                               : random & (~std::uint64_t{0} >> (64 - 8 * byte_size(type)));
      if (!is_nan(type, bits))
        RC_ASSERT(parse_element(type, element_text(type, bits)) == bits);
    }
  }));
  CHECK(element_text(ElementType::BF16, encode(ElementType::BF16, 0.1)) == "0.1");
  CHECK(element_text(ElementType::BF16, 0x3f80) == "1");
  CHECK(element_text(ElementType::F32, 0x80000000) == "-0");
  CHECK(element_text(ElementType::F16, 0xfc00) == "-inf");
  CHECK(element_text(ElementType::S8, 0x80) == "-128");
  CHECK(element_text(ElementType::F64, encode(ElementType::F64, 0.1)) == "0.1");
}

TEST_CASE("what is no number, or does not fit, is refused") {
  for (const char *text : {"", "-", "+", "--1", "1x", "0x10", "1e", " 1", "1 ", "e5", "infinity",
                           "1e39", "nan(1)", "."})
    CHECK_FALSE(parse_element(ElementType::F32, text));
  for (const char *text : {"", "1.5", "256", "-1", "1e2", "true"})
    CHECK_FALSE(parse_element(ElementType::U8, text));
  CHECK_FALSE(parse_element(ElementType::F16, "65520"));
  CHECK_FALSE(parse_element(ElementType::F64, "1e999"));
  CHECK(parse_element(ElementType::F64, "1e-999") == 0);
  CHECK(parse_element(ElementType::F32, "-1e-999") == 0x80000000);
  CHECK(parse_element(ElementType::F16, "65519") == 0x7bff);
  CHECK(parse_element(ElementType::F32, "-inf") == 0xff800000);
  CHECK(is_nan(ElementType::F32, parse_element(ElementType::F32, "-nan").value()));
  CHECK(parse_element(ElementType::U64, "18446744073709551615") == ~std::uint64_t{0});
  CHECK(parse_element(ElementType::S64, "-9223372036854775808") == std::uint64_t{1} << 63);
  CHECK(parse_element(ElementType::Pred, "true") == 1);
  CHECK_FALSE(parse_element(ElementType::Pred, "2"));
}

TEST_CASE("ulp distance counts the steps between floats") {
  CHECK(ulp_distance(ElementType::BF16, 0x0000, 0x8000) == 0);
  CHECK(ulp_distance(ElementType::BF16, 0x0001, 0x8001) == 2);
  CHECK(ulp_distance(ElementType::BF16, 0x3f80, 0x3f7e) == 2);
  CHECK(ulp_distance(ElementType::F64, 0, std::uint64_t{1} << 62) == std::uint64_t{1} << 62);
}

TEST_CASE("files of every type read back") {
  REQUIRE(rc::check([] {
    auto type = *rc::gen::elementOf(kAllTypes);
    auto dims = *rc::gen::resize(
        4, rc::gen::container<std::vector<std::int64_t>>(rc::gen::inRange<std::int64_t>(0, 5)));
    Tensor tensor(Shape{type, dims});
    for (std::byte &b : tensor.bytes())
      b = static_cast<std::byte>(type == ElementType::Pred ? *rc::gen::inRange(0, 2)
                                                           : *rc::gen::inRange(0, 256));
    for (const char *suffix : {".npy", ".dat"}) {
      TemporaryFile file(suffix);
      write_tensor(file.path(), tensor);
      RC_ASSERT(read_tensor(file.path(), tensor.shape()) == tensor);
    }
  }));
}

TEST_CASE(".npy files look as NumPy writes them") {
  Tensor tensor(Shape{ElementType::BF16, {2, 1}});
  tensor.set_bits(0, 0x3f80);
  TemporaryFile file(".npy");
  write_tensor(file.path(), tensor);
  std::string content = file.read(),
              text = "{'descr': '<V2', 'fortran_order': False, 'shape': (2, 1), }";
  REQUIRE(content.size() == 128 + 4);
  CHECK(content.substr(0, 10) == std::string("\x93NUMPY\x01\x00\x76\x00", 10));
  CHECK(content.substr(10, text.size()) == text);
  CHECK(content.substr(10 + text.size(), 118 - text.size()) ==
        std::string(117 - text.size(), ' ') + "\n");
  CHECK(content.substr(128) == std::string("\x80\x3f\x00\x00", 4));
}

TEST_CASE("bf16 is read from the type names that programs write") {
  for (const char *descr : {"<V2", "|V2", "<u2", "bfloat16"}) {
    TemporaryFile file(".npy");
    file.write(
        npy("{'descr': '" + std::string(descr) + "', 'fortran_order': False, 'shape': (2,), }",
            "\x80\x3f\x01\x02"));
    CHECK(read_tensor(file.path(), kPair).bits(0) == 0x3f80);
  }
}

TEST_CASE("a .npy header is found by content, versions 2 and 3 included") {
  for (char version : {'\x02', '\x03'}) {
    TemporaryFile file(".dat");
    std::string header("\x93NUMPY", 6);
    header += {version, '\0', static_cast<char>(kGood.size()), '\0', '\0', '\0'};
    file.write(header + kGood + "abcd");
    CHECK(read_tensor(file.path(), kPair).bits(0) == 0x6261);
  }
}

TEST_CASE("bad tensor files are refused with a reason") {
  using Catch::Contains;
  CHECK_THAT(error_of("abc", kPair), Contains("3 bytes"));
  CHECK_THAT(error_of("abcde", kPair), Contains("5 bytes"));
  CHECK_THAT(error_of(std::string(1 << 20, 'x'), kPair), Contains("more than"));
  CHECK_THAT(error_of(npy(kGood, "abc"), kPair), Contains("3 bytes"));
  CHECK_THAT(
      error_of(npy("{'descr': '<V2', 'fortran_order': True, 'shape': (2,), }", "abcd"), kPair),
      Contains("fortran_order"));
  CHECK_THAT(
      error_of(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", "abcd"), kPair),
      Contains("'<f4'"));
  CHECK_THAT(
      error_of(npy("{'descr': '>u2', 'fortran_order': False, 'shape': (2,), }", "abcd"), kPair),
      Contains("big-endian"));
  CHECK_THAT(
      error_of(npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }", "abcd"),
               kPair),
      Contains("structured"));
  CHECK_THAT(
      error_of(npy("{'descr': '<V2', 'fortran_order': False, 'shape': (1, 2), }", "abcd"), kPair),
      Contains("[1,2]"));
  CHECK_THAT(
      error_of(npy("{'descr': '<V2', 'fortran_order': False, 'shape': (2,), 'x': 1}", "abcd"),
               kPair),
      Contains("'x'"));
  CHECK_THAT(error_of(npy("{'descr': '<V2', 'fortran_order': False}", "abcd"), kPair),
             Contains("lacks"));
  CHECK_THAT(
      error_of(npy("{'descr': '<V2', 'fortran_order': False, 'shape': (99999999999999999999,), }",
                   "abcd"),
               kPair),
      Contains("malformed"));
  CHECK_THAT(
      error_of(npy("{'descr': '<V2', 'fortran_order': False, 'shape': (-2,), }", "abcd"), kPair),
      Contains("malformed"));
  CHECK_THAT(error_of(std::string("\x93NUMPY\x07\x00\x01\x00{", 11), kPair), Contains("version"));
  CHECK_THROWS_AS(read_tensor("/nonexistent/file.npy", kPair), InputError);
  CHECK_THROWS_WITH(read_tensor(std::filesystem::temp_directory_path().string(), kPair),
                    Contains("is a folder"));
}

TEST_CASE("raw bytes are not taken from a file that is called .npy") {
  TemporaryFile npy_file(".npy"), raw(".dat");
  npy_file.write("abcd");
  raw.write("abcd");
  CHECK(read_tensor(raw.path(), kPair).bits(1) == 0x6463);
  CHECK_THROWS_WITH(read_tensor(npy_file.path(), kPair), Catch::Contains("not an .npy file"));
}

TEST_CASE("no damage to a .npy file crashes the reader") {
  std::string good = npy(kGood, "abcd");
  for (std::size_t length = 0; length < good.size(); ++length)
    if (length != 4) // the bytes of two elements without a header
      CHECK(error_of(good.substr(0, length), kPair) != "no error");
  REQUIRE(rc::check([&] {
    std::string bad = good;
    for (int i = *rc::gen::inRange(1, 4); i > 0; --i)
      bad[*rc::gen::inRange<std::size_t>(6, bad.size())] =
          static_cast<char>(*rc::gen::inRange(0, 256));
    error_of(bad, kPair);
  }));
}
