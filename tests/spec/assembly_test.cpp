#include "spec/assembly.h"

#include <catch2/catch.hpp>

using namespace isamorph;
using namespace isamorph::spec;

TEST_CASE("placeholders are words in braces and nothing else") {
  std::map<std::string, std::string, std::less<>> values = {{"a", "1"}, {"b_2", "{a}"}};
  CHECK(fill("{a}", values) == "1");
  CHECK(fill("{'a': {a}}", values) == "{'a': 1}");
  CHECK(fill("{b_2} { a } {} {a {9}", values) == "{a} { a } {} {a {9}");
  CHECK(fill("{{a}}", values) == "{1}");
  CHECK(fill("{", values) == "{");
  std::vector<std::string> known = {"a"};
  CHECK(unknown_placeholder("{a} {'x'} { y }", known) == std::nullopt);
  CHECK(unknown_placeholder("{a} {x}", known) == "x");
}

TEST_CASE("attention prints as the ACT tutorials write it") {
  Isa isa = load_isa("qkv");
  Kernel kernel = parse_kernel(semantics::make_source("<k>", R"(kernel attention {
    memory 32768
    input q @ 0 : bf16[64,64]
    input k @ 8192 : bf16[64,64]
    input v @ 16384 : bf16[64,64]
    output o @ 24576 : bf16[64,64]
    load_rm(n=64, addr_in=0, addr_out=64)
    load_cm(n=64, addr_in=8192, addr_out=0)
    gemm(addr_1=64, addr_2=0, addr_out=0)
    softmax(n=64, addr=0)
    mov(n=64, addr_in=0, addr_out=64)
    load_rm(n=64, addr_in=16384, addr_out=0)
    gemm(addr_1=64, addr_2=0, addr_out=0)
    mov(n=64, addr_in=0, addr_out=0)
    store_rm(n=64, addr_in=0, addr_out=24576)
  })"),
                               isa);
  CHECK(print_kernel(kernel, isa, "act") == R"(import jax.numpy as jnp


def attention(kernel, api):
    @kernel(hbm=32768,
            input=[{'addr': 0, 'shape': (64, 64), 'dtype': jnp.bfloat16},
                   {'addr': 8192, 'shape': (64, 64), 'dtype': jnp.bfloat16},
                   {'addr': 16384, 'shape': (64, 64), 'dtype': jnp.bfloat16}],
            constant=[],
            output=[{'addr': 24576, 'shape': (64, 64), 'dtype': jnp.bfloat16}])
    def attention_():
        api.load_rm(n = 64, addr_in = 0, addr_out = 64)
        api.load_cm(n = 64, addr_in = 8192, addr_out = 0)
        api.gemm(addr_1 = 64, addr_2 = 0, addr_out = 0)
        api.softmax(n = 64, addr = 0)
        api.mov(n = 64, addr_in = 0, addr_out = 64)
        api.load_rm(n = 64, addr_in = 16384, addr_out = 0)
        api.gemm(addr_1 = 64, addr_2 = 0, addr_out = 0)
        api.mov(n = 64, addr_in = 0, addr_out = 0)
        api.store_rm(n = 64, addr_in = 0, addr_out = 24576)

    return attention_
)");
}

TEST_CASE("constants, and names that are no identifiers") {
  Isa isa = load_isa("qkv");
  Kernel kernel = parse_kernel(semantics::make_source("<k>", R"(kernel k.1-a {
    memory 100
    constant i @ 0 : f32[2,2] = eye
    constant u @ 16 : s8[3] = full(-7)
    constant g @ 20 : f32[2] = {-0, inf}
    constant s @ 30 : s32[] = 5
  })"),
                               isa);
  std::string text = print_kernel(kernel, isa, "act");
  CHECK_THAT(text, Catch::Contains("def k_1_a(kernel, api):"));
  CHECK_THAT(text, Catch::Contains("'value': jnp.eye(2, dtype=jnp.float32)}"));
  CHECK_THAT(text,
             Catch::Contains(
                 "'shape': (3,), 'dtype': jnp.int8, 'value': jnp.full((3,), -7, dtype=jnp.int8)}"));
  CHECK_THAT(text, Catch::Contains("jnp.array([-0.0, float('inf')], dtype=jnp.float32)"));
  CHECK_THAT(text, Catch::Contains("'shape': (), "));
}

TEST_CASE("an ISA prints an assembly of its own, one template an instruction") {
  std::string text = print_isa(load_isa("qkv"));
  std::string mov = "cost   unit vpu, latency 4 + n, bytes 0\n";
  text.replace(text.find(mov), mov.size(),
               mov + "    assembly \"MOV r{addr_in} -> r{addr_out} x{n}; // {instruction} "
                     "{attributes}\\n\"\n");
  text.insert(text.find("\n  assembly act"), R"(
  assembly c {
    extension ".c"
    prologue "void {name}(void) {\n"
    instruction "  {instruction}({attributes});\n"
    attribute "{value}"
    attribute_separator ","
    epilogue "}\n"
  }
)");
  Isa isa = parse_isa(semantics::make_source("<isa>", text));
  CHECK(kernel_forms(isa) == std::vector<std::string>{"asm", "json", "c", "act"});
  Kernel kernel;
  kernel.name = "k";
  kernel.instructions = {{0, {64, 1, 2}, {}}, {4, {3, 4, 5}, {}}};
  CHECK(print_kernel(kernel, isa, "c") ==
        "void k(void) {\n  load_rm(64,1,2);\nMOV r4 -> r5 x3; // mov 3,4,5\n}\n");
}
