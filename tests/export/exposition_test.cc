#include "metrics/export/exposition.h"

#include <string>

#include <gtest/gtest.h>

namespace postern::metrics {
namespace {

Format format_for(std::string_view accept) {
  return exposition_for(accept, {}).format;
}

bool takes_gzip(std::string_view accept_encoding) {
  return exposition_for({}, accept_encoding).gzip;
}

// As Prometheus 2.42, 2.55 and 3.4 send it, and vmagent.
TEST(Exposition, IsOpenMetricsForPrometheus) {
  for (const char* accept :
       {"application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0."
        "75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
        "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0."
        "1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/"
        "openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
        "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
        "application/openmetrics-text", " Application/OpenMetrics-Text ; Version = 1.0.0"}) {
    EXPECT_EQ(format_for(accept), Format::OpenMetrics) << accept;
  }
}

TEST(Exposition, IsTextForThoseThatDoNotAskForOpenMetrics) {
  for (const char* accept :
       {"", "*/*", "text/html,application/xhtml+xml,*/*;q=0.8", "application/*", "text/plain",
        "text/plain;version=0.0.4;q=1,*/*;q=0.1", "application/openmetrics-text;version=0.0.1",
        "application/openmetrics-text;version=1.0.0;q=0", ",;,;q", "application/openmetrics-text;q",
        "application/openmetrics-text;q=x", "application/openmetrics-text;q=2",
        "application/openmetrics-text;q=0.0001",
        "text/plain;note=\",application/openmetrics-text\"",
        "text/plain;q=0.9,application/openmetrics-text;q=0.899"}) {
    EXPECT_EQ(format_for(accept), Format::Text) << accept;
  }
}

TEST(Exposition, IsSmallForThoseThatTakeGzip) {
  for (const char* coding : {"gzip", "GZIP;q=0.5", "deflate, gzip;q=1.0, *;q=0.5", "br,gzip"}) {
    EXPECT_TRUE(takes_gzip(coding)) << coding;
  }
  for (const char* coding : {"", "identity", "*", "gzip;q=0", "gzip;q=0.000", "xgzip", "gzipped"}) {
    EXPECT_FALSE(takes_gzip(coding)) << coding;
  }
}

}  // namespace
}  // namespace postern::metrics
