#pragma once
// The lemma "exact product bf16 in f32" (lemmas.h), by circuits. Private to lemmas.cpp.

#include "verify/checker/obligation.h"

namespace isamorph::verify {

/// For denormals kept and for denormals flushed.
std::vector<Obligation> exact_product(const std::string &name);

} // namespace isamorph::verify
