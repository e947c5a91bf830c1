#pragma once
// A machine that only moves bytes, with everything that the language has for control: state used in
// addresses, conditions and guards, updates before and after, arms that read other buffers, regions
// with steps. Also an interpreter of it, written by hand: which input byte lies where.

#include "spec/state.h"

#include <array>
#include <map>
#include <optional>
#include <random>

namespace isamorph::test {

inline semantics::SourceRef mover_source() {
  return semantics::read_source(ISAMORPH_SOURCE_DIR "/tests/spec/mover.isa");
}
inline spec::Isa mover() { return spec::parse_isa(mover_source()); }

/// What lies where: the number of an input byte, or nothing.
class MoverByHand {
public:
  using Cell = std::optional<int>;
  static constexpr int kInputs = 12, kOutputs = 8; ///< bytes: inputs from 0, outputs after them

  MoverByHand() {
    for (int i = 0; i < kInputs; ++i)
      m_[static_cast<std::size_t>(i)] = i;
  }

  /// False, and nothing happens, when the instruction is not allowed.
  bool step(const std::string &name, const std::vector<std::int64_t> &v) {
    MoverByHand before = *this;
    bool done = run(name, v);
    if (!done)
      *this = before;
    return done;
  }
  Cell output(int i) const { return m_[static_cast<std::size_t>(kInputs + i)]; }

private:
  template <class Array> static bool inside(const Array &cells, std::int64_t i) {
    return i >= 0 && i < static_cast<std::int64_t>(cells.size());
  }
  template <class To, class From>
  static bool copy(To &to, std::int64_t i, const From &from, std::int64_t j) {
    if (!inside(to, i) || !inside(from, j) || !from[static_cast<std::size_t>(j)])
      return false;
    to[static_cast<std::size_t>(i)] = from[static_cast<std::size_t>(j)];
    return true;
  }

  bool run(const std::string &name, const std::vector<std::int64_t> &v) {
    if (name == "load")
      return copy(r_, v[1], m_, v[0]);
    if (name == "gather" || name == "scatter")
      return strided(name == "gather", v[0], v[1], v[2], v[3]);
    if (name == "push")
      return count_ < 3 && copy(q_, (head_ + count_++) % 3, r_, v[0]);
    if (name == "pop") {
      if (count_ == 0)
        return false;
      std::int64_t oldest = head_;
      head_ = (head_ + 1) % 3;
      --count_;
      return copy(r_, v[0], q_, oldest);
    }
    if (name == "set")
      return (mode_ = v[0], v[0] == 0 || v[0] == 1);
    if (name == "point")
      return (base_ = v[0], v[0] >= 0 && v[0] < 8);
    return move(v[0], v[1]);
  }

  bool strided(bool gather, std::int64_t n, std::int64_t a, std::int64_t gap, std::int64_t b) {
    if (n < 1 || n > 3)
      return false;
    for (std::int64_t i = 0; i < n; ++i)
      for (std::int64_t j = 0; j < 2; ++j)
        if (gather ? !copy(r_, b + 2 * i + j, m_, a + i * gap + j)
                   : !copy(m_, b + i * gap + j, r_, a + 2 * i + j))
          return false;
    return true;
  }

  bool move(std::int64_t a, std::int64_t b) {
    std::array<Cell, 1> held{t_};
    if (mode_ == 0 && a < 4) {
      bool done = copy(held, 0, r_, a) && copy(r_, base_, held, 0);
      t_ = held[0];
      return done;
    }
    if (mode_ == 0)
      return copy(r_, b, r_, std::exchange(base_, b));
    if (count_ == 0)
      return copy(r_, b, held, 0);
    if (b <= 2 || !copy(held, 0, r_, a) || !copy(r_, b, q_, (head_ + count_ + 2) % 3))
      return false;
    t_ = held[0];
    return true;
  }

  std::array<Cell, kInputs + kOutputs> m_;
  std::array<Cell, 8> r_;
  std::array<Cell, 3> q_;
  Cell t_;
  std::int64_t count_ = 0, head_ = 0, mode_ = 0, base_ = 0;
};

/// A kernel without instructions whose input is kInputs bytes and whose output is kOutputs.
inline spec::Kernel empty_mover_kernel() {
  using semantics::ElementType;
  spec::Kernel kernel;
  kernel.off_chip_bytes = MoverByHand::kInputs + MoverByHand::kOutputs;
  kernel.inputs.push_back({"x", 0, {ElementType::U8, {MoverByHand::kInputs}}, nullptr, {}});
  kernel.outputs.push_back(
      {"y", MoverByHand::kInputs, {ElementType::U8, {MoverByHand::kOutputs}}, nullptr, {}});
  return kernel;
}

struct RandomMoverKernel {
  spec::Kernel kernel;      ///< valid
  MoverByHand by_hand;      ///< after it
  int refused = 0;          ///< instructions that were not allowed where they were tried
  spec::Kernel not_allowed; ///< ends with such an instruction, if there was one
};

inline RandomMoverKernel random_mover_kernel(const spec::Isa &isa, std::mt19937_64 &engine) {
  RandomMoverKernel out{empty_mover_kernel(), {}, 0, {}};
  auto number = [&](std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(engine);
  };
  auto attempt = [&](const std::string &name, std::vector<std::int64_t> values) {
    spec::KernelInstruction call;
    call.instruction =
        static_cast<std::uint32_t>(isa.find_instruction(name) - isa.instructions.data());
    call.attributes = values;
    if (out.by_hand.step(name, values)) {
      out.kernel.instructions.push_back(std::move(call));
      return;
    }
    ++out.refused;
    out.not_allowed = out.kernel;
    out.not_allowed.instructions.push_back(std::move(call));
  };
  for (std::int64_t r = 0; r < 4; ++r)
    attempt("load", {number(0, 11), r});
  for (std::int64_t steps = number(5, 40); steps > 0; --steps) {
    const spec::Instruction &chosen = isa.instructions[static_cast<std::size_t>(
        number(0, static_cast<std::int64_t>(isa.instructions.size()) - 1))];
    std::vector<std::int64_t> values;
    for (std::size_t a = 0; a < chosen.attribute_count(); ++a)
      values.push_back(a < chosen.computational ? number(0, 2) : number(0, 8));
    if (chosen.name != "scatter")
      attempt(chosen.name, values);
  }
  for (std::int64_t i = 0; i < MoverByHand::kOutputs / 4; ++i) { // every output byte
    attempt("gather", {2, number(0, 8), number(0, 2), number(0, 4)});
    std::int64_t at = MoverByHand::kInputs + 4 * i;
    attempt("load", {3, 0}), attempt("load", {4, 1}), attempt("load", {5, 2});
    attempt("load", {number(0, 11), 3});
    attempt("scatter", {2, 0, 2, at});
  }
  return out;
}

} // namespace isamorph::test
