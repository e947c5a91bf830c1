#pragma once
// Scalar lemmas by name: the facts about single elements on which proofs of kernels and rules rest,
// each as obligations for a solver.
//
//   commutative OP TYPE       op(x, y) = op(y, x), any NaN equal to any NaN; of floats under every
//                             one of scalar_profiles() (scalar_circuit.h), flushed denormals
//                             included
//   associative OP TYPE       op(op(x, y), z) = op(x, op(y, z)), likewise
//   idempotent OP TYPE        op(x, x) = x, of integers and truth values
//   join extract              the bytes of an element, joined, are the element
//   unit vector dot T in A    a dot over T accumulated in A, one of whose vectors is a single 1 and
//   zeros, is the other's element
//                             at the 1, up to the sign of zero, for finite elements. Argument:
//                             every other product is a zero (a); a zero plus a zero is a zero (b);
//                             zero plus x and x plus zero are x (c); so every node of any tree of
//                             additions is a zero or x; the product x*1 is x in A (d), and rounding
//                             back to T gives x (e). Of profiles whose unit truncates, cuts its
//                             factors in slices or aligns its terms it is never used.
//   zero products T in A      products of elements of T by zeros leave a sum in A that is made one
//                             after the other, up to the sign of zero, for finite elements.
//                             Argument: each is a zero (a), and a sum plus a zero is that sum (b).
//                             So too the zero from which a sum of one product begins.
//   multiply zero T           x*0 is a zero, for finite x
//   add zero T, subtract zero T, multiply one T, divide one T     up to the sign of zero, for
//   finite x
//   exact product bf16 in f32 the product of two finite bf16 numbers in f32 is exact where it is a
//                             normal number, and zero where a factor is zero. Hence there
//                             fma(x, y, z), which rounds x*y + z once, is x*y + z, for every z: the
//                             two differ only where the product overflows or underflows.
//   integer ring              sums and products of integers commute, associate and distribute, also
//                             modulo m
//   integer range             of the numbers equal modulo 2^n only one is within a type of n bits
//   semilattice OP TYPE       and, or of integers: associative, commutative, idempotent
//   lattice TYPE              maximum and minimum of integers: a distributive lattice
//   real ring                 over the reals: sums and products commute, associate and distribute;
//                             differences and negatives are sums with multiples of -1
//   real division             over the reals, where nothing is divided by 0: x / y is x times the
//                             reciprocal of y, which cancels against y; reciprocals multiply
//   real maximum              over the reals: maxima are sets, multiplied by positive factors
//                             member by member; minima and absolute values are maxima
//
// Laws are facts about functions of real numbers that are taken for granted, and named wherever
// they are: "exp(a+b)=exp(a)exp(b)".

#include "verify/checker/obligation.h"

#include <optional>

namespace isamorph::verify {

/// How a lemma's obligations are put: "circuit", "floating-point theory", "bit-vectors", "integer
/// arithmetic" or "real arithmetic".
std::string lemma_method(const std::string &name);

/// Whether a name is that of a law: no obligation proves it.
bool is_law(const std::string &name);

/// Lemmas that are shipped although no rule rests on them.
std::vector<std::string> shipped_lemmas();

/// The obligations whose proofs prove the lemma; nullopt for a name that is none, and for laws.
std::optional<std::vector<Obligation>> lemma_obligations(const std::string &name);

} // namespace isamorph::verify
