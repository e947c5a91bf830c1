#include "semantics/op.h"

namespace isamorph::semantics {
namespace {

using List = std::span<const std::int64_t>;

std::string braces(List values) {
  return "{" + join_dims(std::vector<std::int64_t>(values.begin(), values.end())) + "}";
}

std::string dot_text(const Attributes &a) {
  std::string out;
  auto add = [&](const char *key, AttributeKey k) {
    if (!a.get(k).empty())
      out += std::string(", ") + key + "=" + braces(a.get(k));
  };
  add("lhs_batch_dims", AttributeKey::LhsBatch);
  add("lhs_contracting_dims", AttributeKey::LhsContracting);
  add("rhs_batch_dims", AttributeKey::RhsBatch);
  add("rhs_contracting_dims", AttributeKey::RhsContracting);
  return out;
}

std::string slice_text(const Attributes &a) {
  List starts = a.get(AttributeKey::SliceStarts), limits = a.get(AttributeKey::SliceLimits),
       strides = a.get(AttributeKey::SliceStrides);
  std::string out;
  for (std::size_t d = 0; d < starts.size(); ++d) {
    out += (d ? ", [" : "[") + std::to_string(starts[d]) + ":" + std::to_string(limits[d]);
    out += (strides[d] == 1 ? "" : ":" + std::to_string(strides[d])) + "]";
  }
  return ", slice={" + out + "}";
}

std::string pad_text(const Attributes &a) {
  List low = a.get(AttributeKey::PaddingLow), high = a.get(AttributeKey::PaddingHigh),
       interior = a.get(AttributeKey::PaddingInterior);
  std::string out;
  for (std::size_t d = 0; d < low.size(); ++d)
    out += (d ? "x" : "") + std::to_string(low[d]) + "_" + std::to_string(high[d]) +
           (interior[d] ? "_" + std::to_string(interior[d]) : "");
  return low.empty() ? "" : ", padding=" + out;
}

/// "AxBxC" of one of a window's lists, or "" when it is absent or all `otherwise`.
std::string window_list(const char *key, List values, std::int64_t otherwise) {
  std::string out;
  bool needed = false;
  for (std::size_t i = 0; i < values.size(); ++i) {
    out += (i ? "x" : "") + std::to_string(values[i]);
    needed |= values[i] != otherwise;
  }
  return needed ? std::string(" ") + key + "=" + out : "";
}

std::string window_text(const Attributes &a) {
  List size = a.get(AttributeKey::WindowSize), low = a.get(AttributeKey::WindowPadLow),
       high = a.get(AttributeKey::WindowPadHigh);
  std::string out = "size=", pad;
  bool padded = false;
  for (std::size_t i = 0; i < size.size(); ++i)
    out += (i ? "x" : "") + std::to_string(size[i]);
  for (std::size_t i = 0; i < low.size(); ++i) {
    pad += (i ? "x" : " pad=") + std::to_string(low[i]) + "_" + std::to_string(high[i]);
    padded |= low[i] != 0 || high[i] != 0;
  }
  if (size.empty())
    return ", window={}";
  return ", window={" + out + window_list("stride", a.get(AttributeKey::WindowStride), 1) +
         (padded ? pad : "") + window_list("lhs_dilate", a.get(AttributeKey::WindowLhsDilate), 1) +
         window_list("rhs_dilate", a.get(AttributeKey::WindowRhsDilate), 1) +
         window_list("rhs_reversal", a.get(AttributeKey::WindowReversal), 0) + "}";
}

std::string labels(List positions, char first, char second) {
  std::string out(positions.size(), '?');
  for (std::size_t i = 0; i < positions.size(); ++i)
    out[static_cast<std::size_t>(positions[i])] = i == 0   ? first
                                                  : i == 1 ? second
                                                           : static_cast<char>('0' + (i - 2));
  return out;
}

std::string convolution_text(const Attributes &a) {
  std::string out = window_text(a) +
                    ", dim_labels=" + labels(a.get(AttributeKey::LhsLayout), 'b', 'f') + "_" +
                    labels(a.get(AttributeKey::RhsLayout), 'i', 'o') + "->" +
                    labels(a.get(AttributeKey::OutputLayout), 'b', 'f');
  if (std::int64_t groups = a.get_one(AttributeKey::FeatureGroups, 1); groups != 1)
    out += ", feature_group_count=" + std::to_string(groups);
  if (std::int64_t groups = a.get_one(AttributeKey::BatchGroups, 1); groups != 1)
    out += ", batch_group_count=" + std::to_string(groups);
  return out;
}

std::string reducer(const Attributes &a) {
  return ", to_apply=" +
         std::string(info(static_cast<OpCode>(a.get_one(AttributeKey::Reducer))).name);
}

} // namespace

std::string attributes_text(OpCode code, const Attributes &a) {
  switch (code) {
  case OpCode::Iota:
    return ", iota_dimension=" + std::to_string(a.get_one(AttributeKey::IotaDimension));
  case OpCode::Transpose:
  case OpCode::Broadcast:
  case OpCode::Concatenate:
  case OpCode::Reverse:
    return ", dimensions=" + braces(a.get(AttributeKey::Dimensions));
  case OpCode::Reduce:
    return ", dimensions=" + braces(a.get(AttributeKey::Dimensions)) + reducer(a);
  case OpCode::ReduceWindow:
    return window_text(a) + reducer(a);
  case OpCode::Convolution:
    return convolution_text(a);
  case OpCode::Slice:
    return slice_text(a);
  case OpCode::DynamicSlice:
    return ", dynamic_slice_sizes=" + braces(a.get(AttributeKey::SliceSizes));
  case OpCode::Pad:
    return pad_text(a);
  case OpCode::Dot:
    return dot_text(a);
  case OpCode::Compare:
    return ", direction=" +
           std::string(name(static_cast<CompareDirection>(a.get_one(AttributeKey::Direction))));
  case OpCode::GetTupleElement:
    return ", index=" + std::to_string(a.get_one(AttributeKey::TupleIndex));
  default:
    return {};
  }
}

} // namespace isamorph::semantics
