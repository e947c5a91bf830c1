#include "cli/common.h"
namespace isamorph::cli {
void add_verify(CLI::App &, Context &) {}
void add_check(CLI::App &, Context &) {}
void add_isa(CLI::App &, Context &) {}
void add_rules(CLI::App &, Context &) {}
} // namespace isamorph::cli
