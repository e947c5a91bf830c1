#pragma once
// What HLO text says, before it means anything: computations of instructions whose operands are
// still names. One syntax for modules (all numbers known) and for templates (back-quoted
// expressions, symbols); hlo_reader.cpp and hlo_template.cpp turn it into a TensorGraph or a
// GraphTemplate. Private to semantics/.

#include "semantics/graph_template.h"

#include <map>

namespace isamorph::semantics::syntax {

/// `{1,0:T(16,64)}`: from the most minor dimension; tiles from the coarsest.
struct Layout {
  std::vector<std::int64_t> minor_to_major;
  std::vector<std::vector<std::int64_t>> tiles;
  bool plain = true; ///< no memory space or element size was written
  Location location;
};

/// A shape as written: a tensor, or a tuple of shapes.
struct WrittenShape {
  bool tuple = false;
  ShapeTemplate shape;
  std::optional<Layout> layout;
  std::vector<WrittenShape> elements;
  Location location;
};

struct OperandName {
  std::string name;
  Location location;
};

/// How an instruction's operation is to be read.
enum class Kind : std::uint8_t { Operation, Call, ReduceWithIdentity };

struct Instruction {
  Kind kind = Kind::Operation;
  std::variant<OpCode, std::uint32_t> op = OpCode::Parameter;
  std::string name;
  WrittenShape shape;
  std::vector<OperandName> operands;
  std::vector<std::pair<AttributeKey, std::vector<IntExpr>>> attributes;
  TensorRef literal;
  std::optional<IntExpr> literal_value;
  OperandName callee; ///< to_apply= of a call or a reduction, calls= of a fusion
  bool root = false;
  Location location; ///< of the name
  Location op_location;

  void set(AttributeKey key, std::vector<IntExpr> values);
  bool has(AttributeKey key) const;
};

struct Computation {
  std::string name;
  bool entry = false;
  std::vector<Instruction> instructions;
  std::size_t root = 0;
  Location location, end;
};

struct Module {
  std::string name;
  std::vector<Computation> computations;
  std::vector<WrittenShape> entry_parameters; ///< of entry_computation_layout; empty when absent
  std::optional<WrittenShape> entry_result;
};

/// The type in which a dot or convolution is computed whose operands or result have different types
/// (JAX's preferred_element_type): operands are converted to it before, the result from it after.
/// It is the result's type, but of floats never a narrower one than an operand's; nullopt where the
/// types agree, or mean nothing together (pred, or an integer result of floats). Measured on XLA.
std::optional<ElementType> product_type(std::span<const ElementType> operands, ElementType result);

/// Reads instructions; with `symbols` the forms of templates are allowed.
class Reader {
public:
  Reader(Cursor &cursor, const Symbols *symbols) : cursor_(cursor), symbols_(symbols) {}

  Module module();
  ShapeTemplate shape_template();
  /// One instruction, or nullopt when `ROOT %x` alone names an operand; then `root_name` is set.
  std::optional<Instruction> instruction(std::optional<OperandName> &root_name);
  OperandName operand_name(std::string_view what);

private:
  void module_header(Module &module);
  Computation computation(bool entry);
  WrittenShape shape(int depth = 0);
  bool layout_follows();
  Layout layout();
  IntExpr number();
  std::vector<IntExpr> number_list();
  IntExpr dimension();
  void operation_name(Instruction &instruction);
  void operands(Instruction &instruction);
  void literal(Instruction &instruction);
  void literal_elements(const Shape &shape, std::size_t depth, std::vector<std::uint64_t> &bits);
  void attribute(Instruction &instruction);
  bool operation_attribute(Instruction &instruction, const std::string &key, const Location &place);
  void slice_attribute(Instruction &instruction);
  bool default_precision(const Location &place);
  void window_defaults(Instruction &instruction);
  void padding_attribute(Instruction &instruction);
  void window_attribute(Instruction &instruction);
  void window_field(Instruction &instruction, const std::string &key);
  void dim_labels(Instruction &instruction);
  void direction(Instruction &instruction);
  void comparison_type();
  void callee(Instruction &instruction);
  void skip_value();
  std::string word(std::string_view what);

  Cursor &cursor_;
  const Symbols *symbols_;
};

} // namespace isamorph::semantics::syntax
