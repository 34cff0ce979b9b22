#include "proxy/config_findings.h"

#include <algorithm>
#include <array>

#include "proxy/log_escape.h"

namespace postern::config {
namespace {

constexpr size_t kMaxTold = 100;
constexpr size_t kMaxWord = 64;  // longer than any key or name

// Optimal string alignment: insertions, deletions, substitutions and swapped neighbours ("tsl")
// count one.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::array<std::array<size_t, kMaxWord + 1>, kMaxWord + 1> cost{};
  for (size_t i = 0; i <= a.size(); ++i) {
    for (size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        cost[i][j] = i + j;
        continue;
      }
      const size_t replaced = cost[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      cost[i][j] = std::min({replaced, cost[i - 1][j] + 1, cost[i][j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
      }
    }
  }
  return cost[a.size()][b.size()];
}

std::string sentence(const Written& value, std::string_view why) {
  return value.key + ": " + in_quotes(value.text) + " " + std::string(why);
}

}  // namespace

void Findings::fault(const Written& value, std::string_view why) {
  fault(value.line, sentence(value, why));
}

void Findings::fault(size_t line, std::string message) {
  faults_.push_back({line, std::move(message)});
}

void Findings::warning(const Written& value, std::string_view why) {
  warnings_.push_back({value.line, sentence(value, why)});
}

std::string Findings::where(size_t line) const {
  return line == 0 ? name_ : name_ + ":" + std::to_string(line);
}

Faults Findings::faults() const {
  return render(faults_);
}

Faults Findings::warnings() const {
  return render(warnings_);
}

Faults Findings::render(std::vector<Finding> findings) const {
  std::stable_sort(findings.begin(), findings.end(),
                   [](const Finding& a, const Finding& b) { return a.line < b.line; });
  Faults told;
  for (Finding& finding : findings) {
    if (told.size() == kMaxTold) {
      const size_t rest = findings.size() - kMaxTold;
      told.push_back({where(finding.line), "and " + std::to_string(rest) + " more from here on"});
      break;
    }
    told.push_back({where(finding.line), std::move(finding.message)});
  }
  return told;
}

const std::string* nearest(std::string_view text, std::span<const std::string> candidates) {
  const std::string* found = nullptr;
  size_t best = text.size() / 3 + 1;  // one slip in a short word, more in a long one
  for (const std::string& candidate : candidates) {
    if (text.size() > kMaxWord || candidate.size() > kMaxWord) continue;
    const size_t distance = edit_distance(text, candidate);
    if (distance < best || (distance == best && found == nullptr)) {
      best = distance;
      found = &candidate;
    }
  }
  return found;
}

std::string did_you_mean(std::string_view text, std::span<const std::string> candidates) {
  const std::string* found = nearest(text, candidates);
  return found == nullptr ? "" : "; did you mean \"" + *found + "\"?";
}

std::string join(std::span<const std::string> words) {
  std::string out;
  for (const std::string& word : words) {
    out.append(out.empty() ? "" : ", ").append(word);
  }
  return out;
}

}  // namespace postern::config
