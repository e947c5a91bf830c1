#pragma once
// Printing a kernel through an ISA's assembly block: templates whose {placeholders} are filled in.
// `{`, a known word and `}` together are a placeholder; every other brace is text, so that Python
// dictionaries and C blocks need no escapes. spec/LANGUAGE.md has the table.

#include "spec/kernel.h"

#include <map>

namespace isamorph::spec {

/// A template of an assembly block: the key it has in the text, its member, and the words that it
/// may use.
struct AssemblyTemplate {
  std::string_view key;
  std::string AssemblySyntax::*text;
  std::vector<std::string> placeholders;
};
const std::vector<AssemblyTemplate> &assembly_templates();

/// The first `{word}` of `text` that is not among `known`, as the word; nullopt if there is none.
std::optional<std::string> unknown_placeholder(std::string_view text,
                                               std::span<const std::string> known);

/// `text` with each `{word}` of `values` replaced; other braces stay.
std::string fill(std::string_view text,
                 const std::map<std::string, std::string, std::less<>> &values);

std::string print_assembly(const Kernel &kernel, const Isa &isa, const AssemblySyntax &syntax);

} // namespace isamorph::spec
