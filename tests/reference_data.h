#pragma once
// Where data made by other projects are: in $ISAMORPH_DATA, or else beside the repository. They may
// be absent.

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <vector>

namespace isamorph::test {

inline std::filesystem::path reference_data(std::string_view folder) {
  const char *place = std::getenv("ISAMORPH_DATA");
  return (place ? std::filesystem::path(place)
                : std::filesystem::path(ISAMORPH_SOURCE_DIR) / ".." / "shared" / "data") /
         folder;
}

/// The files of a folder with an ending such as ".csv", sorted; none when the folder is absent.
inline std::vector<std::filesystem::path> reference_files(std::string_view folder,
                                                          std::string_view ending) {
  std::filesystem::path data = reference_data(folder);
  std::vector<std::filesystem::path> files;
  if (std::filesystem::exists(data))
    for (const auto &entry : std::filesystem::directory_iterator(data))
      if (entry.path().extension() == ending)
        files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

} // namespace isamorph::test
