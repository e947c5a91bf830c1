#include "tests/include_graph/source_tree.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fstream>
#include <functional>
#include <regex>
#include <sstream>

namespace isamorph::source_tree {
namespace {

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

std::string folder_of(const std::string &path) { return path.substr(0, path.find('/')); }

std::string place(const std::string &path, std::string_view code, std::size_t offset) {
  int line = 1;
  for (std::size_t i = 0; i < offset; ++i)
    line += code[i] == '\n';
  return path + ":" + std::to_string(line) + ": ";
}

/// The end of the literal that begins at `begin` (a quote, or the R of a raw string).
std::size_t end_of_literal(std::string_view text, std::size_t begin) {
  if (text[begin] == 'R') {
    std::size_t open = text.find('(', begin);
    if (open == std::string_view::npos)
      return text.size();
    std::string close = ")" + std::string(text.substr(begin + 2, open - begin - 2)) + "\"";
    std::size_t end = text.find(close, open);
    return end == std::string_view::npos ? text.size() : end + close.size();
  }
  for (std::size_t i = begin + 1; i < text.size(); ++i) {
    if (text[i] == '\\')
      ++i;
    else if (text[i] == text[begin])
      return i + 1;
  }
  return text.size();
}

bool literal_begins(std::string_view text, std::size_t i) {
  if (text[i] == '"')
    return true;
  bool after_word = i > 0 && is_word(text[i - 1]); // 1'000, and names that end in R
  if (text[i] == '\'')
    return !after_word;
  return text[i] == 'R' && !after_word && i + 1 < text.size() && text[i + 1] == '"';
}

/// Blanks the arguments of every call `name(...)`.
std::string without_calls(std::string code, std::string_view name) {
  for (std::size_t at = code.find(name); at != std::string::npos; at = code.find(name, at + 1)) {
    std::size_t i = at + name.size();
    if ((at > 0 && is_word(code[at - 1])) || i >= code.size() || code[i] != '(')
      continue;
    int depth = 0;
    do {
      if (literal_begins(code, i)) {
        std::size_t end = end_of_literal(code, i);
        for (; i < end; ++i)
          code[i] = code[i] == '\n' ? '\n' : ' ';
        continue;
      }
      depth += (code[i] == '(') - (code[i] == ')');
      ++i;
    } while (depth > 0 && i < code.size());
  }
  return code;
}

/// Everything that `from` includes, directly or not, `from` itself included.
std::set<std::string> reachable(const Tree &tree, const std::string &from) {
  std::set<std::string> seen;
  std::vector<std::string> work = {from};
  while (!work.empty()) {
    std::string path = work.back();
    work.pop_back();
    auto file = tree.find(path);
    if (file == tree.end() || !seen.insert(path).second)
      continue;
    for (const Include &include : file->second.includes)
      work.push_back(include.path);
  }
  return seen;
}

} // namespace

std::string without_comments(std::string_view text) {
  std::string code(text);
  auto blank = [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i)
      if (code[i] != '\n')
        code[i] = ' ';
  };
  for (std::size_t i = 0; i < text.size();) {
    std::size_t end = i + 1;
    if (text.substr(i, 2) == "//") {
      end = std::min(text.find('\n', i), text.size());
      blank(i, end);
    } else if (text.substr(i, 2) == "/*") {
      std::size_t close = text.find("*/", i + 2);
      end = close == std::string_view::npos ? text.size() : close + 2;
      blank(i, end);
    } else if (literal_begins(text, i)) {
      end = end_of_literal(text, i);
    }
    i = end;
  }
  return code;
}

SourceFile parse_source(std::string_view text) {
  SourceFile file;
  file.code = without_comments(text);
  static const std::regex include(R"re(^\s*#\s*include\s*([<"])([^>"]+)[>"].*)re");
  std::istringstream lines(file.code);
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    std::smatch match;
    if (std::regex_match(line, match, include))
      file.includes.push_back({match[2], match[1] == "\"", number});
  }
  return file;
}

Tree read_tree(const std::string &root, const std::vector<std::string> &folders) {
  Tree tree;
  for (const std::string &folder : folders) {
    for (const auto &entry : std::filesystem::recursive_directory_iterator(root + "/" + folder)) {
      if (entry.path().extension() != ".h" && entry.path().extension() != ".cpp")
        continue;
      std::ifstream stream(entry.path());
      std::stringstream text;
      text << stream.rdbuf();
      tree[entry.path().lexically_relative(root).string()] = parse_source(text.str());
    }
  }
  return tree;
}

const std::map<std::string, int> &floors() {
  static const std::map<std::string, int> table = {{"semantics", 0}, {"spec", 1},   {"sim", 2},
                                                   {"costmodel", 2}, {"search", 3}, {"verify", 4},
                                                   {"corpus", 5},    {"cli", 6}};
  return table;
}

Complaints upward_includes(const Tree &tree) {
  Complaints complaints;
  for (const auto &[path, file] : tree) {
    std::string from = folder_of(path);
    for (const Include &include : file.includes) {
      std::string to = folder_of(include.path),
                  where = path + ":" + std::to_string(include.line) + ": ";
      if (!floors().count(to)) {
        if (include.quoted)
          complaints.push_back(where + "\"" + include.path +
                               "\" does not name a folder of the project");
      } else if (!include.quoted) {
        complaints.push_back(where + "<" + include.path +
                             "> is the project's own: write it in quotes");
      } else if (!tree.count(include.path)) {
        complaints.push_back(where + "\"" + include.path + "\" does not exist");
      } else if (from != to && floors().at(to) >= floors().at(from)) {
        complaints.push_back(where + from + "/ may not include " + to + "/");
      }
    }
  }
  return complaints;
}

Complaints leaking_headers(const Tree &tree) {
  static const std::regex third_party("(z3|z3\\+\\+|sqlite3)\\.h|(tbb|oneapi|boost|nlohmann)/.*");
  std::set<std::string> shown; // headers that some file of another folder sees
  for (const auto &[path, file] : tree)
    for (const std::string &header : reachable(tree, path))
      if (folder_of(header) != folder_of(path))
        shown.insert(header);
  Complaints complaints;
  for (const std::string &header : shown)
    for (const Include &include : tree.at(header).includes)
      if (std::regex_match(include.path, third_party))
        complaints.push_back(header + ":" + std::to_string(include.line) + ": <" + include.path +
                             "> shows in a header that another folder includes");
  return complaints;
}

Complaints checker_dependences(const Tree &tree) {
  static const std::string checker = "verify/checker/";
  static const std::set<std::string> below = {"semantics", "spec", "costmodel"},
                                     libraries = {"fmt", "nlohmann"};
  Complaints complaints;
  for (const auto &[path, file] : tree) {
    if (!path.starts_with(checker))
      continue;
    for (const std::string &reached : reachable(tree, path)) {
      if (!reached.starts_with(checker) && !below.count(folder_of(reached)))
        complaints.push_back(path + " reaches " + reached);
      for (const Include &include : tree.at(reached).includes)
        if (!include.quoted && include.path.find_first_of("/.") != std::string::npos &&
            !libraries.count(folder_of(include.path)) &&
            !include.path.starts_with("boost/multiprecision/")) // exact rational numbers
          complaints.push_back(path + " reaches <" + include.path + ">");
    }
  }
  return complaints;
}

Complaints named_accelerators(const Tree &tree, const std::set<std::string> &names) {
  Complaints complaints;
  for (const auto &[path, file] : tree) {
    std::string code = without_calls(file.code, "example");
    for (std::size_t i = 0; i < code.size();) {
      std::size_t end = i;
      while (end < code.size() && is_word(code[end]))
        ++end;
      if (std::string word = code.substr(i, end - i); names.count(word))
        complaints.push_back(place(path, code, i) + "'" + word +
                             "' is a name of a shipped ISA: it belongs in data");
      i = std::max(end, i + 1);
    }
  }
  return complaints;
}

Complaints solver_fma(const Tree &tree) {
  static const std::regex guard("find\\(\"fp\\.fma\"\\)");
  static const std::regex always("mk_fpa_fma|z3::fma|\\(fp\\.fma|\"fp\\.fma\"");
  static const std::regex unqualified("(^|[^\\w:.>])fma\\s*\\(");
  Complaints complaints;
  for (const auto &[path, file] : tree) {
    std::string code = std::regex_replace(file.code, guard, "find(\"\")");
    bool uses_solver = false;
    for (const Include &include : file.includes)
      uses_solver = uses_solver || include.path == "z3++.h" || include.path == "z3.h";
    std::smatch match;
    if (std::regex_search(code, match, always) ||
        (uses_solver && std::regex_search(code, match, unqualified)))
      complaints.push_back(place(path, code, static_cast<std::size_t>(match.position())) +
                           "the solver's fused multiply-add is unsound");
  }
  return complaints;
}

namespace {

/// The types that a file defines in namespaces with names, with their lines: "a::b::Type" -> 12.
std::map<std::string, int> defined_types(const SourceFile &file) {
  static const std::regex opened(R"(^(?:inline )?namespace(?: ([\w:]+))? \{$)"),
      closed(R"(^\}\s*$)"),
      type(
          R"(^(?:template <.*> ?)?(?:struct|class|union|enum(?: class)?) (?:alignas\(.*\) )?(\w+)(?: (?:final )?(?::.*)?)?\{.*)");
  std::map<std::string, int> out;
  std::vector<std::string> around; // the namespaces; "" has no name
  std::istringstream lines(file.code);
  std::smatch match;
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    if (std::regex_match(line, match, opened))
      around.push_back(match[1]);
    else if (std::regex_match(line, closed) && !around.empty() && line.size() > 1)
      around.pop_back(); // a comment stood behind it: the end of a namespace
    else if (std::regex_match(line, match, type) &&
             std::find(around.begin(), around.end(), "") == around.end())
      out.emplace(fmt::format("{}::{}", fmt::join(around, "::"), match[1].str()), number);
  }
  return out;
}

} // namespace

Complaints repeated_types(const Tree &tree) {
  Complaints complaints;
  std::map<std::string, std::string> first; // type -> the file that defines it
  for (const auto &[path, file] : tree)
    for (const auto &[type, line] : defined_types(file))
      if (auto [it, is_first] = first.emplace(type, path); !is_first)
        complaints.push_back(
            fmt::format("{}:{}: {} is defined in {}, too", path, line, type, it->second));
  return complaints;
}

std::set<std::string> names_of_isa(std::string_view text) {
  static const std::regex declaration("(^|\\n)\\s*(isa|instruction)\\s+(\\w+)");
  std::string code = without_comments(text);
  std::set<std::string> names;
  for (std::sregex_iterator it(code.begin(), code.end(), declaration), end; it != end; ++it)
    names.insert((*it)[3]);
  return names;
}

} // namespace isamorph::source_tree
