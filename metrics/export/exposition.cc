#include "metrics/export/exposition.h"

#include "proxy/http/accept.h"

namespace postern::metrics {
namespace {

Format format_for(std::string_view accept) {
  const int open = http::weight_in(accept, "application/openmetrics-text", "1.0.0");
  const int text = http::weight_in(accept, "text/plain", "0.0.4");
  return open > 0 && open >= text ? Format::OpenMetrics : Format::Text;
}

}  // namespace

Exposition exposition_for(std::string_view accept, std::string_view accept_encoding) {
  return {.format = format_for(accept), .gzip = http::weight_in(accept_encoding, "gzip", {}) > 0};
}

}  // namespace postern::metrics
