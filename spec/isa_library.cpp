#include "spec/isa.h"
#include "spec/isa_files.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

namespace isamorph::spec {
namespace {

namespace fs = std::filesystem;

void add_folder(std::vector<std::string> &folders, const fs::path &folder) {
  std::error_code error;
  if (folder.empty() || !fs::is_directory(folder, error))
    return;
  std::string text = folder.lexically_normal().string();
  if (std::find(folders.begin(), folders.end(), text) == folders.end())
    folders.push_back(text);
}

/// "gemmini(DIM=64, X=2)" in parts.
struct IsaName {
  std::string base;
  std::vector<std::pair<std::string, std::int64_t>> arguments;
};

bool is_plain_name(const std::string &name) {
  return !name.empty() && std::all_of(name.begin(), name.end(),
                                      [](unsigned char c) { return std::isalnum(c) || c == '_'; });
}

IsaName split_arguments(const std::string &text) {
  IsaName result{text, {}};
  std::size_t open = text.rfind('(');
  if (open == std::string::npos || (text.back() != ')' && !is_plain_name(text.substr(0, open))))
    return result;
  result.base = text.substr(0, open);
  semantics::Cursor cursor(semantics::make_source("--isa", text));
  cursor.seek(open + 1);
  while (!cursor.accept(")")) {
    std::string name = cursor.identifier("a parameter's name");
    cursor.expect("=");
    result.arguments.emplace_back(name, cursor.integer("the parameter's value"));
    if (!cursor.accept(",") && !cursor.looking_at(")"))
      cursor.error_expected("',' or ')'");
  }
  return result;
}

bool is_file(const fs::path &path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

} // namespace

std::vector<std::string> isa_folders() {
  std::vector<std::string> folders;
  if (const char *path = std::getenv("ISAMORPH_ISA_PATH")) {
    std::string text = path;
    for (std::size_t begin = 0; begin <= text.size();) {
      std::size_t end = std::min(text.find(':', begin), text.size());
      add_folder(folders, text.substr(begin, end - begin));
      begin = end + 1;
    }
  }
  std::error_code error;
  fs::path self = fs::read_symlink("/proc/self/exe", error);
  if (!error)
    add_folder(folders, self.parent_path() / ".." / "share" / "isamorph" / "isa");
  add_folder(folders, ISAMORPH_SOURCE_ISA_DIR);
  return folders;
}

semantics::SourceRef find_isa_file(const std::string &name, const semantics::SourceRef &from,
                                   const semantics::Location &where) {
  fs::path path(name);
  bool leaves = path.is_absolute() || path.empty();
  for (const fs::path &part : path)
    leaves = leaves || part == "..";
  if (leaves)
    semantics::fail(where,
                    "'" + name + "' must be a file beside this one or among the shipped ISAs");
  std::vector<std::string> folders;
  if (from && !from->name.empty() && from->name[0] != '<') {
    fs::path beside = fs::path(from->name).parent_path();
    add_folder(folders, beside.empty() ? fs::path(".") : beside);
  }
  for (const std::string &folder : isa_folders())
    folders.push_back(folder);
  for (const std::string &folder : folders)
    if (is_file(fs::path(folder) / path))
      return semantics::read_source((fs::path(folder) / path).string());
  semantics::fail(where, "cannot find '" + name + "'", "searched: " + semantics::join(folders));
}

std::vector<std::string> shipped_isa_names() {
  std::vector<std::string> names;
  for (const std::string &folder : isa_folders()) {
    std::error_code error;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
      if (it->path().extension() == ".isa")
        names.push_back(it->path().stem().string());
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

Isa load_isa(const std::string &name_or_path) {
  IsaName name = split_arguments(name_or_path);
  if (is_plain_name(name.base)) {
    for (const std::string &folder : isa_folders()) {
      fs::path path = fs::path(folder) / (name.base + ".isa");
      if (is_file(path))
        return parse_isa(semantics::read_source(path.string()), name.arguments);
    }
    if (!is_file(name.base)) {
      std::vector<std::string> shipped = shipped_isa_names();
      std::string nearest = semantics::suggest(name.base, shipped);
      throw semantics::InputError("unknown ISA '" + name.base + "'" +
                                  (nearest.empty() ? "" : "; " + nearest) +
                                  "\nshipped ISAs: " + semantics::join(shipped));
    }
  }
  return parse_isa(semantics::read_source(name.base), name.arguments);
}

} // namespace isamorph::spec
