#pragma once
// A graph whose sizes, attributes and some of whose operations are symbolic: the body of an
// instruction and both sides of a rewrite rule are GraphTemplates, read by the same reader as HLO
// text. Instantiating one with bindings gives nodes of a TensorGraph; search/ matches one against
// an e-graph; verify/ proves two of them equal for all bindings.

#include "semantics/graph.h"
#include "semantics/int_expr.h"

#include <variant>

namespace isamorph::semantics {

/// What symbols a template may use, and their identity (indices). Integers are in `integers`.
struct Symbols {
  Scope integers;
  Scope types; ///< element types: `type T`, or `type T in bf16, f32`
  std::vector<std::vector<ElementType>>
      type_choices; ///< parallel to `types.names`; empty: any type
  Scope shapes;     ///< lists of sizes: `shape s`, written `*s` as first entry of a shape
  /// Operation symbols: `unary F` or `binary F` stands for any element-wise operation of that arity
  /// (compare, convert and select are not among them).
  Scope operations;
  std::vector<int> operation_arity; ///< parallel to `operations.names`
  Constants constants;              ///< an ISA's parameters
};

/// Values of a template's symbols.
struct OperationValue {
  OpCode op;
  bool operator==(const OperationValue &) const = default;
};
struct SymbolValues {
  Bindings integers;
  std::vector<std::optional<ElementType>> types;
  std::vector<std::optional<std::vector<std::int64_t>>> shapes;
  std::vector<std::optional<OperationValue>> operations;
  explicit SymbolValues(const Symbols &symbols);
  SymbolValues() = default;
};

struct ShapeTemplate {
  std::variant<ElementType, std::uint32_t> type =
      ElementType::F32;                ///< a type, or an index into Symbols::types
  std::optional<std::uint32_t> prefix; ///< index into Symbols::shapes
  std::vector<IntExpr> dims;           ///< after the prefix
};

struct TemplateNode {
  std::variant<OpCode, std::uint32_t> op =
      OpCode::Parameter; ///< an operation, or an index into Symbols::operations
  std::vector<std::uint32_t> operands;
  std::vector<std::pair<AttributeKey, std::vector<IntExpr>>> attributes; ///< sorted by key
  TensorRef literal; ///< constant with a fixed value (scalar constants broadcast by HLO only)
  std::optional<IntExpr> literal_value; ///< constant(`e`): every element is e
  ShapeTemplate shape;
  std::string name;
  Location location;
};

/// Invariants as TensorGraph's. `parameters[i]` is the node of parameter number i.
struct GraphTemplate {
  std::string name;
  std::vector<TemplateNode> nodes;
  std::vector<std::uint32_t> parameters;
  std::vector<std::uint32_t> results;
};

/// The shape with all symbols bound; nullopt if one is unbound, a size is negative or the tensor is
/// too large.
std::optional<Shape> instantiate(const ShapeTemplate &shape, const SymbolValues &values);
/// Attributes with all symbols bound (literal included for constants, of the given shape); nullopt
/// likewise.
std::optional<Attributes> instantiate_attributes(const TemplateNode &node, const Shape &shape,
                                                 const SymbolValues &values);
/// The graph for one choice of symbols; shapes are checked. Throws InputError at the template's own
/// location.
TensorGraph instantiate(const GraphTemplate &graph, const SymbolValues &values);

} // namespace isamorph::semantics
