#include "proxy/config/diagnostics.h"

#include <algorithm>

#include "proxy/base/closest_match.h"
#include "proxy/log/escape.h"

namespace postern::config {
namespace {

constexpr size_t kMaxShown = 100;

std::string sentence(const SourceValue& value, std::string_view why) {
  return value.key + ": " + in_quotes(value.text) + " " + std::string(why);
}

}  // namespace

void Diagnostics::fault(const SourceValue& value, std::string_view why) {
  fault(value.line, sentence(value, why));
}

void Diagnostics::fault(size_t line, std::string message) {
  faults_.push_back({line, std::move(message)});
}

void Diagnostics::warning(const SourceValue& value, std::string_view why) {
  warnings_.push_back({value.line, sentence(value, why)});
}

std::string Diagnostics::where(size_t line) const {
  return line == 0 ? name_ : name_ + ":" + std::to_string(line);
}

Faults Diagnostics::faults() const {
  return render(faults_);
}

Faults Diagnostics::warnings() const {
  return render(warnings_);
}

Faults Diagnostics::render(std::vector<Diagnostic> diagnostics) const {
  std::stable_sort(diagnostics.begin(), diagnostics.end(),
                   [](const Diagnostic& a, const Diagnostic& b) { return a.line < b.line; });
  Faults shown;
  for (Diagnostic& finding : diagnostics) {
    if (shown.size() == kMaxShown) {
      const size_t rest = diagnostics.size() - kMaxShown;
      shown.push_back({where(finding.line), "and " + std::to_string(rest) + " more from here on"});
      break;
    }
    shown.push_back({where(finding.line), std::move(finding.message)});
  }
  return shown;
}

std::string did_you_mean(std::string_view text, std::span<const std::string> candidates) {
  const std::string* found = closest_match(text, candidates);
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
