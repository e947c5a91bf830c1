#include "sim/place.h"

#include <algorithm>
#include <fmt/format.h>

namespace isamorph::sim {

using spec::Buffer;
using spec::ConcreteRegion;

namespace {

/// "; state: loaded, push", "" for an ISA without.
std::string states(const spec::Isa &isa) {
  std::vector<std::string> names;
  for (const spec::StateVariable &variable : isa.state)
    names.push_back(variable.name);
  return names.empty() ? "" : "; state: " + semantics::join(names);
}

std::uint32_t find_buffer(semantics::Cursor &cursor, const spec::Isa &isa) {
  semantics::Location where = cursor.here();
  std::string name = cursor.identifier("a buffer");
  std::vector<std::string> known;
  for (const Buffer &buffer : isa.buffers)
    known.push_back(buffer.name);
  auto found = std::find(known.begin(), known.end(), name);
  if (found == known.end())
    semantics::fail(where, fmt::format("{} has no buffer '{}'", isa.name, name),
                    fmt::format("buffers: {}", semantics::join(known)) + states(isa));
  return static_cast<std::uint32_t>(found - known.begin());
}

void parse_dimension(semantics::Cursor &cursor, const std::string &buffer, std::int64_t size,
                     ConcreteRegion &region) {
  semantics::Location where = cursor.here();
  std::int64_t start = cursor.integer("the first place");
  std::int64_t extent = cursor.accept(":") ? cursor.integer("how many places") : 1;
  if (start < 0 || extent < 1 || extent > size || start > size - extent)
    semantics::fail(where, fmt::format("{} places from {} are not in {}, which has {}", extent,
                                       start, buffer, size));
  region.starts.push_back(start);
  region.extents.push_back(extent);
}

} // namespace

ConcreteRegion parse_place(semantics::Cursor &cursor, const spec::Isa &isa,
                           std::int64_t off_chip_bytes) {
  ConcreteRegion region;
  region.buffer = find_buffer(cursor, isa);
  const Buffer &buffer = isa.buffer(region.buffer);
  std::vector<std::int64_t> sizes = buffer.addressed;
  if (buffer.off_chip)
    sizes = {off_chip_bytes};
  if (!cursor.accept("[")) {
    region.starts.assign(sizes.size(), 0);
    region.extents = sizes;
    return region;
  }
  for (std::size_t d = 0; d < sizes.size(); ++d) {
    if (d > 0)
      cursor.expect(",");
    parse_dimension(cursor, buffer.name, sizes[d], region);
  }
  cursor.expect("]");
  return region;
}

std::string place_text(const ConcreteRegion &region, const spec::Isa &isa) {
  std::string out = isa.buffer(region.buffer).name;
  for (std::size_t d = 0; d < region.starts.size(); ++d) {
    out += (d == 0 ? "[" : ", ") + std::to_string(region.starts[d]);
    if (region.extents[d] != 1)
      out += " : " + std::to_string(region.extents[d]);
  }
  return region.starts.empty() ? out : out + "]";
}

bool overlap(const ConcreteRegion &a, const ConcreteRegion &b) {
  if (a.buffer != b.buffer)
    return false;
  for (std::size_t d = 0; d < a.starts.size(); ++d)
    if (a.starts[d] >= b.starts[d] + b.extents[d] || b.starts[d] >= a.starts[d] + a.extents[d])
      return false;
  return true;
}

} // namespace isamorph::sim
