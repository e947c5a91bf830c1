// Loops whose iterations run side by side: the bits of the kernel written out, for any number of
// threads, and never a loop whose iterations depend on each other.
#include "sim/program.h"
#include "spec/unroll.h"
#include "tests/integer/machine.h"

#include <catch2/catch.hpp>
#include <rapidcheck.h>
#include <set>
#include <tbb/global_control.h>
#include <tbb/task_arena.h>

using namespace isamorph;

namespace {

/// A valid kernel on 32 rows of accumulators: a nest of up to three loops of loads, products,
/// additions and stores, whose addresses depend on some of the loops, or on none.
class RandomMoves : test::RandomNest {
public:
  using RandomNest::RandomNest;

  spec::Kernel kernel() {
    place(64, 128);
    add("load32", {32, 0, 0});
    for (std::int64_t row = 0; row < 128; row += 16)
      add("store32", {16, 0, 1024 + 16 * row});
    body(3);
    add("store32", {32, 0, 1024 + 16 * 96}); // what the loops left behind
    return std::move(kernel_);
  }

private:
  void instructions() override {
    for (std::int64_t i = pick(1, 4); i > 0; --i)
      instruction();
  }
  bool opens_loop(int levels) override { return levels == 3 || RandomNest::opens_loop(levels); }
  /// The last instruction's attribute goes up by `scale` times a number for each loop.
  void vary(std::uint32_t attribute, std::int64_t scale, std::span<const std::int64_t> numbers) {
    for (std::uint32_t d = 0; d < depth_; ++d)
      if (std::int64_t n = numbers[static_cast<std::size_t>(pick(0, 2))]; n != 0)
        kernel_.instructions.back().strides.push_back({attribute, d, scale * n});
  }
  void instruction() {
    constexpr std::array<std::int64_t, 3> off_chip = {0, 1, 3}, outputs = {1, 3, 9};
    const std::array<std::int64_t, 3> on_chip = {0, 0, pick(0, 3) ? 1 : 2};
    switch (pick(0, 4)) {
    case 0: // x, or the y that was stored
      add("load32", {pick(1, 2), 16 * pick(0, 4) + 1024 * (pick(0, 7) / 7), pick(0, 4)});
      vary(1, 16, off_chip);
      return vary(2, 1, on_chip);
    case 1:
    case 2:
      add("store32", {1, pick(0, 4), 1024 + 16 * pick(0, 2)});
      vary(1, 1, on_chip);
      return vary(2, 16, pick(0, 5) == 0 ? on_chip : outputs);
    case 3:
      add("accumulate", {1, pick(0, 4), pick(0, 4)});
      vary(1, 1, on_chip);
      return vary(2, 1, on_chip);
    default:
      return add("zero", {pick(0, 4)});
    }
  }
};

/// Whether iterations of a loop are independent, place by place, from the instances alone.
class PlaceByPlace {
public:
  PlaceByPlace(const spec::Isa &isa, const spec::Kernel &kernel, std::uint32_t loop) : isa_(isa) {
    const spec::Loop &here = kernel.loops[loop];
    std::size_t depth = 0;
    for (std::uint32_t l = 0; l < loop; ++l)
      depth += kernel.loops[l].first <= here.first && here.last <= kernel.loops[l].last;
    spec::for_each_instance(kernel, [&](const spec::Instance &instance) {
      if (instance.index < here.first || instance.index >= here.last)
        return;
      std::vector<std::int64_t> around(instance.iteration.begin(),
                                       instance.iteration.begin() + static_cast<long>(depth));
      if (around != around_)
        finish();
      around_ = around;
      note(instance.call, instance.iteration[depth]);
    });
    finish();
  }
  bool independent() const { return independent_; }

private:
  using Place = std::pair<std::uint32_t, std::int64_t>;

  template <class F>
  void each_place(const spec::Region &region, const spec::KernelInstruction &call, F f) {
    auto concrete = spec::instantiate(
        region, semantics::Bindings(call.attributes.begin(), call.attributes.end()));
    for (std::int64_t i = 0; i < concrete->extents[0]; ++i)
      f(Place{region.buffer, concrete->starts[0] + i});
  }
  void note(const spec::KernelInstruction &call, std::int64_t iteration) {
    const spec::Instruction &instruction = isa_.instructions[call.instruction];
    for (const spec::Read &read : instruction.reads)
      each_place(read.region, call, [&](Place place) {
        auto written = last_.find(place);
        if (written == last_.end() || written->second != iteration)
          reads_.emplace(place, iteration);
      });
    for (const spec::Write &write : instruction.writes)
      each_place(write.region, call, [&](Place place) {
        last_[place] = iteration;
        writers_[place].insert(iteration);
      });
  }
  void finish() {
    for (const auto &[place, iteration] : reads_) {
      auto found = writers_.find(place);
      if (found == writers_.end())
        continue;
      bool own = place.first == isa_.off_chip && found->second == std::set{iteration};
      independent_ &= own;
    }
    for (const auto &[place, iterations] : writers_)
      independent_ &= place.first != isa_.off_chip || iterations.size() == 1;
    last_.clear(), reads_.clear(), writers_.clear();
  }

  const spec::Isa &isa_;
  bool independent_ = true;
  std::vector<std::int64_t> around_;
  std::map<Place, std::int64_t> last_;
  std::set<std::pair<Place, std::int64_t>> reads_; ///< of what the iteration had not written
  std::map<Place, std::set<std::int64_t>> writers_;
};

} // namespace

TEST_CASE("iterations that run side by side are independent and leave the same bits") {
  tbb::global_control more(tbb::global_control::max_allowed_parallelism, 5);
  spec::Isa isa = test::integer_machine();
  std::size_t chosen = 0, outermost = 0, dependent = 0;
  REQUIRE(rc::check("outputs are equal", [&] {
    auto seed = *rc::gen::arbitrary<std::uint64_t>();
    spec::Kernel kernel = RandomMoves(isa, seed).kernel();
    spec::validate(kernel, isa);
    sim::Program program(isa, kernel, 0);
    const std::vector<char> &independent = program.independent();
    RC_ASSERT(independent.size() == kernel.loops.size());
    std::uint32_t covered = 0;
    for (std::uint32_t l = 0; l < independent.size(); ++l) {
      bool truly = PlaceByPlace(isa, kernel, l).independent();
      if (independent[l])
        RC_ASSERT(truly);
      if (kernel.loops[l].first < covered || kernel.loops[l].iterations() < 2)
        continue;
      chosen += independent[l] != 0;
      outermost += truly;
      dependent += !truly;
      if (truly)
        covered = kernel.loops[l].last;
    }
    std::vector<semantics::Tensor> inputs = {test::random_tensor(kernel.inputs[0].shape, seed)};
    auto expected = sim::Program(isa, spec::unrolled(kernel)).run(inputs);
    for (int threads : {1, 2, 5})
      RC_ASSERT(tbb::task_arena(threads).execute([&] { return program.run(inputs); }) == expected);
  }));
  INFO(chosen << " of " << outermost << " independent loops chosen, " << dependent << " dependent");
  CHECK(chosen > 20);
  CHECK(dependent > 20);
  CHECK(10 * chosen >= 9 * outermost); // not chosen: reads partly of what the iteration wrote
}

TEST_CASE("what lies between the rows that a share wrote stays as it is") {
  tbb::global_control more(tbb::global_control::max_allowed_parallelism, 5);
  spec::Isa isa = test::integer_machine();
  spec::Kernel kernel = spec::parse_kernel(semantics::make_source("<kernel>", R"(kernel k {
      memory 1024 input x @ 0 : s32[32,4] output y @ 512 : s32[32,4]
      load32(rows=32, from=0, to=0)
      for i in 0..4 { for j in 0..3 { load32(rows=1, from=16*i + 64*j, to=8*i + 2*j) } }
      store32(rows=32, from=0, to=512) })"),
                                           isa);
  sim::Program program(isa, kernel, 0);
  REQUIRE(program.independent() == std::vector<char>{1, 0});
  std::vector<semantics::Tensor> inputs = {test::random_tensor(kernel.inputs[0].shape, 3)};
  auto expected = sim::Program(isa, spec::unrolled(kernel)).run(inputs);
  for (int threads : {1, 2, 5})
    CHECK(tbb::task_arena(threads).execute([&] { return program.run(inputs); }) == expected);
}
