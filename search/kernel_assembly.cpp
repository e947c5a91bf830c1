#include "search/kernel_assembly.h"

#include <fmt/format.h>

#include <numeric>

namespace isamorph::search {
namespace {

/// The layout with only the constants and scratch places that the steps use.
Locations compact(const StateSpace &space, const std::vector<PlanStep> &steps,
                  std::vector<char> &used) {
  Locations layout = space.locations();
  used.assign(layout.all.size(), 0);
  auto mark = [&](std::uint32_t slot) {
    if (slot < used.size())
      used[slot] = 1;
  };
  std::vector<Placement> parts;
  for (const PlanStep &step : steps) {
    const Instance &instance = space.graph().instances[step.instance];
    for (std::size_t i = 0; i < step.reads.size(); ++i)
      space.parts_at({instance.reads[i].v, step.reads[i]}, parts);
    for (std::size_t i = 0; i < step.writes.size(); ++i)
      space.parts_at({instance.writes[i].v, step.writes[i]}, parts);
  }
  for (Placement part : parts)
    mark(part.slot);
  layout.total_bytes = 0;
  for (std::size_t i = 0; i < layout.all.size(); ++i) {
    Locations::Location &location = layout.all[i];
    if (location.kind != Locations::Kind::Constant && location.kind != Locations::Kind::Scratch)
      used[i] = 1;
    if (!used[i])
      continue;
    if (layout.is_piece(i)) { // of a location before it
      location.address = layout.all[location.within].address + location.offset;
      continue;
    }
    location.address = layout.total_bytes;
    layout.total_bytes += location.bytes;
  }
  return layout;
}

/// Fills in every attribute; false when some equation or constraint does not hold in this layout.
bool bind_all(const StateSpace &space, const std::vector<PlanStep> &steps, const Locations &layout,
              std::vector<spec::KernelInstruction> &out) {
  out.clear();
  auto slots = [&](const std::vector<std::uint32_t> &ids) {
    std::vector<Slot> places;
    for (std::uint32_t id : ids)
      places.push_back(space.slot(id));
    return places;
  };
  for (const PlanStep &step : steps) {
    auto values =
        space.bind(step.instance, step.fixed, slots(step.reads), slots(step.writes), layout);
    if (!values)
      return false;
    out.push_back({space.graph().instances[step.instance].instruction, std::move(*values), {}});
  }
  return true;
}

} // namespace

std::string kernel_name(const semantics::TensorGraph &graph) {
  std::string out;
  for (char c : graph.name)
    out += (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'
               ? c
               : '_';
  if (out.empty())
    return "kernel";
  return out[0] >= '0' && out[0] <= '9' ? "_" + out : out;
}

KernelTensors kernel_tensors(const semantics::TensorGraph &graph) {
  KernelTensors tensors;
  for (semantics::NodeId id : graph.parameters)
    tensors.inputs.push_back({graph[id].name, graph[id].shape});
  for (std::size_t j = 0; j < graph.results.size(); ++j) {
    std::string name = graph[graph.results[j]].name;
    auto taken = [&](const std::pair<std::string, Shape> &other) { return other.first == name; };
    while (std::any_of(tensors.inputs.begin(), tensors.inputs.end(), taken) ||
           std::any_of(tensors.outputs.begin(), tensors.outputs.end(), taken))
      name += fmt::format("_{}", j);
    tensors.outputs.push_back({name, graph[graph.results[j]].shape});
  }
  return tensors;
}

TensorRef typed_constant(const TensorEGraph &egraph, ClassId image) {
  auto below = [&](ClassId c, OpCode op) {
    std::vector<ClassId> out;
    for (ENodeId node : egraph.graph().nodes_of(egraph.find(c)))
      if (egraph.operator_of(node).op == op)
        out.push_back(egraph.find(egraph.graph().children(node)[0]));
    std::sort(out.begin(), out.end());
    return out;
  };
  std::vector<ClassId> candidates = {image};
  for (ClassId c : below(image, OpCode::Reshape))
    candidates.push_back(c);
  for (ClassId c : candidates)
    for (ClassId typed : below(c, OpCode::BitcastConvert))
      if (egraph.constant(typed) && egraph.shape(typed).type != ElementType::U8)
        return egraph.constant(typed);
  return egraph.constant(image);
}

std::vector<PlanStep> real_steps(const StateSpace &space, const Plan &plan) {
  std::map<std::uint32_t, std::uint32_t> real; // packed slot -> real slot; absent: itself
  auto place = [&](std::uint32_t slot) {
    auto found = real.find(slot);
    return found == real.end() ? slot : found->second;
  };
  std::vector<PlanStep> steps;
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const Transition &transition = plan.steps[i];
    PlanStep step{space.variants()[transition.variant].instance, transition.fixed, {}, {}};
    for (Placement p : transition.reads)
      step.reads.push_back(place(p.slot));
    for (Placement p : transition.writes)
      step.writes.push_back(place(p.slot));
    steps.push_back(std::move(step));

    State next = space.apply(plan.states[i], transition);
    std::vector<std::pair<std::uint32_t, std::uint32_t>> moved;
    space.normalize(next, &moved);
    // Positions that hold nothing take the real slots that are left, in order.
    std::map<std::uint32_t, std::uint32_t> after;
    std::vector<std::uint32_t> from, to;
    for (auto [before, now] : moved) {
      after[now] = place(before);
      from.push_back(before);
      to.push_back(now);
    }
    std::sort(from.begin(), from.end());
    std::sort(to.begin(), to.end());
    std::vector<std::uint32_t> vacated, filled;
    std::set_difference(from.begin(), from.end(), to.begin(), to.end(),
                        std::back_inserter(vacated));
    std::set_difference(to.begin(), to.end(), from.begin(), from.end(), std::back_inserter(filled));
    // Packing keeps the number of placements: `filled` positions were empty, `vacated` ones become
    // so.
    for (std::size_t k = 0; k < vacated.size(); ++k)
      after[vacated[k]] = place(filled[k]);
    for (auto [packed, at] : after)
      real[packed] = at;
  }
  return steps;
}

spec::Kernel assemble_kernel(const StateSpace &space, const Plan &plan, const TensorEGraph &egraph,
                             const KernelTensors &tensors, const std::string &name) {
  std::vector<PlanStep> steps = real_steps(space, plan);
  spec::Kernel kernel;
  kernel.name = name;
  std::vector<char> used;
  Locations layout = compact(space, steps, used);
  if (!bind_all(space, steps, layout, kernel.instructions)) {
    // A constraint looks at off-chip addresses: keep those that the plan was made for.
    layout = space.locations();
    used.assign(used.size(), 1);
    bool bound = bind_all(space, steps, layout, kernel.instructions);
    assert(bound);
    (void)bound;
  }
  kernel.off_chip_bytes = layout.total_bytes;
  for (std::size_t i = 0; i < layout.all.size(); ++i) {
    const Locations::Location &location = layout.all[i];
    if (layout.is_piece(i))
      continue;
    if (location.kind == Locations::Kind::Input) {
      const auto &[label, shape] = tensors.inputs[location.index];
      kernel.inputs.push_back({label, location.address, shape, nullptr, {}});
    } else if (location.kind == Locations::Kind::Output || location.kind == Locations::Kind::Room) {
      bool room = location.kind == Locations::Kind::Room;
      const auto &[label, shape] =
          tensors.outputs[room ? location.index : space.graph().outputs[location.index].tensor];
      kernel.outputs.push_back({label, location.address, shape, nullptr, {}});
    } else if (location.kind == Locations::Kind::Constant && used[i]) {
      TensorRef value = typed_constant(egraph, space.graph().vertices[location.vertex.v].value);
      kernel.constants.push_back({"constant_" + std::to_string(kernel.constants.size()),
                                  location.address,
                                  value->shape(),
                                  value,
                                  {}});
    }
  }
  return kernel;
}

} // namespace isamorph::search
