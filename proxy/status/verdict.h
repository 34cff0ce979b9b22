// The verdict of the status page: whether anything is wrong, whose fault it is, and what to do. The
// findings that lead to it follow, the worst first, in the words of the causes. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "proxy/base/names.h"
#include "proxy/cause/cause.h"
#include "proxy/status/record.h"

namespace postern {

// Note: single clients, or nothing that needs an act.
enum class StatusSeverity : uint8_t { Good, Note, Warning, Failing };
inline constexpr Names<StatusSeverity> kStatusSeverityNames{"good", "note", "warning", "failing"};
constexpr const char* name_of(StatusSeverity severity) {
  return kStatusSeverityNames[severity];
}

struct StatusFinding {
  StatusSeverity severity;
  Party at_fault;
  std::string subject;     // what it is about: "backend legacy"
  std::string what;        // sentences, in Markdown's code spans
  std::string fix;         // likewise
  std::string cause = {};  // its name, if it is one of the table
};

struct Verdict {
  StatusSeverity severity = StatusSeverity::Good;
  std::string headline = {};
  std::string advice = {};
  std::vector<StatusFinding> findings = {};
};

// A failure counts as long as it is no older.
inline constexpr int64_t kFreshS = int64_t{15} * 60;

Verdict judge(const StatusRecord& record);

}  // namespace postern
