// Profiles as text: read, checked and printed.
#include "semantics/function_table.h"
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

/// The next of some keys, each of which is stated at most once.
template <std::size_t N> class Keys {
public:
  explicit Keys(const std::array<std::string_view, N> &words) : words_(words) {}
  std::size_t next(Cursor &cursor) {
    Location where = cursor.here();
    std::size_t key = choose_word(cursor, "key", words_);
    if (seen_[key])
      fail(where, "stated twice");
    seen_[key] = true;
    return key;
  }

private:
  const std::array<std::string_view, N> &words_;
  std::array<bool, N> seen_{};
};

constexpr std::array<std::string_view, 4> kFoldKeys = {"accumulate", "order", "unit", "nan"};
constexpr std::array<std::string_view, 3> kElementKeys = {"round", "overflow", "nan"};
constexpr std::array<std::string_view, 8> kProfileKeys = {
    "compute", "dot", "reduce", "denormals", "narrowing", "elementwise", "convert", "functions"};

void read_fold(Cursor &cursor, FoldNumerics &fold) {
  Keys keys(kFoldKeys);
  do {
    switch (keys.next(cursor)) {
    case 0:
      fold.accumulator = read_type(cursor);
      break;
    case 1:
      fold.order = read_order(cursor);
      break;
    case 2:
      read_unit(cursor, fold);
      break;
    default:
      fold.nan = parse_nan_form(cursor, true);
    }
  } while (cursor.accept(","));
}

void read_elements(Cursor &cursor, ElementNumerics &numerics) {
  Keys keys(kElementKeys);
  do {
    std::size_t key = keys.next(cursor);
    if (key == 0)
      numerics.round.mode = static_cast<Rounding>(choose_word(cursor, "rounding", kRoundingWords));
    else if (key == 1)
      numerics.round.overflow = static_cast<Overflow>(choose_word(cursor, "way", kOverflowWords));
    else
      numerics.nan = parse_nan_form(cursor, false);
  } while (cursor.accept(","));
}

void read_functions(Cursor &cursor, std::string &functions) {
  Location where = cursor.here();
  std::string set = cursor.identifier("'rounded' or a set of functions");
  std::vector<std::string> known = function_sets();
  known.push_back("rounded");
  if (std::ranges::find(known, set) == known.end())
    fail_unknown(where, "set of functions", set, known);
  functions = set == "rounded" ? "" : set;
}

/// What knobs of a fold forbid each other.
void check_fold(const FoldNumerics &fold, const Location &where) {
  if (fold.unit && fold.accumulator == ElementType::F64)
    fail(where, "a unit's accumulator is f32 or the element type");
  bool one_by_one = fold.unit && fold.unit->sum == StepProgram::Sum::Chain &&
                    fold.unit->join == StepProgram::Join::Within;
  if (fold.nan.propagates() && !one_by_one)
    fail(where, "only a unit that sums in a chain, joined `within`, propagates NaNs");
}

constexpr std::array<std::string_view, kDenormalWayCount> kWays = {
    "keep", "flush", "flush_after", "flush_inputs", "flush_results", "flush_last_input"};

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
  if (fold.unit)
    text += ", unit " + print_step_program(*fold.unit);
  return fold.nan == NanForm{} ? text : text + ", nan " + print_nan_form(fold.nan);
}

void read_key(Cursor &cursor, std::size_t key, NumericsProfile &profile) {
  switch (key) {
  case 0:
    profile.compute = read_type(cursor);
    break;
  case 1:
  case 2:
    read_fold(cursor, key == 1 ? profile.dot : profile.reduce);
    break;
  case 3:
    read_denormals(cursor, profile);
    break;
  case 4:
    profile.flush_narrowing = choose_word(cursor, "way", {"keep", "flush"}) == 1;
    break;
  case 5:
  case 6:
    read_elements(cursor, key == 5 ? profile.elementwise : profile.conversion);
    break;
  default:
    read_functions(cursor, profile.functions);
  }
}

/// A line of its own for what is not the default.
std::string elements_text(const char *key, const ElementNumerics &numerics) {
  std::vector<std::string> parts;
  const ElementNumerics plain;
  if (numerics.round.mode != plain.round.mode)
    parts.push_back(
        fmt::format("round {}", kRoundingWords[static_cast<std::size_t>(numerics.round.mode)]));
  if (numerics.round.overflow != plain.round.overflow)
    parts.push_back(fmt::format("overflow {}",
                                kOverflowWords[static_cast<std::size_t>(numerics.round.overflow)]));
  if (numerics.nan != plain.nan)
    parts.push_back("nan " + print_nan_form(numerics.nan));
  return parts.empty() ? "" : fmt::format("  {} {}\n", key, fmt::join(parts, ", "));
}

} // namespace

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
  Keys keys(kProfileKeys);
  while (!cursor.accept("}")) {
    Location where = cursor.here();
    read_key(cursor, keys.next(cursor), profile);
    check_fold(profile.dot, where);
    check_fold(profile.reduce, where);
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
  std::string out =
      fmt::format("numerics {} {{\n  compute {}\n  dot {}\n  reduce {}\n  denormals {}\n",
                  profile.name, type_text(profile.compute), fold_text(profile.dot),
                  fold_text(profile.reduce), denormals_text(profile));
  if (profile.flush_narrowing)
    out += "  narrowing flush\n";
  out += elements_text("elementwise", profile.elementwise);
  out += elements_text("convert", profile.conversion);
  if (!profile.functions.empty())
    out += "  functions " + profile.functions + "\n";
  return out + "}\n";
}

} // namespace isamorph::semantics
