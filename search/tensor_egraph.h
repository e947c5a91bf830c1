#pragma once
// The e-graph over tensor operations. An operator is an operation with its attributes and its
// result shape, interned; an e-class is a tensor value. Two analyses: all nodes of a class have the
// same shape (two classes of different shapes must never be merged), and a class that holds a
// constant knows its value. An operation whose operands all have known values is folded with the
// reference evaluator under the numerics profile of the instruction set, so that for example
// convert(compare(iota, iota)) is the identity matrix as a constant. Sums (dot, reduce) are not
// folded.

#include "search/egraph.h"
#include "semantics/evaluator.h"
#include "semantics/graph.h"

#include <map>
#include <unordered_map>

namespace isamorph::search {

using semantics::Attributes;
using semantics::ElementType;
using semantics::OpCode;
using semantics::Shape;
using semantics::TensorRef;

/// Constants of more bytes than this are not folded.
inline constexpr std::int64_t kFoldLimitBytes = std::int64_t{1} << 20;

struct TensorOperator {
  OpCode op;
  std::uint32_t shape; ///< index into the table's shapes
  Attributes attributes;
};

/// Operators and shapes by number.
class OperatorTable {
public:
  OperatorId intern(OpCode op, Attributes attributes, const Shape &shape);
  std::uint32_t intern(const Shape &shape);
  const TensorOperator &operator[](OperatorId id) const { return operators_[id.v]; }
  const Shape &shape(std::uint32_t id) const { return shapes_[id]; }
  /// The operators with an operation code, in the order in which they came up.
  std::span<const OperatorId> with(OpCode op) const {
    return by_code_[static_cast<std::size_t>(op)];
  }

private:
  std::vector<TensorOperator> operators_;
  std::vector<std::vector<OperatorId>> by_code_ =
      std::vector<std::vector<OperatorId>>(semantics::kOpCodeCount);
  std::unordered_map<std::size_t, std::vector<OperatorId>>
      by_hash_; ///< look-up only, never iterated
  std::vector<Shape> shapes_;
  std::map<Shape, std::uint32_t> shape_ids_;
};

class TensorAnalysis {
public:
  struct Data {
    std::uint32_t shape = 0;
    TensorRef constant; ///< null while unknown
  };
  using Graph = EGraph<TensorAnalysis>;

  explicit TensorAnalysis(semantics::NumericsProfile profile) : profile_(std::move(profile)) {}
  Data make(Graph &graph, ENodeId node);
  bool merge(Data &into, Data &&from);
  void modify(Graph &graph, ClassId id);

  OperatorTable &operators() { return operators_; }
  const OperatorTable &operators() const { return operators_; }
  const semantics::NumericsProfile &profile() const { return profile_; }

private:
  TensorRef folded(const Graph &graph, ENodeId node) const;
  void explain_fold(Graph &graph, ClassId id, TermId constant);

  OperatorTable operators_;
  semantics::NumericsProfile profile_;
};

class TensorEGraph {
public:
  /// With `explain`, why two terms are equal can be asked (proof_forest.h).
  explicit TensorEGraph(const semantics::NumericsProfile &profile, bool explain = false)
      : graph_(TensorAnalysis(profile)) {
    if (explain)
      graph_.enable_explanations();
  }

  /// The class of an operation; nullopt when operands, attributes and shape do not fit
  /// (infer_shape).
  std::optional<ClassId> add(OpCode op, std::span<const ClassId> operands,
                             const Attributes &attributes, const Shape &declared);
  /// The term as written, of an e-graph with explanations; nullopt likewise.
  std::optional<TermId> add_term(OpCode op, std::span<const TermId> operands,
                                 const Attributes &attributes, const Shape &declared);
  /// All nodes of a tensor graph; the class of each.
  std::vector<ClassId> add_graph(const semantics::TensorGraph &graph);
  /// u8[bytes]: the memory image of a value, as reshape(bitcast-convert(value)).
  ClassId add_bytes(ClassId value);
  /// The value of a shape whose memory image is given: bitcast-convert(reshape(bytes)).
  ClassId add_value_of_bytes(ClassId bytes, const Shape &shape);

  bool merge(ClassId a, ClassId b) { return graph_.merge(a, b); }
  void rebuild() { graph_.rebuild(); }
  ClassId find(ClassId c) const { return graph_.find(c); }

  const Shape &shape(ClassId c) const {
    return operators().shape(graph_.data(graph_.find(c)).shape);
  }
  std::uint32_t shape_id(ClassId c) const { return graph_.data(graph_.find(c)).shape; }
  /// The value of a class that is known to be constant, or null.
  const TensorRef &constant(ClassId c) const { return graph_.data(graph_.find(c)).constant; }
  const TensorOperator &operator_of(ENodeId node) const { return operators()[graph_.op(node)]; }
  const OperatorTable &operators() const { return graph_.analysis().operators(); }

  EGraph<TensorAnalysis> &graph() { return graph_; }
  const EGraph<TensorAnalysis> &graph() const { return graph_; }

private:
  std::optional<OperatorId> operator_for(OpCode op, std::span<const Shape> operands,
                                         const Attributes &attributes, const Shape &declared);

  EGraph<TensorAnalysis> graph_;
};

} // namespace isamorph::search
