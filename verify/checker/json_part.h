#pragma once
// JSON read with suspicion: every value knows its path ("$.claim.level"), and whatever is missing,
// is of another type, out of range or not part of the schema is reported under that path. Texts
// that two readers could understand differently (a key given twice) or that are nested without
// reason are bad input. Private to the checker.

#include "semantics/source.h"
#include "verify/checker/refusal.h"

#include <nlohmann/json.hpp>

namespace isamorph::verify {

/// Throws InputError with line and column at the first mistake of syntax, a key given twice, or
/// nesting deeper than 64.
nlohmann::json parse_json(const semantics::SourceRef &source);

/// A value within a JSON text, borrowed from it. Members that read throw InputError when a part is
/// missing or of another type, and Refused when a number is out of range or a key unknown.
class Part {
public:
  Part(const nlohmann::json &json, const semantics::SourceRef &source)
      : json_(&json), source_(source) {}

  bool has(const char *key) const { return json_->is_object() && json_->contains(key); }
  Part at(const char *key) const; ///< of an object
  std::vector<Part> elements() const;
  const std::string &text() const;
  std::vector<std::string> texts() const;
  bool flag() const;
  std::int64_t integer() const;                ///< written as a whole number: 5.9 is none
  std::uint32_t index(std::size_t size) const; ///< a whole number in [0, size)
  std::vector<std::uint32_t> indices(std::size_t size) const;
  /// The object has no key but these.
  void only(std::initializer_list<std::string_view> keys) const;

  const std::string &path() const { return path_; }
  const nlohmann::json &json() const { return *json_; }
  /// The value cannot be what the schema says: throws InputError.
  [[noreturn]] void fail(const std::string &what) const;
  /// The value is of the schema but not true: throws Refused.
  [[noreturn]] void refuse(const std::string &reason) const;
  /// Whether the value is true was not found out: throws Refused, undecided.
  [[noreturn]] void leave_undecided(const std::string &reason) const;

private:
  void expect(bool is, const char *what) const;

  const nlohmann::json *json_;
  semantics::SourceRef source_;
  std::string path_ = "$";
};

} // namespace isamorph::verify
