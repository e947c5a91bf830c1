// Tilings of products whose contraction is cut.
#include "search/tiling_context.h"

namespace isamorph::search {

void tile_products(TilingContext &) {}

} // namespace isamorph::search
