// A probe's report, for people and for programs. Pure functions; whatever the server said is
// escaped, so that it controls no terminal.
#pragma once

#include <string>
#include <vector>

#include "proxy/probe/judge.h"
#include "proxy/probe/record.h"

namespace postern::probe {

// The verdict, the findings with what to do, then what was seen. `colours`: with ANSI's.
std::string report_text(const Record& record, const std::vector<Finding>& findings, bool colours);

// The same in parts. "good: nothing keeps clients out, …"
std::string verdict_text(Grade grade, bool colours);
std::string findings_text(const std::vector<Finding>& findings, bool colours);

// One object and a line end. docs/probe.md describes it; kJsonVersion rises when a field changes
// its meaning or goes, not when one comes.
inline constexpr int kJsonVersion = 1;
std::string report_json(const Record& record, const std::vector<Finding>& findings);
std::string findings_json(const std::vector<Finding>& findings);  // an array

}  // namespace postern::probe
