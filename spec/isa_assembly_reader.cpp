#include "spec/assembly.h"
#include "spec/isa_reader.h"

#include <algorithm>

namespace isamorph::spec {
namespace {

using semantics::fail;
using semantics::Location;

} // namespace

std::string IsaReader::read_text() {
  return cursor_->looking_at("\"\"\"") ? cursor_->triple_quoted() : cursor_->quoted_string();
}

void IsaReader::check_placeholders(const std::string &text, std::size_t begin,
                                   const std::string &what, std::span<const std::string> known) {
  auto word = unknown_placeholder(text, known);
  if (!word)
    return;
  std::size_t place = cursor_->source()->text.find("{" + *word + "}", begin);
  fail(cursor_->at(place == std::string::npos ? begin : place),
       what + " has no placeholder {" + *word + "}",
       semantics::suggest(*word, known).empty() ? "known: " + semantics::join(known)
                                                : semantics::suggest(*word, known));
}

void IsaReader::read_types(AssemblySyntax &syntax) {
  do {
    Location place = cursor_->here();
    std::string word = cursor_->identifier("an element type");
    auto type = semantics::element_type(word);
    if (!type)
      fail(place, "unknown element type '" + word + "'");
    for (const auto &[other, text] : syntax.types)
      if (other == *type)
        fail(place, "element type '" + word + "' is given twice");
    syntax.types.emplace_back(*type, cursor_->quoted_string());
  } while (cursor_->accept(","));
}

void IsaReader::read_assembly() {
  AssemblySyntax syntax;
  Location place = cursor_->here();
  syntax.name = cursor_->identifier("the assembly's name");
  if (syntax.name == "asm" || syntax.name == "json")
    fail(place, "'" + syntax.name + "' is the name of one of isamorph's own forms");
  auto old = std::find_if(isa_.assemblies.begin(), isa_.assemblies.end(),
                          [&](const AssemblySyntax &other) { return other.name == syntax.name; });
  if (old != isa_.assemblies.end() && inherited_.erase("assembly " + syntax.name) == 0)
    fail(place, "assembly '" + syntax.name + "' is declared twice");
  cursor_->expect("{");
  std::set<std::string> seen;
  while (!cursor_->accept("}")) {
    Location key_place = cursor_->here();
    std::string key = cursor_->identifier("a template's name or '}'");
    if (!seen.insert(key).second)
      fail(key_place, "'" + key + "' is given twice");
    if (key == "types") {
      read_types(syntax);
      continue;
    }
    const auto &templates = assembly_templates();
    auto found = std::find_if(templates.begin(), templates.end(),
                              [&](const AssemblyTemplate &t) { return t.key == key; });
    if (found == templates.end()) {
      std::vector<std::string> known = {"types"};
      for (const AssemblyTemplate &t : templates)
        known.emplace_back(t.key);
      std::string hint = semantics::suggest(key, known);
      fail(key_place, "unknown template '" + key + "'",
           hint.empty() ? "known: " + semantics::join(known) : hint);
    }
    std::size_t begin = cursor_->here().offset;
    syntax.*(found->text) = read_text();
    check_placeholders(syntax.*(found->text), begin, "template '" + key + "'", found->placeholders);
  }
  if (old != isa_.assemblies.end())
    *old = std::move(syntax);
  else
    isa_.assemblies.push_back(std::move(syntax));
}

} // namespace isamorph::spec
