#pragma once
// Where ISA files are found: the search path of shipped ISAs, and files that an ISA file names
// (`extends`, `include`).

#include "semantics/source.h"

namespace isamorph::spec {

/// The folders of shipped ISAs, in the order in which they are searched; each exists.
std::vector<std::string> isa_folders();

/// The file `name` beside `from`, or else in a shipped folder. `name` is relative and stays inside
/// its folder. Throws InputError at `where`.
semantics::SourceRef find_isa_file(const std::string &name, const semantics::SourceRef &from,
                                   const semantics::Location &where);

} // namespace isamorph::spec
