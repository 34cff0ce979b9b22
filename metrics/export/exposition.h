// Exposition: the form in which a client wants the figures, by the headers of its request (RFC 9110
// §12.5). Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/base/names.h"

namespace postern::metrics {

enum class Format : uint8_t {
  Text,         // of Prometheus, version 0.0.4
  OpenMetrics,  // version 1.0.0
};
// Prometheus 3 takes no answer without an exact one.
inline constexpr Names<Format> kContentTypes{
    "text/plain; version=0.0.4; charset=utf-8",
    "application/openmetrics-text; version=1.0.0; charset=utf-8"};
constexpr const char* content_type(Format format) {
  return kContentTypes[format];
}

struct Exposition {
  Format format = Format::Text;
  bool gzip = false;

  bool operator==(const Exposition&) const = default;
};

// By the values of Accept and Accept-Encoding; several fields of one name are joined by commas.
// OpenMetrics and gzip are for clients that name them: curl gets text.
Exposition exposition_for(std::string_view accept, std::string_view accept_encoding);

}  // namespace postern::metrics
