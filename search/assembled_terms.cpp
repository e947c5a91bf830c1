#include "search/assembled_terms.h"

#include "semantics/byte_sources.h"
#include "semantics/rewrite_chain.h"

namespace isamorph::search {

using semantics::ByteSource;
using semantics::NodeId;
using semantics::OpCode;
using semantics::Shape;
using semantics::TensorTerms;
using semantics::TermBytes;

namespace {

/// More pieces are not put together.
constexpr int kMostPieces = 1024;

/// A tensor as rows of cells: elements of a matrix, whole rows of any other tensor.
struct Grid {
  std::int64_t rows = 1, columns = 1, cell = 0; ///< cell: bytes
  explicit Grid(const Shape &shape) : cell(shape.bytes()) {
    if (shape.rank() == 0 || shape.elements() == 0)
      return;
    rows = shape.dims[0];
    columns = shape.rank() == 2 ? shape.dims[1] : 1;
    cell = shape.bytes() / (rows * columns);
  }
};

struct Area {
  std::int64_t row, column, height, width; ///< in cells
};

class Assembly {
public:
  Assembly(TensorTerms &terms, const TermBytes &bytes, const Shape &shape)
      : terms_(terms), bytes_(bytes), shape_(shape), grid_(shape) {}

  std::optional<NodeId> all() { return assemble({0, 0, grid_.rows, grid_.columns}); }

private:
  /// Where a cell comes from: a cell of a tensor of the same kind.
  struct Cell {
    std::uint32_t tensor;
    std::int64_t row, column;
    bool operator==(const Cell &) const = default;
  };

  std::optional<Cell> source(std::int64_t row, std::int64_t column) const {
    auto at = static_cast<std::size_t>((row * grid_.columns + column) * grid_.cell);
    const ByteSource first = bytes_.bytes[at];
    for (std::uint32_t i = 1; i < grid_.cell; ++i)
      if (bytes_.bytes[at + i] != ByteSource{first.tensor, first.offset + i})
        return std::nullopt;
    const Grid from = grid_of(first.tensor);
    if (from.cell != grid_.cell || first.offset % grid_.cell != 0)
      return std::nullopt;
    std::int64_t cell = first.offset / grid_.cell;
    return Cell{first.tensor, cell / from.columns, cell % from.columns};
  }

  Grid grid_of(std::uint32_t tensor) const { return Grid(terms_[bytes_.tensors[tensor]].shape); }

  /// Cells of such a tensor can stand beside those of the whole.
  bool fits(std::uint32_t tensor) const {
    const Shape &from = terms_[bytes_.tensors[tensor]].shape;
    if (from.type != shape_.type || from.rank() != shape_.rank())
      return false;
    return shape_.rank() == 2 || from.rank() == 0 ||
           std::equal(from.dims.begin() + 1, from.dims.end(), shape_.dims.begin() + 1);
  }

  /// The rectangle at an area's first cell that lies as it does in its tensor.
  Area first_rectangle(const Area &area, const Cell &first) const {
    auto continues = [&](std::int64_t down, std::int64_t right) {
      return source(area.row + down, area.column + right) ==
             Cell{first.tensor, first.row + down, first.column + right};
    };
    Area out{area.row, area.column, 1, 1};
    while (out.width < area.width && continues(0, out.width))
      ++out.width;
    auto row_continues = [&] {
      for (std::int64_t right = 0; right < out.width; ++right)
        if (!continues(out.height, right))
          return false;
      return true;
    };
    while (out.height < area.height && row_continues())
      ++out.height;
    return out;
  }

  /// Bands of rows that begin with a rectangle of their height.
  std::optional<NodeId> assemble(const Area &area) {
    std::vector<NodeId> bands;
    for (Area rest = area; rest.height > 0;) {
      auto first = source(rest.row, rest.column);
      if (!first || !fits(first->tensor))
        return std::nullopt;
      Area band{rest.row, rest.column, first_rectangle(rest, *first).height, rest.width};
      auto whole = assemble_band(band);
      if (!whole)
        return std::nullopt;
      bands.push_back(*whole);
      rest.row += band.height;
      rest.height -= band.height;
    }
    return joined(bands, 0);
  }

  /// Rectangles beside each other, and what is left where one is not as high as the area.
  std::optional<NodeId> assemble_band(const Area &area) {
    std::vector<NodeId> pieces;
    for (Area rest = area; rest.width > 0;) {
      auto first = source(rest.row, rest.column);
      if (!first || !fits(first->tensor) || ++pieces_ > kMostPieces)
        return std::nullopt;
      Area part = first_rectangle(rest, *first);
      if (part.height < rest.height) {
        auto left = assemble(rest);
        if (!left)
          return std::nullopt;
        pieces.push_back(*left);
        break;
      }
      pieces.push_back(cut(*first, part));
      rest.column += part.width;
      rest.width -= part.width;
    }
    return joined(pieces, 1);
  }

  NodeId cut(const Cell &first, const Area &area) {
    NodeId tensor = bytes_.tensors[first.tensor];
    Shape shape = terms_[tensor].shape;
    std::vector<std::int64_t> starts(shape.rank(), 0);
    if (shape.rank() > 0)
      starts[0] = first.row, shape.dims[0] = area.height;
    if (shape.rank() == 2)
      starts[1] = first.column, shape.dims[1] = area.width;
    if (shape == terms_[tensor].shape)
      return tensor;
    return terms_.add(OpCode::Slice, {tensor}, semantics::slice_attributes(starts, shape.dims),
                      shape);
  }

  /// Joined in halves: the parts of n pieces have log n times the bytes of the whole.
  NodeId joined(std::span<const NodeId> pieces, std::size_t dimension) {
    if (pieces.size() == 1)
      return pieces[0];
    NodeId first = joined(pieces.first(pieces.size() / 2), dimension),
           second = joined(pieces.subspan(pieces.size() / 2), dimension);
    Shape shape = terms_[first].shape;
    shape.dims[dimension] += terms_[second].shape.dims[dimension];
    semantics::Attributes attributes;
    attributes.set(semantics::AttributeKey::Dimensions, {static_cast<std::int64_t>(dimension)});
    return terms_.add(OpCode::Concatenate, {first, second}, attributes, shape);
  }

  TensorTerms &terms_;
  const TermBytes &bytes_;
  Shape shape_;
  Grid grid_;
  int pieces_ = 0;
};

std::optional<TermBytes> bytes_of(const TensorTerms &terms, NodeId term) {
  auto out = semantics::bytes_of_term(terms, term, semantics::kMaxMovedBytes);
  return out && out->bytes.empty() ? std::nullopt : out;
}

/// Rows of so many bytes, as those of a tensor; nullopt where they are no whole number.
std::optional<Shape> rows_like(const Shape &tensor, std::int64_t bytes) {
  Shape out = tensor;
  std::int64_t row = out.rank() == 0 ? 0 : out.bytes() / out.dims[0];
  if (row == 0 || bytes % row != 0)
    return std::nullopt;
  out.dims[0] = bytes / row;
  return out;
}

/// The bytes of a tensor that are moved to `to`, by where what stands there comes from; nullopt
/// where not all are.
std::optional<TermBytes> bytes_before(std::uint32_t tensor, const Shape &shape,
                                      const TermBytes &moved, const TermBytes &to) {
  std::vector<std::optional<ByteSource>> found(static_cast<std::size_t>(shape.bytes()));
  for (std::size_t i = 0; i < moved.bytes.size(); ++i)
    if (moved.bytes[i].tensor == tensor)
      found[moved.bytes[i].offset] = to.bytes[i];
  TermBytes out{to.tensors, {}};
  for (const std::optional<ByteSource> &byte : found) {
    if (!byte)
      return std::nullopt;
    out.bytes.push_back(*byte);
  }
  return out;
}

} // namespace

void add_whole(TensorTerms &terms, NodeId term) {
  const Shape shape = terms[term].shape;
  auto bytes = bytes_of(terms, term);
  if (!bytes)
    return;
  if (shape.type != semantics::ElementType::U8 || shape.rank() != 1) {
    Assembly(terms, *bytes, shape).all();
    return;
  }
  auto rows = rows_like(terms[bytes->tensors[bytes->bytes[0].tensor]].shape, shape.bytes());
  auto whole = rows ? Assembly(terms, *bytes, *rows).all() : std::nullopt;
  if (whole)
    terms.image(*whole);
}

bool add_values(TensorTerms &terms, NodeId result, NodeId computed) {
  auto from = bytes_of(terms, result), to = bytes_of(terms, computed);
  if (!from || !to || from->bytes.size() != to->bytes.size())
    return false;
  for (std::uint32_t t = 0; t < from->tensors.size(); ++t) {
    const Shape shape = terms[from->tensors[t]].shape;
    auto bytes = bytes_before(t, shape, *from, *to);
    if (!bytes || !Assembly(terms, *bytes, shape).all())
      return false;
  }
  return true;
}

} // namespace isamorph::search
