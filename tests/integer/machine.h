#pragma once
// The integer machine, its kernels and programs, and random kernels with loops for it.

#include "semantics/hlo.h"
#include "spec/kernel.h"

#include <random>

namespace isamorph::test {

inline semantics::SourceRef integer_file(const std::string &name) {
  return semantics::read_source(ISAMORPH_SOURCE_DIR "/tests/integer/" + name);
}

inline spec::Isa integer_machine() { return spec::parse_isa(integer_file("integer.isa")); }
inline spec::Kernel integer_kernel(const std::string &name, const spec::Isa &isa) {
  return spec::parse_kernel(integer_file(name + ".asm"), isa);
}
inline semantics::TensorGraph integer_program(const std::string &name) {
  return semantics::parse_hlo(integer_file(name + ".hlo"));
}

inline semantics::Tensor random_tensor(const semantics::Shape &shape, std::uint64_t seed) {
  std::mt19937_64 engine(seed);
  semantics::Tensor tensor(shape);
  for (std::byte &byte : tensor.bytes())
    byte = static_cast<std::byte>(engine());
  return tensor;
}

/// Random nests of up to three loops; what stands in them is a derived class's.
class RandomNest {
public:
  RandomNest(const spec::Isa &isa, std::uint64_t seed) : isa_(isa), engine_(seed) {}
  virtual ~RandomNest() = default;

protected:
  virtual void instructions() = 0;
  /// Whether the next thing in a body within which `levels` more loops may be nested is a loop.
  virtual bool opens_loop(int levels) { return levels > 0 && pick(0, 1) != 0; }

  void place(std::int64_t rows_in, std::int64_t rows_out) {
    std::vector<spec::TensorDeclaration> in = {
        {"x", {semantics::ElementType::S32, {rows_in, 4}}, nullptr}};
    std::vector<spec::TensorDeclaration> out = {
        {"y", {semantics::ElementType::S32, {rows_out, 4}}, nullptr}};
    kernel_ = spec::layout_off_chip("k", in, {}, out);
  }
  std::int64_t pick(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(engine_() % static_cast<std::uint64_t>(high - low + 1));
  }
  void add(const char *name, std::vector<std::int64_t> attributes) {
    auto index = static_cast<std::uint32_t>(isa_.find_instruction(name) - isa_.instructions.data());
    kernel_.instructions.push_back({index, std::move(attributes), {}});
  }
  /// Loops' values are 0 to 3.
  void body(int levels) {
    for (std::int64_t n = pick(1, 3); n > 0; --n) {
      if (!opens_loop(levels)) {
        instructions();
        continue;
      }
      std::size_t loop = kernel_.loops.size();
      std::int64_t start = pick(0, 1);
      kernel_.loops.push_back({std::string(1, static_cast<char>('s' + depth_)),
                               start,
                               start + pick(1, 3),
                               pick(1, 2),
                               static_cast<std::uint32_t>(kernel_.instructions.size()),
                               0,
                               {}});
      ++depth_;
      body(levels - 1);
      --depth_;
      kernel_.loops[loop].last = static_cast<std::uint32_t>(kernel_.instructions.size());
    }
  }

  const spec::Isa &isa_;
  std::mt19937_64 engine_;
  spec::Kernel kernel_;
  std::uint32_t depth_ = 0;
};

/// A valid kernel of 32 rows of numbers, in whose loops every attribute that may vary does.
class RandomLoops : RandomNest {
public:
  using RandomNest::RandomNest;

  spec::Kernel kernel() {
    place(32, 32);
    add("load32", {32, 0, 0});
    body(3);
    add("store32", {32, 0, 512});
    return std::move(kernel_);
  }

private:
  /// Values stay within [4, 28] for up to three loops of values below 4.
  void vary(std::uint32_t attribute, std::int64_t most) {
    for (std::uint32_t d = 0; d < depth_; ++d)
      if (std::int64_t factor = pick(-1, most); factor != 0)
        kernel_.instructions.back().strides.push_back({attribute, d, factor});
  }

  void instructions() override {
    switch (pick(0, 3)) {
    case 0: // the number of rows varies too
      add("accumulate", {1, 10, pick(10, 16)});
      for (std::uint32_t d = 0; d < depth_; ++d)
        kernel_.instructions.back().strides.push_back({0, d, pick(1, 2)});
      return;
    case 1:
      add("scale", {1, pick(-3, 3), pick(13, 19)});
      vary(1, 1);
      return vary(2, 1);
    case 2:
      add("sort", {1, pick(13, 18), 9});
      return vary(1, 1);
    default:
      add("load32", {1, 16 * pick(10, 19), pick(13, 18)});
      for (std::uint32_t d = 0; d < depth_; ++d)
        kernel_.instructions.back().strides.push_back({1, d, 16 * pick(1, 2)});
      return vary(2, 1);
    }
  }
};

} // namespace isamorph::test
