#include "semantics/element_type.h"

#include <array>

namespace isamorph::semantics {
namespace {

struct TypeRow {
  std::string_view name;
  int bytes;
  char kind; // p: pred, s: signed, u: unsigned, f: float
};
constexpr std::array<TypeRow, kElementTypeCount> kTypes = {{{"pred", 1, 'p'},
                                                            {"s8", 1, 's'},
                                                            {"u8", 1, 'u'},
                                                            {"s16", 2, 's'},
                                                            {"u16", 2, 'u'},
                                                            {"s32", 4, 's'},
                                                            {"u32", 4, 'u'},
                                                            {"s64", 8, 's'},
                                                            {"u64", 8, 'u'},
                                                            {"f16", 2, 'f'},
                                                            {"bf16", 2, 'f'},
                                                            {"f32", 4, 'f'},
                                                            {"f64", 8, 'f'}}};

const TypeRow &row(ElementType type) { return kTypes[static_cast<std::size_t>(type)]; }

} // namespace

std::string_view name(ElementType type) { return row(type).name; }

std::optional<ElementType> element_type(std::string_view name) {
  for (std::size_t i = 0; i < kTypes.size(); ++i)
    if (kTypes[i].name == name)
      return static_cast<ElementType>(i);
  return std::nullopt;
}

int byte_size(ElementType type) { return row(type).bytes; }
bool is_float(ElementType type) { return row(type).kind == 'f'; }
bool is_signed_integer(ElementType type) { return row(type).kind == 's'; }
bool is_unsigned_integer(ElementType type) { return row(type).kind == 'u'; }

std::int64_t Shape::elements() const {
  std::int64_t product = 1;
  for (std::int64_t d : dims)
    product *= d;
  return product;
}

std::string Shape::to_string() const {
  return std::string(name(type)) + "[" + join_dims(dims) + "]";
}

std::string join_dims(const std::vector<std::int64_t> &dims) {
  std::string out;
  for (std::size_t i = 0; i < dims.size(); ++i)
    out += (i ? "," : "") + std::to_string(dims[i]);
  return out;
}

std::vector<std::int64_t> row_major_strides(const std::vector<std::int64_t> &dims) {
  std::vector<std::int64_t> strides(dims.size(), 1);
  for (std::size_t i = dims.size(); i-- > 1;)
    strides[i - 1] = strides[i] * dims[i];
  return strides;
}

} // namespace isamorph::semantics
