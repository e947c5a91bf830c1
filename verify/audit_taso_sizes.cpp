#include "verify/audit_taso_sizes.h"

#include <set>

namespace isamorph::verify {

SizeId TasoSizes::make(Size size) {
  sizes_.push_back(size);
  return {static_cast<std::uint32_t>(sizes_.size() - 1)};
}

SizeId TasoSizes::number(std::int64_t value) {
  Size size{Kind::Number};
  size.value = value;
  return make(size);
}

SizeId TasoSizes::sum(SizeId first, SizeId second) {
  Size size{Kind::Sum};
  size.first = first;
  size.second = second;
  return make(size);
}

SizeId TasoSizes::windows(SizeId size, SizeId kernel, std::int64_t stride, bool padded) {
  if (padded && stride == 1)
    return size;
  Size out{Kind::Windows};
  out.padded = padded;
  out.value = stride;
  out.first = size;
  out.second = kernel;
  return make(out);
}

SizeId TasoSizes::find(SizeId size) const {
  while (sizes_[size.v].bound)
    size = sizes_[size.v].first;
  return size;
}

bool TasoSizes::occurs(SizeId unknown, SizeId in) const {
  std::set<std::uint32_t> seen;
  std::vector<SizeId> open = {in};
  while (!open.empty()) {
    SizeId next = find(open.back());
    open.pop_back();
    if (next.v == unknown.v)
      return true;
    const Size &size = sizes_[next.v];
    if (size.kind == Kind::Unknown || size.kind == Kind::Number || !seen.insert(next.v).second)
      continue;
    open.push_back(size.first);
    open.push_back(size.second);
  }
  return false;
}

bool TasoSizes::unify(SizeId a, SizeId b) {
  a = find(a);
  b = find(b);
  if (a.v == b.v)
    return true;
  if (sizes_[a.v].kind != Kind::Unknown)
    std::swap(a, b);
  const Size x = sizes_[a.v], y = sizes_[b.v];
  if (x.kind == Kind::Unknown) {
    if (occurs(a, b))
      return false;
    sizes_[a.v].bound = true;
    sizes_[a.v].first = b;
    if (y.kind == Kind::Unknown)
      sizes_[b.v].spatial |= x.spatial;
    return true;
  }
  if (x.kind != y.kind)
    return false;
  if (x.kind == Kind::Number || x.value != y.value || x.padded != y.padded)
    return x.kind == Kind::Number && x.value == y.value;
  if (!unify(x.first, y.first) || !unify(x.second, y.second))
    return false;
  sizes_[a.v].bound = true; // one size from now on, so that its parts are compared once
  sizes_[a.v].first = b;
  return true;
}

bool TasoSizes::parts(SizeId size, std::pair<SizeId, SizeId> &out) {
  size = find(size);
  if (sizes_[size.v].kind == Kind::Unknown) {
    bool spatial = sizes_[size.v].spatial;
    SizeId first = unknown(spatial), second = unknown(spatial);
    unify(size, sum(first, second));
    size = find(size);
  }
  if (sizes_[size.v].kind != Kind::Sum)
    return false;
  out = {sizes_[size.v].first, sizes_[size.v].second};
  return true;
}

bool TasoSizes::is_number(SizeId size, std::int64_t value) const {
  const Size &s = sizes_[find(size).v];
  return s.kind == Kind::Number && s.value == value;
}

void TasoSizes::count(SizeId size, int &left) const {
  const Size &s = sizes_[find(size).v];
  if (--left < 0 || s.kind == Kind::Unknown || s.kind == Kind::Number)
    return;
  count(s.first, left);
  count(s.second, left);
}

bool TasoSizes::moderate(SizeId size) const {
  int left = kMostParts;
  count(size, left);
  return left >= 0;
}

std::string TasoSizes::text(SizeId size) {
  int left = kMostParts;
  return text(size, left);
}

std::string TasoSizes::text(SizeId size, int &left) {
  if (--left < 0)
    return "...";
  size = find(size);
  const Size s = sizes_[size.v];
  switch (s.kind) {
  case Kind::Unknown: {
    auto [entry, fresh] = numbers_.emplace(size.v, spatial_.size());
    if (fresh)
      spatial_.push_back(s.spatial);
    return "n" + std::to_string(entry->second);
  }
  case Kind::Number:
    return std::to_string(s.value);
  case Kind::Sum: {
    std::string first = text(s.first, left);
    return "(" + first + "+" + text(s.second, left) + ")";
  }
  default: {
    std::string stride = std::to_string(s.value), whole = text(s.first, left);
    return s.padded ? "((" + whole + "+" + stride + "-1)/" + stride + ")"
                    : "((" + whole + "-" + text(s.second, left) + ")/" + stride + "+1)";
  }
  }
}

} // namespace isamorph::verify
