#include "semantics/numerics.h"

#include "semantics/keywords.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <ranges>

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
    order.centred = cursor.accept_word("centred");
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

constexpr std::array<std::string_view, kDenormalWayCount> kWays = {
    "keep", "flush", "flush_after", "flush_inputs", "flush_results", "flush_last_input"};

bool is_fold(OpCode op) { return op == OpCode::Dot || op == OpCode::Reduce; }

/// Of floats: what is left when the bits are not just moved.
bool is_arithmetic(OpCode op) {
  constexpr std::array others = {OpCode::Negate,
                                 OpCode::Abs,
                                 OpCode::Select,
                                 OpCode::And,
                                 OpCode::Or,
                                 OpCode::Xor,
                                 OpCode::Not,
                                 OpCode::ShiftLeft,
                                 OpCode::ShiftRightArithmetic,
                                 OpCode::ShiftRightLogical};
  bool elementwise = info(op).cls == OpClass::Elementwise;
  return is_fold(op) || (elementwise && std::ranges::find(others, op) == others.end());
}

/// There are such operations, as far as denormals are concerned.
bool may_have_types(OpCode op, ElementType operand, ElementType result) {
  if (op == OpCode::Compare)
    return result == ElementType::Pred;
  return op == OpCode::Convert || operand == result;
}

OpCode read_operation(Cursor &cursor) {
  Location where = cursor.here();
  std::string word = cursor.identifier("an operation", "-");
  std::vector<std::string> known;
  for (const std::string &name : op_names())
    if (auto op = op_code(name); op && is_arithmetic(*op))
      known.push_back(name);
  if (std::ranges::find(known, word) == known.end())
    fail_unknown(where, "arithmetic operation", word, known);
  return *op_code(word);
}

ElementType read_element_type(Cursor &cursor) {
  Location where = cursor.here();
  std::string word = cursor.identifier("an element type");
  auto type = element_type(word);
  if (!type)
    fail(where, fmt::format("unknown element type '{}'", word));
  return *type;
}

template <class Read> auto read_list(Cursor &cursor, Read read) {
  std::vector<decltype(read(cursor))> out;
  do
    out.push_back(read(cursor));
  while (cursor.accept(","));
  return out;
}

DenormalWay read_way(Cursor &cursor) {
  return static_cast<DenormalWay>(choose_word(cursor, "way", kWays));
}

/// `keep in sine, tanh of bf16, f32 to f32`, each list for itself optional, at least one there.
DenormalException read_denormal_exception(Cursor &cursor) {
  DenormalException out{read_way(cursor), {}, {}, {}};
  if (cursor.accept_word("in"))
    out.operations = read_list(cursor, read_operation);
  if (cursor.accept_word("of"))
    out.operands = read_list(cursor, read_element_type);
  if (cursor.accept_word("to"))
    out.results = read_list(cursor, read_element_type);
  if (out.operations.empty() && out.operands.empty() && out.results.empty())
    cursor.error_expected("'in' and operations, or 'of' and element types");
  return out;
}

/// Operations may read their two operands differently whose operands nobody exchanges.
void check_operands(const NumericsProfile &profile, const Location &where) {
  constexpr std::array ordered = {OpCode::Subtract, OpCode::Divide, OpCode::Remainder,
                                  OpCode::Power};
  for (int o = 0; o < kOpCodeCount; ++o)
    for (int t = 0; t < kElementTypeCount; ++t) {
      auto op = static_cast<OpCode>(o);
      auto type = static_cast<ElementType>(t);
      ElementType result = op == OpCode::Compare ? ElementType::Pred : type;
      DenormalUse use = denormal_use(profile, op, type, result);
      if (info(op).max_arity > 1 && use.inputs != use.last_input &&
          std::ranges::find(ordered, op) == ordered.end())
        fail(where, fmt::format("{} of {} would read one operand alone as zero", info(op).name,
                                name(type)));
    }
}

/// A sum's steps are both results and operands, so that a fold cannot do one without the other.
void check_folds(const NumericsProfile &profile, const Location &where) {
  for (OpCode fold : {OpCode::Dot, OpCode::Reduce})
    for (ElementType type :
         {ElementType::F16, ElementType::BF16, ElementType::F32, ElementType::F64}) {
      DenormalUse use = denormal_use(profile, fold, type);
      bool results = use.results != TinyResults::Keep;
      if (use.inputs != use.last_input || use.inputs != results)
        fail(where,
             fmt::format("{} of {} would flush operands or results alone", info(fold).name,
                         name(type)),
             "sums keep, flush or flush_after");
    }
}

void read_denormals(Cursor &cursor, NumericsProfile &profile) {
  Location where = cursor.here();
  profile.denormals = read_way(cursor);
  profile.denormal_exceptions.clear();
  if (cursor.accept("{"))
    while (!cursor.accept("}"))
      profile.denormal_exceptions.push_back(read_denormal_exception(cursor));
  check_folds(profile, where);
  check_operands(profile, where);
}

std::string denormals_text(const NumericsProfile &profile) {
  std::string out(kWays[static_cast<std::size_t>(profile.denormals)]);
  auto list = [&](const char *word, auto items, auto text) {
    if (!items.empty())
      out += fmt::format(" {} {}", word, fmt::join(items | std::views::transform(text), ", "));
  };
  for (const DenormalException &e : profile.denormal_exceptions) {
    out += &e == profile.denormal_exceptions.data() ? " {\n    " : "\n    ";
    out += kWays[static_cast<std::size_t>(e.way)];
    list("in", e.operations, [](OpCode op) { return info(op).name; });
    list("of", e.operands, [](ElementType type) { return name(type); });
    list("to", e.results, [](ElementType type) { return name(type); });
  }
  return profile.denormal_exceptions.empty() ? out : out + "\n  }";
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
    return fmt::format("blocks {}{}", order.width, order.centred ? " centred" : "");
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

DenormalUse denormal_use(const NumericsProfile &profile, OpCode op, ElementType operand,
                         ElementType result) {
  auto fits = [](const auto &list, auto item) {
    return list.empty() || std::ranges::find(list, item) != list.end();
  };
  DenormalWay way = profile.denormals;
  for (const DenormalException &e : profile.denormal_exceptions)
    if (fits(e.operations, op) && fits(e.operands, operand) && fits(e.results, result))
      way = e.way;
  if (!is_arithmetic(op))
    way = DenormalWay::Keep;
  bool inputs = way == DenormalWay::Flush || way == DenormalWay::FlushAfter ||
                way == DenormalWay::FlushInputs;
  bool results = way == DenormalWay::Flush || way == DenormalWay::FlushResults;
  return {inputs, inputs || way == DenormalWay::FlushLastInput,
          way == DenormalWay::FlushAfter ? TinyResults::FlushAfter
          : results                      ? TinyResults::FlushRounded
                                         : TinyResults::Keep};
}

bool flushes(const NumericsProfile &profile, ElementType type) {
  auto by_unit = [&](const FoldNumerics &fold) {
    const StepProgram *unit = unit_for(fold, type);
    return unit && unit->flushes();
  };
  if (!is_float(type))
    return false;
  if (profile.flush_narrowing || by_unit(profile.dot) || by_unit(profile.reduce))
    return true;
  for (int op = 0; op < kOpCodeCount; ++op)
    for (int t = 0; t < kElementTypeCount; ++t) {
      auto code = static_cast<OpCode>(op);
      auto other = static_cast<ElementType>(t);
      DenormalUse read = denormal_use(profile, code, type, other),
                  written = denormal_use(profile, code, other, type);
      if ((may_have_types(code, type, other) && (read.inputs || read.last_input)) ||
          (may_have_types(code, other, type) && written.results != TinyResults::Keep))
        return true;
    }
  return false;
}

bool flushes_somewhere(const NumericsProfile &profile) {
  auto by_unit = [](const FoldNumerics &fold) { return fold.unit && fold.unit->flushes(); };
  auto keeps = [](const DenormalException &e) { return e.way == DenormalWay::Keep; };
  return profile.denormals != DenormalWay::Keep || profile.flush_narrowing ||
         !std::ranges::all_of(profile.denormal_exceptions, keeps) || by_unit(profile.dot) ||
         by_unit(profile.reduce);
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
      read_denormals(cursor, profile);
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
                     fold_text(profile.reduce), denormals_text(profile),
                     profile.flush_narrowing ? "  narrowing flush\n" : "");
}

} // namespace isamorph::semantics
