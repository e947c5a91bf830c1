#pragma once
// Places in buffers as a user names them when watching a kernel run.

#include "semantics/cursor.h"
#include "spec/isa.h"

namespace isamorph::sim {

/// Reads `BUFFER[start : extent, ...]`, one entry for each addressed dimension; an extent left out
/// is 1, and a buffer without brackets is the whole of it. Off-chip memory has `off_chip_bytes`
/// places. Throws InputError at the place in the text where it names no part of the buffer.
spec::ConcreteRegion parse_place(semantics::Cursor &cursor, const spec::Isa &isa,
                                 std::int64_t off_chip_bytes);

/// The text that parse_place reads: "d1[0 : 64]", "d2[3]".
std::string place_text(const spec::ConcreteRegion &region, const spec::Isa &isa);

/// They have a place in common.
bool overlap(const spec::ConcreteRegion &a, const spec::ConcreteRegion &b);

} // namespace isamorph::sim
