#pragma once
// Kernels are long lists of a few instructions: a call that reads as an earlier one but for its
// plain integers needs no parsing. Private to spec/.

#include "spec/kernel.h"

namespace isamorph::spec {

class RepeatedCalls {
public:
  /// Where a text has the plain integer of an argument, and to which attribute it was bound.
  struct Field {
    std::size_t begin, end; ///< offsets in the text
    std::uint32_t attribute;
  };

  /// `call` was read from [begin, end) of the text; the fields are in the order of the text. Taken
  /// up when they are all that the call depends on: each attribute is one of them.
  void note(const KernelInstruction &call, std::size_t begin, std::size_t end,
            std::vector<Field> fields);

  /// Reads the call at `offset`, a token's place, moves past it and appends it; false when none of
  /// those noted reads like it, or an integer does not fit 64 bits.
  bool read(const semantics::SourceRef &source, std::size_t &offset,
            std::vector<KernelInstruction> &calls);

private:
  /// A call's text is pieces[0], the integer of attributes[0], pieces[1], ... and the last piece.
  struct Form {
    std::uint32_t instruction;
    std::vector<std::string> pieces;
    std::vector<std::uint32_t> attributes;
  };
  bool read(const Form &form, const std::string &text, std::size_t &offset);

  std::vector<Form> forms_;
  std::size_t last_ = 0; ///< the form that fitted last
  std::vector<std::int64_t> values_;
};

} // namespace isamorph::spec
