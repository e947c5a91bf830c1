#pragma once
// Sizes of TASO's tensors: unknowns, numbers, sums that concat made and that split takes apart, and
// counts of windows. Equal sizes are made equal by unification, part by part: a sum of two unknowns
// is never compared with another sum as a number, so that the parts of both agree.

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace isamorph::verify {

struct SizeId {
  std::uint32_t v = 0;
};

class TasoSizes {
public:
  SizeId unknown(bool spatial = false) { return make({Kind::Unknown, spatial}); }
  SizeId number(std::int64_t value);
  SizeId sum(SizeId first, SizeId second);
  /// How many windows a dimension has: ceil(size / stride) when padded, else those that fit.
  SizeId windows(SizeId size, SizeId kernel, std::int64_t stride, bool padded);

  /// Makes two sizes one; false when they cannot be.
  bool unify(SizeId a, SizeId b);
  /// The parts of a sum; an unknown becomes a sum of two unknowns. False when it is neither.
  bool parts(SizeId size, std::pair<SizeId, SizeId> &out);
  bool is_number(SizeId size, std::int64_t value) const;

  /// Not the sum of more than a thousand others: sums of sums may double with every line.
  bool moderate(SizeId size) const;
  /// As an integer expression over n0, n1, ...: unknowns in the order in which they are first
  /// asked for. What is not moderate is cut.
  std::string text(SizeId size);
  /// Of those unknowns, whether each was made as a height or a width.
  const std::vector<bool> &spatial() const { return spatial_; }

private:
  enum class Kind : std::uint8_t { Unknown, Number, Sum, Windows };
  struct Size {
    Kind kind;
    bool spatial = false, padded = false; ///< Unknown; Windows
    std::int64_t value = 0;               ///< Number; Windows: the stride
    SizeId first{}, second{};             ///< Sum; Windows: size and kernel
    bool bound = false;                   ///< it is `first`
  };
  static constexpr int kMostParts = 1000;
  SizeId make(Size size);
  void count(SizeId size, int &left) const;
  std::string text(SizeId size, int &left);
  SizeId find(SizeId size) const;
  bool occurs(SizeId unknown, SizeId in) const;

  std::vector<Size> sizes_;
  std::map<std::uint32_t, std::size_t> numbers_; ///< unknown -> its number in texts
  std::vector<bool> spatial_;
};

} // namespace isamorph::verify
