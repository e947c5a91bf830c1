#include "semantics/output_files.h"
#include "semantics/source.h"
#include "semantics/tensor.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>

namespace isamorph::semantics {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";

struct TypeName {
  ElementType type;
  std::string_view descr;
};
// The first name of a type is the one that is written.
constexpr std::array<TypeName, 20> kTypeNames = {{
    {ElementType::Pred, "|b1"}, {ElementType::S8, "|i1"},   {ElementType::U8, "|u1"},
    {ElementType::S16, "<i2"},  {ElementType::U16, "<u2"},  {ElementType::S32, "<i4"},
    {ElementType::U32, "<u4"},  {ElementType::S64, "<i8"},  {ElementType::U64, "<u8"},
    {ElementType::F16, "<f2"},  {ElementType::BF16, "<V2"}, {ElementType::F32, "<f4"},
    {ElementType::F64, "<f8"},  {ElementType::BF16, "|V2"}, {ElementType::BF16, "bfloat16"},
    {ElementType::BF16, "<u2"}, {ElementType::F16, "<u2"},  {ElementType::S8, "<i1"},
    {ElementType::U8, "<u1"},   {ElementType::Pred, "<b1"},
}};

[[noreturn]] void bad(const std::string &path, const std::string &what) {
  throw InputError(path + ": " + what);
}

/// The dictionary in front of the elements of a .npy file: a Python literal with three known keys.
class HeaderReader {
public:
  HeaderReader(const std::string &path, std::string_view text) : path_(path), text_(text) {}

  std::string descr;
  std::vector<std::int64_t> dims;

  void read() {
    expect('{');
    bool has_descr = false, has_order = false, has_shape = false;
    while (!accept('}')) {
      std::string key = quoted();
      expect(':');
      if (key == "descr" && !has_descr) {
        if (peek() != '\'' && peek() != '"')
          bad(path_, "structured element types are not supported");
        descr = quoted();
        has_descr = true;
      } else if (key == "fortran_order" && !has_order) {
        if (word("True"))
          bad(path_, "fortran_order is True; only row-major (C order) files are read");
        if (!word("False"))
          bad(path_, "fortran_order is neither True nor False");
        has_order = true;
      } else if (key == "shape" && !has_shape) {
        shape();
        has_shape = true;
      } else {
        bad(path_, "unexpected key '" + printable(key) + "' in the .npy header");
      }
      if (!accept(',') && peek() != '}')
        malformed();
    }
    if (!has_descr || !has_order || !has_shape)
      bad(path_, "the .npy header lacks descr, fortran_order or shape");
    if (peek() != '\0')
      malformed();
  }

  static std::string printable(std::string_view text) {
    std::string out;
    for (char c : text.substr(0, 40))
      out += c >= ' ' && c <= '~' ? c : '?';
    return out;
  }

private:
  [[noreturn]] void malformed() const { bad(path_, "malformed .npy header"); }
  char peek() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t'))
      ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool accept(char c) {
    if (peek() != c)
      return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c))
      malformed();
  }
  bool word(std::string_view expected) {
    peek();
    if (text_.substr(at_, expected.size()) != expected)
      return false;
    at_ += expected.size();
    return true;
  }
  std::string quoted() {
    char quote = peek();
    if (quote != '\'' && quote != '"')
      malformed();
    std::size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos)
      malformed();
    std::string out(text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return out;
  }
  void shape() {
    expect('(');
    while (!accept(')')) {
      peek();
      std::int64_t value = 0;
      auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
      if (error != std::errc{} || value < 0)
        malformed();
      at_ = static_cast<std::size_t>(end - text_.data());
      if (at_ < text_.size() && text_[at_] == 'L') // written by Python 2
        ++at_;
      dims.push_back(value);
      if (!accept(',') && peek() != ')')
        malformed();
    }
  }

  const std::string &path_;
  std::string_view text_;
  std::size_t at_ = 0;
};

/// Where the elements begin.
std::size_t check_header(const std::string &path, std::string_view content, const Shape &expected) {
  auto byte = [&](std::size_t i) -> std::size_t { return static_cast<unsigned char>(content[i]); };
  if (content.size() < 10)
    bad(path, "truncated .npy header");
  std::size_t major = byte(6), begin = 10, length = byte(8) | byte(9) << 8;
  if (major == 2 || major == 3) {
    if (content.size() < 12)
      bad(path, "truncated .npy header");
    begin = 12;
    length |= byte(10) << 16 | byte(11) << 24;
  } else if (major != 1) {
    bad(path, fmt::format("unknown .npy version {}.{}", major, byte(7)));
  }
  if (length > content.size() - begin)
    bad(path, "truncated .npy header");
  HeaderReader header(path, content.substr(begin, length));
  header.read();
  if (!header.descr.empty() && header.descr[0] == '>')
    bad(path, "big-endian elements are not supported");
  bool fits = std::any_of(kTypeNames.begin(), kTypeNames.end(), [&](const TypeName &row) {
    return row.type == expected.type && row.descr == header.descr;
  });
  if (!fits)
    bad(path, fmt::format("elements are '{}', expected {}", HeaderReader::printable(header.descr),
                          name(expected.type)));
  if (header.dims != expected.dims)
    bad(path, fmt::format("shape is [{}], expected [{}]", join_dims(header.dims),
                          join_dims(expected.dims)));
  return begin + length;
}

std::string npy_header(const Shape &shape) {
  std::string_view descr;
  for (const TypeName &row : kTypeNames)
    if (row.type == shape.type) {
      descr = row.descr;
      break;
    }
  std::string dims;
  for (std::int64_t d : shape.dims)
    dims += fmt::format("{}{}", dims.empty() ? "" : ", ", d);
  if (shape.rank() == 1)
    dims += ",";
  std::string text =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", descr, dims);
  // Elements begin at a multiple of 64 bytes.
  std::size_t total = (10 + text.size() + 1 + 63) / 64 * 64;
  text.resize(total - 11, ' ');
  text += '\n';
  std::string header(kMagic);
  header +=
      {'\x01', '\x00', static_cast<char>(text.size() & 0xff), static_cast<char>(text.size() >> 8)};
  return header + text;
}

} // namespace

Tensor read_tensor(const std::string &path, const Shape &expected) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored))
    bad(path, "is a folder");
  std::ifstream file(path, std::ios::binary);
  if (!file)
    bad(path, std::string("cannot be read: ") + std::strerror(errno));
  // Never more than the largest file that can be right, and one byte.
  std::size_t want = static_cast<std::size_t>(expected.bytes()),
              limit = want + (std::size_t{1} << 17);
  std::string content;
  std::array<char, 1 << 16> block;
  while (content.size() <= limit && file) {
    file.read(block.data(), static_cast<std::streamsize>(block.size()));
    content.append(block.data(), static_cast<std::size_t>(file.gcount()));
  }
  if (file.bad() || !file.eof())
    bad(path, content.size() > limit
                  ? fmt::format("more than the {} bytes of {}", want, expected.to_string())
                  : "cannot be read");
  std::size_t begin = 0;
  if (std::string_view(content).starts_with(kMagic))
    begin = check_header(path, content, expected);
  else if (path.ends_with(".npy"))
    bad(path, "not an .npy file: it does not begin with \\x93NUMPY (raw bytes need another name)");
  if (content.size() - begin != want)
    bad(path, fmt::format("{} bytes of elements, but {} has {} bytes", content.size() - begin,
                          expected.to_string(), want));
  std::vector<std::byte> bytes(want);
  if (want > 0)
    std::memcpy(bytes.data(), content.data() + begin, want);
  if (expected.type == ElementType::Pred)
    for (std::byte &b : bytes)
      b = static_cast<std::byte>(b != std::byte{0});
  return Tensor(expected, std::move(bytes));
}

void stage_tensor(OutputFiles &files, const std::string &path, const Tensor &tensor) {
  std::string content;
  if (path.ends_with(".npy"))
    content = npy_header(tensor.shape());
  content.append(reinterpret_cast<const char *>(tensor.bytes().data()), tensor.bytes().size());
  files.stage(path, std::move(content));
}

void write_tensor(const std::string &path, const Tensor &tensor) {
  OutputFiles files;
  stage_tensor(files, path, tensor);
  files.commit();
}

} // namespace isamorph::semantics
