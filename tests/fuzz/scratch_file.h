#pragma once
// A file for readers that take a path.

#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>

namespace isamorph::fuzz {

/// A file of this process with the given content, gone at the end.
class ScratchFile {
public:
  explicit ScratchFile(const std::string &content)
      : path_((std::filesystem::temp_directory_path() /
               ("isamorph_fuzz_" + std::to_string(getpid()) + ".npy"))
                  .string()) {
    std::ofstream file(path_, std::ios::binary);
    file.write(content.data(), static_cast<std::streamsize>(content.size()));
  }
  ~ScratchFile() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  ScratchFile(const ScratchFile &) = delete;

  const std::string &path() const { return path_; }

private:
  std::string path_;
};

} // namespace isamorph::fuzz
