// What the log says of a configuration: its faults, what is doubtful in it, and how far it reaches
// on this machine. Main thread.
#pragma once

#include <string>

#include "metrics/label_sets.h"
#include "proxy/base/result.h"
#include "proxy/cause/cause.h"
#include "proxy/config/config.h"

namespace postern {

// `cause` says what to do about them.
void log_faults(const char* event, const Faults& faults, Cause cause);
void log_warnings(const char* event, const Faults& warnings);
// What is doubtful in a configuration on this machine. Registers its servers in `labels`.
Faults find_doubts(const Config& config, metrics::LabelSets& labels);
// Of a configuration that comes into force; returns its doubts, which are logged.
Faults log_configuration(const Config& config, metrics::LabelSets& labels);
// Files that the process can no longer read as its new user: it serves, but a reload would fail.
void warn_of_what_cannot_be_read_again(const Config& config, const std::string& config_path);

}  // namespace postern
