#pragma once
// Nodes of instruction bodies as text. Private to spec/.

#include "semantics/graph_template.h"

namespace isamorph::spec {

/// "bf16[`n`,64]"
std::string shape_text(const semantics::ShapeTemplate &shape);
/// ", dimensions={1,0}", with expressions in back-quotes; "" when the operation has none.
std::string attribute_text(const semantics::TemplateNode &node);
/// "1", "{1, 2}" or "`n`": what stands between a constant's parentheses.
std::string literal_text(const semantics::TemplateNode &node);
/// "%y = bf16[`n`,64] divide(%e, %b)"
std::string node_text(const semantics::GraphTemplate &body, const semantics::TemplateNode &node);

} // namespace isamorph::spec
