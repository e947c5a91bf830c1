#pragma once
// Expressions of Python kernel files: integers, types, shapes and constant tensors. Private to
// spec/.

#include "spec/kernel_text.h"
#include "spec/python_lexer.h"

namespace isamorph::spec {

/// A position among the tokens, and the few kinds of expressions that kernel files have.
class PythonValues {
public:
  PythonValues(const semantics::SourceRef &source, const Isa &isa);

  const PythonToken &token() const { return tokens_[at_]; }
  const PythonToken &token_after(std::size_t n) const {
    return tokens_[std::min(at_ + n, tokens_.size() - 1)];
  }
  void advance() { at_ += at_ + 1 < tokens_.size(); }
  bool is(std::string_view op) const;
  bool is_word(std::string_view word) const;
  bool accept(std::string_view op);
  void expect(std::string_view op);
  std::string name(std::string_view what);
  semantics::Location here() const { return {source_, token().offset}; }
  [[noreturn]] void error(const std::string &message, const std::string &hint = {}) const;
  [[noreturn]] void error_expected(std::string_view what) const;

  /// A constant integer expression with + - * // % ** and parentheses; each step fits 64 bits.
  std::int64_t integer();
  /// The same over the variables of loops, outermost first; affine in them.
  Affine affine(std::span<const std::string> variables);
  semantics::ElementType element_type();
  std::vector<std::int64_t> shape();
  /// jnp.eye(..), jnp.zeros(..), jnp.ones(..), jnp.full(..), jnp.array(..) or nested lists. `type`
  /// and `dims` are those of the surrounding dictionary, where it has them.
  semantics::TensorRef tensor(std::optional<semantics::ElementType> type,
                              const std::optional<std::vector<std::int64_t>> &dims);
  std::string dotted_name(std::string_view what);

private:
  struct Calls;
  Affine sum(int depth);
  Affine product(int depth);
  Affine factor(int depth);
  Affine atom(int depth);
  Affine divided(char op, const Affine &a, const Affine &b, const semantics::Location &place) const;
  /// The text of one number, the way parse_element takes it.
  std::string element();
  void elements(std::vector<std::string> &out, std::vector<std::int64_t> &dims, std::size_t depth);
  semantics::TensorRef from_elements(const std::vector<std::string> &texts,
                                     std::vector<std::int64_t> dims, semantics::ElementType type,
                                     const semantics::Location &place);
  semantics::TensorRef call(const std::string &function, std::optional<semantics::ElementType> type,
                            const semantics::Location &place);
  std::uint64_t bits(const std::string &text, semantics::ElementType type,
                     const semantics::Location &place) const;

  semantics::SourceRef source_;
  const Isa &isa_;
  std::vector<PythonToken> tokens_;
  std::size_t at_ = 0;
  std::span<const std::string> variables_; ///< of the expression at hand
  std::int64_t constant_bytes_ = 0;
};

} // namespace isamorph::spec
