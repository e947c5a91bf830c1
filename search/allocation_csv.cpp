#include "search/allocation_csv.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

namespace isamorph::search {
namespace {

using semantics::Location;

enum Column : std::size_t { kId, kLower, kUpper, kSize, kAlignment, kColumns };
const std::array<std::string, kColumns> kNames = {"id", "lower", "upper", "size", "alignment"};

/// Sums of numbers up to this stay far from overflow.
constexpr std::int64_t kLargest = std::int64_t{1} << 53;

struct Field {
  std::string_view text;
  Location where;
};

class Reader {
public:
  explicit Reader(const semantics::SourceRef &source) : source_(source), text_(source->text) {}

  AllocationProblem read(std::int64_t capacity) {
    if (!next_line())
      semantics::fail(here(0), "expected a line of column names, found nothing",
                      "columns: id,lower,upper,size");
    read_header();
    AllocationProblem problem;
    problem.buffers.push_back({"memory", capacity});
    std::map<std::string, std::uint32_t, std::less<>> lines;
    std::int64_t total = 0;
    while (next_line()) {
      AllocationItem item = read_item();
      const Field &id = fields_[columns_.at(kId)];
      auto [first, added] = lines.try_emplace(item.id, line_);
      if (!added)
        semantics::fail(id.where, "the id '" + item.id + "' is already that of line " +
                                      std::to_string(first->second));
      if (__builtin_add_overflow(total, item.size, &total) || total > (std::int64_t{1} << 59))
        semantics::fail(fields_[columns_.at(kSize)].where, "the sizes add up to too much");
      problem.items.push_back(std::move(item));
    }
    return problem;
  }

private:
  Location here(std::size_t offset) const { return {source_, static_cast<std::uint32_t>(offset)}; }

  /// Splits the next line that is not blank into fields_, without spaces around them.
  bool next_line() {
    while (at_ < text_.size()) {
      std::size_t end = std::min(text_.find('\n', at_), text_.size());
      std::size_t begin = at_;
      at_ = end + 1;
      ++line_;
      if (text_.substr(begin, end - begin).find_first_not_of(" \t\r") == std::string_view::npos)
        continue;
      fields_.clear();
      while (true) {
        std::size_t comma = std::min(text_.find(',', begin), end), first = begin, last = comma;
        while (first < last && is_space(text_[first]))
          ++first;
        while (first < last && is_space(text_[last - 1]))
          --last;
        fields_.push_back({text_.substr(first, last - first), here(first)});
        if (comma == end)
          return true;
        begin = comma + 1;
      }
    }
    return false;
  }
  static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r'; }

  void read_header() {
    for (std::size_t i = 0; i < fields_.size(); ++i) {
      const Field &field = fields_[i];
      std::string name(field.text);
      std::size_t column =
          static_cast<std::size_t>(std::find(kNames.begin(), kNames.end(), name) - kNames.begin());
      if (column == kColumns) {
        std::string hint = semantics::suggest(name, kNames);
        semantics::fail(field.where, "unknown column '" + name + "'",
                        hint.empty() ? "columns: " + semantics::join(kNames) : hint);
      }
      if (!columns_.try_emplace(column, i).second)
        semantics::fail(field.where, "the column '" + name + "' is there twice");
    }
    for (std::size_t column = 0; column < kAlignment; ++column)
      if (!columns_.contains(column))
        semantics::fail(fields_.front().where, "the column '" + kNames[column] + "' is missing",
                        "columns: " + semantics::join(kNames));
  }

  std::int64_t number(Column column) const {
    const Field &field = fields_[columns_.at(column)];
    std::int64_t value = 0;
    const char *end = field.text.data() + field.text.size();
    auto [stop, error] = std::from_chars(field.text.data(), end, value);
    if (error == std::errc::result_out_of_range ||
        (error == std::errc() && stop == end && (value > kLargest || value < -kLargest)))
      semantics::fail(field.where, kNames[column] + " is out of range");
    if (error != std::errc() || stop != end)
      semantics::fail(field.where, "expected a whole number for " + kNames[column] + ", found '" +
                                       std::string(field.text) + "'");
    return value;
  }

  AllocationItem read_item() const {
    if (fields_.size() != columns_.size())
      semantics::fail(fields_.size() > columns_.size() ? fields_[columns_.size()].where
                                                       : fields_.front().where,
                      "expected " + std::to_string(columns_.size()) + " fields, found " +
                          std::to_string(fields_.size()));
    auto where = [&](Column column) { return fields_[columns_.at(column)].where; };
    AllocationItem item;
    item.id = fields_[columns_.at(kId)].text;
    if (item.id.empty())
      semantics::fail(where(kId), "expected an id, found nothing");
    item.live = {{number(kLower), number(kUpper)}};
    item.size = number(kSize);
    if (item.live[0].lower >= item.live[0].upper)
      semantics::fail(where(kUpper), "upper must be greater than lower");
    if (item.size < 0)
      semantics::fail(where(kSize), "the size is negative");
    if (columns_.contains(kAlignment)) {
      item.alignment = number(kAlignment);
      if (item.alignment <= 0)
        semantics::fail(where(kAlignment), "the alignment must be positive");
    }
    return item;
  }

  semantics::SourceRef source_;
  std::string_view text_;
  std::size_t at_ = 0;
  std::uint32_t line_ = 0;
  std::vector<Field> fields_;
  std::map<std::size_t, std::size_t> columns_; ///< column, its index in a line
};

} // namespace

AllocationProblem parse_allocation_csv(const semantics::SourceRef &source, std::int64_t capacity) {
  return Reader(source).read(capacity);
}

std::string print_allocation_csv(const AllocationProblem &problem, std::span<const Place> places) {
  bool aligned = std::any_of(problem.items.begin(), problem.items.end(),
                             [](const AllocationItem &item) { return item.alignment != 1; });
  std::string out =
      aligned ? "id,lower,upper,size,alignment,offset\n" : "id,lower,upper,size,offset\n";
  for (std::size_t i = 0; i < problem.items.size(); ++i) {
    const AllocationItem &item = problem.items[i];
    const LiveInterval &live = item.live.front();
    out += item.id;
    for (std::int64_t number : {live.lower, live.upper, item.size})
      out += "," + std::to_string(number);
    if (aligned)
      out += "," + std::to_string(item.alignment);
    out += "," + std::to_string(places[i].offset) + "\n";
  }
  return out;
}

} // namespace isamorph::search
