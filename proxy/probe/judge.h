// What a Record means: findings in the words of the table of causes, the worst first, and the grade
// that they lead to. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "proxy/base/names.h"
#include "proxy/cause/cause.h"
#include "proxy/probe/record.h"

namespace postern::probe {

enum class Severity : uint8_t {
  Note,     // could be better
  Warning,  // should be mended
  Danger,   // clients get in, but not safely
  Failure,  // clients do not get in, or not all of them
};
inline constexpr Names<Severity> kSeverityNames{"note", "warning", "danger", "failure"};
constexpr const char* name_of(Severity severity) {
  return kSeverityNames[severity];
}

// By the worst finding: notes alone are good.
enum class Grade : uint8_t { Good, Fair, Poor, Failed };
inline constexpr Names<Grade> kGradeNames{"good", "fair", "poor", "failed"};
constexpr const char* name_of(Grade grade) {
  return kGradeNames[grade];
}
// 0, 3, 4, 5: beside 1 (the probe itself could not run) and 2 (the command line is at fault).
int exit_status(Grade grade);

struct Finding {
  Severity severity = Severity::Note;
  Cause cause = Cause::ServerSilent;
  std::vector<std::string> where = {};  // "192.0.2.1:993"; empty: the name
  std::string evidence = {};            // the peer's words, not escaped
  std::string fix = {};
};

// `now_s`: seconds since 1970, for the lifetime of certificates.
std::vector<Finding> judge(const Record& record, int64_t now_s);
Grade grade_of(const std::vector<Finding>& findings);

}  // namespace postern::probe
