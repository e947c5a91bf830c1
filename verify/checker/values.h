#pragma once
// The checker's own values: what a program computes, written down as a tree, equal trees once. It
// is the plain counterpart of verify/term.h and shares no code with it: one ordered map, no
// sorting but by the lemmas that a certificate lists, no special storage. Two programs whose
// results have the same numbers compute the same bits, whatever the inputs.
//
// Elements move through memory as bytes: `Byte i of v` is byte i of element v (least significant
// first); `Joined` makes an element of bytes; joining all bytes of an element gives it back. A dot
// is over two lists, a reduce over an initial value and a list; how they round is the profile's,
// one for both programs.

#include "semantics/evaluator.h"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace isamorph::verify {

using ValueId = std::uint32_t;

struct Value {
  enum class Kind : std::uint8_t {
    Input,   ///< element `bits` of parameter `detail`
    Literal, ///< `bits`
    Op,      ///< `op` of the operands; `detail` is a comparison's direction
    Byte,    ///< byte `detail` of the operand
    Joined,
    List,
    Dot,    ///< of two lists
    Reduce, ///< `op` from the first operand over the second, a list
    // Of integers (integer_forms.h):
    Monomial,   ///< `bits` times the numbers that the operands hold, modulo 2^w of `type`
    Polynomial, ///< the sum of Monomials, modulo 2^w of `type`
    Set,        ///< `op` over any number of sorted operands, each once
  };
  Kind kind = Kind::Literal;
  semantics::ElementType type = semantics::ElementType::U8;
  semantics::OpCode op = semantics::OpCode::Copy;
  std::int64_t detail = 0;
  std::uint64_t bits = 0;
  std::vector<ValueId> operands;
  auto operator<=>(const Value &) const = default;
};

class Values {
public:
  /// `lemmas`: names (verify/checker/lemmas.h) that may be used; the operands of an operation are
  /// exchanged only where "commutative OP TYPE" is among them.
  Values(const semantics::NumericsProfile &profile, std::set<std::string> lemmas)
      : profile_(profile), lemmas_(std::move(lemmas)) {}

  ValueId number(Value value); ///< equal values have equal numbers
  ValueId input(std::int64_t parameter, std::uint64_t element, semantics::ElementType type);
  ValueId literal(semantics::ElementType type, std::uint64_t bits);
  /// An operation on literals is the literal that the reference evaluator gives.
  ValueId operation(semantics::OpCode op, std::int64_t direction, semantics::ElementType result,
                    std::vector<ValueId> operands);
  ValueId byte(ValueId value, std::int64_t position);
  ValueId joined(semantics::ElementType type, const std::vector<ValueId> &bytes);
  ValueId list(std::vector<ValueId> elements);
  ValueId dot(semantics::ElementType type, ValueId left, ValueId right);
  ValueId reduce(semantics::OpCode op, semantics::ElementType type, ValueId init, ValueId list);

  const Value &operator[](ValueId id) const { return *by_number_[id]; }
  bool is_literal(ValueId id) const { return (*this)[id].kind == Value::Kind::Literal; }
  std::size_t size() const { return by_number_.size(); }
  const semantics::NumericsProfile &profile() const { return profile_; }

  /// Whether a lemma may be used; it then counts as used.
  bool may_use(const std::string &lemma);
  bool lists(const std::string &lemma) const { return lemmas_.count(lemma) > 0; }
  const std::set<std::string> &used() const { return used_; }

private:
  void exchange(semantics::OpCode op, semantics::ElementType type, std::vector<ValueId> &two);

  semantics::NumericsProfile profile_;
  std::set<std::string> lemmas_, used_;
  std::map<Value, ValueId> numbers_;
  std::vector<const Value *> by_number_;
};

} // namespace isamorph::verify
