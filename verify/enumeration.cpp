#include "verify/enumeration.h"

#include "verify/checker/digest.h"

#include "semantics/element_words.h"
#include "semantics/soft_elementwise.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <tbb/parallel_for.h>

namespace isamorph::verify {
namespace {

using semantics::ElementType;
using semantics::Level;
using semantics::NumericsProfile;
using semantics::OpCode;
using semantics::Tensor;

constexpr std::size_t kBlock = 4096;
/// Values of the outer variables that one task runs through.
constexpr std::uint64_t kOuterOfTask = 64;

/// Which variables a node depends on.
struct Dependence {
  bool outer = false, inner = false;
};

int variable_bits(const ScalarClaim &claim) {
  int bits = 0;
  for (ElementType type : claim.variables)
    bits += semantics::value_bits(type);
  return bits;
}

/// The patterns of a type. Of an integer, none is above infinity.
struct Encoding {
  std::uint64_t magnitude = ~std::uint64_t{0}, infinity = magnitude, smallest_normal = 0;
  explicit Encoding(ElementType type) {
    if (!semantics::is_float(type))
      return;
    semantics::FloatFormat format = semantics::float_format(type);
    magnitude = ~std::uint64_t{0} >> (65 - format.width());
    smallest_normal = std::uint64_t{1} << (format.precision - 1);
    infinity = magnitude - smallest_normal + 1;
  }
};

/// Where two blocks differ; any NaN equals any NaN, and zeros one another if their signs are
/// nothing.
std::vector<char> differing(const Tensor &left, const Tensor &right, bool any_zero) {
  Encoding code(left.shape().type);
  std::vector<char> out(static_cast<std::size_t>(left.elements()));
  semantics::with_word(left.shape().type, [&]<class T>(T) {
    auto a = left.as<T>(), b = right.as<T>();
    auto magnitude = static_cast<T>(code.magnitude), infinity = static_cast<T>(code.infinity);
    for (std::size_t i = 0; i < out.size(); ++i) {
      auto x = static_cast<T>(a[i] & magnitude), y = static_cast<T>(b[i] & magnitude);
      bool same = (a[i] == b[i]) | ((x > infinity) & (y > infinity)) | (any_zero & ((x | y) == 0));
      out[i] = !same;
    }
  });
  return out;
}

std::vector<Dependence> dependences(const ScalarClaim &claim) {
  std::vector<Dependence> out;
  for (const ScalarNode &node : claim.nodes) {
    Dependence d;
    if (node.op == OpCode::Parameter)
      (node.value + 1 == claim.variables.size() ? d.inner : d.outer) = true;
    for (std::uint32_t operand : node.operands) {
      d.outer |= out[operand].outer;
      d.inner |= out[operand].inner;
    }
    out.push_back(d);
  }
  return out;
}

/// What one task finds.
struct Finding {
  std::int64_t failures = 0;
  std::optional<ScalarWitness> witness;
  std::uint32_t cost = 0;
};

class Enumerator {
public:
  Enumerator(const ScalarClaim &claim, Level level, const NumericsProfile &profile)
      : claim_(claim), level_(level), profile_(profile), depends_(dependences(claim)) {
    inner_ = std::uint64_t{1} << semantics::value_bits(claim.variables.back());
    outer_ = (std::uint64_t{1} << variable_bits(claim)) / inner_;
    block_ = std::min<std::size_t>(kBlock, inner_);
    for (std::uint64_t y = 0; y < inner_; ++y)
      inner_cost_.push_back(reading_cost(claim.variables.back(), y));
  }

  std::optional<Enumeration> run(const EnumerationOptions &options) {
    std::uint64_t blocks = inner_ / block_, chunks = (outer_ + kOuterOfTask - 1) / kOuterOfTask;
    bool large = inner_ * outer_ > 65536;
    auto element_size =
        static_cast<std::size_t>(semantics::byte_size(claim_.nodes[claim_.left].type));
    checksums_.resize(large ? outer_ * blocks : 0);
    results_.resize(large ? 0 : inner_ * outer_ * element_size);
    std::vector<Finding> findings(blocks * chunks);
    auto stopped = [&] { return options.interrupt && options.interrupt->load(); };
    tbb::parallel_for(std::uint64_t{0}, blocks * chunks, [&](std::uint64_t task) {
      if (!stopped())
        findings[task] = run_task(task % blocks, task / blocks);
    });
    if (stopped())
      return std::nullopt;
    Enumeration out;
    out.cases = static_cast<std::int64_t>(inner_ * outer_);
    const Finding *best = nullptr;
    for (const Finding &finding : findings) {
      out.failures += finding.failures;
      if (finding.witness && (!best || precedes(finding, *best)))
        best = &finding;
    }
    if (best)
      out.witness = best->witness;
    out.digest = large ? sha256({reinterpret_cast<const char *>(checksums_.data()),
                                 checksums_.size() * sizeof(std::uint64_t)})
                       : sha256({reinterpret_cast<const char *>(results_.data()), results_.size()});
    return out;
  }

private:
  static bool precedes(const Finding &a, const Finding &b) {
    return a.cost != b.cost ? a.cost < b.cost : a.witness->inputs < b.witness->inputs;
  }

  /// The outer variables' values from their number; the last of them runs fastest.
  std::vector<std::uint64_t> outer_values(std::uint64_t number) const {
    std::vector<std::uint64_t> out(claim_.variables.size() - 1);
    for (std::size_t v = out.size(); v-- > 0;) {
      int bits = semantics::value_bits(claim_.variables[v]);
      out[v] = number & ((std::uint64_t{1} << bits) - 1);
      number >>= bits;
    }
    return out;
  }

  Tensor blank(const ScalarNode &node) const {
    return Tensor({node.type, {static_cast<std::int64_t>(block_)}});
  }
  Tensor filled(const ScalarNode &node, std::uint64_t bits) const {
    Tensor out = blank(node);
    semantics::with_word(node.type,
                         [&]<class T>(T) { std::ranges::fill(out.as<T>(), static_cast<T>(bits)); });
    return out;
  }
  Tensor applied(const ScalarNode &node, const std::vector<Tensor> &values) const {
    std::array<const Tensor *, 3> operands{};
    for (std::size_t i = 0; i < node.operands.size(); ++i)
      operands[i] = &values[node.operands[i]];
    return semantics::evaluate_op(node.op, node.attributes, {operands.data(), node.operands.size()},
                                  {node.type, {static_cast<std::int64_t>(block_)}}, profile_);
  }

  /// One block of values of the inner variable, with a run of values of the outer ones.
  Finding run_task(std::uint64_t block, std::uint64_t chunk) {
    std::vector<Tensor> values(claim_.nodes.size());
    std::vector<std::uint64_t> inputs(claim_.variables.size(), 0);
    Finding finding;
    std::uint64_t first = chunk * kOuterOfTask, last = std::min(outer_, first + kOuterOfTask);
    for (std::uint64_t outer = first; outer < last; ++outer) {
      std::vector<std::uint64_t> given = outer_values(outer);
      std::copy(given.begin(), given.end(), inputs.begin());
      fill(values, block, inputs, outer == first);
      compare(values, block, inputs, finding);
      record(values[claim_.left], block, outer);
    }
    return finding;
  }

  /// The values of all nodes; those that depend on the inner variable alone only `anew`.
  void fill(std::vector<Tensor> &values, std::uint64_t block,
            const std::vector<std::uint64_t> &inputs, bool anew) const {
    std::vector<std::uint64_t> scalars = evaluate(claim_, inputs, profile_);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const ScalarNode &node = claim_.nodes[i];
      if (!depends_[i].inner && (anew || depends_[i].outer))
        values[i] = filled(node, scalars[i]);
      else if (depends_[i].inner && (anew || depends_[i].outer))
        values[i] =
            node.op == OpCode::Parameter ? numbered(node, block * block_) : applied(node, values);
    }
  }
  Tensor numbered(const ScalarNode &node, std::uint64_t first) const {
    Tensor out = blank(node);
    for (std::size_t i = 0; i < block_; ++i)
      out.set_bits(static_cast<std::int64_t>(i), first + i);
    return out;
  }

  void compare(const std::vector<Tensor> &values, std::uint64_t block,
               const std::vector<std::uint64_t> &inputs, Finding &finding) const {
    const Tensor &left = values[claim_.left], &right = values[claim_.right];
    if (std::memcmp(left.bytes().data(), right.bytes().data(), left.bytes().size()) == 0)
      return;
    std::vector<char> fails = differing(left, right, level_ != Level::Bits);
    if (level_ != Level::Bits)
      drop_outside_finite(values, fails);
    std::uint32_t outer_cost = 0;
    for (std::size_t v = 0; v + 1 < inputs.size(); ++v)
      outer_cost += reading_cost(claim_.variables[v], inputs[v]);
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < block_; ++i) {
      if (!fails[i])
        continue;
      std::uint32_t cost = outer_cost + inner_cost_[block * block_ + i];
      if (finding.failures++ == 0 || cost < finding.cost) {
        finding.cost = cost;
        best = i;
      }
    }
    if (!best)
      return;
    finding.witness = {inputs, left.bits(static_cast<std::int64_t>(*best)),
                       right.bits(static_cast<std::int64_t>(*best))};
    finding.witness->inputs.back() = block * block_ + *best;
  }

  /// At `finite`, inputs count for which all values are finite, and no denormals if they are
  /// flushed.
  void drop_outside_finite(const std::vector<Tensor> &values, std::vector<char> &fails) const {
    for (std::size_t n = 0; n < values.size(); ++n) {
      const ScalarNode &node = claim_.nodes[n];
      if (!semantics::is_float(node.type))
        continue;
      Encoding code(node.type);
      bool denormals = node.op == OpCode::Parameter && semantics::flushes(profile_, node.type);
      semantics::with_word(node.type, [&]<class T>(T) {
        auto x = values[n].as<T>();
        for (std::size_t i = 0; i < x.size(); ++i) {
          std::uint64_t magnitude = x[i] & code.magnitude;
          bool outside = magnitude >= code.infinity ||
                         (denormals && magnitude != 0 && magnitude < code.smallest_normal);
          fails[i] = fails[i] && !outside;
        }
      });
    }
  }

  void record(const Tensor &left, std::uint64_t block, std::uint64_t outer) {
    std::uint64_t number = outer * (inner_ / block_) + block;
    if (results_.empty())
      checksums_[number] = block_checksum(left.bytes());
    else
      std::ranges::copy(left.bytes(), results_.begin() + static_cast<std::ptrdiff_t>(
                                                             number * left.bytes().size()));
  }

  const ScalarClaim &claim_;
  Level level_;
  const NumericsProfile &profile_;
  std::vector<Dependence> depends_;
  std::uint64_t inner_ = 1, outer_ = 1; ///< how many values
  std::size_t block_ = kBlock;
  std::vector<std::uint32_t> inner_cost_;
  std::vector<std::uint64_t> checksums_;
  std::vector<std::byte> results_;
};

} // namespace

bool enumerable(const ScalarClaim &claim) {
  auto narrow = [](ElementType type) { return semantics::value_bits(type) <= 16; };
  return !claim.variables.empty() && std::ranges::all_of(claim.variables, narrow) &&
         variable_bits(claim) <= 32;
}

std::optional<Enumeration> enumerate(const ScalarClaim &claim, Level level,
                                     const NumericsProfile &profile,
                                     const EnumerationOptions &options) {
  return Enumerator(claim, level, profile).run(options);
}

} // namespace isamorph::verify
