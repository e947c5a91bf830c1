#include "cli/common.h"
namespace isamorph::cli {
void add_isa(CLI::App &, Context &) {}
} // namespace isamorph::cli
