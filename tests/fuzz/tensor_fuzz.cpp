// Tensor files, .npy or raw: a tensor that was read, written as .npy, reads back to itself.
#include "semantics/tensor.h"
#include "tests/fuzz/readers.h"
#include "tests/fuzz/scratch_file.h"

void isamorph::fuzz::tensor(const semantics::SourceRef &source) {
  using semantics::ElementType;
  // The shapes that the files to begin with have; the first one that fits is enough.
  static const std::vector<semantics::Shape> shapes = {{ElementType::F32, {2, 3}},
                                                       {ElementType::Pred, {4}},
                                                       {ElementType::BF16, {2, 2, 2}},
                                                       {ElementType::S64, {}},
                                                       {ElementType::U8, {0, 5}}};
  ScratchFile file(source->text);
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    semantics::Tensor tensor;
    try {
      tensor = semantics::read_tensor(file.path(), shapes[i]);
    } catch (const semantics::InputError &error) {
      if (i + 1 == shapes.size())
        semantics::fail({source, 0}, error.message()); // a binary file has no lines
      continue;
    }
    semantics::write_tensor(file.path(), tensor);
    try {
      require(semantics::read_tensor(file.path(), shapes[i]) == tensor,
              "the written tensor is another");
    } catch (const semantics::InputError &error) {
      throw Finding("a written tensor is refused: " + error.message());
    }
    return;
  }
}
