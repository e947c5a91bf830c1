// `if` and `else` in instructions: an instruction with conditions is read once for each way through
// them.
#include "spec/isa_reader.h"

namespace isamorph::spec {
namespace {

using semantics::fail;

/// Ways through the conditions of one instruction.
constexpr std::size_t kMaxWays = 64;

} // namespace

void IsaReader::read_ways(Instruction &instruction) {
  std::size_t begin = cursor_->offset();
  std::vector<Instruction> ways;
  choices_.clear();
  do {
    if (ways.size() == kMaxWays)
      fail(instruction.location, "instruction '" + instruction.name + "' has more than " +
                                     std::to_string(kMaxWays) + " ways through its conditions");
    cursor_->seek(begin);
    ways.push_back(read_way(instruction));
  } while (next_way());
  bool conditional = ways.size() > 1;
  std::vector<Instruction> arms = std::move(ways);
  if (!conditional) {
    instruction = std::move(arms.front());
    return;
  }
  instruction.cost = arms.front().cost;
  instruction.assembly = arms.front().assembly;
  instruction.before = arms.front().before;
  instruction.arms = std::move(arms);
}

/// Ways that take a condition come before those that do not, outer conditions first.
bool IsaReader::next_way() {
  while (!choices_.empty() && !choices_.back())
    choices_.pop_back();
  if (choices_.empty())
    return false;
  choices_.back() = 0;
  return true;
}

void IsaReader::only_outside_conditions(std::string_view what) {
  if (inside_ifs_ > 0)
    cursor_->error(std::string(what) + " of an instruction stands outside of its conditions");
}

/// A condition without attributes and state is decided here and makes no arm.
void IsaReader::read_condition(Instruction &instruction, bool &has_body) {
  semantics::IntExpr condition = expression(instruction);
  bool taken = condition.is_constant() && condition.value() != 0;
  if (!condition.is_constant()) {
    if (conditions_ == choices_.size())
      choices_.push_back(1);
    taken = choices_[conditions_++] != 0;
    if (taken)
      instruction.guard =
          instruction.guard == semantics::IntExpr(1)
              ? condition
              : semantics::IntExpr::make(semantics::IntOp::And, {instruction.guard, condition});
  }
  ++inside_ifs_;
  cursor_->expect("{");
  taken ? read_items_of(instruction, has_body) : skip_block();
  if (cursor_->accept_word("else")) {
    if (cursor_->looking_at_word("if") && !taken) {
      cursor_->expect_word("if");
      read_condition(instruction, has_body);
    } else if (cursor_->accept_word("if")) {
      skip_else_if();
    } else {
      cursor_->expect("{");
      taken ? skip_block() : read_items_of(instruction, has_body);
    }
  }
  --inside_ifs_;
}

/// The rest of a chain of conditions of which an earlier one was taken.
void IsaReader::skip_else_if() {
  while (!cursor_->at_end() && !cursor_->looking_at("{"))
    cursor_->seek(cursor_->offset() + 1);
  cursor_->expect("{");
  skip_block();
  if (!cursor_->accept_word("else"))
    return;
  if (cursor_->accept_word("if"))
    return skip_else_if();
  cursor_->expect("{");
  skip_block();
}

/// Up to the brace that closes a block whose opening brace was read.
void IsaReader::skip_block() {
  for (int open = 1; open > 0;) {
    if (cursor_->at_end())
      cursor_->error_expected("'}'");
    if (cursor_->looking_at("\"\"\"")) {
      cursor_->triple_quoted();
    } else if (cursor_->looking_at("\"")) {
      cursor_->quoted_string();
    } else {
      open += cursor_->looking_at("{") ? 1 : cursor_->looking_at("}") ? -1 : 0;
      cursor_->seek(cursor_->offset() + 1);
    }
  }
}

} // namespace isamorph::spec
