#include "semantics/numerics.h"

#include "semantics/keywords.h"

#include <array>
#include <fmt/format.h>

namespace isamorph::embedded {
extern const char numerics_profiles[];
extern const char numerics_machines[];
} // namespace isamorph::embedded

namespace isamorph::semantics {
namespace {

const NumericsProfile *find(std::span<const NumericsProfile> profiles, std::string_view name) {
  for (const NumericsProfile &profile : profiles)
    if (profile.name == name)
      return &profile;
  return nullptr;
}

std::vector<std::string> names_of(std::span<const NumericsProfile> profiles) {
  std::vector<std::string> names;
  for (const NumericsProfile &profile : profiles)
    names.push_back(profile.name);
  return names;
}

std::optional<ElementType> read_type(Cursor &cursor) {
  constexpr std::array<std::optional<ElementType>, 3> types = {std::nullopt, ElementType::F32,
                                                               ElementType::F64};
  return types[choose_word(cursor, "type", {"element", "f32", "f64"})];
}

OrderDescriptor read_order(Cursor &cursor) {
  using Kind = OrderDescriptor::Kind;
  OrderDescriptor order;
  order.kind =
      static_cast<Kind>(choose_word(cursor, "order", {"sequential", "blocks", "pairwise"}));
  if (order.kind == Kind::Blocks) {
    Location where = cursor.here();
    order.width = cursor.integer("the number of terms of a block");
    if (order.width < 1 || order.width > kMaxElements)
      fail(where, fmt::format("a block of {} terms", order.width), "expected 1 to 2^31");
  }
  return order;
}

void read_unit(Cursor &cursor, FoldNumerics &fold) {
  if (cursor.accept_word("none")) {
    fold.unit.reset();
    return;
  }
  if (!fold.unit)
    fold.unit.emplace();
  parse_step_program(cursor, *fold.unit);
}

void read_fold(Cursor &cursor, FoldNumerics &fold) {
  std::array<bool, 3> seen{};
  do {
    Location where = cursor.here();
    std::size_t key = choose_word(cursor, "key", {"accumulate", "order", "unit"});
    if (seen[key])
      fail(where, "stated twice");
    seen[key] = true;
    if (key == 0)
      fold.accumulator = read_type(cursor);
    else if (key == 1)
      fold.order = read_order(cursor);
    else
      read_unit(cursor, fold);
  } while (cursor.accept(","));
}

std::vector<NumericsProfile> parse_blocks(const SourceRef &source,
                                          std::span<const NumericsProfile> known) {
  Cursor cursor(source);
  std::vector<NumericsProfile> all(known.begin(), known.end()), own;
  while (!cursor.at_end()) {
    std::size_t start = cursor.offset();
    NumericsProfile profile = parse_numerics_block(cursor, all);
    if (find(own, profile.name))
      fail(cursor.at(start), fmt::format("numerics '{}' is declared twice", profile.name));
    own.push_back(profile);
    all.insert(all.begin(), std::move(profile)); // own ones hide shipped ones of the same name
  }
  return own;
}

std::string type_text(const std::optional<ElementType> &type) {
  return type ? std::string(name(*type)) : "element";
}

std::string order_text(const OrderDescriptor &order) {
  switch (order.kind) {
  case OrderDescriptor::Kind::Sequential:
    return "sequential";
  case OrderDescriptor::Kind::Blocks:
    return fmt::format("blocks {}", order.width);
  case OrderDescriptor::Kind::Pairwise:
    break;
  }
  return "pairwise";
}

std::string fold_text(const FoldNumerics &fold) {
  std::string text =
      "accumulate " + type_text(fold.accumulator) + ", order " + order_text(fold.order);
  return fold.unit ? text + ", unit " + print_step_program(*fold.unit) : text;
}

/// `wide` where it is wider than the element type.
ElementType widened(ElementType type, const std::optional<ElementType> &wide) {
  return wide && is_float(type) && byte_size(*wide) > byte_size(type) ? *wide : type;
}

} // namespace

ElementType compute_type(const NumericsProfile &profile, ElementType type) {
  return widened(type, profile.compute);
}

ElementType accumulator_type(const FoldNumerics &fold, ElementType type) {
  return widened(type, fold.accumulator);
}

const StepProgram *unit_for(const FoldNumerics &fold, ElementType type) {
  return fold.unit && fold.unit->takes(type) ? &*fold.unit : nullptr;
}

bool factors_commute(const FoldNumerics &dot, ElementType type) {
  const StepProgram *unit = unit_for(dot, type);
  return !unit || symmetric(*unit);
}

bool flushes_somewhere(const NumericsProfile &profile) {
  auto flushes = [](const FoldNumerics &fold) { return fold.unit && fold.unit->flushes(); };
  return profile.flush_denormals || profile.flush_narrowing || flushes(profile.dot) ||
         flushes(profile.reduce);
}

NumericsProfile parse_numerics_block(Cursor &cursor, std::span<const NumericsProfile> known) {
  cursor.expect_word("numerics");
  NumericsProfile profile;
  std::string own_name = cursor.identifier("the profile's name");
  if (cursor.accept_word("extends")) {
    Location where = cursor.here();
    std::string base = cursor.identifier("a profile's name");
    const NumericsProfile *found = find(known, base);
    if (!found)
      fail_unknown(where, "numerics profile", base, names_of(known));
    profile = *found;
  }
  profile.name = std::move(own_name);
  cursor.expect("{");
  std::array<bool, 5> seen{};
  while (!cursor.accept("}")) {
    Location where = cursor.here();
    std::size_t key =
        choose_word(cursor, "key", {"compute", "dot", "reduce", "denormals", "narrowing"});
    if (seen[key])
      fail(where, "stated twice");
    seen[key] = true;
    if (key == 0)
      profile.compute = read_type(cursor);
    else if (key == 3)
      profile.flush_denormals = choose_word(cursor, "way", {"keep", "flush"}) == 1;
    else if (key == 4)
      profile.flush_narrowing = choose_word(cursor, "way", {"keep", "flush"}) == 1;
    else
      read_fold(cursor, key == 1 ? profile.dot : profile.reduce);
    for (const FoldNumerics *fold : {&profile.dot, &profile.reduce})
      if (fold->unit && fold->accumulator == ElementType::F64)
        fail(where, "a unit's accumulator is f32 or the element type");
  }
  return profile;
}

std::vector<NumericsProfile> parse_numerics(const SourceRef &source) {
  return parse_blocks(source, shipped_numerics());
}

const std::vector<NumericsProfile> &shipped_numerics() {
  static const std::vector<NumericsProfile> profiles = [] {
    auto all = parse_blocks(make_source("profiles.numerics", embedded::numerics_profiles), {});
    auto machines =
        parse_blocks(make_source("machines.numerics", embedded::numerics_machines), all);
    all.insert(all.end(), machines.begin(), machines.end());
    return all;
  }();
  return profiles;
}

const NumericsProfile &numerics_profile(std::string_view wanted) {
  const NumericsProfile *profile = find(shipped_numerics(), wanted);
  if (!profile) {
    std::vector<std::string> known = names_of(shipped_numerics());
    std::string hint = suggest(wanted, known);
    throw InputError(fmt::format("unknown numerics profile '{}'; {}known: {}", wanted,
                                 hint.empty() ? "" : hint + " ", join(known)));
  }
  return *profile;
}

std::string print_numerics(const NumericsProfile &profile) {
  return fmt::format("numerics {} {{\n  compute {}\n  dot {}\n  reduce {}\n  denormals {}\n{}}}\n",
                     profile.name, type_text(profile.compute), fold_text(profile.dot),
                     fold_text(profile.reduce), profile.flush_denormals ? "flush" : "keep",
                     profile.flush_narrowing ? "  narrowing flush\n" : "");
}

} // namespace isamorph::semantics
