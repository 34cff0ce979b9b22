// read_document() walks a YAML tree along the table, reads each known value into the draft and
// records the rest as faults: unknown, duplicate and missing keys, and wrong shapes.
#pragma once

#include "proxy/config/internal/draft.h"
#include "proxy/config/internal/yaml.h"

namespace postern::config {

void read_document(const Document& document, Draft& draft);

}  // namespace postern::config
