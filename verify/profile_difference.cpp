#include "verify/profile_difference.h"

#include "semantics/function_table.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <random>

namespace isamorph::verify {
namespace {

using semantics::ElementType;
using semantics::NumericsProfile;
using semantics::OpCode;
using semantics::Shape;
using semantics::Tensor;
using Engine = std::mt19937_64;
using Operands = std::vector<std::vector<std::uint64_t>>;

constexpr std::int64_t kMostTerms = 1 << 20;
constexpr int kShrunk = 8; // differences of each class from which a small one is sought

double uniform(Engine &engine) { return static_cast<double>(engine() >> 11) * 0x1p-53; }
std::size_t pick(Engine &engine, std::size_t count) {
  return static_cast<std::size_t>(engine() % count);
}

/// Twelve uniform numbers less six: nearly normal, the same on every machine.
double normal(Engine &engine) {
  double sum = -6;
  for (int i = 0; i < 12; ++i)
    sum += uniform(engine);
  return sum;
}

double of_exponents(Engine &engine, int low, int high) {
  int exponent = low + static_cast<int>(pick(engine, static_cast<std::size_t>(high - low + 1)));
  double magnitude = std::ldexp(1 + uniform(engine), exponent);
  return engine() % 2 ? magnitude : -magnitude;
}

/// Exponents that f16 has too are enough to leave its range in products.
int exponent_range(ElementType type) { return type == ElementType::F16 ? 14 : 100; }

double boundary(Engine &engine, ElementType type) {
  int least = semantics::least_exponent(type), digits = semantics::precision(type);
  double smallest = std::ldexp(1.0, least), ulp = std::ldexp(1.0, 1 - digits);
  double largest = std::ldexp(2 - ulp, type == ElementType::F16   ? 15
                                       : type == ElementType::F64 ? 1023
                                                                  : 127);
  const std::array<double, 14> values = {0,
                                         1,
                                         1 + ulp,
                                         2 - ulp,
                                         std::ldexp(1.0, digits),
                                         smallest,
                                         smallest * (1 + ulp),
                                         smallest * (1 - ulp),
                                         smallest * ulp,
                                         largest,
                                         std::ldexp(1.0, -digits),
                                         std::ldexp(1.0, least / 2),
                                         std::ldexp(1.0, -least / 2),
                                         0.75};
  double magnitude = values[pick(engine, values.size())];
  return engine() % 2 ? magnitude : -magnitude;
}

class Comparison {
public:
  Comparison(const NumericsProfile &first, const NumericsProfile &second,
             const ProfileQuestion &question, const GoesOn &goes_on)
      : first_(first), second_(second), question_(question), type_(operand_type(question)),
        goes_on_(goes_on) {}

  /// Adds what it finds, nothing once it has been ended.
  void count(InputClass input_class, ProfileDifference &out);

private:
  std::size_t rows() const {
    bool one = question_.op == OpCode::Reduce || semantics::info(question_.op).max_arity == 1;
    return one ? 1 : 2;
  }
  std::int64_t tests(InputClass input_class) const {
    return input_class == InputClass::Every ? 1 << 16 : question_.tests;
  }
  bool folds() const { return question_.op == OpCode::Dot || question_.op == OpCode::Reduce; }
  std::size_t terms() const {
    return folds() ? static_cast<std::size_t>(question_.terms) : std::size_t{1};
  }
  Operands draw(InputClass input_class, Engine &engine) const;
  void draw_row(InputClass input_class, Engine &engine, std::vector<double> &row,
                bool carrier) const;
  std::uint64_t result(const NumericsProfile &profile, const Operands &operands) const;
  bool goes_on() { return ended_ ? false : !(ended_ = goes_on_ && !goes_on_(made_)); }
  bool differ(const Operands &operands, ProfileWitness &witness) const;
  ProfileWitness shrink(ProfileWitness witness);

  const NumericsProfile &first_, &second_;
  ProfileQuestion question_;
  ElementType type_;
  const GoesOn &goes_on_;
  std::int64_t made_ = 0; ///< tests
  bool ended_ = false;
};

/// The carrier holds what cancels; the other row is of ones then.
void Comparison::draw_row(InputClass input_class, Engine &engine, std::vector<double> &row,
                          bool carrier) const {
  int range = exponent_range(type_);
  for (double &x : row)
    switch (input_class) {
    case InputClass::Normal:
      x = normal(engine);
      break;
    case InputClass::WideExponents:
      x = of_exponents(engine, -range / 4, range / 4);
      break;
    case InputClass::Boundary:
      x = engine() % 4 ? 0 : boundary(engine, type_);
      break;
    case InputClass::Cancelling:
      x = carrier ? normal(engine) : 1;
      break;
    case InputClass::Masks:
    case InputClass::Every: // by number
      x = 1;
      break;
    }
  bool cancels = input_class == InputClass::Cancelling || input_class == InputClass::Masks;
  if (!carrier || !cancels || row.size() < 2)
    return;
  std::size_t pairs = input_class == InputClass::Masks ? 1 : 1 + pick(engine, 4);
  for (std::size_t p = 0; p < pairs; ++p) {
    std::size_t plus = pick(engine, row.size()), minus = pick(engine, row.size() - 1);
    minus += minus >= plus;
    double large =
        std::ldexp(1.0, 8 + static_cast<int>(pick(engine, static_cast<std::size_t>(range) / 2)));
    row[plus] = large;
    row[minus] = -large;
  }
}

Operands Comparison::draw(InputClass input_class, Engine &engine) const {
  std::size_t carrier = pick(engine, rows());
  Operands out;
  for (std::size_t r = 0; r < rows(); ++r) {
    std::vector<double> row(terms());
    draw_row(input_class, engine, row, r == carrier);
    out.emplace_back();
    for (double x : row)
      out.back().push_back(semantics::encode(type_, x));
  }
  return out;
}

std::uint64_t Comparison::result(const NumericsProfile &profile, const Operands &operands) const {
  semantics::Attributes attributes;
  if (!folds()) {
    std::vector<ElementType> types(operands.size(), type_);
    std::vector<std::uint64_t> bits;
    for (const auto &row : operands)
      bits.push_back(row[0]);
    return semantics::evaluate_scalar(question_.op, attributes, types, bits, question_.type,
                                      profile);
  }
  std::vector<Tensor> tensors;
  auto size = static_cast<std::int64_t>(terms());
  for (const auto &row : operands) {
    tensors.emplace_back(Shape{type_, {size}});
    for (std::size_t i = 0; i < row.size(); ++i)
      tensors.back().set_bits(static_cast<std::int64_t>(i), row[i]);
  }
  if (question_.op == OpCode::Reduce) {
    tensors.emplace_back(Shape{type_, {}});
    attributes.set(semantics::AttributeKey::Dimensions, {0});
    attributes.set(semantics::AttributeKey::Reducer, {static_cast<std::int64_t>(OpCode::Add)});
  } else {
    attributes.set(semantics::AttributeKey::LhsContracting, {0});
    attributes.set(semantics::AttributeKey::RhsContracting, {0});
  }
  std::array<const Tensor *, 2> pointers = {&tensors[0], &tensors[1]};
  return semantics::evaluate_op(question_.op, attributes, pointers, Shape{type_, {}}, profile)
      .bits(0);
}

bool Comparison::differ(const Operands &operands, ProfileWitness &witness) const {
  ProfileWitness found{operands, result(first_, operands), result(second_, operands), 0};
  if (found.first == found.second || (semantics::is_nan(question_.type, found.first) &&
                                      semantics::is_nan(question_.type, found.second)))
    return false;
  for (const auto &row : operands)
    found.nonzero += std::count_if(row.begin(), row.end(), [&](std::uint64_t bits) {
      return semantics::decode(type_, bits) != 0;
    });
  witness = std::move(found);
  return true;
}

/// Terms are zeroed as wholes, then elements become ones, as long as the results differ.
ProfileWitness Comparison::shrink(ProfileWitness witness) {
  const std::uint64_t one = semantics::encode(type_, 1);
  auto attempt = [&](auto change) {
    Operands smaller = witness.operands;
    change(smaller);
    return smaller != witness.operands && goes_on() && differ(smaller, witness);
  };
  for (bool smaller = folds(); smaller;) {
    smaller = false;
    for (std::size_t t = 0; t < terms(); ++t)
      smaller |= attempt([&](Operands &operands) {
        for (auto &row : operands)
          row[t] = 0;
      });
  }
  for (std::size_t r = 0; r < witness.operands.size(); ++r)
    for (std::size_t t = 0; t < terms(); ++t)
      if (witness.operands[r][t] != 0)
        attempt([&](Operands &operands) { operands[r][t] = one; });
  return witness;
}

void Comparison::count(InputClass input_class, ProfileDifference &difference) {
  if (ended_)
    return;
  Engine engine(question_.seed * kRandomClassCount + static_cast<std::uint64_t>(input_class));
  ClassCount out{input_class};
  std::optional<ProfileWitness> &witness = difference.witness;
  double ulps = 0;
  int shrunk = 0;
  for (; out.tests < tests(input_class) && goes_on(); ++out.tests, ++made_) {
    ProfileWitness found;
    bool every = input_class == InputClass::Every;
    Operands operands =
        every ? Operands{{static_cast<std::uint64_t>(out.tests)}} : draw(input_class, engine);
    if (!differ(operands, found))
      continue;
    ++out.different;
    if (semantics::is_finite(question_.type, found.first) &&
        semantics::is_finite(question_.type, found.second)) {
      std::uint64_t distance = semantics::ulp_distance(question_.type, found.first, found.second);
      ulps += static_cast<double>(distance);
      out.max_ulp = std::max(out.max_ulp, distance);
    } else {
      ++out.special;
    }
    if (shrunk++ < kShrunk)
      if (ProfileWitness small = shrink(std::move(found));
          !witness || small.nonzero < witness->nonzero)
        witness = std::move(small);
  }
  if (out.different > out.special)
    out.mean_ulp = ulps / static_cast<double>(out.different - out.special);
  difference.classes.push_back(out);
  difference.complete = !ended_;
}

} // namespace

std::string_view name(InputClass input_class) {
  constexpr std::array<std::string_view, kRandomClassCount + 1> names = {
      "normal", "wide exponents", "cancelling", "masks", "boundary", "every input"};
  return names[static_cast<std::size_t>(input_class)];
}

std::vector<std::string> comparable_operations() {
  std::vector<std::string> out;
  for (int o = 0; o < semantics::kOpCodeCount; ++o) {
    auto op = static_cast<OpCode>(o);
    constexpr std::array others = {OpCode::Dot,    OpCode::Reduce,   OpCode::Convert,
                                   OpCode::Add,    OpCode::Subtract, OpCode::Multiply,
                                   OpCode::Divide, OpCode::Sqrt};
    if (semantics::is_function(op) || std::ranges::find(others, op) != others.end())
      out.emplace_back(semantics::info(op).name);
  }
  return out;
}

semantics::ElementType operand_type(const ProfileQuestion &question) {
  return question.op == OpCode::Convert ? ElementType::F32 : question.type;
}

ProfileDifference compare_profiles(const NumericsProfile &first, const NumericsProfile &second,
                                   const ProfileQuestion &question, const GoesOn &goes_on) {
  if (!semantics::is_float(question.type))
    throw semantics::InputError("profiles differ in floats alone; types: bf16, f16, f32, f64");
  if (question.terms < 1 || question.terms > kMostTerms)
    throw semantics::InputError("a sum of " + std::to_string(question.terms) +
                                " terms; expected 1 to " + std::to_string(kMostTerms));
  Comparison comparison(first, second, question, goes_on);
  ProfileDifference out;
  bool unary = semantics::info(question.op).max_arity == 1;
  if (unary && semantics::byte_size(operand_type(question)) == 2) {
    comparison.count(InputClass::Every, out);
    return out;
  }
  for (int c = 0; c < kRandomClassCount; ++c)
    comparison.count(static_cast<InputClass>(c), out);
  return out;
}

} // namespace isamorph::verify
