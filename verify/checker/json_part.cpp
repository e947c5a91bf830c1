#include "verify/checker/json_part.h"

#include <algorithm>
#include <fmt/format.h>
#include <limits>
#include <set>

namespace isamorph::verify {
namespace {

using Json = nlohmann::json;

constexpr int kDeepest = 64;

/// What makes a well-formed text unacceptable.
struct Unacceptable {
  std::string reason;
};

/// A callback of the parser that throws Unacceptable.
class Strictness {
public:
  bool operator()(int depth, Json::parse_event_t event, const Json &value) {
    if (depth > kDeepest)
      throw Unacceptable{fmt::format("nested deeper than {}", kDeepest)};
    if (event == Json::parse_event_t::object_start)
      keys_.emplace_back();
    else if (event == Json::parse_event_t::object_end)
      keys_.pop_back();
    else if (event == Json::parse_event_t::key &&
             !keys_.back().insert(value.get_ref<const std::string &>()).second)
      throw Unacceptable{"the key " + value.dump() + " is given twice in one object"};
    return true;
  }

private:
  std::vector<std::set<std::string>> keys_; ///< of the objects that are open
};

} // namespace

Json parse_json(const semantics::SourceRef &source) {
  try {
    return Json::parse(source->text, Strictness());
  } catch (const Json::parse_error &error) {
    semantics::fail({source, static_cast<std::uint32_t>(error.byte ? error.byte - 1 : 0)},
                    "not valid JSON");
  } catch (const Json::exception &) { // a number beyond every range
    semantics::fail({source, 0}, "not valid JSON: a number is out of range");
  } catch (const Unacceptable &error) {
    semantics::fail({source, 0}, error.reason);
  }
}

void Part::fail(const std::string &what) const {
  semantics::fail({source_, 0}, path_ + " " + what);
}

void Part::refuse(const std::string &reason) const { verify::refuse(path_ + ": " + reason); }

void Part::leave_undecided(const std::string &reason) const {
  throw Refused{path_ + ": " + reason, true};
}

void Part::expect(bool is, const char *what) const {
  if (!is)
    fail(fmt::format("must be {}, not {}", what, json_->type_name()));
}

Part Part::at(const char *key) const {
  expect(json_->is_object(), "an object");
  auto found = json_->find(key);
  Part part = *this;
  part.path_ += fmt::format(".{}", key);
  if (found == json_->end())
    part.fail("is missing");
  part.json_ = &*found;
  return part;
}

std::vector<Part> Part::elements() const {
  expect(json_->is_array(), "an array");
  std::vector<Part> out;
  for (std::size_t i = 0; i < json_->size(); ++i) {
    out.push_back(*this);
    out.back().json_ = &(*json_)[i];
    out.back().path_ += fmt::format("[{}]", i);
  }
  return out;
}

const std::string &Part::text() const {
  expect(json_->is_string(), "a string");
  return json_->get_ref<const std::string &>();
}

std::vector<std::string> Part::texts() const {
  std::vector<std::string> out;
  for (const Part &element : elements())
    out.push_back(element.text());
  return out;
}

bool Part::flag() const {
  expect(json_->is_boolean(), "true or false");
  return json_->get<bool>();
}

std::int64_t Part::integer() const {
  expect(json_->is_number(), "a whole number");
  constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (!json_->is_number_integer() ||
      (json_->is_number_unsigned() && json_->get<std::uint64_t>() > most))
    refuse("must be a whole number of 64 bits, not " + json_->dump());
  return json_->get<std::int64_t>();
}

std::uint32_t Part::index(std::size_t size) const {
  std::int64_t value = integer();
  if (value < 0 || static_cast<std::uint64_t>(value) >= size)
    refuse(fmt::format("{} is out of range: there are {}", value, size));
  return static_cast<std::uint32_t>(value);
}

std::vector<std::uint32_t> Part::indices(std::size_t size) const {
  std::vector<std::uint32_t> out;
  for (const Part &element : elements())
    out.push_back(element.index(size));
  return out;
}

void Part::only(std::initializer_list<std::string_view> keys) const {
  expect(json_->is_object(), "an object");
  for (const auto &[key, value] : json_->items())
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
      Part part = *this;
      part.path_ += "." + key;
      part.refuse("not part of the schema");
    }
}

} // namespace isamorph::verify
