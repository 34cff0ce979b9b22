#include "proxy/status/internal/chart.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "proxy/status/internal/html_writer.h"

namespace postern {
namespace {

constexpr uint64_t kWidth = 720;
constexpr uint64_t kHeight = 100;

struct Scale {
  size_t points;
  uint64_t top;

  std::string x(size_t i) const {
    return std::to_string(points < 2 ? 0 : i * kWidth / (points - 1));
  }
  std::string y(uint64_t value) const {
    return std::to_string(kHeight - value * kHeight / std::max<uint64_t>(top, 1));
  }
};

std::string line_of(const StatusRecord::Sessions& sessions, const Scale& scale) {
  std::string points;
  if (sessions.samples.empty()) {
    points.append("0,").append(scale.y(sessions.now)).append(" ");
  }
  for (size_t i = 0; i < sessions.samples.size(); ++i) {
    points.append(scale.x(i)).append(",").append(scale.y(sessions.samples[i].sessions));
    points.append(" ");
  }
  return points.append(std::to_string(kWidth)).append(",").append(scale.y(sessions.now));
}

}  // namespace

std::string session_chart(const StatusRecord::Sessions& sessions) {
  uint64_t top = sessions.now;
  uint64_t worst = 0;
  for (const StatusRecord::Sample& sample : sessions.samples) {
    top = std::max(top, sample.sessions);
    worst = std::max(worst, sample.failures);
  }
  const Scale scale{.points = sessions.samples.size() + 1, .top = top};
  const Scale bars{.points = scale.points, .top = 4 * worst};  // at most a quarter of the height
  const std::string line = line_of(sessions, scale);
  std::string svg =
      "<svg viewBox=\"0 0 720 100\" preserveAspectRatio=\"none\" role=\"img\" "
      "aria-label=\"Sessions over time\"><polygon class=\"area\" points=\"0,100 ";
  svg.append(line).append(" 720,100\"/>");
  for (size_t i = 0; i < sessions.samples.size(); ++i) {
    if (const uint64_t failures = sessions.samples[i].failures; failures != 0) {
      const std::string y = bars.y(failures);
      svg.append(R"(<path class="bad" d="M)").append(scale.x(i)).append(",").append(y);
      svg.append("h2V100h-2z\"/>");
    }
  }
  svg.append(R"(<polyline class="now" points=")").append(line).append("\"/></svg>\n");
  if (sessions.samples.empty()) {
    return svg.append("<p class=\"soft small\">The first look comes within a minute.</p>\n");
  }
  const uint64_t reach_s = sessions.samples.size() * sessions.step_s;
  svg.append("<p class=\"soft small\">The last ").append(rough_time(static_cast<int64_t>(reach_s)));
  svg.append(": at most ").append(std::to_string(top)).append(" sessions at one time; bars are ");
  svg.append("failures, at most ")
      .append(std::to_string(worst))
      .append(" between two looks.</p>\n");
  return svg;
}

}  // namespace postern
