#include "spec/repeated_calls.h"

#include <algorithm>
#include <charconv>

namespace isamorph::spec {
namespace {

/// Forms beyond these are parsed: looking for one among many would take as long.
constexpr std::size_t kMostForms = 32;

} // namespace

void RepeatedCalls::note(const KernelInstruction &call, std::size_t begin, std::size_t end,
                         std::vector<Field> fields) {
  if (fields.size() != call.attributes.size() || !call.strides.empty() ||
      forms_.size() == kMostForms)
    return;
  const std::string &text = call.location.source->text;
  Form form{call.instruction, {}, {}};
  for (const Field &field : fields) {
    form.pieces.push_back(text.substr(begin, field.begin - begin));
    form.attributes.push_back(field.attribute);
    begin = field.end;
  }
  form.pieces.push_back(text.substr(begin, end - begin));
  forms_.push_back(std::move(form));
}

bool RepeatedCalls::read(const Form &form, const std::string &text, std::size_t &offset) {
  const char *at = text.data() + offset, *end = text.data() + text.size();
  values_.resize(form.attributes.size());
  for (std::size_t i = 0;; ++i) {
    const std::string &piece = form.pieces[i];
    if (static_cast<std::size_t>(end - at) < piece.size() ||
        !std::equal(piece.begin(), piece.end(), at))
      return false;
    at += piece.size();
    if (i == form.attributes.size())
      break;
    auto [stop, status] = std::from_chars(at, end, values_[form.attributes[i]]);
    if (status != std::errc{})
      return false;
    at = stop;
  }
  offset = static_cast<std::size_t>(at - text.data());
  return true;
}

bool RepeatedCalls::read(const semantics::SourceRef &source, std::size_t &offset,
                         std::vector<KernelInstruction> &calls) {
  std::size_t begin = offset;
  for (std::size_t i = 0; i < forms_.size(); ++i) {
    std::size_t which = last_ + i < forms_.size() ? last_ + i : last_ + i - forms_.size();
    if (!read(forms_[which], source->text, offset))
      continue;
    last_ = which;
    calls.push_back(
        {forms_[which].instruction, values_, {source, static_cast<std::uint32_t>(begin)}});
    return true;
  }
  return false;
}

} // namespace isamorph::spec
