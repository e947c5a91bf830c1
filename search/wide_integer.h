#pragma once
// Sums and products of 64-bit sizes that cannot overflow.

namespace isamorph::search {

__extension__ typedef __int128 WideInteger;

} // namespace isamorph::search
