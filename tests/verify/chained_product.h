#pragma once
// Certificates that carry a chain of rewriting: the product of certified_product.h, found equal at
// finite by rules of both kinds of steps and constants; a sum whose chain makes a detour over a
// rule that is proved by enumeration; and a product that is accumulated over parts of its
// contraction.

#include "certified_product.h"

#include "search/rewrite_chain.h"
#include "semantics/sum_rules.h"
#include "verify/checker/kernel_terms.h"

namespace isamorph::verify::test {

/// x + x = x * 2 of two bytes: 65536 cases for each way of rounding.
inline const char *const kDoubleRule = R"(rule double bits {
  type T in bf16  shape s
  %x : T[*s]
  from { ROOT %y = T[*s] add(%x, %x) }
  to {
    %c = T[*s] constant(2)
    ROOT %y = T[*s] multiply(%x, %c)
  }
  both
})";

struct Chained {
  semantics::TensorGraph graph;
  spec::Isa isa;
  spec::Kernel kernel;
  Level level = Level::Bits;
};

inline Chained chained(const char *program, const std::string &isa, const char *kernel,
                       Level level) {
  Chained out;
  out.graph = semantics::parse_hlo(semantics::make_source("program.hlo", program));
  out.isa = spec::parse_isa(semantics::make_source("tile.isa", isa));
  out.kernel = spec::parse_kernel(semantics::make_source("kernel.asm", kernel), out.isa);
  out.level = level;
  return out;
}

inline Chained product() { return chained(kTileProgram, kTileIsa, kTileKernel, Level::Finite); }

/// a + a on the machine of the product, with an instruction for it.
inline Chained doubled_by(const char *kernel) {
  std::string isa = kTileIsa;
  isa.insert(isa.rfind('}'), R"(
  instruction twice (n) [from, to] {
    reads  %x = r[from : n]
    writes r[to : n] = %y
    where  1 <= n, n <= 8
    cost   unit mxu, latency 1, bytes 0
    semantics { %y = bf16[`n`,4] add(%x, %x) }
  }
)");
  return chained(R"(HloModule doubled
ENTRY doubled {
  a = bf16[4,4] parameter(0)
  ROOT c = bf16[4,4] add(a, a)
}
)",
                 isa, kernel, Level::Bits);
}

inline Chained doubled() {
  return doubled_by(R"(kernel doubled {
  memory 64
  input a @ 0 : bf16[4,4]
  output c @ 32 : bf16[4,4]
  load(n=4, from=0, to=0)
  twice(n=4, from=0, to=4)
  store(n=4, from=4, to=32)
}
)");
}

/// Every value is read in other pieces than it was written, some of them overwritten.
inline Chained doubled_in_pieces() {
  return doubled_by(R"(kernel doubled {
  memory 64
  input a @ 0 : bf16[4,4]
  output c @ 32 : bf16[4,4]
  load(n=4, from=0, to=1)
  load(n=1, from=0, to=0)
  load(n=3, from=8, to=1)
  twice(n=2, from=0, to=4)
  twice(n=2, from=2, to=6)
  store(n=3, from=4, to=32)
  store(n=1, from=7, to=56)
}
)");
}

/// a + b: both come in one load.
inline Chained joint_sum() {
  std::string isa = kTileIsa;
  isa.insert(isa.rfind('}'), R"(
  instruction sum () [a, b, to] {
    reads  %x = r[a : 4]
    reads  %y = r[b : 4]
    writes r[to : 4] = %z
    cost   unit mxu, latency 1, bytes 0
    semantics { %z = bf16[4,4] add(%x, %y) }
  }
)");
  return chained(R"(HloModule sum
ENTRY sum {
  a = bf16[4,4] parameter(0)
  b = bf16[4,4] parameter(1)
  ROOT c = bf16[4,4] add(b, a)
}
)",
                 isa, R"(kernel sum {
  memory 96
  input a @ 0 : bf16[4,4]
  input b @ 32 : bf16[4,4]
  output c @ 64 : bf16[4,4]
  load(n=8, from=0, to=0)
  sum(a=0, b=4, to=8)
  store(n=4, from=8, to=64)
}
)",
                 Level::Bits);
}

/// A product with eight rows and columns, of a loop over tiles of four, each stored row by row.
inline Chained tiled_product() {
  return chained(R"(HloModule tiled
ENTRY tiled {
  a = bf16[8,4] parameter(0)
  b = bf16[4,4] parameter(1)
  d = bf16[4,4] parameter(2)
  e = bf16[4,8] concatenate(b, d), dimensions={1}
  ROOT c = bf16[8,8] dot(a, e), lhs_contracting_dims={1}, rhs_contracting_dims={0}
}
)",
                 kTileIsa, R"(kernel tiled {
  memory 256
  input a @ 0 : bf16[8,4]
  input b @ 64 : bf16[4,4]
  input d @ 96 : bf16[4,4]
  output c @ 128 : bf16[8,8]
  load(n=8, from=64, to=0)
  for i in 0..2 {
    load(n=4, from=32*i, to=8)
    for j in 0..2 {
      gemm(a=8, b=4*j, to=12)
      for r in 0..4 {
        store(n=1, from=r+12, to=64*i+8*j+16*r+128)
      }
    }
  }
}
)",
                 Level::Bits);
}

/// A product of integers that is accumulated over two halves of its contraction.
inline Chained accumulated_product() {
  std::string isa = kTileIsa;
  for (auto [from, to] : {std::pair("bf16", "s32"), std::pair("n*8", "n*16"),
                          std::pair("8*n", "16*n"), std::pair(",4,2]", ",4,4]")})
    for (std::size_t at = 0; (at = isa.find(from, at)) != std::string::npos; at += 4)
      isa.replace(at, std::string_view(from).size(), to);
  isa.insert(isa.rfind('}'), R"(
  instruction accumulate () [a, b, sum] {
    reads  %x = r[a : 4]
    reads  %y = r[b : 4]
    reads  %c = r[sum : 4]
    writes r[sum : 4] = %s
    cost   unit mxu, latency 7, bytes 0
    semantics {
      %z = s32[4,4] dot(%x, %y), lhs_contracting_dims={1}, rhs_contracting_dims={0}
      %s = s32[4,4] add(%z, %c)
    }
  }
)");
  return chained(R"(HloModule accumulated
ENTRY accumulated {
  a = s32[4,4] parameter(0)
  b = s32[4,4] parameter(1)
  d = s32[8,4] parameter(2)
  e = s32[4,8] concatenate(a, b), dimensions={1}
  ROOT c = s32[4,4] dot(e, d), lhs_contracting_dims={1}, rhs_contracting_dims={0}
}
)",
                 isa, R"(kernel accumulated {
  memory 320
  input a @ 0 : s32[4,4]
  input b @ 64 : s32[4,4]
  input d @ 128 : s32[8,4]
  output c @ 256 : s32[4,4]
  load(n=4, from=0, to=0)
  load(n=4, from=64, to=4)
  load(n=8, from=128, to=8)
  gemm(a=0, b=8, to=16)
  accumulate(a=4, b=12, sum=16)
  store(n=4, from=16, to=256)
}
)",
                 Level::Bits);
}

inline semantics::RewriteChain chain_of(const Chained &subject) {
  semantics::TensorTerms terms;
  std::vector<semantics::NodeId> values = terms.add(subject.graph), inputs, from, to;
  for (semantics::NodeId p : subject.graph.parameters)
    inputs.push_back(values[p.v]);
  for (semantics::NodeId r : subject.graph.results)
    from.push_back(terms.image(values[r.v]));
  to = kernel_images(terms, subject.kernel, subject.isa, inputs);
  search::ChainOptions options;
  options.level = subject.level;
  options.sums = semantics::sum_rules();
  search::ChainSearch found =
      search::find_chain(terms, from, to, subject.isa, semantics::shipped_rules(), options);
  INFO(found.absent);
  REQUIRE(found.chain);
  return *std::move(found.chain);
}

/// Appends to the chain: what adds is doubled by a multiplication, and back, by a rule from a sum
/// (`forward`) or to one.
inline void add_detour(semantics::RewriteChain &chain, semantics::RewriteRule rule,
                       bool forward = true) {
  semantics::TensorTerms terms;
  terms.add(chain.terms);
  semantics::RewritePath &path = chain.outputs[0];
  std::vector<std::uint32_t> at;
  semantics::NodeId place = path.to;
  for (; terms[place].op != semantics::OpCode::Add; place = terms[place].operands[0])
    at.push_back(0);
  semantics::RuleInstance instance;
  instance.rule = static_cast<std::uint32_t>(chain.rules.size());
  instance.values = semantics::SymbolValues(rule.symbols);
  instance.values.types[0] = semantics::ElementType::BF16;
  instance.values.shapes[0] = {4, 4};
  instance.parameters = {terms[place].operands[0]};
  instance.forward = forward;
  semantics::TensorGraph side = instantiate(forward ? rule.to : rule.from, instance.values);
  semantics::NodeId product = terms.add(side, instance.parameters)[side.results[0].v],
                    end = path.to, middle = terms.replaced(end, at, product);
  path.steps.push_back({at, instance, middle});
  instance.forward = !forward;
  path.steps.push_back({at, instance, end});
  chain.rules.push_back(std::move(rule));
  std::vector<semantics::NodeId> results = chain.terms.results;
  results.push_back(middle);
  terms.set_results(std::move(results));
  chain.terms = terms.graph();
}

/// The proofs of rules by their texts, each made once.
inline const ClaimProof &proof_of(const semantics::RewriteRule &rule) {
  static std::map<std::string, ClaimProof> known;
  auto found = known.find(rule.text);
  if (found == known.end()) {
    ProveOptions options;
    options.use_cache = false;
    found = known.emplace(rule.text, prove_rule(rule, options)).first;
  }
  return found->second;
}

inline RuleProof remembered_proof(const semantics::RewriteRule &rule) {
  const ClaimProof &proof = proof_of(rule);
  if (proof.answer != SmtAnswer::Proved)
    return {};
  return {proof.obligations, proof.lemmas, proof.laws};
}

inline std::string certificate_text(const Chained &subject, const semantics::RewriteChain &chain) {
  VerifyOptions options;
  options.level = subject.level;
  Verdict verdict = verify_kernel(subject.kernel, subject.isa, subject.graph, options);
  REQUIRE(verdict.outcome == Outcome::Equivalent);
  ChainClaim claim{chain, {}, {}};
  for (const semantics::RewriteRule &rule : chain.rules)
    claim.proofs.push_back(proof_of(rule));
  return make_certificate(subject.kernel, subject.isa, subject.graph, verdict, nullptr,
                          {subject.level, 60}, &claim);
}

inline nlohmann::json certificate_of(const Chained &subject) {
  return nlohmann::json::parse(certificate_text(subject, chain_of(subject)));
}

inline nlohmann::json product_certificate() {
  static const nlohmann::json json = certificate_of(product());
  return json;
}

inline nlohmann::json pieces_certificate() {
  static const nlohmann::json json = certificate_of(doubled_in_pieces());
  return json;
}

inline nlohmann::json joint_certificate() {
  static const nlohmann::json json = certificate_of(joint_sum());
  return json;
}

inline nlohmann::json tiled_certificate() {
  static const nlohmann::json json = certificate_of(tiled_product());
  return json;
}

inline nlohmann::json accumulated_certificate() {
  static const nlohmann::json json = certificate_of(accumulated_product());
  return json;
}

inline nlohmann::json doubled_certificate() {
  static const nlohmann::json json = [] {
    semantics::RewriteChain chain = chain_of(doubled());
    add_detour(chain,
               semantics::parse_rules(semantics::make_source("double.rules", kDoubleRule)).at(0));
    return nlohmann::json::parse(certificate_text(doubled(), chain));
  }();
  return json;
}

} // namespace isamorph::verify::test
