#include "verify/prover.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

using namespace isamorph;
using namespace isamorph::verify;

namespace {

ClaimProof prove(const std::string &text) {
  ProveOptions options;
  options.use_cache = false;
  return prove_rules(semantics::parse_rules(semantics::make_source("test.rules", text)),
                     options)[0];
}

/// A binary rule over tensors x and y of one shape.
std::string binary(const std::string &level, const std::string &types, const std::string &from,
                   const std::string &to) {
  return "rule r " + level + " { type T " + types + " shape s %x : T[*s] %y : T[*s] from { " +
         from + " } to { " + to + " } }";
}

struct Unsound {
  const char *name;
  std::string text;
};

std::string associates(const std::string &level) {
  return "rule r " + level + R"( { type T in bf16, f32  shape s  %x : T[*s]  %y : T[*s]  %z : T[*s]
    from { %u = T[*s] add(%x, %y)  ROOT %w = T[*s] add(%u, %z) }
    to { %u = T[*s] add(%y, %z)  ROOT %w = T[*s] add(%x, %u) } })";
}

std::string identity(const std::string &level, const std::string &index,
                     const std::string &direction) {
  return "rule r " + level +
         " { type T in bf16, f32  int m, n  %x : T[m,n]  where m >= 1, n >= 1  from { ROOT %x } to "
         "{"
         " %i = " +
         index + "[n,n] iota(), iota_dimension=0  %j = " + index +
         "[n,n] iota(), iota_dimension=1"
         " %p = pred[n,n] compare(%i, %j), direction=" +
         direction +
         " %e = T[n,n] convert(%p)"
         " ROOT %y = T[m,n] dot(%x, %e), lhs_contracting_dims={1}, rhs_contracting_dims={0} } }";
}

/// A product of bytes with a matrix of ones where `condition` of its two indices holds.
std::string selected(const std::string &condition, const std::string &from,
                     const std::string &operands) {
  return "rule r bits { type T in s8  int m, n  %x : T[m,m]  where m >= 1  from { " + from +
         " } to { %i = s32[m,m] iota(), iota_dimension=0  %j = s32[m,m] iota(), iota_dimension=1"
         " %r = s32[m,m] reverse(%j), dimensions={1}  %p = pred[m,m] compare(" +
         condition + " %e = T[m,m] convert(%p)  ROOT %y = T[m,m] dot(" + operands +
         "), lhs_contracting_dims={1}, rhs_contracting_dims={0} } }";
}

std::string dot_from(const std::string &type, const std::string &start) {
  return "rule r bits { type T in " + type + R"(  int m, k, n  %x : T[m,k]  %y : T[k,n]
    from { ROOT %d = T[m,n] dot(%x, %y), lhs_contracting_dims={1}, rhs_contracting_dims={0} }
    to { %d = T[m,n] dot(%x, %y), lhs_contracting_dims={1}, rhs_contracting_dims={0}
         %c = T[] constant()" +
         start + R"()  %z = T[m,n] broadcast(%c), dimensions={}  ROOT %s = T[m,n] add(%d, %z) } })";
}

std::string row_sums(const std::string &type, const std::string &factor) {
  return "rule r bits { type T in " + type + R"(  int m, n  %x : T[m,n]
    from { %z = T[] constant(0)  ROOT %y = T[m] reduce(%x, %z), dimensions={1}, to_apply=add }
    to { %c = T[] constant()" +
         factor + R"()  %o = T[n,1] broadcast(%c), dimensions={}
         %s = T[m,1] dot(%x, %o), lhs_contracting_dims={1}, rhs_contracting_dims={0}
         ROOT %y = T[m] reshape(%s) } })";
}

std::vector<Unsound> unsound_rules() {
  return {
      {"a product with what is no identity",
       selected("%i, %j), direction=LE", "ROOT %x", "%x, %e")},
      {"a product with the other identity", selected("%i, %r), direction=EQ", "ROOT %x", "%x, %e")},
      {"columns reversed for rows",
       selected("%i, %r), direction=EQ", "ROOT %y = T[m,m] reverse(%x), dimensions={0}", "%x, %e")},
      {"a matrix of zeros", selected("%i, %j), direction=NE", "ROOT %x", "%e, %x")},
      {"a dot from one", dot_from("s32", "1")},
      {"a dot from zero of floats, where -0 becomes 0", dot_from("f32", "0")},
      {"row sums with factor two", row_sums("s32", "2")},
      {"row sums of floats in another order", row_sums("bf16", "1")},
      {"the greatest of one number, which only the reduction flushes",
       "rule r bits { type T in bf16 int m %x : T[m,1] from { %z = T[] constant(-inf) ROOT %u = "
       "T[m] reduce(%x, %z), dimensions={1}, to_apply=maximum } to { ROOT %y = T[m] reshape(%x) } "
       "}"},
      {"the greatest of a row and a number, of two rows",
       "rule r finite { type T in bf16 int m, k %x : T[m,k] %y : T[m] from { %z = T[] "
       "constant(-inf) %u = T[m] reduce(%x, %z), dimensions={1}, to_apply=maximum ROOT %v = T[m] "
       "maximum(%u, %y) } to { %z = T[] constant(-inf) %u = T[m] reduce(%x, %z), dimensions={1}, "
       "to_apply=maximum %w = T[m,1] reshape(%y) %r = T[m] reduce(%w, %z), dimensions={1}, "
       "to_apply=maximum ROOT %v = T[m] maximum(%u, %r) } }"},
      {"a transpose is nothing", "rule r bits { type T int m %x : T[m,m] from { ROOT %y = T[m,m] "
                                 "transpose(%x), dimensions={1,0} } to { ROOT %x } }"},
      {"a wrong permutation", R"(rule r bits { type T int m %x : T[m,m,m]
        from { ROOT %y = T[m,m,m] transpose(%x), dimensions={1,2,0} } to { ROOT %y = T[m,m,m] transpose(%x), dimensions={2,0,1} } })"},
      {"dot operands exchanged without transposes",
       R"(rule r bits { type T in bf16 int m %x : T[m,m] %y : T[m,m]
        from { ROOT %z = T[m,m] dot(%x, %y), lhs_contracting_dims={1}, rhs_contracting_dims={0} }
        to { ROOT %z = T[m,m] dot(%y, %x), lhs_contracting_dims={1}, rhs_contracting_dims={0} } })"},
      {"a slice without its offset",
       R"(rule r bits { type T int m, p %x : T[m] where 0 <= p, 2*p <= m
        from { ROOT %y = T[p] slice(%x), slice={[`p`:`2*p`]} } to { ROOT %y = T[p] slice(%x), slice={[0:`p`]} } })"},
      {"add associates at bits", associates("bits")},
      {"add associates at finite", associates("finite")},
      {"reduce from another initial value", R"(rule r bits { type T int m, n, r %x : T[m,n] %i : T[]
        from { ROOT %y = T[m] reduce(%x, %i), dimensions={1}, to_apply=r }
        to { %j = T[] add(%i, %i) ROOT %y = T[m] reduce(%x, %j), dimensions={1}, to_apply=r } })"},
      {"reduce by another operation", R"(rule r bits { type T int m, n %x : T[m,n] %i : T[]
        from { ROOT %y = T[m] reduce(%x, %i), dimensions={1}, to_apply=add }
        to { ROOT %y = T[m] reduce(%x, %i), dimensions={1}, to_apply=maximum } })"},
      {"(x / y) * y is x",
       binary("real", "in f32", "%a = T[*s] divide(%x, %y) ROOT %z = T[*s] multiply(%a, %y)",
              "ROOT %x")},
      {"x / x is 1",
       R"(rule r bits { type T in bf16, f32 int m %x : T[m] from { ROOT %y = T[m] divide(%x, %x) }
        to { %c = T[] constant(1) ROOT %y = T[m] broadcast(%c), dimensions={} } })"},
      {"slices that overlap are no concatenation", R"(rule r bits { type T int m, p, q %x : T[m]
        where 0 <= p, p <= m, 0 <= q, q <= m
        from { %y = T[p] slice(%x), slice={[0:`p`]} %z = T[`m-q`] slice(%x), slice={[`q`:`m`]}
               ROOT %w = T[`p+m-q`] concatenate(%y, %z), dimensions={0} } to { ROOT %x } })"},
      {"a broadcast along the other dimension", R"(rule r bits { type T int m %x : T[m]
        from { ROOT %y = T[m,m] broadcast(%x), dimensions={0} } to { ROOT %y = T[m,m] broadcast(%x), dimensions={1} } })"},
      {"concatenate in the other order", R"(rule r bits { type T int m %x : T[m] %y : T[m]
        from { ROOT %z = T[`2*m`] concatenate(%x, %y), dimensions={0} } to { ROOT %z = T[`2*m`] concatenate(%y, %x), dimensions={0} } })"},
      {"reduce of a transpose over the same dimension",
       R"(rule r bits { type T int m, r %x : T[m,m] %i : T[]
        from { %t = T[m,m] transpose(%x), dimensions={1,0} ROOT %y = T[m] reduce(%t, %i), dimensions={1}, to_apply=r }
        to { ROOT %y = T[m] reduce(%x, %i), dimensions={1}, to_apply=r } })"},
      {"the identity at bits", identity("bits", "s32", "EQ")},
      {"an identity of everything but the diagonal", identity("finite", "s32", "NE")},
      {"an identity of narrow indices, which wrap", identity("finite", "s8", "EQ")},
      {"bytes in the other order", R"(rule r bits { type T in bf16, f16 int m %x : T[m]
        from { ROOT %y = u8[m,2] bitcast-convert(%x) } to { %b = u8[m,2] bitcast-convert(%x) ROOT %y = u8[m,2] reverse(%b), dimensions={1} } })"},
      {"a reshape instead of a transpose", R"(rule r bits { type T int m, n %x : T[m,n]
        from { ROOT %y = T[n,m] transpose(%x), dimensions={1,0} } to { ROOT %y = T[n,m] reshape(%x) } })"},
      {"subtract commutes", binary("bits", "in bf16, f32, s32", "ROOT %z = T[*s] subtract(%x, %y)",
                                   "ROOT %z = T[*s] subtract(%y, %x)")},
      {"subtract commutes over the reals",
       binary("real", "in f32", "ROOT %z = T[*s] subtract(%x, %y)",
              "ROOT %z = T[*s] subtract(%y, %x)")},
      {"a unary operation moved across a binary one",
       R"(rule r bits { type T shape s unary F binary G %x : T[*s] %y : T[*s]
        from { %u = T[*s] F(%x) %v = T[*s] F(%y) ROOT %z = T[*s] G(%u, %v) } to { %u = T[*s] G(%x, %y) ROOT %z = T[*s] F(%u) } })"},
      {"convert there and back", R"(rule r bits { type T, U int m %x : T[m]
        from { %y = U[m] convert(%x) ROOT %z = T[m] convert(%y) } to { ROOT %x } })"},
      {"real arithmetic on integers", R"(rule r real { type T int m %x : T[m] %y : T[m] %z : T[m]
        from { %u = T[m] add(%x, %y) ROOT %w = T[m] add(%u, %z) } to { %u = T[m] add(%y, %z) ROOT %w = T[m] add(%x, %u) } })"},
      {"conditions that contradict each other prove nothing",
       R"(rule r bits { type T int m %x : T[m] where m >= 2, m <= 1
        from { ROOT %y = T[m] negate(%x) } to { ROOT %x } })"},
      {"operations whose names meet when joined",
       R"(rule r bits { type T, T_T int m unary F, F_T_T %x : T[m]
        from { ROOT %y = T[m] F(%x) } to { ROOT %y = T[m] F_T_T(%x) } })"},
      {"a size that only one side has", R"(rule r bits { type T int m, n %x : T[m]
        from { ROOT %y = T[m] copy(%x) } to { ROOT %y = T[n] slice(%x), slice={[0:`n`]} } })"},
      {"right in one direction only",
       R"(rule r bits { type T int m, p %x : T[m]  where 0 <= p, p <= m
        from { ROOT %y = T[m] copy(%x) } to { %a = T[p] slice(%x), slice={[0:`p`]} %b = T[p] slice(%x), slice={[0:`p`]}
               ROOT %c = T[`2*p`] concatenate(%a, %b), dimensions={0} } both })"},
  };
}

} // namespace

TEST_CASE("unsound rules are never proved", "[slow]") {
  for (const Unsound &rule : unsound_rules()) {
    std::optional<ClaimProof> proof;
    INFO(rule.name);
    try {
      proof = prove(rule.text);
    } catch (const semantics::InputError &error) { // the test itself would be wrong
      FAIL_CHECK(error.what());
      continue;
    }
    INFO(proof->detail);
    CHECK(proof->answer != SmtAnswer::Proved);
    CHECK_FALSE(proof->detail.empty());
  }
}

TEST_CASE("rules at real hold where both sides are defined at the same places") {
  struct Case {
    const char *from, *to;
    bool proved;
  };
  const std::string zero = "%o = T[*s] constant(0) ", returns_zero = "ROOT %o = T[*s] constant(0)";
  const std::vector<Case> cases = {
      {"%d = T[*s] divide(%y, %x) ROOT %z = T[*s] multiply(%o, %d)", "", false},
      {"ROOT %z = T[*s] divide(%o, %x)", "", false},
      {"%d = T[*s] log(%x) ROOT %z = T[*s] subtract(%d, %d)", "", false},
      {"%d = T[*s] log(%x) ROOT %z = T[*s] multiply(%o, %d)", "", false},
      {"%d = T[*s] rsqrt(%x) ROOT %z = T[*s] multiply(%o, %d)", "", false},
      {"%d = T[*s] power(%x, %y) ROOT %z = T[*s] subtract(%d, %d)", "", false},
      {"%d = T[*s] remainder(%x, %y) ROOT %z = T[*s] multiply(%o, %d)", "", false},
      {"%d = T[*s] sqrt(%x) %e = T[*s] add(%d, %y) ROOT %z = T[*s] subtract(%e, %d)", "ROOT %y",
       false},
      {"%d = T[*s] log(%x) %p = pred[*s] compare(%d, %o), direction=LT ROOT %z = T[*s] select(%p, "
       "%y, %y)",
       "ROOT %y", false},
      {"%d = T[*s] exponential(%x) ROOT %z = T[*s] multiply(%o, %d)", "", true},
      {"%t = T[*s] constant(2) %d = T[*s] divide(%x, %t) ROOT %z = T[*s] add(%d, %d)", "ROOT %x",
       true},
      {"%d = T[*s] log(%x) ROOT %z = T[*s] add(%d, %y)",
       "%d = T[*s] log(%x) ROOT %z = T[*s] add(%y, %d)", true},
      {"%d = T[*s] sqrt(%x) %n = T[*s] negate(%d) %e = T[*s] subtract(%y, %n) ROOT %z = T[*s] "
       "add(%e, %o)",
       "%d = T[*s] sqrt(%x) ROOT %e = T[*s] add(%y, %d)", true},
  };
  for (const Case &c : cases) {
    std::string text = binary("real", "in f32", zero + c.from, *c.to ? c.to : returns_zero);
    if (std::string(c.from).find("%y") == std::string::npos)
      text.erase(text.find(" %y : T[*s]"), 11);
    ClaimProof proof = prove(text);
    INFO(c.from << " at real: " << proof.detail);
    CHECK((proof.answer == SmtAnswer::Proved) == c.proved);
  }
  // of all of a tensor's elements, where what holds of single elements says nothing
  auto sums = [&](const std::string &from) {
    return prove("rule r real { type T in f32 int m, n %x : T[m,n] from { %o = T[] constant(0) "
                 "%l = T[m,n] log(%x) " +
                 from +
                 " ROOT %y = T[m] subtract(%a, %b) } to { %o = T[] constant(0) ROOT %y = T[m] "
                 "broadcast(%o), dimensions={} } }");
  };
  CHECK(sums("%a = T[m] reduce(%l, %o), dimensions={1}, to_apply=add %b = T[m] reduce(%l, %o), "
             "dimensions={1}, to_apply=add")
            .answer != SmtAnswer::Proved);
}

TEST_CASE("the shipped rules are proved, without fused multiply-add", "[slow]") {
  ProveOptions options;
  options.use_cache = false;
  for (const ClaimProof &proof : prove_rules(semantics::shipped_rules(), options)) {
    INFO(proof.name << ": " << proof.detail);
    CHECK(proof.answer == SmtAnswer::Proved);
    CHECK_FALSE(proof.cached);
    CHECK_FALSE(proof.obligations.empty());
    for (const Obligation &obligation : proof.obligations)
      CHECK(obligation.smtlib.find("fp.fma") == std::string::npos);
  }
}

TEST_CASE("what no way of proving shows is refuted by an input only") {
  const std::string product = " %r = T[m,n] reverse(%b), dimensions={1}",
                    sides[] = {"%a = T[m,n] multiply(%x, %y) %b = T[m,n] subtract(%a, %y)",
                               "%a = T[m,n] multiply(%y, %x) %r = T[m,n] subtract(%a, %y)",
                               "%a = T[m,n] multiply(%y, %x) %r = T[m,n] subtract(%a, %x)"};
  auto rule = [&](const std::string &right) {
    const std::string greatest = " %z = T[] constant(0) ROOT %s = T[m] reduce(%r, %z), "
                                 "dimensions={1}, to_apply=maximum }";
    return prove("rule r bits { type T in s32  int m, n  %x : T[m,n]  %y : T[m,n]  where m >= 1, n "
                 ">= 1  from { " +
                 sides[0] + product + greatest + " to { " + right + greatest + " }");
  };
  // The greatest of the same numbers in another order, each computed in another way.
  CHECK(rule(sides[1]).answer == SmtAnswer::Unknown);
  ClaimProof proof = rule(sides[2]);
  CHECK(proof.answer == SmtAnswer::Refuted);
  CHECK(proof.method == "test inputs");
  CHECK(proof.detail.find("else 0: ") != std::string::npos);
}

TEST_CASE("what is interrupted between two strategies is not refuted") {
  // Products that are any functions fail; the next strategy proves.
  std::vector<semantics::RewriteRule> rule = semantics::parse_rules(semantics::make_source(
      "test.rules",
      binary("bits", "in s8", "%z = T[*s] multiply(%x, %y)  ROOT %n = T[*s] negate(%z)",
             "%n = T[*s] negate(%x)  ROOT %z = T[*s] multiply(%n, %y)")));
  int proved = 0, unknown = 0;
  for (double moment = 1; proved == 0 && moment < 60'000; moment *= 1.15) { // milliseconds
    std::atomic<bool> flag = false;
    ProveOptions options;
    options.use_cache = false;
    options.interrupt = &flag;
    std::thread later([&flag, moment] {
      std::this_thread::sleep_for(std::chrono::duration<double, std::milli>(moment));
      flag = true;
    });
    ClaimProof proof = prove_rules(rule, options)[0];
    later.join();
    INFO("after " << moment << " ms: " << proof.detail);
    CHECK(proof.name == "r");
    CHECK(proof.answer != SmtAnswer::Refuted);
    proved += proof.answer == SmtAnswer::Proved;
    unknown += proof.answer == SmtAnswer::Unknown;
  }
  CHECK(proved > 0);
  CHECK(unknown > 0);
}

TEST_CASE("products with permutation matrices move integers") {
  CHECK(prove(selected("%i, %j), direction=EQ", "ROOT %x", "%x, %e")).answer == SmtAnswer::Proved);
  CHECK(prove(selected("%i, %j), direction=EQ", "ROOT %x", "%e, %x")).answer == SmtAnswer::Proved);
  CHECK(prove(selected("%i, %r), direction=EQ", "ROOT %y = T[m,m] reverse(%x), dimensions={0}",
                       "%e, %x"))
            .answer == SmtAnswer::Proved);
  CHECK(prove(selected("%i, %r), direction=EQ", "ROOT %y = T[m,m] reverse(%x), dimensions={1}",
                       "%x, %e"))
            .answer == SmtAnswer::Proved);
  CHECK(prove(dot_from("s8, u16, s64", "0")).answer == SmtAnswer::Proved);
  CHECK(prove(row_sums("u8, s32", "1")).answer == SmtAnswer::Proved);
}

TEST_CASE("symbols may have the names of the encoding and of SMT-LIB") {
  CHECK(
      prove(R"(rule r bits { type E_T, Int int let, k0, i0, assert unary ite, not %p0 : E_T[let,k0]
    from { %y = E_T[let,k0] ite(%p0) ROOT %z = E_T[k0,let] transpose(%y), dimensions={1,0} }
    to { %y = E_T[k0,let] transpose(%p0), dimensions={1,0} ROOT %z = E_T[k0,let] ite(%y) } })")
          .answer == SmtAnswer::Proved);
}

TEST_CASE("the lemmas of a fold are those of its own element type") {
  ClaimProof proof =
      prove(R"(rule r bits { type U in s32  type T in s8  int m, k, n %x : T[m,k] %y : T[k,n]
    from { %z = T[m,n] dot(%x, %y), lhs_contracting_dims={1}, rhs_contracting_dims={0}
           %w = T[n,m] transpose(%z), dimensions={1,0} ROOT %c = U[n,m] convert(%w) }
    to { %u = T[k,m] transpose(%x), dimensions={1,0} %v = T[n,k] transpose(%y), dimensions={1,0}
         %w = T[n,m] dot(%v, %u), lhs_contracting_dims={1}, rhs_contracting_dims={0} ROOT %c = U[n,m] convert(%w) } })");
  INFO(proof.detail);
  CHECK(proof.answer == SmtAnswer::Proved);
  CHECK(proof.lemmas == std::vector<std::string>{"commutative multiply s8"});
}
