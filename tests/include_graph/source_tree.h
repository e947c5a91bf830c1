#pragma once
// The project's C++ sources as text, and the rules on them that no compiler checks: which folder
// may include which (floors), what public headers may show, and that code knows no accelerator by
// name. Each rule is a function from a tree to a list of complaints, so that it can be tried on
// small made-up trees.

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace isamorph::source_tree {

struct Include {
  std::string path; ///< as written between the quotes or brackets
  bool quoted = false;
  int line = 0;
};

struct SourceFile {
  std::string code; ///< the text with comments blanked out; line numbers are those of the file
  std::vector<Include> includes;
};

/// Path relative to the root ("spec/isa.h") -> file.
using Tree = std::map<std::string, SourceFile>;
using Complaints = std::vector<std::string>;

/// Blanks `//` and `/* */` comments, not inside string, raw string or character literals.
std::string without_comments(std::string_view text);
SourceFile parse_source(std::string_view text);
/// All .h and .cpp files in the given folders of `root`, at any depth.
Tree read_tree(const std::string &root, const std::vector<std::string> &folders);

/// The folders, lowest floor first. Folders of one floor do not know each other.
const std::map<std::string, int> &floors();

/// Quoted includes name an existing "folder/file.h" of the same folder or of a lower floor.
Complaints upward_includes(const Tree &tree);
/// No third-party library that only some folders use shows in a header that another folder
/// includes, directly or not.
Complaints leaking_headers(const Tree &tree);
/// The certificate checker (verify/checker/) reaches nothing but itself, semantics/, spec/ and
/// costmodel/, directly or not: neither the search, nor what finds proofs, nor a solver.
Complaints checker_dependences(const Tree &tree);
/// No name occurs as a whole word in code or literals. Arguments of `example(...)` (help texts) are
/// exempt.
Complaints named_accelerators(const Tree &tree, const std::set<std::string> &names);
/// Z3's fused multiply-add, which 4.8.12 evaluates wrongly, is used neither through its API nor in
/// SMT-LIB text; code may look for it (`find("fp.fma")`) in order to refuse it.
Complaints solver_fma(const Tree &tree);
/// No two files define types of one name in one namespace: where their code meets in a program, the
/// linker keeps one of each inline function, and an object of the other layout goes through it.
/// Expects types of namespaces to begin at the line's begin.
Complaints repeated_types(const Tree &tree);

/// The names of an ISA text: the ISA's own and its instructions'.
std::set<std::string> names_of_isa(std::string_view text);

} // namespace isamorph::source_tree
