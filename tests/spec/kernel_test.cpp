#include "spec/kernel.h"
#include "spec/kernel_text.h"

#include <catch2/catch.hpp>
#include <rapidcheck.h>

using namespace isamorph;
using namespace isamorph::spec;
using semantics::ElementType;
using semantics::Shape;

namespace {

Kernel parse(const std::string &text, const Isa &isa) {
  return parse_kernel(semantics::make_source("<kernel>", text), isa);
}

const char *const kSoftmax = R"(kernel softmax {
  memory 24576
  input a @ 0 : bf16[64,64]
  constant identity @ 8192 : bf16[64,64] = eye
  output o @ 16384 : bf16[64,64]
  load_rm(n=64, addr_in=0, addr_out=0)
  load_cm(n=64, addr_in=8192, addr_out=64)
  gemm(addr_1=0, addr_2=64, addr_out=0)
  softmax(n=64, addr=0)
  mov(n=64, addr_in=0, addr_out=0)
  store_rm(n=64, addr_in=0, addr_out=16384)
}
)";

/// Elements that texts can carry: NaN payloads cannot be told apart.
semantics::TensorRef random_constant(ElementType type, std::vector<std::int64_t> dims) {
  auto tensor = std::make_shared<semantics::Tensor>(Shape{type, std::move(dims)});
  bool uniform = *rc::gen::arbitrary<bool>();
  std::uint64_t mask = semantics::byte_size(type) == 8
                           ? ~std::uint64_t{0}
                           : (std::uint64_t{1} << (8 * semantics::byte_size(type))) - 1;
  std::uint64_t bits = 0;
  for (std::int64_t i = 0; i < tensor->elements(); ++i) {
    if (i == 0 || !uniform)
      bits = *rc::gen::arbitrary<std::uint64_t>() & (type == ElementType::Pred ? 1 : mask);
    tensor->set_bits(i, semantics::is_nan(type, bits) ? 0 : bits);
  }
  return tensor;
}

/// Copies of `rows` rows each, stored one after the other.
Kernel random_kernel(const Isa &isa) {
  Kernel kernel;
  std::vector<TensorDeclaration> inputs, constants, outputs;
  std::int64_t rows = *rc::gen::inRange<std::int64_t>(1, 65);
  inputs.push_back({"x.1-y", {ElementType::BF16, {rows, 64}}, nullptr});
  for (int i = 0, n = *rc::gen::inRange(0, 4); i < n; ++i) {
    auto type = static_cast<ElementType>(*rc::gen::inRange(0, semantics::kElementTypeCount));
    auto dims =
        *rc::gen::container<std::vector<std::int64_t>>(rc::gen::inRange<std::int64_t>(0, 4));
    dims.resize(std::min<std::size_t>(dims.size(), 3));
    auto value = random_constant(type, dims);
    constants.push_back({"c" + std::to_string(i), value->shape(), value});
  }
  outputs.push_back({"out", {ElementType::BF16, {rows, 64}}, nullptr});
  kernel = layout_off_chip("k.0", inputs, constants, outputs);
  auto index = [&](const char *name) {
    return static_cast<std::uint32_t>(isa.find_instruction(name) - isa.instructions.data());
  };
  std::int64_t place = *rc::gen::inRange<std::int64_t>(0, 129 - rows);
  kernel.instructions.push_back({index("load_rm"), {rows, 0, place}, {}});
  kernel.instructions.push_back({index("store_rm"), {rows, place, kernel.outputs[0].address}, {}});
  return kernel;
}

bool same(const Kernel &a, const Kernel &b, bool names) {
  auto tensors = [&](const std::vector<Placed> &x, const std::vector<Placed> &y) {
    if (x.size() != y.size())
      return false;
    for (std::size_t i = 0; i < x.size(); ++i)
      if ((names && x[i].name != y[i].name) || x[i].address != y[i].address ||
          x[i].shape != y[i].shape || !x[i].value != !y[i].value ||
          (x[i].value && !(*x[i].value == *y[i].value)))
        return false;
    return true;
  };
  return (!names || a.name == b.name) && a.off_chip_bytes == b.off_chip_bytes &&
         tensors(a.inputs, b.inputs) && tensors(a.constants, b.constants) &&
         tensors(a.outputs, b.outputs) && a.instructions == b.instructions;
}

} // namespace

TEST_CASE("own assembly is read and printed") {
  Isa isa = load_isa("qkv");
  Kernel kernel = parse(kSoftmax, isa);
  CHECK(kernel.name == "softmax");
  CHECK(kernel.off_chip_bytes == 24576);
  REQUIRE(kernel.constants.size() == 1);
  CHECK(kernel.constants[0].value->bits(65) == 0x3f80);
  CHECK(kernel.constants[0].value->bits(64) == 0);
  CHECK(kernel.instructions.size() == 6);
  CHECK(to_string(kernel.instructions[2], isa) == "gemm(addr_1=0, addr_2=64, addr_out=0)");
  CHECK(print_kernel(kernel, isa, "asm") == kSoftmax);
  CHECK(kernel_forms(isa) == std::vector<std::string>{"asm", "json", "act"});
  CHECK_THROWS_WITH(print_kernel(kernel, isa, "elf"), Catch::Contains("forms: asm, json, act"));
}

TEST_CASE("comments and positional attributes in own assembly") {
  Isa isa = load_isa("qkv");
  Kernel kernel = parse(R"(// a copy
kernel k { memory 16384 input x@0:bf16[64,64] /* dense */ output y@8192:bf16[64,64]
  load_rm(64, 0, addr_out=3)  // rows 3 to 66
  store_rm(64, 3, 8192) })",
                        isa);
  CHECK(kernel.instructions[0].attributes == std::vector<std::int64_t>{64, 0, 3});
}

TEST_CASE("a call reads the same whether or not one like it came before") {
  Isa isa = load_isa("qkv");
  const std::string before[] = {"load_rm(n=64, addr_in=0, addr_out=0)",
                                "load_rm( 64,0 , addr_out=7)",
                                "load_rm(addr_out=1, addr_in=2, n=3)"};
  const std::string calls[] = {
      "load_rm(n=1, addr_in=22, addr_out=333)",
      "load_rm(n=-1, addr_in=-0, addr_out=007)",
      "load_rm( 1,22 , addr_out=333)",
      "load_rm(addr_out=1, addr_in=22, n=333)",
      "load_rm(n=1, addr_in=2 + 3, addr_out=4*5)",
      "load_rm(n=1, addr_in=2, addr_out=3 )",
      "load_rm(n=1, addr_in=2, addr_out=3) load_rm(n=64, addr_in=0, addr_out=9)",
      "load_rm(n=1, addr_in=9223372036854775807, addr_out=-9223372036854775808)",
      "load_rm(n=1, addr_in=9223372036854775808, addr_out=0)",
      "load_rm(n=1, addr_in=0, addr_out=)",
      "load_rm(n=1, addr_in=0, addr_out=1.5)",
      "load_rm(n=1, addr_in=- 5, addr_out=1)",
      "load_rm(n=1, addr_in=+5, addr_out=1)",
      "load_rm(n=1, addr_in=0, addr_out=1",
      "load_rm(n=1, addr",
      "load_rm(n=1, addr_in=0x10, addr_out=1)",
      "load_rmx(n=1, addr_in=0, addr_out=1)",
      "load_rm(n=1, addr_in=0, addr_out=1, n=2)",
      "load_rm(n=1, addr_in=0, n=1)",
      "load_rm(1,22 , addr_in=333)",
      "load_rm( 1,22 , addr_out=333, 4)",
      "for i in 0..2 { load_rm(n=1, addr_in=i, addr_out=3) load_rm(n=64, addr_in=0, addr_out=i) }"};
  auto read = [&](const std::string &first, const std::string &call) -> std::string {
    auto source = semantics::make_source("<kernel>", "kernel k { memory 9\n" + first + "\n" + call +
                                                         (call.back() == 'r' ? "" : " }"));
    try {
      Kernel kernel = read_own_assembly(source, isa);
      kernel.instructions.erase(kernel.instructions.begin(),
                                kernel.instructions.begin() + (first[0] == '/' ? 0 : 1));
      std::string out;
      for (const KernelInstruction &i : kernel.instructions)
        out += to_string(i, isa, std::vector<std::string>{"i"}) + " @ " +
               std::to_string(i.location.offset - first.size()) + "\n";
      return out;
    } catch (const semantics::InputError &error) {
      return error.what();
    }
  };
  for (const std::string &call : calls) {
    std::string alone = read("// nothing", call);
    INFO(call << "\n" << alone);
    CHECK_FALSE(alone.empty());
    for (const std::string &first : before)
      CHECK(read(first, call) == alone);
  }
}

TEST_CASE("every form reads back to the same kernel") {
  Isa isa = load_isa("qkv");
  CHECK(rc::check("own assembly, JSON and the ISA's assembly round trip", [&] {
    Kernel kernel = random_kernel(isa);
    validate(kernel, isa);
    for (const std::string &form : kernel_forms(isa)) {
      std::string text = print_kernel(kernel, isa, form);
      Kernel again = parse(text, isa);
      RC_ASSERT(same(kernel, again, form != "act"));
      RC_ASSERT(print_kernel(again, isa, form) == text);
    }
  }));
}

TEST_CASE("off-chip memory is laid out without gaps") {
  std::vector<TensorDeclaration> in = {{"a", {ElementType::U8, {3}}, nullptr},
                                       {"b", {ElementType::F32, {2, 2}}, nullptr}};
  auto one = std::make_shared<semantics::Tensor>(Shape{ElementType::BF16, {}});
  std::vector<TensorDeclaration> constant = {{"c", one->shape(), one}},
                                 out = {{"d", {ElementType::S64, {1}}, nullptr}};
  Kernel kernel = layout_off_chip("k", in, constant, out);
  CHECK(kernel.inputs[1].address == 3);
  CHECK(kernel.constants[0].address == 19);
  CHECK(kernel.outputs[0].address == 21);
  CHECK(kernel.off_chip_bytes == 29);
}

TEST_CASE("places of JSON instructions are known") {
  Isa isa = load_isa("qkv");
  Kernel kernel = parse(print_kernel(parse(kSoftmax, isa), isa, "json"), isa);
  const std::string &text = kernel.source->text;
  CHECK(text.substr(kernel.instructions[3].location.offset, 25) == "{\"instruction\": \"softmax\"");
}
