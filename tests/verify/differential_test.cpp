// Differential tests and their minimiser: results are counterexamples, and the same for the same
// seed.
#include "kernels.h"

using namespace isamorph;
using namespace isamorph::verify;

TEST_CASE("test inputs depend on seed and index alone, and are finite where that is asked") {
  std::vector<semantics::Shape> shapes = {{semantics::ElementType::BF16, {8, 8}},
                                          {semantics::ElementType::F64, {5}},
                                          {semantics::ElementType::Pred, {9}}};
  for (int i = 0; i < 40; ++i) {
    CHECK(test_input(shapes, Level::Bits, 3, i) == test_input(shapes, Level::Bits, 3, i));
    for (const semantics::Tensor &tensor : test_input(shapes, Level::Finite, 3, i))
      for (std::int64_t e = 0; e < tensor.elements(); ++e) {
        CHECK(semantics::is_finite(tensor.shape().type, tensor.bits(e)));
        if (tensor.shape().type == semantics::ElementType::Pred)
          CHECK(tensor.bits(e) <= 1);
      }
  }
  CHECK(test_input(shapes, Level::Bits, 3, 1) != test_input(shapes, Level::Bits, 4, 1));
}

TEST_CASE("elements are compared as the level says") {
  auto f32 = semantics::ElementType::F32;
  CHECK(equal_element(f32, 0x7fc00000, 0xffc00001, Level::Bits)); // NaN and NaN
  CHECK_FALSE(equal_element(f32, 0, 0x80000000, Level::Bits));
  CHECK(equal_element(f32, 0, 0x80000000, Level::Finite));
  CHECK_FALSE(equal_element(semantics::ElementType::S32, 0, 0x80000000, Level::Finite));
  CHECK_FALSE(equal_element(f32, 0x3f800000, 0x3f800001, Level::Finite));
}

TEST_CASE("minimised counterexamples are counterexamples, smaller, and the same for the same seed",
          "[slow]") {
  spec::Isa isa = spec::load_isa("qkv_golden");
  spec::Kernel kernel = test::kernel_file("qkv/attention", isa);
  semantics::TensorGraph graph = test::program("attention");
  for (std::uint64_t seed : {1, 2, 3}) {
    VerifyOptions options = test::at(Level::Bits, true), plain = test::at(Level::Bits);
    options.tests.seed = plain.tests.seed = seed;
    Verdict small = verify_kernel(kernel, isa, graph, options),
            again = verify_kernel(kernel, isa, graph, options),
            large = verify_kernel(kernel, isa, graph, plain);
    test::confirm(small, graph, kernel, isa);
    test::confirm(large, graph, kernel, isa);
    CHECK(small.counterexample->inputs == again.counterexample->inputs);
    CHECK(small.counterexample->nonzero_inputs < large.counterexample->nonzero_inputs);
  }
}
