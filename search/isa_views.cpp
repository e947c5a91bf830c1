#include "search/isa_views.h"

#include "search/byte_sources.h"
#include "search/matcher.h"
#include "search/saturate.h"
#include "semantics/tensor_terms.h"

#include <numeric>
#include <set>

namespace isamorph::search {

using semantics::AttributeKey;
using semantics::GraphTemplate;
using semantics::SymbolValues;
using semantics::TemplateNode;

namespace {

const OpCode *code_of(const TemplateNode &node) { return std::get_if<OpCode>(&node.op); }

bool is_off_chip(const spec::Isa &isa, const spec::Region &region) {
  return isa.buffer(region.buffer).off_chip;
}

bool has_free_attributes(const spec::Instruction &instruction) {
  return instruction.computational > 0;
}

/// The shapes of fixed sizes into which instructions fold.
std::vector<Shape> fold_shapes(const spec::Isa &isa) {
  std::vector<Shape> out;
  for (const spec::Instruction &instruction : isa.instructions)
    for (const TemplateNode &node : instruction.body.nodes) {
      const OpCode *op = code_of(node);
      if (!op || semantics::info(*op).cls != semantics::OpClass::Fold)
        continue;
      auto shape = semantics::instantiate(node.shape, SymbolValues(instruction.symbols));
      if (shape && std::find(out.begin(), out.end(), *shape) == out.end())
        out.push_back(*shape);
    }
  return out;
}

bool tiles(const Shape &tile, const Shape &whole) {
  if (tile.type != whole.type || tile.rank() != whole.rank() || tile == whole)
    return false;
  for (std::size_t d = 0; d < tile.rank(); ++d)
    if (tile.dims[d] <= 0 || whole.dims[d] % tile.dims[d] != 0)
      return false;
  return true;
}

/// A value that an instruction reads, as its body sees it: the register behind reshapes,
/// transposes and reinterpretations, each of which can be undone.
class OperandView final : public TensorRule {
public:
  /// `chain`: the nodes after the parameter, in order.
  OperandView(const spec::Instruction &instruction, std::vector<std::uint32_t> chain)
      : instruction_(instruction), chain_(std::move(chain)) {}

  void search(const TensorEGraph &egraph) override {
    done_.resize(egraph.graph().class_limit(), 0);
    for (ClassId c : egraph.graph().classes()) {
      if (done_[c.v])
        continue;
      done_[c.v] = 1;
      Unifier unifier(instruction_.symbols);
      if (!unifier.unify(instruction_.body.nodes[chain_.back()].shape, egraph.shape(c)))
        continue;
      if (auto values = unifier.solved())
        found_.push_back({c, *values});
    }
  }

  void apply(TensorEGraph &egraph) override {
    for (const auto &[c, values] : found_)
      add(egraph, c, values);
    found_.clear();
  }

private:
  void add(TensorEGraph &egraph, ClassId value, const SymbolValues &values) {
    const auto &nodes = instruction_.body.nodes;
    std::optional<ClassId> at = value;
    for (std::size_t i = chain_.size(); at && i-- > 0;) {
      const TemplateNode &node = nodes[chain_[i]];
      auto from = semantics::instantiate(nodes[node.operands[0]].shape, values);
      auto attributes = semantics::instantiate_attributes(node, egraph.shape(*at), values);
      if (!from || !attributes)
        return;
      if (*code_of(node) == OpCode::Transpose)
        invert(*attributes);
      at = egraph.add(*code_of(node), std::span(&*at, 1), *attributes, *from);
    }
    for (std::size_t i = 0; at && i < chain_.size(); ++i) {
      const TemplateNode &node = nodes[chain_[i]];
      auto to = semantics::instantiate(node.shape, values);
      auto attributes = to ? semantics::instantiate_attributes(node, *to, values) : std::nullopt;
      at = attributes ? egraph.add(*code_of(node), std::span(&*at, 1), *attributes, *to)
                      : std::nullopt;
    }
    if (at)
      egraph.merge(*at, value);
  }

  static void invert(Attributes &transpose) {
    auto dims = transpose.get(AttributeKey::Dimensions);
    std::vector<std::int64_t> inverse(dims.size());
    for (std::size_t d = 0; d < dims.size(); ++d)
      inverse[static_cast<std::size_t>(dims[d])] = static_cast<std::int64_t>(d);
    transpose.set(AttributeKey::Dimensions, std::move(inverse));
  }

  const spec::Instruction &instruction_;
  std::vector<std::uint32_t> chain_;
  std::vector<char> done_; ///< by class
  std::vector<std::pair<ClassId, SymbolValues>> found_;
};

class SameBytes final : public TensorRule {
public:
  explicit SameBytes(std::span<const ClassId> tensors) : tensors_(tensors.begin(), tensors.end()) {}

  void search(const TensorEGraph &egraph) override {
    ByteOrigins origins(egraph, tensors_);
    std::map<std::pair<std::uint32_t, ByteSources>, ClassId> first;
    for (ClassId c : egraph.graph().classes())
      if (const ByteSources *bytes = origins.of(c)) {
        auto [known, fresh] = first.try_emplace({egraph.shape_id(c), *bytes}, c);
        if (!fresh)
          found_.emplace_back(known->second, c);
      }
  }

  void apply(TensorEGraph &egraph) override {
    for (auto [a, b] : found_)
      egraph.merge(a, b);
    found_.clear();
  }

private:
  std::vector<ClassId> tensors_;
  std::vector<std::pair<ClassId, ClassId>> found_;
};

/// What an instruction writes that reads nothing.
class Source final : public TensorRule {
public:
  explicit Source(const spec::Instruction &instruction) : instruction_(instruction) {}
  void search(const TensorEGraph &) override {}
  void apply(TensorEGraph &egraph) override {
    if (!done_)
      add_template(egraph, instruction_.body, SymbolValues(instruction_.symbols),
                   std::span<const ClassId>());
    done_ = true;
  }

private:
  const spec::Instruction &instruction_;
  bool done_ = false;
};

/// A load that gathers several regions of memory into one tensor, above every value that it can
/// make of parts of the parameters.
class GatheringLoad final : public TensorRule {
public:
  GatheringLoad(const spec::Instruction &instruction, std::span<const ClassId> parameters)
      : instruction_(instruction), parameters_(parameters.begin(), parameters.end()),
        body_(spec::instantiate_body(instruction,
                                     semantics::Bindings(instruction.attribute_count()))),
        map_(moved_bytes(body_)[0]) {}

  void search(const TensorEGraph &egraph) override {
    done_.resize(egraph.graph().class_limit(), 0);
    std::vector<ClassId> fits;
    for (ClassId c : egraph.graph().classes())
      if (!done_[c.v] && egraph.shape(c) == body_[body_.results[0]].shape)
        fits.push_back(c);
    if (fits.empty())
      return;
    ByteOrigins origins(egraph, parameters_);
    for (ClassId c : fits)
      if (const ByteSources *bytes = origins.of(c)) {
        done_[c.v] = 1;
        if (auto regions = gather(egraph, *bytes))
          found_.push_back({c, *std::move(regions)});
      }
  }

  void apply(TensorEGraph &egraph) override {
    for (const auto &[c, regions] : found_) {
      std::vector<ClassId> parts;
      for (std::size_t r = 0; r < regions.size(); ++r) {
        const Shape &shape = body_[body_.parameters[r]].shape;
        ClassId image = egraph.add_bytes(parameters_[regions[r].tensor]);
        parts.push_back(*egraph.add(
            OpCode::Slice, std::span(&image, 1),
            semantics::slice_attributes(std::array<std::int64_t, 1>{regions[r].offset}, shape.dims),
            shape));
      }
      auto loaded =
          add_template(egraph, instruction_.body, SymbolValues(instruction_.symbols), parts);
      if (loaded)
        egraph.merge(loaded->front(), c);
    }
    found_.clear();
  }

private:
  /// Where each region begins, if the bytes can come from regions; nullopt otherwise.
  std::optional<ByteSources> gather(const TensorEGraph &egraph, const ByteSources &bytes) const {
    std::vector<std::optional<ByteSource>> starts(body_.parameters.size());
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      if (bytes[i].offset < map_[i].offset)
        return std::nullopt;
      ByteSource start{bytes[i].tensor, bytes[i].offset - map_[i].offset};
      auto &known = starts[map_[i].tensor];
      if (known && *known != start)
        return std::nullopt;
      known = start;
    }
    ByteSources out;
    for (std::size_t r = 0; r < starts.size(); ++r) {
      if (!starts[r] || starts[r]->offset + body_[body_.parameters[r]].shape.bytes() >
                            egraph.shape(parameters_[starts[r]->tensor]).bytes())
        return std::nullopt;
      out.push_back(*starts[r]);
    }
    return out;
  }

  const spec::Instruction &instruction_;
  std::vector<ClassId> parameters_;
  semantics::TensorGraph body_;
  ByteSources map_;        ///< of the result: a tensor is a read
  std::vector<char> done_; ///< by class
  std::vector<std::pair<ClassId, ByteSources>> found_;
};

/// The movement after a read that nothing else uses, up to the first operation that computes;
/// empty where the body moves all the way, or loses or repeats elements.
std::vector<std::uint32_t> view_of(const GraphTemplate &body, std::uint32_t parameter) {
  std::vector<std::uint32_t> chain;
  for (std::uint32_t at = parameter;;) {
    std::vector<std::uint32_t> users;
    for (std::uint32_t i = 0; i < body.nodes.size(); ++i)
      users.insert(users.end(),
                   static_cast<std::size_t>(std::count(body.nodes[i].operands.begin(),
                                                       body.nodes[i].operands.end(), at)),
                   i);
    if (std::find(body.results.begin(), body.results.end(), at) != body.results.end())
      return {};
    const OpCode *op = users.size() == 1 ? code_of(body.nodes[users[0]]) : nullptr;
    if (!op ||
        (*op != OpCode::Reshape && *op != OpCode::Transpose && *op != OpCode::BitcastConvert))
      return chain;
    at = users[0];
    chain.push_back(at);
  }
}

/// True when some instruction exchanges more than two dimensions: no rule undoes that.
bool shuffles(const spec::Isa &isa) {
  return std::any_of(isa.instructions.begin(), isa.instructions.end(), [](const auto &i) {
    return std::any_of(i.body.nodes.begin(), i.body.nodes.end(), [](const TemplateNode &node) {
      const OpCode *op = code_of(node);
      return op && *op == OpCode::Transpose && node.shape.dims.size() > 2;
    });
  });
}

bool gathers(const spec::Isa &isa, const spec::Instruction &instruction) {
  if (instruction.reads.size() < 2 || instruction.writes.size() != 1 ||
      has_free_attributes(instruction) || is_off_chip(isa, instruction.writes[0].region))
    return false;
  for (const spec::Read &read : instruction.reads)
    if (!is_off_chip(isa, read.region))
      return false;
  return std::all_of(instruction.body.nodes.begin(), instruction.body.nodes.end(),
                     [](const TemplateNode &node) {
                       const OpCode *op = code_of(node);
                       return op && (*op == OpCode::Parameter || moves_bytes(*op));
                     });
}

} // namespace

void add_tiles(TensorEGraph &egraph, const spec::Isa &isa, std::span<const ClassId> values) {
  constexpr std::int64_t kMostTiles = 16;
  for (ClassId value : values) {
    Shape whole = egraph.shape(value);
    for (const Shape &tile : fold_shapes(isa)) {
      if (!tiles(tile, whole) || whole.elements() > kMostTiles * tile.elements())
        continue;
      std::vector<std::int64_t> starts(whole.rank(), 0);
      for (std::size_t d = 0; d < starts.size();) {
        egraph.add(OpCode::Slice, std::span(&value, 1),
                   semantics::slice_attributes(starts, tile.dims), tile);
        for (d = 0; d < starts.size(); ++d) {
          starts[d] += tile.dims[d];
          if (starts[d] < whole.dims[d])
            break;
          starts[d] = 0;
        }
      }
    }
  }
}

std::vector<std::unique_ptr<TensorRule>> view_rules(const spec::Isa &isa,
                                                    std::span<const ClassId> parameters,
                                                    std::span<const ClassId> results) {
  std::vector<std::unique_ptr<TensorRule>> out;
  if (moves_pieces(isa) || shuffles(isa)) {
    std::vector<ClassId> tensors(parameters.begin(), parameters.end());
    tensors.insert(tensors.end(), results.begin(), results.end());
    out.push_back(same_bytes_rule(tensors));
  }
  for (const spec::Instruction &instruction : isa.instructions) {
    if (instruction.reads.empty() && !instruction.writes.empty() &&
        !has_free_attributes(instruction))
      out.push_back(std::make_unique<Source>(instruction));
    if (gathers(isa, instruction))
      out.push_back(std::make_unique<GatheringLoad>(instruction, parameters));
    for (std::size_t r = 0; r < instruction.reads.size(); ++r) {
      if (is_off_chip(isa, instruction.reads[r].region))
        continue;
      auto chain = view_of(instruction.body, instruction.body.parameters[r]);
      if (!chain.empty())
        out.push_back(std::make_unique<OperandView>(instruction, std::move(chain)));
    }
  }
  return out;
}

std::unique_ptr<TensorRule> same_bytes_rule(std::span<const ClassId> tensors) {
  return std::make_unique<SameBytes>(tensors);
}

bool moves_pieces(const spec::Isa &isa) {
  return std::any_of(isa.instructions.begin(), isa.instructions.end(), [&](const auto &i) {
    auto pieces = std::count_if(i.reads.begin(), i.reads.end(), [&](const spec::Read &read) {
      return is_off_chip(isa, read.region);
    });
    auto more = std::count_if(i.writes.begin(), i.writes.end(), [&](const spec::Write &write) {
      return is_off_chip(isa, write.region);
    });
    return pieces > 1 || more > 1;
  });
}

} // namespace isamorph::search
