// The part of the judgement about TLS, certificates and pace. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/probe/judge.h"

namespace postern::probe {

// Findings as they are made: those that say the same of several places become one.
struct Findings {
  void add(Severity severity, Cause cause, std::string evidence, std::string_view greeting = {});

  std::vector<Finding> all = {};
  std::string place = {};
};

// `visit` has a handshake.
void judge_tls(const PortRecord& port, const VisitRecord& visit, int64_t now_s, Findings& found);
void judge_pace(const VisitRecord& visit, Findings& found);

}  // namespace postern::probe
