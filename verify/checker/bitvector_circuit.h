#pragma once
// Terms of bit-vector logic, built by the same templates that compute on integers
// (semantics/soft_float.h, semantics/soft_elementwise.h), and printed as SMT-LIB 2 for any solver.
// Terms are hash-consed: equal terms are one node. Constants are folded and the operands of
// commutative operations sorted, so that much of what is equal by symmetry is one node already.

#include "semantics/bit_word.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

namespace isamorph::verify {

class Circuit;

/// A node of a circuit, which must outlive it. Has the operations that semantics/soft_float.h asks
/// of a kind of bits.
struct Wire {
  Circuit *circuit = nullptr;
  std::uint32_t id = 0;
};

class Circuit {
public:
  enum class Gate : std::uint8_t {
    Variable,
    Constant,
    Extract,
    Concat,
    Add,
    Subtract,
    Multiply,
    And,
    Or,
    Xor,
    Not,
    ShiftLeft,
    ShiftRight,
    Quotient,
    Remainder,
    Equal,
    Less,
    Choose,
  };
  struct Node {
    Gate gate = Gate::Constant;
    std::vector<std::uint32_t> operands;
    int width = 1;
    int low = 0;                ///< Extract: the lowest bit taken
    semantics::BitWord value;   ///< Constant, of at most 128 bits
    std::uint32_t variable = 0; ///< Variable: its number
  };

  Circuit() = default;
  Circuit(const Circuit &) = delete;
  Circuit &operator=(const Circuit &) = delete;

  /// A new variable; `name` is printed as it is.
  Wire variable(std::string name, int width);
  Wire constant(const semantics::BitWord &value);
  Wire make(Gate gate, int width, std::vector<std::uint32_t> operands, int low = 0);

  const Node &node(Wire wire) const { return nodes_[wire.id]; }
  std::size_t size() const { return nodes_.size(); }
  /// The value of a node when the variables have these, by the definitions of semantics/bit_word.h.
  /// No node that it needs may have more than 128 bits.
  semantics::BitWord evaluate(Wire wire, const std::vector<semantics::BitWord> &variables) const;

  /// Declarations of the variables, one definition a node that the assertions need, and the
  /// assertions, each of a wire of one bit that is to be 1.
  std::string smtlib(const std::vector<Wire> &assertions) const;

private:
  /// Gate, width, low, variable, both halves of the value, operands.
  using Key = std::tuple<Gate, int, int, std::uint32_t, std::uint64_t, std::uint64_t,
                         std::vector<std::uint32_t>>;
  Wire add(Node node);
  Wire part(std::uint32_t id, int bits, int low);
  std::optional<Wire> by_power_of_two(Gate gate, int bits, const std::vector<std::uint32_t> &in);
  std::string expression(std::uint32_t id) const;
  std::string reference(std::uint32_t id) const;

  std::vector<Node> nodes_;
  std::vector<std::string> names_; ///< of the variables
  std::map<Key, std::uint32_t> ids_;
};

int width(const Wire &x);
Wire literal(const Wire &x, int bits, std::uint64_t value);
Wire extract(const Wire &x, int high, int low);
Wire concat(const Wire &high, const Wire &low);
Wire operator+(const Wire &x, const Wire &y);
Wire operator-(const Wire &x, const Wire &y);
Wire operator*(const Wire &x, const Wire &y);
Wire operator&(const Wire &x, const Wire &y);
Wire operator|(const Wire &x, const Wire &y);
Wire operator^(const Wire &x, const Wire &y);
Wire operator~(const Wire &x);
Wire shift_left(const Wire &x, const Wire &amount);
Wire shift_right(const Wire &x, const Wire &amount);
Wire quotient(const Wire &x, const Wire &y);
Wire remainder(const Wire &x, const Wire &y);
Wire equal(const Wire &x, const Wire &y);
Wire less(const Wire &x, const Wire &y);
Wire choose(const Wire &condition, const Wire &x, const Wire &y);

} // namespace isamorph::verify
