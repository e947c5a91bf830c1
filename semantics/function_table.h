#pragma once
// A machine's own unary functions of 16-bit types, where they differ from the correctly rounded
// ones: all 65536 results of each, kept as exceptions in semantics/numerics/NAME.functions, with a
// digest of all of them, so that a table never depends on the mathematical library at hand.

#include "semantics/numerics.h"

#include <span>
#include <string>
#include <vector>

namespace isamorph::semantics {

/// exponential, log, tanh, ...: the operations that a set of tables replaces. Each set has all of
/// them, for f16 and bf16.
bool is_function(OpCode op);

/// The shipped sets' names.
const std::vector<std::string> &function_sets();

/// The profile takes this operation from a table.
bool uses_table(const NumericsProfile &profile, OpCode op, ElementType type);

/// All results of a function of a shipped set. Throws InputError when they cannot be had because
/// this machine's mathematical library rounds differently.
std::span<const std::uint16_t> function_table(const std::string &set, OpCode op, ElementType type);

} // namespace isamorph::semantics
