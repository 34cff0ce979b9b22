// The text of OpenMetrics 1.0.0, which prometheus-cpp does not write. Pure function.
//
// It has no `_created`: each counter here begins with the process, whose start is a metric of its
// own, and Prometheus before 3 would store a second series for each.
#pragma once

#include <string>
#include <vector>

#include <prometheus/metric_family.h>

namespace postern::metrics {

std::string open_metrics(const std::vector<prometheus::MetricFamily>& families);

}  // namespace postern::metrics
