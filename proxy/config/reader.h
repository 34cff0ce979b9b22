// read_document(): goes through a YAML tree along the table, has each known value read into the
// draft and records everything else as a fault: unknown, duplicate and missing keys, and wrong
// shapes.
#pragma once

#include "proxy/config/draft.h"
#include "proxy/config/yaml.h"

namespace postern::config {

void read_document(const Document& document, Draft& draft);

}  // namespace postern::config
