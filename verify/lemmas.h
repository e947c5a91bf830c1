#pragma once
// Scalar lemmas by name: the facts about single elements on which proofs of kernels and rules rest,
// each as obligations for a solver.
//
//   commutative OP TYPE       op(x, y) = op(y, x), any NaN equal to any NaN
//   associative OP TYPE       op(op(x, y), z) = op(x, op(y, z)), likewise
//   join extract              the bytes of an element, joined, are the element
//   unit vector dot T in A    a dot over T accumulated in A, one of whose vectors is a single 1 and
//   zeros, is the other's element
//                             at the 1, up to the sign of zero, for finite elements. Argument:
//                             every other product is a zero (a); a zero plus a zero is a zero (b);
//                             zero plus x and x plus zero are x (c); so every node of any tree of
//                             additions is a zero or x; the product x*1 is x in A (d), and rounding
//                             back to T gives x (e).
//   zero products T in A      products of elements of T by zeros leave a sum in A that is made one
//                             after the other, up to the sign of zero, for finite elements.
//                             Argument: each is a zero (a), and a sum plus a zero is that sum (b).
//                             So too the zero from which a sum of one product begins.
//   multiply zero T           x*0 is a zero, for finite x
//   add zero T, subtract zero T, multiply one T, divide one T     up to the sign of zero, for
//   finite x real sum, real product    associativity and commutativity over the reals

#include "verify/smt.h"

#include <optional>

namespace isamorph::verify {

/// The obligations whose proofs prove the lemma; nullopt for a name that is none.
std::optional<std::vector<Obligation>> lemma_obligations(const std::string &name);

} // namespace isamorph::verify
