#pragma once
// A small product with all that a certificate can hold: two lemmas, a constant, a level below bits
// and landmarks. The machine's tiles are 4x4, so that a check takes a millisecond.

#include "semantics/hlo.h"
#include "verify/certificate.h"
#include "verify/checker/checker.h"
#include "verify/checker/digest.h"
#include "verify/equivalence.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

namespace isamorph::verify::test {

inline const char *const kTileIsa = R"(isa tile {
  buffer m hbm
  buffer r [24] x bf16[4]
  numerics xla_cpu
  unit dma, mxu

  instruction load (n) [from, to] {
    reads  %x = m[from : n*8]
    writes r[to : n] = %z
    where  1 <= n, n <= 8
    cost   unit dma, latency 4 + n, bytes 8*n
    semantics {
      %y = u8[`n`,4,2] reshape(%x)
      %z = bf16[`n`,4] bitcast-convert(%y)
    }
  }
  instruction gemm () [a, b, to] {
    reads  %x = r[a : 4]
    reads  %y = r[b : 4]
    writes r[to : 4] = %z
    cost   unit mxu, latency 7, bytes 0
    semantics {
      %z = bf16[4,4] dot(%x, %y), lhs_contracting_dims={1}, rhs_contracting_dims={0}
    }
  }
  instruction store (n) [from, to] {
    reads  %x = r[from : n]
    writes m[to : n*8] = %z
    where  1 <= n, n <= 8
    cost   unit dma, latency 4 + n, bytes 8*n
    semantics {
      %y = u8[`n`,4,2] bitcast-convert(%x)
      %z = u8[`n*8`] reshape(%y)
    }
  }
}
)";

/// The product with the multiplicands exchanged: equal by commutativity.
inline const char *const kTileProgram = R"(HloModule product
ENTRY product {
  a = bf16[4,4] parameter(0)
  b = bf16[4,4] parameter(1)
  s = bf16[4,4] transpose(b), dimensions={1,0}
  t = bf16[4,4] transpose(a), dimensions={1,0}
  p = bf16[4,4] dot(s, t), lhs_contracting_dims={1}, rhs_contracting_dims={0}
  ROOT c = bf16[4,4] transpose(p), dimensions={1,0}
}
)";

/// The product, moved by another one with the identity: equal at finite.
inline const char *const kTileKernel = R"(kernel product {
  memory 128
  input a @ 0 : bf16[4,4]
  input b @ 32 : bf16[4,4]
  constant one @ 64 : bf16[4,4] = eye
  output c @ 96 : bf16[4,4]
  load(n=4, from=0, to=0)
  load(n=4, from=32, to=4)
  load(n=4, from=64, to=8)
  gemm(a=0, b=4, to=12)
  gemm(a=12, b=8, to=16)
  store(n=4, from=16, to=96)
}
)";

/// Each step is unavoidable as the product is written here: the second gemm gives a value of its
/// own.
inline OptimalityClaim tile_claim() {
  OptimalityClaim out;
  out.model = "count";
  out.cost = out.bound = out.landmark_bound = 6;
  out.facts = {"a in m",   "b in m", "one in m", "a in r", "b in r",
               "one in r", "p in r", "c in r",   "c in m", "c as output 0"};
  out.actions = {{"load(n=4): a in m -> a in r", {0}, {3}, 1},
                 {"load(n=4): b in m -> b in r", {1}, {4}, 1},
                 {"load(n=4): one in m -> one in r", {2}, {5}, 1},
                 {"gemm(): a in r, b in r -> p in r", {3, 4}, {6}, 1},
                 {"gemm(): p in r, one in r -> c in r", {6, 5}, {7}, 1},
                 {"store(n=4): c in r -> c in m as output 0", {7}, {8, 9}, 1},
                 {"store(n=4): a in r -> a in m", {3}, {0}, 1}};
  out.initial = {0, 1, 2};
  out.goal = {9};
  for (std::uint32_t a = 0; a < 6; ++a)
    out.landmarks.push_back({{a}, 1});
  return out;
}

inline nlohmann::json tile_certificate() {
  semantics::TensorGraph graph =
      semantics::parse_hlo(semantics::make_source("product.hlo", kTileProgram));
  spec::Isa isa = spec::parse_isa(semantics::make_source("tile.isa", kTileIsa));
  spec::Kernel kernel = spec::parse_kernel(semantics::make_source("product.asm", kTileKernel), isa);
  VerifyOptions options;
  options.level = Level::Finite;
  Verdict verdict = verify_kernel(kernel, isa, graph, options);
  REQUIRE(verdict.outcome == Outcome::Equivalent);
  OptimalityClaim claim = tile_claim();
  return nlohmann::json::parse(
      make_certificate(kernel, isa, graph, verdict, &claim, {Level::Finite, 60}));
}

/// Makes the digests of texts fit, however deep they lie.
inline void fit_texts(nlohmann::json &json) {
  if (json.is_object() && json.contains("sha256"))
    for (const char *text : {"text", "smtlib"})
      if (json.contains(text) && json[text].is_string())
        json["sha256"] = sha256(json[text].get<std::string>());
  if (json.is_structured())
    for (auto &part : json)
      fit_texts(part);
}

/// Makes every digest fit again: a careful forger. Parts that are no longer what they were stay.
inline void fit_digests(nlohmann::json &json) {
  if (!json.is_object())
    return;
  fit_texts(json);
  if (json.contains("sha256")) {
    nlohmann::json rest = json;
    rest.erase("sha256");
    json["sha256"] = sha256(rest.dump());
  }
}

/// A solver that believes everything: what it is asked must be what the lemmas say.
inline SmtResult credulous(const Obligation &) { return {SmtAnswer::Proved, {}, 0}; }

/// "accepted", or why not.
inline std::string outcome(const nlohmann::json &json, const CheckOptions &given = {}) {
  CheckOptions options = given;
  options.solver = credulous;
  try {
    CheckReport report =
        check_certificate(semantics::make_source("forged.json", json.dump(1)), options);
    REQUIRE(report.accepted == report.reason.empty());
    return report.accepted ? "accepted" : report.reason;
  } catch (const semantics::InputError &error) {
    return error.what();
  }
}

/// All places of a document, of arrays the first and the last element only.
inline void places(const nlohmann::json &json, const nlohmann::json::json_pointer &at,
                   std::vector<nlohmann::json::json_pointer> &out) {
  out.push_back(at);
  if (json.is_object())
    for (const auto &[key, value] : json.items())
      places(value, at / key, out);
  if (json.is_array())
    for (std::size_t i = 0; i < json.size(); i += std::max<std::size_t>(1, json.size() - 1))
      places(json[i], at / i, out);
}

inline std::vector<nlohmann::json::json_pointer> places(const nlohmann::json &json) {
  std::vector<nlohmann::json::json_pointer> out;
  places(json, nlohmann::json::json_pointer(), out);
  return out;
}

} // namespace isamorph::verify::test
