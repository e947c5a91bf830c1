#pragma once
// Integers that are affine in the variables of the loops around a place: what attributes of kernels
// are written as. Private to spec/.

#include "spec/kernel.h"

namespace isamorph::spec {

/// constant + the sum of factor * variable.
struct Affine {
  std::int64_t constant = 0;
  std::vector<std::pair<std::uint32_t, std::int64_t>> terms; ///< depth, factor; sorted, no zeros
};

/// Sum, difference (op '+' or '-') and product (op '*') of two. Throws InputError at `where` for a
/// product that is not affine and for a number that leaves 64 bits.
Affine combine(char op, const Affine &a, const Affine &b, const semantics::Location &where);

/// An expression over `variables` (outermost first): + - * and parentheses. Throws InputError at an
/// unknown name.
Affine parse_affine(semantics::Cursor &cursor, std::span<const std::string> variables);

/// "16*t + 4", which parse_affine and Python read back.
std::string affine_text(const KernelInstruction &call, std::uint32_t attribute,
                        std::span<const std::string> variables);

/// The depth of the loop with this variable; nullopt for an unknown one.
std::optional<std::uint32_t> find_variable(std::span<const std::string> variables,
                                           std::string_view name);

/// Puts the loops of a kernel that is being read where they belong. Loops are checked by
/// check_loops, at their locations.
class LoopStack {
public:
  explicit LoopStack(Kernel &kernel) : kernel_(kernel) {}

  void open(Loop loop);
  void close();
  bool empty() const { return open_.empty(); }
  /// Of the loops that are open, outermost first.
  const std::vector<std::string> &variables() const { return variables_; }

private:
  Kernel &kernel_;
  std::vector<std::uint32_t> open_;
  std::vector<std::string> variables_;
};

} // namespace isamorph::spec
